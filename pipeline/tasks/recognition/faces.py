"""The faces that the recognition task learns from: the table of them, and a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from pipeline.data.faceset import read_index
from pipeline.errors import InputError


@dataclass(frozen=True)
class TrainingFaces:
    """Faces to learn from: numbers (N,) in the arrays, labels (N,) and the identities they stand for.

    ``unlabelled`` (U,) are the numbers of faces that have no label; a row from N on means one of them.
    """

    faces: Tensor
    labels: Tensor
    identities: list[str]  # sorted; the label is the place here
    indexed: int  # faces in the whole index, of any split
    unlabelled: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    @property
    def everything(self) -> Tensor:
        """Face numbers by row: labelled, then unlabelled, (N + U,)."""
        return torch.cat([self.faces, self.unlabelled])


@dataclass(frozen=True)
class Batch:
    """A drawn batch: rows (B,) of the faces, mirrored or not (B,), input (B, C, S, S), labels (B,).

    With unlabelled faces, which come last, there are fewer labels. ``classes`` (C,) are the identities of the softmax
    where these are not all; labels are places among them (see Head.sample).
    """

    rows: Tensor
    flips: Tensor
    inputs: Tensor
    labels: Tensor
    classes: Tensor | None = None


def training_faces(path: Path) -> TrainingFaces:
    """The faces of the splits "train" and "unlabelled". Raises InputError when there are fewer than two identities."""
    index = read_index(path)
    rows = index.query("split == 'train'")
    identities = sorted(rows["identity"].unique())
    if len(identities) < 2:
        raise InputError(f"{path}: {len(identities)} identities to train on, expected two or more")
    labels = pd.Categorical(rows["identity"], categories=identities).codes
    return TrainingFaces(
        torch.tensor(rows["face"].to_numpy()),
        torch.tensor(labels, dtype=torch.long),
        identities,
        len(index),
        torch.tensor(index.query("split == 'unlabelled'")["face"].to_numpy(), dtype=torch.long),
    )
