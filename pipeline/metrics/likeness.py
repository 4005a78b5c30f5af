"""How like a synthesised face is to the real one: SSIM and FSIM of pairs, as papers on photo-sketch synthesis have
it.

Both look at grey levels, 0 to 255, also of colour photos, and at the pictures as they are: some code of the field
first smooths the synthesised pictures (a bilateral filter), which changes both figures and is not done here. Each
pair has its value, so that variants can be compared picture by picture; a set's figure is the mean over its pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.luma import LUMA
from pipeline.metrics.picture_quality import PEAK, WINDOW, ssim_of_planes

Floats = NDArray[np.float64]
CHUNK = 4  # pairs at a time: FSIM holds 16 complex responses of each picture, and is no faster with more


def ssim(results: ArrayLike, originals: ArrayLike) -> Floats:
    """(B,) structural similarity of each pair, at most 1, with the settings of picture_quality.ssim.

    Unlike there, colour is turned into grey of the full range, 0 to 255, and no border is left out.

    Args:
        results, originals: (B, C, H, W) of the same shape, C 1 or 3 (RGB), uint8 or floats of 0..255, which are taken
        as
            they are, not rounded. At least 11 pixels per side.

    Raises InputError where a pair cannot be compared: shape, type, or a value that is no grey level.
    """
    return np.array([ssim_of_planes(*pair) for pair in zip(*_planes(results, originals), strict=True)])


def fsim(results: ArrayLike, originals: ArrayLike) -> Floats:
    """(B,) feature similarity of each pair, in (0, 1] (Zhang et al., IEEE TIP 2011, equations 1 to 8).

    ``sum(S_PC S_G PC_m) / sum(PC_m)``: how alike phase congruency (log-Gabor filters, 4 scales, 4 orientations) and
    gradient magnitude (Scharr) are at each place, weighted by the larger phase congruency. FSIM of the grey levels,
    never FSIMc. Arguments and errors as for ``ssim``. Two flat pictures count as alike in phase congruency.

    Within about 1e-4 of the authors' MATLAB code: the library takes the lower median of an even number of values, and
    does without the 1e-4 grey levels that they add to a divisor, which shows on flat ground. From 384 pixels on the
    shorter side both halve the pictures first, at slightly other places.
    """
    import torch
    from piq import fsim as piq_fsim

    # Turned over the diagonal, or the library's one-sided filters point the other way than the authors': a difference
    # of 1e-5 at the highest frequency of an even number of pixels.
    first, second = (torch.from_numpy(planes).mT[:, None] for planes in _planes(results, originals))
    values = [
        piq_fsim(first[part], second[part], reduction="none", data_range=PEAK, chromatic=False)
        for part in (slice(start, start + CHUNK) for start in range(0, len(first), CHUNK))
    ]
    return torch.cat(values).numpy()


def grey_levels(name: str, pictures: ArrayLike) -> Floats:
    """(B, C, H, W) pictures, as ``ssim`` takes them -> (B, H, W), 0 to 255, not rounded. ``name`` is for errors."""
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or 0 in pictures.shape:
        raise InputError(f"{name}: shape {pictures.shape}, expected (pictures, 1 or 3 channels, height, width)")
    if pictures.dtype != np.uint8:
        if not np.issubdtype(pictures.dtype, np.floating):
            raise InputError(f"{name}: type {pictures.dtype}, expected uint8 or floats")
        if not (np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= PEAK):
            raise InputError(f"{name}: {pictures.min()} to {pictures.max()}, expected finite grey levels of 0 to 255")
    pictures = pictures.astype(np.float64)
    if pictures.shape[1] == 1:
        return pictures[:, 0]
    return np.einsum("bchw,c->bhw", pictures, LUMA).clip(0, PEAK)  # rounding may leave white above 255


def _planes(results: ArrayLike, originals: ArrayLike) -> tuple[Floats, Floats]:
    """The grey levels of both, checked to pair up and to hold a window of SSIM."""
    shapes = np.shape(results), np.shape(originals)
    first, second = grey_levels("results", results), grey_levels("originals", originals)
    if shapes[0] != shapes[1]:
        raise InputError(f"results and originals: {shapes[0]} and {shapes[1]}, expected the same shape")
    if min(first.shape[1:]) < WINDOW:
        size = f"{first.shape[2]}x{first.shape[1]}"
        raise InputError(f"results and originals: {size} pixels, expected at least {WINDOW}x{WINDOW}")
    # Pictures of 0..1 would come out nearly alike, whatever they show.
    if np.asarray(originals).dtype != np.uint8 and second.max() <= 1:
        raise InputError(f"originals: floats up to {second.max()}, expected grey levels of 0 to 255")
    return first, second
