"""Kill runs at random moments and compare: python -m benchmarks.kills training --kills 100 --seed 0

``snakemake`` and ``dvc`` in the place of ``training`` kill whole runs of these, see benchmarks/engine_kills.py.

A student is trained to the end once. Then the same training is killed with SIGKILL at moments drawn evenly
over its length (start-up, steps, saving, writing the outputs), started again, killed again, until it is done;
weights, card and loss log must have the bytes of the run that nobody killed. This is repeated until the asked
number of kills is reached. At each kill every output must be absent or whole. Exit status 1 if anything differs.

torch and pandas are imported once; each attempt is a forked child that runs the step by the command line's
own function.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
import torch._dynamo  # the first optimiser would import it, which takes longer than the training
from ruamel.yaml import YAML

from benchmarks import engine_kills
from pipeline.__main__ import main as pipeline
from pipeline.files import TEMPORARY_PREFIX
from pipeline.params.loading import read_document
from pipeline.tasks.recognition import student  # noqa: F401, here so that no child imports it again

TINY = Path(__file__).resolve().parent.parent / "tests/settings/tiny.yaml"
SHARP = "--faces data/faces.npy --index data/index.csv"
INPUTS = [
    f"recognition_prepare --raw raw {SHARP} --pairs data/pairs.csv --searches data/searches.csv --notes data/notes.json"
    " --contact-sheet data/sheet.png",
    "recognition_degrade --faces data/faces.npy --out data/degraded",
    f"recognition_train_teacher {SHARP} --own data/own --seed 1 --model models/teacher/1/model.safetensors"
    " --losses models/losses.csv",
    f"recognition_teacher_outputs {SHARP} --teacher models/teacher/1/model.safetensors --out models/answers/1",
]
TRAIN = (
    f"recognition_train_student {SHARP} --variant logit_attention_kd --seed 0 --degraded data/degraded"
    " --teachers models/teacher --teacher-outputs models/answers"
    " --model new/model.safetensors --losses new/losses.csv"
)
OUTPUTS = ("model.safetensors", "model.json", "losses.csv")
SAVE_SECONDS = ("0", "0.02", "0.1")  # 0 saves after each step


def make_inputs(epochs: int) -> None:
    """Fill the current folder with all that the student's training reads; it will last ``epochs``."""
    document = read_document(TINY)
    document["recognition"]["student"]["training"]["epochs"] = epochs
    with open("params.yaml", "w") as stream:
        YAML(typ="safe").dump(document, stream)
    for words in INPUTS:
        if pipeline(words.split()):
            raise SystemExit(f"{words.split()[0]} failed")


def attempt(work: str | int, log: Path, *, kill_after: float | None = None) -> int | None:
    """Run a command line, or make_inputs (a number of epochs), in a child; its exit status, None if killed."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            with (
                open(log, "a") as stream,
                contextlib.redirect_stdout(stream),
                contextlib.redirect_stderr(stream),
            ):
                try:
                    status = make_inputs(work) or 0 if isinstance(work, int) else pipeline(work.split())
                except BaseException:
                    traceback.print_exc()
        finally:
            os._exit(status)
    deadline = time.monotonic() + (3600 if kill_after is None else kill_after)
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if status == -signal.SIGKILL else status


def written(folder: Path = Path("new")) -> dict[str, bytes]:
    """The outputs that are there."""
    return {name: (folder / name).read_bytes() for name in OUTPUTS if (folder / name).exists()}


def temporaries() -> list[Path]:
    """Files and folders under temporary names, anywhere."""
    return [path for path in Path().rglob("*") if path.name.startswith((TEMPORARY_PREFIX, ".tmp"))]


def main() -> int:
    """Print the figures; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("training", "snakemake", "dvc"), default="training")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    if options.what != "training":
        return engine_kills.main(options.what, options.kills, options.seed)
    torch.set_num_threads(1)  # before forking: a child of a process with a pool of threads hangs
    os.environ["PIPELINE_DEVICE"] = "cpu"
    moments, log = random.Random(options.seed), Path("log.txt")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        differences = []
        if attempt(options.epochs, log):
            sys.exit(log.read_text())
        os.environ["PIPELINE_SAVE_SECONDS"] = "0"
        whole = time.monotonic()
        if attempt(TRAIN, log):
            sys.exit(log.read_text())
        whole = time.monotonic() - whole
        expected = written()
        assert set(expected) == set(OUTPUTS)
        kills = completions = early = writing = 0
        while kills < options.kills or Path("new").exists() or Path(".resume").exists():
            os.environ["PIPELINE_SAVE_SECONDS"] = moments.choice(SAVE_SECONDS)
            if not Path(".resume").exists():
                shutil.rmtree("new", ignore_errors=True)
            after = moments.uniform(0, whole) if kills < options.kills else None
            status = attempt(TRAIN, log, kill_after=after)
            made = written()
            half = {name for name, data in made.items() if data != expected[name]}
            if status is None:
                kills += 1
                early += not Path(".resume").exists()
                writing += bool(temporaries())
                differences += [f"kill {kills}: {name} differs or is half-written" for name in sorted(half)]
                continue
            completions += 1
            lost = set(OUTPUTS) - set(made)
            differences += [f"completion {completions}: {name}" for name in sorted(half | lost)]
            left = [*temporaries(), *Path().glob(".resume")]
            differences += [f"completion {completions}: status {status}"] * (status != 0)
            differences += [f"completion {completions}: {path} is left" for path in left]
            shutil.rmtree("new", ignore_errors=True)
            if status:
                break
        text = log.read_text()
    print(f"a run that nobody kills takes {whole:.2f} s; seed {options.seed}")
    print(f"{kills} kills: {early} before the first state was saved, {writing} in the middle of writing a file")
    print(f"{completions} completions, {text.count(': resuming after step')} resumes")
    print(f"{len(differences)} differences in {', '.join(OUTPUTS)}; {time.monotonic() - began:.0f} s")
    print(*differences, sep="\n", end="" if not differences else "\n")
    if differences or "Traceback" in text or "ignored" in text:
        print(text[-3000:])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
