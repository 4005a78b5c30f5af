"""Face identification: whose picture in a gallery is most like a probe?

The closed-set protocol of TinyFace (Cheng, Zhu, Gong, "Low-Resolution Face Recognition", ACCV 2018): every probe has
a mate in the gallery, a picture of the same person, and distractors are pictures of people who are no probe's.
Embeddings are compared by cosine, as they are. The code of A-SKD (ECCV 2022) does so too, with the mean of the
embeddings of image and mirror image; here, as in verification, both stand side by side in a single embedding. Nothing
is centred, since there are no folds to take a mean from.

Everywhere P is the number of probes, G that of gallery pictures, distractors among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

DISTRACTOR = -1  # the identity of a gallery picture that is no probe's mate
MOST = 50  # ranks that a CMC curve goes up to
# Cosines that differ by less are equal: two ways of summing up the same products differ by about 1e-15.
TIE = 1e-12
# What is compared at a time: 32 MB of cosines, and a gallery of any size is never copied whole.
GALLERY_BLOCK, PROBE_BLOCK = 8192, 512


@dataclass(frozen=True)
class Identification:
    """The outcome of one search of a gallery."""

    ranks: Whole
    """(P,) from 1: one more than the pictures of other people that are at least as similar as the best mate."""
    average_precision: Floats
    """(P,) in (0, 1]; see identify."""
    gallery: int
    """Pictures that were searched, G."""


def identify(probes: ArrayLike, gallery: ArrayLike, probe_ids: ArrayLike, gallery_ids: ArrayLike) -> Identification:
    """Rank the gallery for each probe, most similar first.

    Of several mates the best one counts for the rank, and the others do not stand in its way. A tie counts
    against the probe: a collapsed network, for which all faces are equal, ranks every mate last. The average
    precision is that of TinyFace's own evaluation code: the mean over mates of (before + at) / 2, where
    ``at`` is the share of mates among the pictures down to this mate and ``before`` that among those above
    it (1 where there are none). Takes O(P G D) time, and beside its arguments memory for the probes in
    double precision and 32 MB.

    Args:
        probes: (P, D), gallery: (G, D): finite floats, normalised or not. A row without direction, all
            zeros, has similarity 0 to everything.
        probe_ids: (P,), gallery_ids: (G,): integers, whose each picture is; DISTRACTOR is nobody's.

    Raises InputError on NaN or infinity, on unequal shapes, and where a probe has no mate.
    """
    probes, gallery = _checked_embeddings("probes", probes), _checked_embeddings("gallery", gallery)
    if probes.shape[1] != gallery.shape[1]:
        raise InputError(f"probes and gallery: {probes.shape[1]} and {gallery.shape[1]} dimensions, expected the same")
    probe_ids = _checked_ids("probe_ids", probe_ids, len(probes))
    gallery_ids = _checked_ids("gallery_ids", gallery_ids, len(gallery))
    if (probe_ids < 0).any():
        raise InputError(f"probe_ids: {probe_ids.min()}, expected 0 or more: a probe is somebody's")

    # The mates of probe p are entries start[p] to start[p] + count[p] of ``mate``.
    order = np.argsort(gallery_ids, kind="stable")
    first = np.searchsorted(gallery_ids[order], probe_ids, side="left")
    count = np.searchsorted(gallery_ids[order], probe_ids, side="right") - first
    if not count.all():
        lost = np.flatnonzero(count == 0)
        raise InputError(
            f"gallery_ids: {len(lost)} of {len(probe_ids)} probes have no mate in the gallery (first: row {lost[0]},"
            f" identity {probe_ids[lost[0]]}), expected one or more for each"
        )
    start = np.cumsum(count) - count
    owner = np.repeat(np.arange(len(probes)), count)
    mate = order[first[owner] + np.arange(len(owner)) - start[owner]]

    directions = _directions(probes)
    similarity = np.concatenate([
        np.einsum("md,md->m", directions[owner[part]], _directions(gallery[mate[part]]))
        for part in _parts(len(mate), GALLERY_BLOCK)
    ])  # fmt: skip
    best_first = np.lexsort((-similarity, owner))
    similarity, mate = similarity[best_first], mate[best_first]

    ahead = np.zeros(len(mate), dtype=np.int64)  # pictures of others at least as similar as this mate
    for block in _parts(len(gallery), GALLERY_BLOCK):
        candidates = _directions(gallery[block]).T
        for some in _parts(len(probes), PROBE_BLOCK):
            scores = directions[some] @ candidates
            same_face = np.flatnonzero(
                (owner >= some.start) & (owner < some.stop) & (mate >= block.start) & (mate < block.stop)
            )
            scores[owner[same_face] - some.start, mate[same_face] - block.start] = -np.inf
            for number in range(count[some].max()):
                having = np.flatnonzero(count[some] > number)
                entry = start[some][having] + number
                ahead[entry] += (scores[having] >= similarity[entry, None] - TIE).sum(axis=1)

    number = np.arange(1, len(mate) + 1) - start[owner]  # from 1: the how-manieth mate of its probe
    position = ahead + number
    before = np.where(position > 1, (number - 1) / np.maximum(position - 1, 1), 1.0)
    precision = np.bincount(owner, weights=(before + number / position) / 2) / count
    return Identification(1 + ahead[start], precision, len(gallery))


def rank_rate(ranks: ArrayLike, rank: int) -> float:
    """The share of probes whose mate is among the ``rank`` most similar pictures, in [0, 1]; ``ranks`` (P,) from 1."""
    return float((_checked_ranks(ranks) <= rank).mean())


def cmc(ranks: ArrayLike, most: int = MOST) -> Floats:
    """(most,) rank_rate of 1, 2, ... ``most``: the cumulative match characteristic; ``ranks`` (P,) from 1."""
    ranks = _checked_ranks(ranks)
    return np.cumsum(np.bincount(ranks[ranks <= most], minlength=most + 1)[1:]) / len(ranks)


def _directions(embeddings: NDArray) -> Floats:
    """Each row at length 1, in double precision; zeros stay zeros."""
    embeddings = embeddings.astype(np.float64)
    # Divided by its largest part first: the square of a very small or large number is 0 or infinite.
    largest = np.abs(embeddings).max(axis=1, keepdims=True)
    embeddings /= np.where(largest > 0, largest, 1)
    length = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))[:, None]
    return embeddings / np.where(length > 0, length, 1)


def _parts(total: int, size: int) -> list[slice]:
    return [slice(low, min(low + size, total)) for low in range(0, total, size)]


def _checked_embeddings(name: str, embeddings: ArrayLike) -> NDArray:
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise InputError(f"{name}: shape {embeddings.shape}, expected (faces, dimensions), neither of them 0")
    if not np.issubdtype(embeddings.dtype, np.floating):
        raise InputError(f"{name}: type {embeddings.dtype}, expected floats")
    unusable = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if unusable.size:
        raise InputError(
            f"{name}: {unusable.size} of {len(embeddings)} faces have NaN or infinite values (first: row"
            f" {unusable[0]}), expected finite numbers"
        )
    return embeddings


def _checked_ids(name: str, ids: ArrayLike, faces: int) -> Whole:
    ids = np.asarray(ids)
    if ids.shape != (faces,) or not np.issubdtype(ids.dtype, np.integer):
        raise InputError(f"{name}: shape {ids.shape} of type {ids.dtype}, expected ({faces},) integers: one per face")
    return ids.astype(np.int64)


def _checked_ranks(ranks: ArrayLike) -> Whole:
    ranks = np.asarray(ranks)
    if ranks.ndim != 1 or not len(ranks) or not np.issubdtype(ranks.dtype, np.integer) or ranks.min() < 1:
        raise InputError(
            f"ranks: shape {ranks.shape} of type {ranks.dtype}, expected whole numbers from 1, one per probe"
        )
    return ranks.astype(np.int64)
