"""The teacher's answers for the training faces: computed once, stored plain and mirrored, read by every student."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from pipeline.data.arrays import open_array
from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast
from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.files import atomic_directory, read_json, write_json
from pipeline.models.freezing import freeze
from pipeline.models.margin import MarginHead
from pipeline.params.loading import Settings, validate
from pipeline.tasks.recognition.faces import Batch, TrainingFaces
from pipeline.tasks.recognition.networks import FaceClassifier

MAP_KINDS = ("channel_maps", "spatial_maps")


def store(
    teacher: FaceClassifier,
    arrays: QualityArrays,
    faces: TrainingFaces,
    folder: Path,
    *,
    keep_maps: bool,
    batch_size: int,
    dtype: torch.dtype,
) -> None:
    """Write the teacher's embeddings (N, 2, D) float32 and, if asked, its maps, flattened and joined over blocks,
    (N, 2, sum of sizes) float16; the second axis is plain, mirrored. Rows are those of ``faces.everything``."""
    network = freeze(teacher.network.to(arrays.device))
    numbers = faces.everything
    count = len(numbers)
    # Plain writes, not a memory map: on a full disk a write says so, a store into a map kills the process.
    with atomic_directory(folder) as temporary, contextlib.ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        shapes: dict[str, list[list[int]]] = {}
        for start in range(0, count, batch_size):
            rows = slice(start, min(start + batch_size, count))
            both = [
                _ask(network, arrays, numbers[rows], torch.full((rows.stop - start,), mirrored), dtype)
                for mirrored in (False, True)
            ]
            values = {"embeddings": [answer.embedding.float() for answer in both]}
            if keep_maps and both[0].channel_maps:  # not every network has them
                for kind in MAP_KINDS:
                    shapes[kind] = _shapes(both[0], kind)
                    flat = [[m.flatten(1) for m in getattr(answer, kind)] for answer in both]
                    values[kind] = [torch.cat(maps, dim=1).half() for maps in flat]
            for name, pair in values.items():
                array = torch.stack(pair, dim=1).cpu().numpy()
                if name not in files:
                    files[name] = stack.enter_context(open(temporary / f"{name}.npy", "wb"))
                    descr = np.lib.format.dtype_to_descr(array.dtype)
                    header = {"descr": descr, "fortran_order": False, "shape": (count, *array.shape[1:])}
                    np.lib.format.write_array_header_1_0(files[name], header)
                files[name].write(array.tobytes())
        write_json(temporary / "shapes.json", {"faces": count, "shapes": shapes})


def logits_of(head: MarginHead, cosines: Tensor, labels: Tensor) -> Tensor:
    """Margin logits of the faces that have a label, the first len(labels), and s cos(theta) of the others."""
    labelled = head.logits(cosines[: len(labels)], labels)
    return torch.cat([labelled, head.scale * cosines[len(labels) :]])


class Notes(Settings):
    """shapes.json: how many faces were asked about, and the shapes of the stored maps by kind and block."""

    faces: int
    shapes: dict[str, list[list[int]]]


class TeacherKnowledge:
    """Stored answers, and the teacher for answers that were not stored."""

    def __init__(
        self, teacher: FaceClassifier, folder: Path, arrays: QualityArrays, faces: TrainingFaces, dtype: torch.dtype
    ) -> None:
        if teacher.card["identities"] != faces.identities:
            raise InputError(f"{folder}: the teacher knows other identities than the training faces, expected the same")
        self.network = freeze(teacher.network.to(arrays.device))
        self.head = freeze(teacher.head.to(arrays.device))
        self.arrays, self.numbers, self.dtype = arrays, faces.everything, dtype
        path, count = folder / "shapes.json", len(self.numbers)
        notes = validate(Notes, read_json(path), "", path)
        if notes.faces != count:
            raise InputError(f"{path}: answers for {notes.faces} faces, expected {count}")
        answer = _ask(self.network, arrays, faces.faces[:1], torch.zeros(1, dtype=torch.bool), dtype)
        expected = {kind: _shapes(answer, kind) for kind in MAP_KINDS}
        if notes.shapes not in ({}, expected):
            raise InputError(f"{path}: maps of another network, expected the teacher's or none")
        self.shapes = notes.shapes
        widths = {kind: sum(map(math.prod, shapes)) for kind, shapes in self.shapes.items()}
        widths["embeddings"] = answer.embedding.shape[1]
        self.stored = {name: _open(folder / f"{name}.npy", (count, 2, width)) for name, width in widths.items()}

    def of(self, batch: Batch, needs: set[str]) -> Knowledge:
        """What the methods need to know of a batch, whose mirroring is respected; without gradient."""
        with torch.no_grad():
            maps = self._inside(batch, needs) if needs & {*MAP_KINDS, "features"} else {}
            embedding = self._read("embeddings", batch)
            cosines = self.head.cosines(embedding, batch.classes)
            return Knowledge(
                embedding=embedding,
                logits=logits_of(self.head, cosines, batch.labels),
                plain_logits=self.head.scale * cosines,
                **maps,
            )

    def _inside(self, batch: Batch, needs: set[str]) -> dict[str, list[Tensor]]:
        """Maps, and features if needed: these are too many to be stored, so the teacher is asked again."""
        if not self.shapes or "features" in needs:
            answers = _ask(self.network, self.arrays, self.numbers[batch.rows], batch.flips, self.dtype)
            return {kind: getattr(answers, kind) for kind in (*MAP_KINDS, "features")}
        return {
            kind: [
                part.unflatten(1, shape)
                for part, shape in zip(
                    self._read(kind, batch).split([math.prod(s) for s in self.shapes[kind]], dim=1),
                    self.shapes[kind],
                    strict=True,
                )
            ]
            for kind in MAP_KINDS
        }

    def _read(self, name: str, batch: Batch) -> Tensor:
        values = self.stored[name][batch.rows.numpy(), batch.flips.long().numpy()]
        return torch.from_numpy(values).to(self.arrays.device)


@torch.no_grad()
def _ask(
    network: torch.nn.Module, arrays: QualityArrays, faces: Tensor, flips: Tensor, dtype: torch.dtype
) -> Knowledge:
    inputs = arrays.batch(faces, torch.ones_like(faces), flips)
    with autocast(arrays.device, dtype):
        return Knowledge(**network.look_inside(inputs)._asdict())


def _shapes(answer: Knowledge, kind: str) -> list[list[int]]:
    return [list(m.shape[1:]) for m in getattr(answer, kind)]


def _open(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    array = open_array(path)
    if array.dtype.kind != "f" or array.shape != shape:
        kind = f"{array.dtype} {array.shape}"
        raise InputError(f"{path}: {kind} found, expected the teacher's answers, float {shape}")
    return array
