"""The graph as each engine reads it, through its programming interface, and the comparison of the two."""

from __future__ import annotations

from pathlib import Path

from pipeline.params.loading import read_document


def by_snakemake(capsys) -> dict[str, dict]:
    """Command -> inputs, outputs and parameters of every job."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import DAGSettings, ResourceSettings

    with SnakemakeApi() as api:
        workflow_api = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=Path("Snakefile"))
        dag_api = workflow_api.dag(dag_settings=DAGSettings(forceall=True))
        dag_api.summary()  # a call of the interface that builds the graph
        capsys.readouterr()
        jobs = workflow_api._workflow.dag.jobs
        return {
            job.shellcmd.partition(" 2>&1 | tee")[0]: {
                "inputs": sorted(map(str, job.input)),
                "outputs": sorted(map(str, job.output)),
                "params": job.params.science,
            }
            for job in jobs
            if job.shellcmd
        }


def by_dvc() -> dict[str, dict]:
    """The same of every stage."""
    from dvc.repo import Repo

    from engines import resolved

    resolved.write(read_document())
    with Repo() as repo:
        return {
            stage.cmd: {
                "inputs": sorted(d.def_path for d in stage.deps if not isinstance(d, _params_dependency())),
                "outputs": sorted(out.def_path for out in stage.outs),
                "params": {
                    key: value
                    for d in stage.deps
                    if isinstance(d, _params_dependency())
                    for key, value in d.read_params(flatten=True).items()
                },
            }
            for stage in repo.index.stages
            if stage.addressing not in ("code", "settings")  # which the Snakefile writes itself
        }


def _params_dependency() -> type:
    from dvc.dependency.param import ParamsDependency

    return ParamsDependency


def compare(ours: dict[str, dict], theirs: dict[str, dict]) -> None:
    """Assert that Snakemake's jobs are DVC's stages."""
    assert sorted(ours) == sorted(theirs), "steps and commands"
    for command, job in ours.items():
        stage = theirs[command]
        assert job["outputs"] == stage["outputs"], command
        inputs = set(job["inputs"])
        for dependency in stage["inputs"]:  # a folder stands for the declared files in it
            inside = {path for path in inputs if path == dependency or path.startswith(f"{dependency}/")}
            assert inside, f"{command}: only DVC knows of {dependency}"
            inputs -= inside
        assert not inputs, f"{command}: only Snakemake knows of {inputs}"
        assert sorted(job["params"]) == sorted(stage["params"]), command
