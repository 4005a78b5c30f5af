"""What is refused in one line: settings of Snakemake that DVC would not see, or that have results believed unseen.

Asked of Snakemake's parsed settings, so it is the same whether a setting came from the command line in any spelling,
from a profile or from the environment.
"""

from __future__ import annotations

import sys
from typing import Any

from engines import private

ONLY_SNAKEMAKE = "--config and --configfile reach only Snakemake: edit params.yaml, which DVC reads too"
TOUCH = "--touch calls results good without a look: leave it out, both engines compare contents by themselves"


def refuse(workflow: Any) -> None:
    """Exit with the line of the first setting that is refused."""
    for line in filter(None, refusals(workflow)):
        sys.exit(line)


def refuse_touch(workflow: Any) -> None:
    """Refuse the only setting that the main process never passes on to a job on a cluster."""
    if (executor := private.executor(workflow)) and executor.touch_exec:
        sys.exit(TOUCH)


def refusals(workflow: Any) -> list[str]:
    """One line per setting; empty where it is as it should be. Settings of a run are absent where nothing is to run."""
    from snakemake.settings.enums import PersistenceBackend
    from snakemake.settings.types import ExecutionSettings, RemoteExecutionSettings, RerunTrigger

    given, storage, general, graph = (
        workflow.config_settings, workflow.storage_settings, workflow.workflow_settings, workflow.dag_settings
    )  # fmt: skip
    run, remote = workflow.execution_settings or ExecutionSettings(), workflow.remote_execution_settings
    remote, executor = remote or RemoteExecutionSettings(), private.executor(workflow)
    hidden = sorted(str(trigger) for trigger in RerunTrigger.all() - set(graph.rerun_triggers))
    return [
        ONLY_SNAKEMAKE if given.config or given.configfiles else "",
        TOUCH if executor and executor.touch_exec else "",
        "--no-hooks keeps DVC from seeing the results: leave it out" if run.no_hooks else "",
        "--drop-metadata leaves nothing that vouches for the results: leave it out" if not run.keep_metadata else "",
        "--ignore-incomplete believes what a killed job left, or what DVC found changed: leave it out"
        if run.ignore_incomplete
        else "",
        "--keep-incomplete leaves what a failed job had written: leave it out" if run.keep_incomplete else "",
        f"--rerun-triggers hides changes that DVC sees ({', '.join(hidden)}): leave it out" if hidden else "",
        "--consider-ancient hides changes that DVC sees: leave it out" if general.consider_ancient else "",
        "--trust-io-cache believes an earlier look: leave it out" if graph.trust_io_cache else "",
        "--cache takes results from where DVC does not look: leave it out, DVC has a cache for both engines"
        if general.cache is not None
        else "",
        "--persistence-backend keeps what vouches for the results where the project does not look: leave it out"
        if general.persistence_backend != PersistenceBackend.FILE
        else "",
        "--all-temp removes results before DVC sees them: leave it out" if storage.all_temp else "",
        "--default-storage-provider puts results where DVC does not look: leave it out, `dvc push` shares results"
        if storage.default_storage_provider
        else "",
        "--immediate-submit ends before the results are there: leave it out" if remote.immediate_submit else "",
    ]
