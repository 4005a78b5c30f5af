"""A grid of faces to look at."""

from __future__ import annotations

import numpy as np


def contact_sheet(faces: np.ndarray, identities: np.ndarray, *, people: int = 6, photos: int = 10) -> np.ndarray:
    """People by row, their photos by column, (H, W, 3) uint8; those with most photos are shown.

    ``faces`` (N, S, S, C) uint8 with C 1 or 3, ``identities`` (N,) whose they are.
    """
    names, counts = np.unique(identities, return_counts=True)
    chosen = names[np.argsort(-counts, kind="stable")][:people]
    columns = int(min(photos, counts.max()))
    blank = np.full_like(faces[0], 255)
    rows = []
    for person in chosen:
        shown = list(faces[np.flatnonzero(identities == person)[:columns]])
        rows.append(np.concatenate([*shown, *[blank] * (columns - len(shown))], axis=1))
    sheet = np.concatenate(rows, axis=0)
    return np.repeat(sheet, 3, axis=2) if sheet.shape[2] == 1 else sheet
