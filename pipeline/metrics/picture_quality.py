"""How near an enlarged picture is to the original: PSNR and SSIM of the luma, as papers on super-resolution give
them.

Both pictures are uint8, so rounded; a border of ``shave`` pixels, the scale by custom, is left out on every side;
each picture counts for itself, and a set's figure is the mean over its pictures.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError

PEAK = 255.0
WINDOW = 11  # pixels per side: SSIM's Gaussian of sigma 1.5, cut off at 3.5 sigma
SIGMA = 1.5


def luma(picture: np.ndarray) -> NDArray[np.float64]:
    """(H, W, 3) RGB in 0 to 255 -> (H, W), 16 to 235: Y of ITU-R 601 as MATLAB's rgb2ycbcr, not rounded.

    A grey picture (H, W, 1) is its own luma, 0 to 255, as the scripts of the field take it. Its errors therefore
    count 255/219 times as much as those of the same picture stored as RGB: 1.32 dB less PSNR.
    """
    if picture.shape[-1] == 1:
        return picture[..., 0].astype(np.float64)
    return 16 + picture @ (np.array([65.481, 128.553, 24.966]) / 255)


def psnr(result: np.ndarray, target: np.ndarray, shave: int) -> float:
    """Peak signal-to-noise ratio of the luma in dB, ``10 log10(255^2 / mean((Y - Y')^2))``; inf where they are equal.

    Both uint8 (H, W, C), C 1 or 3. Raises InputError where they differ in shape or nothing is left inside the border.
    """
    difference = np.subtract(*_lumas(result, target, shave, 1))
    error = float(np.mean(difference**2))
    return 10 * math.log10(PEAK**2 / error) if error else math.inf


def ssim(result: np.ndarray, target: np.ndarray, shave: int) -> float:
    """Structural similarity of the luma (Wang et al., IEEE TIP 2004), at most 1, with the authors' settings.

    Gaussian window of 11 x 11 pixels, sigma 1.5, K 0.01 and 0.03, range 255; the mean over all places where the
    window lies wholly inside, at the pictures' full size (the authors' later code first shrinks large pictures).
    Arguments and errors as for ``psnr``; what is left inside the border must hold a window.
    """
    return ssim_of_planes(*_lumas(result, target, shave, WINDOW))


def ssim_of_planes(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """``ssim`` of two planes (H, W) of grey levels, 0 to 255, of the same shape, at least WINDOW pixels per side."""
    from skimage.metrics import structural_similarity  # imports scipy.ndimage

    return float(
        structural_similarity(
            first, second, data_range=PEAK, gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False
        )
    )


def _lumas(result: np.ndarray, target: np.ndarray, shave: int, least: int) -> list[NDArray[np.float64]]:
    """The luma of both inside the border, at least ``least`` pixels per side."""
    for picture in (result, target):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
            kind = f"{picture.dtype} {picture.shape}"
            raise InputError(f"picture quality: {kind} found, expected uint8 (height, width, 1 or 3 channels)")
    if result.shape != target.shape:
        raise InputError(f"picture quality: {result.shape} compared with {target.shape}, expected the same shape")
    height, width = (side - 2 * shave for side in target.shape[:2])
    if shave < 0 or min(height, width) < least:
        raise InputError(
            f"picture quality: {target.shape[1]}x{target.shape[0]} pixels less a border of {shave}, expected at least"
            f" {least}x{least} inside it"
        )
    return [luma(picture[shave : shave + height, shave : shave + width]) for picture in (result, target)]
