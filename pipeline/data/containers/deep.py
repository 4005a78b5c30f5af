"""Samples of more than 8 bits, or of another maximum than 255, to the nearest of 256 levels, over white."""

from __future__ import annotations

import numpy as np
from PIL import Image

BAND = 2**18  # pixels at once, so that what is computed in between stays small


def to_8_bits(
    samples: np.ndarray, maximum: int, *, alpha: bool = False, key: tuple[int, ...] | None = None
) -> Image.Image:
    """uint8 or uint16 (H, W, 1 to 4) of 0 to ``maximum`` to a picture in mode "L" or "RGB": round(255 v / maximum).

    With ``alpha`` the last channel says how much of the colour covers white; pixels whose samples all equal ``key``
    are white. Blending is done before rounding. Raises ValueError for a sample over ``maximum``.
    """
    height, width, colours = samples.shape
    colours -= alpha
    result = np.empty((height, width, colours), np.uint8)
    step = max(1, BAND // width)
    for top in range(0, height, step):
        band = samples[top : top + step]
        if maximum < np.iinfo(samples.dtype).max and band.max() > maximum:
            raise ValueError(f"a sample of {band.max()}, expected at most {maximum}")
        values = band.astype(np.uint64)
        light = values[..., :colours]
        if alpha:
            cover = values[..., colours:]
            light = light * cover + maximum * (maximum - cover)
        whole = maximum * maximum if alpha else maximum
        result[top : top + step] = (2 * 255 * light + whole) // (2 * whole)
        if key is not None:
            result[top : top + step][(band == np.array(key)).all(axis=2)] = 255
    return Image.fromarray(result[..., 0] if colours == 1 else result)
