"""How cost grows with the images and with the jobs, as ratios within one run: python -m benchmarks.growth

Images: the steps of the command line on 1, 3 and 10 times as many rendered faces, one epoch of the variant degraded_only
with the network of params.yaml on one thread. Jobs: a dry run of Snakemake, in a copy of the project, over more variants
and seeds. Seconds are the processor's. ``--smallest`` takes a few faces and jobs: its figures say nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch._dynamo
from ruamel.yaml import YAML

from benchmarks.measuring import Cost, cost, until_end
from pipeline.__main__ import main as pipeline
from pipeline.data import contact_sheet, rendering  # noqa: F401, here so that no child imports them again
from pipeline.params.loading import read_document
from pipeline.tasks.recognition import evaluation, learning  # noqa: F401, likewise

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Size:
    """How much is measured: faces, and how many times as many; for about so many jobs the variants and the seeds."""

    times: tuple[int, ...] = (1, 3, 10)
    identities: int = 40
    images: int = 16
    pairs: int = 12
    jobs: dict[int, tuple[int, int]] = field(default_factory=lambda: {20: (5, 1), 200: (19, 5), 1000: (33, 15)})


SMALLEST = Size(times=(1, 2), identities=6, images=4, pairs=2, jobs={10: (2, 1)})
TABLES = "--index index.csv --pairs pairs.csv"
MODEL = "--variant degraded_only --seed 0 --model model.safetensors"
STEPS = {
    "preparation": [
        f"recognition_prepare --raw raw --faces faces.npy {TABLES} --searches searches.csv --notes notes.json --contact-sheet sheet.png",
        "recognition_degrade --faces faces.npy --out degraded",
    ],
    "one epoch": [
        f"recognition_train_baseline {MODEL} --faces faces.npy --degraded degraded --index index.csv --losses losses.csv"
    ],
    "evaluation": [
        f"recognition_evaluate {MODEL} --faces faces.npy --degraded degraded {TABLES} --searches searches.csv --notes notes.json"
        " --metrics metrics.csv --scores scores.csv --ranks ranks.csv --low-rates low_rates.npz --samples samples.npz --run run.json"
    ],
}


def parameters(times: int, size: Size) -> dict[str, Any]:
    """params.yaml with so many times the faces, trained on for one epoch."""
    document = read_document(ROOT / "params.yaml")
    data = {"identities": size.identities * times, "images_per_identity": size.images}
    data["pairs_per_fold"] = size.pairs * times
    document["recognition"]["data"] |= data
    document["recognition"]["student"]["training"] |= {"epochs": 1, "schedule": {"kind": "cosine"}}
    return document


def images(times: int, size: Size) -> tuple[int, int, dict[str, Cost]]:
    """Faces in all, bytes of the tables, cost of each step."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with open("params.yaml", "w") as stream:
            YAML(typ="safe").dump(parameters(times, size), stream)

        def work(lines: list[str]) -> None:
            with open("log.txt", "a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                if any(pipeline(line.split()) for line in lines):
                    raise RuntimeError(Path("log.txt").read_text())

        costs = {name: cost(lambda lines=lines: work(lines)) for name, lines in STEPS.items()}
        index = pd.read_csv("index.csv", keep_default_na=False)
        return len(index), int(index.memory_usage(deep=True).sum()), costs


def graph(variants: int, seeds: int) -> tuple[int, Cost]:
    """Jobs of a dry run, and its cost from the start of Python on."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("Snakefile", "graph", "pipeline", "engines", "profiles", "environment.yaml"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, Path(folder, name))
        document = read_document(ROOT / "tests/settings/tiny.yaml")
        del document["super_resolution"]
        recognition, variant = document["recognition"], document["recognition"]["students"]["logit_attention_kd"]
        recognition["baselines"] = {"basicnet": {"train_qualities": [1]}}
        recognition["students"] = {f"kd_{number}": variant for number in range(variants - 1)}
        document["seeds"] = list(range(seeds))
        with open(Path(folder, "params.yaml"), "w") as stream:
            YAML(typ="safe").dump(json.loads(json.dumps(document)), stream)  # shared values would become anchors
        command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2"]
        for _ in range(2):  # the first also writes what the code of each step is
            with open(Path(folder, "log.txt"), "w") as log:
                used = until_end(subprocess.Popen(command, cwd=folder, stdout=log).pid)
        jobs = re.findall(r"^total\s+(\d+)", Path(folder, "log.txt").read_text(), re.MULTILINE)
        return int(jobs[0]), used


def table(heads: list[str], rows: list[tuple[str, list[float], str]]) -> None:
    """Print the values of each row and their ratios to the first."""
    print("| | " + " | ".join(heads) + " | ratios |\n|---|" + "---|" * (len(heads) + 1))
    for name, values, form in rows:
        ratios = " : ".join(f"{value / values[0]:.2g}" if values[0] > 0 else "-" for value in values)
        print(f"| {name} | " + " | ".join(form.format(value) for value in values) + f" | {ratios} |")
    print(flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", action="store_true", help="a few faces and jobs: no figures")
    size = SMALLEST if parser.parse_args().smallest else Size()
    torch.set_num_threads(1)  # before forking
    os.environ["PIPELINE_DEVICE"] = "cpu"
    measured = [images(times, size) for times in size.times]
    rows = [("tables in memory, MB", [index / 2**20 for _, index, _ in measured], "{:.1f}")]
    for name in STEPS:
        rows.append((f"{name}, s", [costs[name].seconds for *_, costs in measured], "{:.1f}"))
    for name in STEPS:
        rows.append((f"{name}, peak memory without the tables, MB",
                     [(costs[name].peak - index) / 2**20 for _, index, costs in measured], "{:.0f}"))  # fmt: skip
    table([f"{count:,} faces" for count, *_ in measured], rows)
    graphs = [graph(*counts) for counts in size.jobs.values()]
    rows = [("dry run, s", [used.seconds for _, used in graphs], "{:.1f}")]
    rows.append(("peak memory, MB", [used.peak / 2**20 for _, used in graphs], "{:.0f}"))
    table([f"{jobs:,} jobs" for jobs, _ in graphs], rows)


if __name__ == "__main__":
    main()
