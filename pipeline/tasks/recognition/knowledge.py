"""What the teacher knows of the training faces: asked once, stored for both mirrorings, read by every student."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast
from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.files import atomic_directory, read_json, write_json
from pipeline.models.resnext import freeze
from pipeline.tasks.recognition.faces import TrainingFaces
from pipeline.tasks.recognition.learning import Batch
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
    (N, 2, sum of sizes) float16; the second axis is plain, mirrored. Rows follow the training faces."""
    network = freeze(teacher.network.to(arrays.device))
    count = len(faces.faces)
    with atomic_directory(folder) as temporary:
        files: dict[str, np.memmap] = {}
        shapes: dict[str, list[list[int]]] = {}
        for start in range(0, count, batch_size):
            rows = slice(start, min(start + batch_size, count))
            for mirrored in (0, 1):
                answers = _ask(network, arrays, faces.faces[rows], torch.full((rows.stop - start,), bool(mirrored)), dtype)
                values = {"embeddings": answers.embedding.float()}
                if keep_maps:
                    for kind in MAP_KINDS:
                        maps = getattr(answers, kind)
                        shapes[kind] = [list(m.shape[1:]) for m in maps]
                        values[kind] = torch.cat([m.flatten(1) for m in maps], dim=1).half()
                for name, value in values.items():
                    array = value.cpu().numpy()
                    if name not in files:
                        shape = (count, 2, array.shape[1])
                        files[name] = np.lib.format.open_memmap(temporary / f"{name}.npy", "w+", array.dtype, shape)
                    files[name][rows, mirrored] = array
        for file in files.values():
            file.flush()
        write_json(temporary / "shapes.json", {"faces": count, "shapes": shapes})


class TeacherKnowledge:
    """The stored answers, and the teacher itself for what was not stored."""

    def __init__(self, teacher: FaceClassifier, folder: Path, arrays: QualityArrays, faces: TrainingFaces, dtype: torch.dtype) -> None:
        if teacher.card["identities"] != faces.identities:
            raise InputError(f"{folder}: the teacher knows other identities than the training faces, expected the same")
        self.network = freeze(teacher.network.to(arrays.device))
        self.head = freeze(teacher.head.to(arrays.device))
        self.arrays, self.faces, self.dtype = arrays, faces, dtype
        notes = read_json(folder / "shapes.json")
        if notes["faces"] != len(faces.faces):
            raise InputError(f"{folder}: answers for {notes['faces']} faces, expected {len(faces.faces)}")
        self.shapes: dict[str, list[list[int]]] = notes["shapes"]
        self.stored = {
            path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))
        }

    def of(self, batch: Batch, needs: set[str]) -> Knowledge:
        """What the methods need to know of a batch, whose mirroring is respected; without gradient."""
        with torch.no_grad():
            maps = self._maps(batch) if needs & set(MAP_KINDS) else {}
            embedding = self._read("embeddings", batch)
            cosines = self.head.cosines(embedding)
            return Knowledge(
                embedding=embedding,
                logits=self.head.logits(cosines, batch.labels),
                plain_logits=self.head.scale * cosines,
                **maps,
            )

    def _maps(self, batch: Batch) -> dict[str, list[Tensor]]:
        if not self.shapes:
            answers = _ask(self.network, self.arrays, self.faces.faces[batch.rows], batch.flips, self.dtype)
            return {kind: getattr(answers, kind) for kind in MAP_KINDS}
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
def _ask(network: torch.nn.Module, arrays: QualityArrays, faces: Tensor, flips: Tensor, dtype: torch.dtype) -> Knowledge:
    inputs = arrays.batch(faces, torch.ones_like(faces), flips)
    with autocast(arrays.device, dtype):
        embedding, channel_maps, spatial_maps = network.forward_with_maps(inputs)
    return Knowledge(embedding=embedding, channel_maps=channel_maps, spatial_maps=spatial_maps)
