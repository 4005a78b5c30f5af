"""A drawing made from a photo by image processing: lines, and the tones that a pencil would lay.

Not what an artist draws: it lies over the photo to the pixel. It is for teachers that have to know sketches and for
whom there are only photos in number. Lines are the extended difference of Gaussians of Winnemöller, Kyprianidis and
Olsen, "XDoG: An eXtended difference-of-Gaussians compendium including advanced image stylization", Computers &
Graphics 36(6), 2012; tones are what darkrooms and paint programs call dodging and burning: a picture divided by its
own blur is white where it is even, whatever its tone, and keeps what is darker than around it.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pipeline.errors import InputError
from pipeline.luma import LUMA

SIDES = (32, 256)  # pixels; lengths below are shares of the shorter side
# XDoG, by the paper's names; tones from 0 to 1.
SIGMA, LEAST_SIGMA = 0.0055, 0.55  # of the inner Gaussian; in pixels at least
K = 1.6  # the outer Gaussian's sigma to the inner one's: close to a Laplacian (Marr and Hildreth)
P = 4.0  # how much more of the difference than of the tone itself
EPSILON, PHI = 0.85, 0.9  # the tone that is still paper, and how steeply lines begin below it
# Tones.
DODGE_SIGMA = 0.08  # of the blur that the photo is divided by
LIFT = 0.22  # added to both beforehand: in the dark a quotient would make a contour of every hair
BURN = 1.8  # exponent on the quotient: how dark the hollows get
GRAPHITE = 0.08  # the darkest a pencil gets
SHADE = (0.0, 0.45)  # shares of the photo's own white: from the upper one down hair and the like are toned as a whole
SHADE_DARK = 0.65  # how dark they become
WHITE, BLACK = 97, 3  # percentiles of a photo that count as its white and its black
CHUNK = 64  # photos at a time: in float32 they are held several times over


def draw(photos: np.ndarray) -> np.ndarray:
    """Drawings of photos: uint8 (N, H, W, C) with C 1 or 3 -> uint8 (N, H, W), grey lines and tones on white.

    Each depends on its photo alone. Raises InputError for another type or shape, and for sides out of SIDES.
    """
    _check(photos)
    drawings = np.empty(photos.shape[:3], dtype=np.uint8)
    for start in range(0, len(photos), CHUNK):
        drawings[start : start + CHUNK] = _draw(photos[start : start + CHUNK])
    return drawings


def xdog(tones: np.ndarray, sigma: float) -> np.ndarray:
    """Lines of ``tones`` (n, H, W) in 0..1: 1 is paper, 0 black; ``sigma`` in pixels.

    S = (1 + p) G_sigma - p G_(k sigma); T = 1 where S >= epsilon, else 1 + tanh(phi (S - epsilon)).
    """
    sharpened = (1 + P) * _blur(tones, sigma) - P * _blur(tones, K * sigma)
    return np.where(sharpened >= EPSILON, np.float32(1), 1 + np.tanh(PHI * (sharpened - EPSILON))).astype(np.float32)


def dodge(tones: np.ndarray, sigma: float) -> np.ndarray:
    """``tones`` (n, H, W) in 0..1 by their own blur, LIFT added to both, 1 at most: colour dodge by the negative."""
    return np.minimum((tones + np.float32(LIFT)) / (_blur(tones, sigma) + np.float32(LIFT)), 1)


def _draw(photos: np.ndarray) -> np.ndarray:
    tones = _levels(photos)
    side = min(tones.shape[1:])
    sigma = max(SIGMA * side, LEAST_SIGMA)
    even = dodge(_blur(tones, 0.5 * sigma), DODGE_SIGMA * side)
    # Lines out of the evened picture: a dark wall or half a face in shadow is no line.
    lines = xdog(even, sigma)
    low, high = SHADE
    depth = np.clip((high - _blur(tones, sigma)) / (high - low), 0, 1)
    shade = 1 - SHADE_DARK * depth * depth * (3 - 2 * depth)
    drawing = GRAPHITE + (1 - GRAPHITE) * lines * even**BURN * shade
    return (np.clip(drawing, 0, 1) * 255 + 0.5).astype(np.uint8)


def _levels(photos: np.ndarray) -> np.ndarray:
    """Luma (n, H, W) float32, 0 at each photo's own black and 1 at its white, however it was exposed."""
    weights = LUMA if photos.shape[-1] == 3 else (1.0,)
    # Not a matrix product, whose rounding may depend on the number of photos.
    grey = sum(np.float32(weight) * photos[..., channel] for channel, weight in enumerate(weights))
    black, white = np.percentile(grey.reshape(len(grey), -1), (BLACK, WHITE), axis=1).astype(np.float32)
    spread = np.maximum(white - black, 24)[:, None, None]  # a photo with hardly any contrast has no lines to find
    return np.clip((grey - black[:, None, None]) / spread, 0, 1)


def _blur(tones: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(tones, (0, sigma, sigma), mode="nearest", truncate=3.0)


def _check(photos: np.ndarray) -> None:
    if photos.dtype != np.uint8 or photos.ndim != 4 or photos.shape[-1] not in (1, 3):
        raise InputError(f"photos to draw: {photos.dtype} {photos.shape}, expected uint8 (N, H, W, 1 or 3)")
    low, high = SIDES
    if not (low <= min(photos.shape[1:3]) and max(photos.shape[1:3]) <= high):
        height, width = photos.shape[1:3]
        raise InputError(f"photos to draw: {width}x{height} pixels, expected sides from {low} to {high}")
