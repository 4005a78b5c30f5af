"""Faces rendered by the project: a stand-in that needs no download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from pipeline.data.faceset import SEARCH_COLUMNS, FaceSet
from pipeline.params.faces import RemoteFileSettings
from pipeline.params.loading import Settings as Base

FILES: dict[str, str] = {}
PROVIDER = "this project"


class Settings(Base):
    """People, pictures of each, and the pairs of the two protocols."""

    source: Literal["rendered"]
    files: dict[str, RemoteFileSettings] = {}
    image_size: Annotated[int, Field(ge=32, le=256)]  # what the renderer can draw
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    identities: Annotated[int, Field(ge=2, le=100_000)]
    images_per_identity: Annotated[int, Field(ge=2, le=1000)]
    folds: Annotated[int, Field(ge=2, le=100)]
    pairs_per_fold: Annotated[int, Field(ge=2, le=10_000, multiple_of=2)]

    @field_validator("files")
    @classmethod
    def _nothing_to_fetch(cls, files: dict) -> dict:
        if files:
            raise ValueError(f"found {', '.join(files)}, expected {{}}: rendered faces need no file")
        return files


def load(settings: Settings, raw: Path) -> FaceSet:
    """Draw them; the contact sheet shows people by row and the renderer's nuisances by column."""
    from pipeline.data.rendering import contact_sheet, render_faces

    drawn = render_faces(**settings.model_dump(exclude={"source", "files"}))
    return FaceSet(
        drawn.index,
        drawn.pairs,
        drawn.chunks,
        channels=3,
        name="rendered faces",
        rendered=True,
        sheet=lambda: contact_sheet(seed=settings.seed, image_size=settings.image_size),
        searches=_searches(drawn.index, drawn.pairs),
    )


def _searches(index: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The people of each protocol's pairs, looked for among each other: one's first picture is in the gallery.

    So in ``cross_age`` an older face is looked for among young faces. [ours]
    """
    parts = []
    for protocol, of_protocol in pairs.groupby("protocol", sort=True):
        faces = np.unique(of_protocol[["a", "b"]].to_numpy())
        later = index["identity"].iloc[faces].duplicated().to_numpy()
        parts.append(pd.DataFrame({"face": faces, "role": np.where(later, "probe", "gallery"), "protocol": protocol}))
    return pd.concat(parts, ignore_index=True)[list(SEARCH_COLUMNS)]
