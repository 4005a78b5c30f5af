"""Where faces come from: the files a source needs, and how they become a set of faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.data.faceset import FaceSet
from pipeline.data.fetch import RemoteFile
from pipeline.params.faces import Faces, LFWFaces, RenderedFaces

LFW_FILES = {"archive": "lfw.tgz", "pairs": "pairs.txt"}
LFW_PROVIDER = "the University of Massachusetts (Labeled Faces in the Wild, aligned version)"


def remote_files(settings: Faces) -> list[RemoteFile]:
    """The files to fetch before the faces can be loaded; none for rendered faces."""
    if isinstance(settings, RenderedFaces):
        return []
    return [
        RemoteFile(name, settings.files[key].address, settings.files[key].sha256, LFW_PROVIDER)
        for key, name in LFW_FILES.items()
    ]


def load(settings: Faces, raw: Path) -> FaceSet:
    """The faces of the source that ``settings`` names; ``raw`` is the folder with its files."""
    if isinstance(settings, RenderedFaces):
        from pipeline.data.rendering import render_faces

        rendered = render_faces(**settings.model_dump(exclude={"source", "files"}))
        return FaceSet(rendered.index, rendered.pairs, rendered.chunks, channels=3, rendered=True)
    assert isinstance(settings, LFWFaces)
    from pipeline.data import lfw

    return lfw.load(
        archive=raw / LFW_FILES["archive"],
        pairs=raw / LFW_FILES["pairs"],
        image_size=settings.image_size,
        crop=tuple(settings.crop),
        folds=settings.evaluated_folds,
        min_images=settings.min_images,
        channels=settings.channels,
    )


def contact_sheet(settings: Faces, faces: np.ndarray, identities: np.ndarray) -> np.ndarray:
    """A grid to look at, (H, W, 3) uint8: people by row; for rendered faces the renderer's nuisances by column.

    ``faces`` (N, S, S, C) and ``identities`` (N,) are the training faces, of which the people with most photos
    are shown.
    """
    if isinstance(settings, RenderedFaces):
        from pipeline.data.rendering import contact_sheet as rendered_sheet

        return rendered_sheet(seed=settings.seed, image_size=settings.image_size)
    people, counts = np.unique(identities, return_counts=True)
    chosen = people[np.argsort(-counts, kind="stable")][:6]
    columns = int(min(10, counts.max()))
    blank = np.full_like(faces[0], 255)
    rows = []
    for person in chosen:
        photos = list(faces[np.flatnonzero(identities == person)[:columns]])
        rows.append(np.concatenate([*photos, *[blank] * (columns - len(photos))], axis=1))
    sheet = np.concatenate(rows, axis=0)
    return np.repeat(sheet, 3, axis=2) if sheet.shape[2] == 1 else sheet
