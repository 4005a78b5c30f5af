"""Brings a face into the usual place by five landmarks: a least-squares similarity transform, then resampling.

Points are (x, y) with whole numbers at pixel centres, as detectors and OpenCV give them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pipeline.data import images
from pipeline.errors import InputError

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")  # left and right as seen in the picture
# Where ArcFace has them in a picture of 112 x 112; nearly every network for faces is trained so.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
TEMPLATE_SIDE = 112
# Share of the template's variance that a similarity must explain: 1 for a frontal face, about 0.5 in full profile,
# 0.05 where left and right are exchanged.
MIN_FIT = 0.3
OVERSAMPLING = 2  # what a coarse first reduction leaves at least, so that its box filter does not show

Matrix = NDArray[np.float64]


def similarity(source: ArrayLike, target: ArrayLike) -> Matrix:
    """The (2, 3) matrix of scale, rotation and shift that brings ``source`` (P, 2) closest to ``target`` (P, 2).

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", TPAMI 1991: never
    a mirroring. Raises ValueError where all points of ``source`` coincide.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    x, y = source - mean, target - target_mean
    variance = np.square(x).sum() / len(x)
    if variance == 0:
        raise ValueError("all points coincide: expected two or more")
    u, spread, vt = np.linalg.svd(y.T @ x / len(x))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    linear = (u * sign) @ vt * ((spread * sign).sum() / variance)
    return np.column_stack([linear, target_mean - linear @ mean])


def fit(landmarks: ArrayLike) -> float:
    """How well five ``landmarks`` (5, 2) can be brought onto the template: 1 exactly, 0 not at all.

    It is the share of the template's variance that the best similarity explains.
    """
    landmarks = np.asarray(landmarks, float)
    matrix = similarity(landmarks, TEMPLATE)
    rest = np.square(landmarks @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE).sum()
    return float(1 - rest / np.square(TEMPLATE - TEMPLATE.mean(axis=0)).sum())


def problem(landmarks: ArrayLike) -> str | None:
    """What is wrong with five ``landmarks`` (5, 2) of finite numbers, in words; None for those of a face."""
    if np.ptp(landmarks, axis=0).max() < 1:
        return "landmarks all in one point, expected those of a face"
    if (quality := fit(landmarks)) < MIN_FIT:
        return (
            f"landmarks do not lie as in a face (fit {quality:.2f}, expected {MIN_FIT} or more): left_eye and mouth_left"
            " are those on the left of the picture, eyes are above the mouth in it or it is turned, not mirrored"
        )
    return None


def align(
    image: Image.Image, landmarks: ArrayLike, size: int, *, template: ArrayLike | None = None, outside: int = 0
) -> NDArray[np.uint8]:
    """``image``, grey or RGB, with its ``landmarks`` (P, 2) on the template scaled to ``size``: (size, size, C)
    uint8.

    ``template`` (P, 2), of two points or more, is in pixels of a picture of TEMPLATE_SIDE; by default it is TEMPLATE,
    for five. Antialiased: drawn finer than asked where the face has more pixels, then brought down by bicubic
    resampling. What lies outside of the image has the value ``outside``, black.
    """
    template = TEMPLATE if template is None else np.asarray(template, float)
    # From here on whole numbers are pixel edges, as Pillow has it: there scaling is a plain multiplication.
    matrix = similarity(np.asarray(landmarks, float) + 0.5, (template + 0.5) * (size / TEMPLATE_SIDE))
    shrink = 1 / math.hypot(matrix[0, 0], matrix[1, 0])  # pixels of the image per pixel of the result
    coarse = max(1, int(shrink / OVERSAMPLING))
    fine = max(1, math.ceil(shrink / coarse - 1e-9))
    if coarse > 1:
        image = image.reduce(coarse)
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2] / coarse  # from the result to the image
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ back.T
    # Only what is needed becomes floats; bicubic interpolation looks two pixels further.
    first = np.clip(np.floor(corners.min(axis=0)) - 3, 0, np.array(image.size) - 1).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 3, first + 1, image.size).astype(int)
    image = image.crop((*first.tolist(), *last.tolist()))
    back[:, 2] -= first
    back[:, :2] /= fine
    bands = []
    for band in image.split():
        # As floats: of whole numbers Pillow cuts off the fraction here, which would darken every face by half a level.
        drawn = band.convert("F").transform(
            (fine * size, fine * size), Image.Transform.AFFINE, back.ravel().tolist(), Image.Resampling.BICUBIC,
            fillcolor=outside,
        )  # fmt: skip
        bands.append(drawn if fine == 1 else drawn.resize((size, size), Image.Resampling.BICUBIC))
    return np.clip(np.rint(np.stack(bands, axis=-1)), 0, 255).astype(np.uint8)


def decode(
    data: bytes,
    name: str,
    landmarks: ArrayLike,
    *,
    size: int,
    channels: int,
    template: ArrayLike | None = None,
    outside: int = 0,
) -> np.ndarray:
    """Decode one image file as pipeline.data.images.decode does, aligned by its ``landmarks`` instead of cropped.

    ``template`` and ``outside`` as for ``align``. Returns uint8 (size, size, channels). Raises InputError as
    that does, and where a landmark lies outside of the upright image by more than half of its longer side.
    """
    image = images.open_image(data, name, channels=channels)
    sides = np.array(image.size)
    beyond = np.maximum(-np.asarray(landmarks), np.asarray(landmarks) - sides).max(axis=1)
    if beyond.max() > sides.max() / 2:
        point = int(beyond.argmax())
        x, y = np.asarray(landmarks, float)[point]
        raise InputError(
            f"{name}: landmark {POINTS[point]} ({x:g}, {y:g}) lies far outside of the image of {sides[0]}x{sides[1]}"
            " pixels, expected pixels of the upright image"
        )
    return align(image, landmarks, size, template=template, outside=outside)
