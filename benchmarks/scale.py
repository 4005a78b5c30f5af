"""A million images of 100,000 identities: memory of the index and of the head: python -m benchmarks.scale

The table is written and read as a training reads it. The pictures are a sparse file of 35 GiB (112 pixels, colour), of
which batches are read at random places: the seconds are the system's for empty pages. The head has 512 dimensions;
forward, backward and optimiser, in float32 on one thread, over all identities and over a share of them. Each line is a
process of its own; seconds are the processor's. ``--smallest`` takes a thousand images: its figures say nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch._dynamo  # the first optimiser would import it, in the middle of the measurement

from benchmarks.measuring import cost
from pipeline import face_losses
from pipeline.data.pixels import QualityArrays
from pipeline.device import select_device
from pipeline.face_losses import arcface
from pipeline.randomness import generator
from pipeline.tasks.recognition.faces import training_faces

SIDE, EMBEDDING, BATCH, STEPS = 112, 512, 128, 5
MB = 2**20


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    images: int = 1_000_000
    identities: int = 100_000
    batches: int = 100


SMALLEST = Size(images=1_000, identities=200, batches=2)


def write_index(path: Path, size: Size) -> None:
    """As prepare writes it, one row per image, people shuffled."""
    face = np.arange(size.images)
    person = np.random.default_rng(0).permutation(face % size.identities)
    files = [f"{p:06d}/{f:07d}.jpg" for p, f in zip(person, face, strict=True)]
    table = {"face": face, "file": files, "identity": [f"{p:06d}" for p in person], "split": "train"}
    pd.DataFrame(table).to_csv(path, index=False)


def write_pictures(path: Path, size: Size) -> None:
    """An .npy whose pictures are one hole."""
    with path.open("wb") as file:
        shape = (size.images, SIDE, SIDE, 3)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + int(np.prod(shape)))


def read_batches(pictures: Path, size: Size) -> None:
    """Batches as the network gets them, at random places."""
    arrays = QualityArrays(pictures, None, [1], torch.device("cpu"))
    ones, flips = torch.ones(BATCH, dtype=torch.long), torch.zeros(BATCH, dtype=torch.bool)
    for step in range(size.batches):
        arrays.batch(torch.randint(size.images, (BATCH,), generator=generator("rows", step)), ones, flips)


def learn(sampled: float, times: Path, size: Size) -> None:
    """A few steps of SGD with momentum; writes seconds per step."""
    loss = arcface.Settings(kind="arcface", scale=64.0, margin=0.5, sampled=sampled)
    head = face_losses.build(loss, EMBEDDING, size.identities)
    optimiser = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    with times.open("w") as file:
        for step in range(STEPS):
            rng = generator("step", step)
            embedding = torch.randn(BATCH, EMBEDDING, generator=rng).requires_grad_()
            labels = torch.randint(size.identities, (BATCH,), generator=rng)
            began = time.process_time()
            classes, columns = head.sample(labels, rng)
            optimiser.zero_grad(set_to_none=True)
            head.losses(embedding, columns, classes)["recognition"].backward()
            middle = time.process_time()
            optimiser.step()
            file.write(f"{middle - began} {time.process_time() - middle}\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", action="store_true", help="a thousand images: no figures")
    size = SMALLEST if parser.parse_args().smallest else Size()
    select_device()  # the threads, before forking
    with tempfile.TemporaryDirectory() as name:
        index, pictures, times = (Path(name, file) for file in ("index.csv", "faces.npy", "times"))
        print(f"| {size.images:,} images, {size.identities:,} identities | s | peak memory, MB |\n|---|---|---|")
        made = cost(lambda: write_index(index, size))
        written = index.stat().st_size / MB
        print(f"| make and write the table ({written:.0f} MB on disk) | {made.seconds:.1f} | {made.peak / MB:.0f} |")
        read = cost(lambda: training_faces(index))
        print(f"| read it for a training | {read.seconds:.1f} | {read.peak / MB:.0f} |")
        write_pictures(pictures, size)
        seen = cost(lambda: read_batches(pictures, size))
        large = size.images * SIDE * SIDE * 3 / 2**30
        batches = f"{size.batches} batches of {BATCH} out of {large:.0f} GiB of pictures"
        print(f"| {batches} | {seen.seconds:.1f} | {seen.peak / MB:.0f} |")
        rows = {}
        for sampled in (1.0, 0.1):
            used = cost(lambda sampled=sampled: learn(sampled, times, size))
            steps = [tuple(map(float, line.split())) for line in times.read_text().splitlines()]
            rows[sampled] = [*map(statistics.median, zip(*steps, strict=True)), used.peak]
        head = f"head, {size.identities:,} x {EMBEDDING}, batch {BATCH}"
        print(f"\n| {head} | forward and backward, s | optimiser, s | peak memory, MB |\n|---|---|---|---|")
        for sampled, (both, update, peak) in rows.items():
            print(f"| softmax over {sampled:.0%} | {both:.2f} | {update:.2f} | {peak / MB:.0f} |")
        full, part = rows.values()
        print("| ratio | " + " | ".join(f"{a / b:.1f}" for a, b in zip(full, part, strict=True)) + " |")
        weights = size.identities * EMBEDDING * 4 / MB
        print(f"\nIn both {3 * weights:.0f} MB are weights, gradient and momentum, {weights:.0f} MB each.")


if __name__ == "__main__":
    main()
