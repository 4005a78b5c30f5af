"""Every command that README.md and docs/ name is run, on the smallest settings; a new one that nothing runs fails here.

Where the text has a placeholder or something large, ``run`` is what is run in its place. Lines without a command of the
text are what a user does between two commands.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.document import check
from pipeline.params.translators import UNet
from pipeline.tasks.synthesis import networks
from tests.helpers import ROOT
from tests.helpers.graph_project import MODEL
from tests.helpers.text_commands import commands, in_text
from tests.helpers.tiny_project import copy_project
from tests.helpers.warm import first_in_path


@dataclass(frozen=True)
class Try:
    """A command as the text has it, what is run in its place, and words that must be in the output."""

    command: str | None
    run: str | None = None
    says: str = ""


def between(run: str, says: str = "") -> Try:
    return Try(None, run, says)


# In a copy of the project whose steps are stand-ins, after a full run that is committed.
ENGINES = [
    Try("python -m pipeline check --out data/params-checked.txt"),
    between("sed -i 's/weight: 5.0/weight: 4.0/' params.yaml"),
    Try("snakemake -n --quiet rules", says="recognition_train_student"),
    Try("snakemake --cores all FILE", f"snakemake --cores all {MODEL}", "steps (100%) done"),
    Try("snakemake --cores all", says="dvc.lock is up to date"),
    Try("dvc status", says="up to date"),
    Try("snakemake -n", says="Nothing to be done"),
    Try("dvc repro", says="up to date"),
    Try("dvc metrics diff"),
    Try("dvc plots diff", says="index.html"),
]
SHARING = [
    Try("dvc remote add --default store /path/or/url", "dvc remote add --default store $PWD/../store"),
    Try('git add dvc.lock .dvc/config && git commit -m "Results" && dvc push', says="pushed"),
    Try("git clone URL && cd PROJECT && dvc pull", "git clone -q . ../b && cd ../b && dvc pull"),
    between("cd ../b && snakemake -n && dvc status", "Nothing to be done"),
    Try("git checkout COMMIT && dvc checkout", "git checkout -q HEAD~1 && dvc checkout"),
    Try("dvc checkout"),
]
EXPERIMENTS = [
    between("sed -i 's/weight: 5.0/weight: 4.0/' params.yaml"),
    Try("dvc repro --dry", says="Running stage"),
    Try(
        "dvc exp run -S recognition.teacher.network.embedding=64",
        "dvc exp run -S recognition.teacher.network.embedding=16",
        "Ran experiment",
    ),
    Try("dvc exp run -S KEY=VALUE", "dvc exp run -S recognition.margin.margin=0.2", "Ran experiment"),
    Try("dvc exp show --only-changed"),
    Try("dvc params diff", says="recognition.margin.margin"),
    Try("python -m engines.repair"),
    Try("python -m graph.stages"),
    between("git diff --exit-code dvc.yaml"),
]
MERGE = [  # two branches with results of their own
    between(
        "git checkout -qb other && sed -i 's/weight: 5.0/weight: 4.0/' params.yaml && dvc repro"
        " && git commit -qam other"
    ),
    between(
        "git checkout -q - && sed -i 's/temperature: 4.0/temperature: 5.0/' params.yaml && dvc repro"
        " && git commit -qam this"
    ),
    between("! git merge other", "CONFLICT"),
    Try("git checkout --ours dvc.lock"),
    between("git checkout --ours params.yaml && git add -A && git commit -qm merged"),
    between("snakemake --cores all && dvc status", "up to date"),
]
PROFILES = [
    between("sed -i 's/weight: 5.0/weight: 4.0/' params.yaml"),
    Try("snakemake --profile profiles/slurm -n", says="recognition_train_student"),
    Try(
        "PIPELINE_DEVICE=cpu snakemake --profile profiles/slurm",
        "PIPELINE_DEVICE=cpu snakemake --profile profiles/slurm -n",
    ),
    Try("snakemake --cores all --profile profiles/gpu", says="dvc.lock is up to date"),
    between("sed -i 's/weight: 4.0/weight: 3.0/' params.yaml"),
    Try("PIPELINE_PROCESSES=4 snakemake --cores all --profile profiles/gpu", says="dvc.lock is up to date"),
    Try("snakemake --cores all --forcerun recognition_download", says="dvc.lock is up to date"),
    between("snakemake --cores all --forcerun recognition_fetch_teacher", "dvc.lock is up to date"),
    Try("snakemake --cores 1 data/recognition/raw data/recognition/teacher"),
    Try("snakemake --cores 2"),
]

# In an empty folder beside examples/; WHERE is a folder with files of these names.
EXAMPLES = [
    "cp examples/smallest.yaml params.yaml",
    "cp examples/methods.yaml params.yaml",
    "cp examples/own_teacher.yaml params.yaml",
    "cp examples/super_resolution.yaml params.yaml",
    "mkdir -p data/drop_in && cp WHERE/{BSR_bsds500.tgz,Set5.zip,Set14.zip,lfw.tgz,pairs.txt} data/drop_in/",
    "cp examples/synthesis.yaml params.yaml",
    "mkdir -p data/drop_in && cp WHERE/{cuhk_student.zip,lfw.tgz,pairs.txt} data/drop_in/",
    "mkdir -p data/drop_in && cp WHERE/cuhk_student.zip WHERE/lfw.tgz WHERE/pairs.txt data/drop_in/",
    "cp examples/ffkd_cifar100.yaml params.yaml",
    "cp examples/ffkd.yaml params.yaml",
    "mkdir -p data/drop_in && cp WHERE/cifar10_small.zip data/drop_in/",
    "cp examples/folder.yaml params.yaml",
    "mkdir -p data/drop_in && cp -r WHERE/YOU/HAVE/faces data/drop_in/",
    "cp examples/lfw.yaml params.yaml",
    "mkdir -p data/drop_in",
    "cp WHERE/YOU/HAVE/lfw.tgz WHERE/YOU/HAVE/pairs.txt data/drop_in/",
    "cp WHERE/lfw.tgz WHERE/pairs.txt data/drop_in/",
    "cp examples/paper.yaml params.yaml",
    "cp WHERE/faces_webface_112x112/{train.rec,train.idx,property,agedb_30.bin} WHERE/cplfw.bin data/drop_in/",
    "cp examples/tinyface.yaml params.yaml",
    "cp WHERE/YOU/HAVE/tinyface.zip data/drop_in/",
]

# In the project's folder, which they do not change.
SMALL = [
    Try("python -m benchmarks.training", "python -m benchmarks.training --smallest", "\nours: "),
    Try("python -m benchmarks.verification", "python -m benchmarks.verification --smallest", "ratio"),
    Try("python -m benchmarks.coverage", "python -m benchmarks.coverage --smallest", "s of the processor"),
    Try("python -m benchmarks.judged_again", "python -m benchmarks.judged_again", "LFW at x8 against degraded_only"),
    Try("python -m benchmarks.scale", "python -m benchmarks.scale --smallest", "weights, gradient and momentum"),
    Try("pytest -m slurm", "pytest --markers", "@pytest.mark.slurm"),
    Try(".ci/run", "test -x .ci/run && bash -n .ci/run"),
]
LONGER = [
    Try("python -m benchmarks.growth", "python -m benchmarks.growth --smallest", "| dry run, s |"),
    Try(
        "pip install -r requirements.txt && snakemake --cores all",
        "pip install --dry-run --no-index -r requirements.txt",
    ),
    Try(
        "pytest -m exhaustive",
        "pytest -n 0 --collect-only -m exhaustive tests/docs/test_commands.py",
        "test_examples_make_a_graph",
    ),
]

TRANSLATE = (
    "python -m pipeline.translate photo.jpg --to sketch --out drawings"
    " --model models/synthesis/rendered/students/kd/0/model.safetensors"
)
VENV = "python3 -m venv .venv && . .venv/bin/activate"

LAUNCH = (
    'PIPELINE_LAUNCH="srun --nodes 2 --ntasks-per-node 1 torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d'
    ' --rdzv-endpoint HOST:29500 --no-python" snakemake --cores all --profile profiles/gpu'
)

# A test elsewhere, and what its text must have.
ELSEWHERE = {
    LAUNCH: ("test_processes.py", "test_the_command_line", "torch.distributed.run"),
    "python -m benchmarks.kills training --kills 40 --seed 0": (
        "engines/test_kills.py",
        "test_killed_at_random_moments",
        "benchmarks.kills",
    ),
    "python -m benchmarks.kills snakemake --kills 40 --seed 0": (
        "engines/test_kills.py",
        "test_whole_runs_killed",
        "benchmarks.kills",
    ),
    "python -m benchmarks.kills dvc --kills 40 --seed 2": (
        "engines/test_kills.py",
        "test_whole_runs_killed",
        "benchmarks.kills",
    ),
    "python -m benchmarks.fuzz --seconds 600 --seed 21": ("test_fuzz.py", "test_no_damaged_file_does_harm", "fuzz."),
    "snakemake --profile profiles/slurm": (
        "graph/test_slurm.py",
        "test_the_bytes_are_those_of_a_run_on_one_machine",
        "by_slurm",
    ),
    "python -m engines.leftovers": (
        "engines/test_leftovers.py",
        "test_a_run_says_so_when_it_starts",
        "engines.leftovers",
    ),
}
NOT_RUN = {
    "pip install -r requirements.txt && pytest": "is the run in which this test runs",
    "apt-get install slurmctld slurmd slurm-client munge": "changes the machine; .ci/run does the same, see below",
    "pip install": "a name, for the command above",
    "dvc plots": "a name, for the command above",
    "git merge": "a name; two branches are merged below",
}


def table() -> list[str]:
    """Every command that is run here or elsewhere, or named with a reason."""
    tries = [
        each.command for each in (*ENGINES, *SHARING, *EXPERIMENTS, *MERGE, *PROFILES, *SMALL, *LONGER) if each.command
    ]
    return [*tries, *EXAMPLES, TRANSLATE, VENV, *ELSEWHERE, *NOT_RUN]


def test_every_command_of_the_texts_is_run():
    found, listed = commands(ROOT), table()
    forgotten = {command: file for command, file in found.items() if command not in listed}
    assert not forgotten, "run these here (or say in NOT_RUN why not)"
    assert not set(listed) - set(found), "no text has these any more"
    assert len(listed) == len(set(listed))


def test_commands_are_found_wherever_they_stand():
    text = "Run `dvc\nrepro` or ``git log``, not `snakemake` or `at`.\n\n| a | `X=1 snakemake -n` |\n\n"
    text += "```sh\npip install x \\\n  && pytest   # why\n# nothing\n$ unheard-of --option\n```\n\n"
    text += "- in a list\n\n  ```bash\n  ls | wc\n  ```\n\n```yaml\ncp: 1\n```\n\n`.ci/run` `Y='a b' dvc pull` `it's`\n"
    expected = ["dvc repro", "git log", "X=1 snakemake -n", "pip install x && pytest", "unheard-of --option"]
    assert sorted(in_text(text)) == sorted([*expected, "ls | wc", ".ci/run", "Y='a b' dvc pull"])
    for block in ("```zsh\nls\n```\n", "```\ndvc repro\n```\n"):
        with pytest.raises(AssertionError, match="a block of"):
            in_text(block)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_run_elsewhere_is_there(command):
    file, name, words = ELSEWHERE[command]
    source = (ROOT / "tests" / file).read_text()
    tests = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.name.startswith(name)
    ]
    assert len(tests) == 1 and words in ast.get_source_segment(source, tests[0])


def test_the_gate_installs_the_cluster_that_the_readme_names():
    names = "slurmctld slurmd slurm-client munge"
    assert f"apt-get install {names}" in NOT_RUN and names in (ROOT / ".ci/run").read_text()


def shell(line: str, folder: Path, **environment: str) -> str:
    """The output of a line of bash, both streams, in the environment of the tests."""
    given = os.environ | {"PATH": first_in_path()} | environment
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}"
    return done.stdout


def go_through(project, tries: list[Try]) -> None:
    for each in tries:
        line = each.run or each.command
        assert each.says in project("bash", "-c", line), line


@pytest.mark.slow
@pytest.mark.exhaustive
def test_commands_of_both_engines(project):
    go_through(project, ENGINES)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "tries", [SHARING, EXPERIMENTS, MERGE, PROFILES], ids=["sharing", "experiments", "merge", "profiles"]
)
def test_more_commands_of_both_engines(tries, project):
    go_through(project, tries)


def test_examples_are_copied_and_valid(tmp_path, monkeypatch):
    """Each line of the shell as it stands, where files of the names that it has are at hand."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    where = tmp_path / "somewhere"
    for names in ("faces/person/1.jpg", "faces_webface_112x112/train.rec"):
        (where / names).parent.mkdir(parents=True)
    files = (
        "BSR_bsds500.tgz Set5.zip Set14.zip lfw.tgz pairs.txt cuhk_student.zip cifar10_small.zip cplfw.bin tinyface.zip"
    )
    inner = [f"faces_webface_112x112/{name}" for name in ("train.rec", "train.idx", "property", "agedb_30.bin")]
    for name in (*files.split(), *inner, "faces/person/1.jpg"):
        (where / name).touch()
    monkeypatch.chdir(tmp_path)
    for line in EXAMPLES:
        shell(line.replace("WHERE/YOU/HAVE", "WHERE").replace("WHERE", "somewhere"), tmp_path)
        if line.startswith("cp examples"):
            check()
    copied = {line.split()[1] for line in EXAMPLES if line.startswith("cp examples")}
    assert copied == {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.yaml")}, "each is named somewhere"
    dropped = {str(path.relative_to("data/drop_in")) for path in Path("data/drop_in").rglob("*") if path.is_file()}
    assert dropped == {*files.split(), "faces/person/1.jpg", *(Path(name).name for name in inner)}


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "examples").glob("*.yaml")))
def test_examples_make_a_graph(name, tmp_path):
    folder = copy_project(ROOT, tmp_path / "project")
    (folder / "params.yaml").write_text((ROOT / f"examples/{name}.yaml").read_text())
    assert "Job stats:" in shell("snakemake -n", folder)


@pytest.mark.parametrize("each", SMALL, ids=lambda each: each.command)
def test_small_commands(each):
    assert each.says in "\n" + shell(each.run, ROOT, PYTHONDONTWRITEBYTECODE="1"), each.run


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("each", LONGER, ids=lambda each: each.command)
def test_longer_commands(each):
    assert each.says in shell(each.run, ROOT, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"), (
        each.run
    )


def test_an_environment_is_made_and_entered(tmp_path):
    """Without pip, which takes the seconds."""
    line = VENV.replace("venv .venv", "venv --without-pip .venv")
    assert shell(f"{line} && command -v python", tmp_path).strip() == str(tmp_path / ".venv/bin/python")


def test_a_photo_becomes_a_sketch(tmp_path):
    """By students that have learned nothing."""
    settings = UNet(architecture="unet", levels=2, width=4, widest=8, norm="instance")
    students = networks.build(settings, image_size=32, photo_channels=3, sketch_channels=1, seed=3)
    model = tmp_path / TRANSLATE.split()[-1]
    model.parent.mkdir(parents=True)
    students.save(model, {})
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "photo.jpg")
    shell(TRANSLATE, tmp_path, PYTHONPATH=str(ROOT))
    assert Image.open(tmp_path / "drawings/photo-sketch.png").size == (32, 32)
