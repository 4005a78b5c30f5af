"""A poor camera, far away: blur, fewer pixels, sensor noise, JPEG. The ranges are this project's choice."""

from __future__ import annotations

import io
from typing import Annotated, Literal

import numpy as np
from PIL import Image, ImageFilter
from pydantic import Field

from pipeline.data.degradations.bicubic import larger  # noqa: F401, the way back is the same
from pipeline.params.faces import Degraded

BLUR = (0.1, 0.5)  # standard deviation of the Gaussian, in pixels of the small picture
SHOT_NOISE = (0.0, 0.005)  # variance at full brightness, full brightness being 1: what grows with light
READ_NOISE = (0.0, 0.02)  # standard deviation in the dark
JPEG_QUALITY = (35, 95)


class Settings(Degraded):
    """What the strengths are drawn from."""

    method: Literal["camera"]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


def smaller(faces: np.ndarray, factor: int, settings: Settings, first: int) -> np.ndarray:
    """uint8 (N, H, W, C) to uint8 (N, H/factor, W/factor, C); the strengths are drawn for each picture.

    They are drawn from the seed, ``factor`` and the number of the picture. Blur, antialiased bicubic down, noise
    ``n ~ N(0, shot I + read^2)``, JPEG as Pillow writes it.
    """
    sources = ([settings.seed, factor, first + number] for number in range(len(faces)))
    return np.stack([_shoot(face, factor, np.random.default_rng(source)) for face, source in zip(faces, sources)])


def _shoot(face: np.ndarray, factor: int, rng: np.random.Generator) -> np.ndarray:
    blur, shot, read = (rng.uniform(*limits) for limits in (BLUR, SHOT_NOISE, READ_NOISE))
    quality = int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1))
    height, width, channels = face.shape
    image = Image.fromarray(face[..., 0] if channels == 1 else face)
    image = image.filter(ImageFilter.GaussianBlur(blur * factor))
    small = image.resize((width // factor, height // factor), Image.Resampling.BICUBIC)
    light = np.asarray(small, dtype=np.float64).reshape(height // factor, width // factor, channels) / 255
    noisy = light + rng.normal(size=light.shape) * np.sqrt(shot * light + read**2)
    pixels = np.round(noisy.clip(0, 1) * 255).astype(np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(stored, format="JPEG", quality=quality)
    with Image.open(stored) as again:
        return np.asarray(again).reshape(pixels.shape)
