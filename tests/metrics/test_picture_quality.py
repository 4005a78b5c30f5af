"""PSNR and SSIM against plain computations, values known by hand, and the field's figures for bicubic enlarging."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.patches import crop_to_multiple, enlarge_bicubic, shrink
from pipeline.data.picture_sources import load_pictures
from pipeline.errors import InputError
from pipeline.metrics.picture_quality import luma, psnr, ssim
from pipeline.params.loading import validate
from pipeline.params.pictures import PictureSet


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def alike(picture, spread, seed=9):
    """A picture like ``picture``, with errors of up to ``spread`` levels."""
    errors = np.random.default_rng(seed).integers(-spread, spread + 1, picture.shape)
    return (picture + errors).clip(0, 255).astype(np.uint8)


def grey(value, height=20, width=20, channels=1):
    return np.full((height, width, channels), value, np.uint8)


def test_luma_of_known_colours():
    """MATLAB's rgb2ycbcr: black 16, white 235, and the primaries as in its documentation's matrix."""
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    np.testing.assert_allclose(luma(colours)[0], [16, 235, 81.481, 144.553, 40.966], atol=1e-9)
    assert luma(colours).shape == (1, 5)
    np.testing.assert_array_equal(luma(noise(4, 5, 1)), noise(4, 5, 1)[..., 0])


def test_psnr_of_known_errors():
    """Off by 1 everywhere: 20 log10 255. Grey stored as RGB counts 219/255 of it."""
    assert psnr(grey(101), grey(100), 0) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(grey(110), grey(100), 2) == pytest.approx(28.1308, abs=1e-4)
    assert psnr(grey(0), grey(255), 0) == 0
    colour = psnr(grey(110, channels=3), grey(100, channels=3), 0)
    assert colour - psnr(grey(110), grey(100), 0) == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)
    assert psnr(grey(7), grey(7), 0) == math.inf


def test_the_border_does_not_count():
    target = noise(20, 24)
    result = alike(target, 9)
    spoilt = result.copy()
    spoilt[:4], spoilt[-4:], spoilt[:, :4], spoilt[:, -4:] = 0, 255, 255, 0
    for metric in (psnr, ssim):
        assert metric(spoilt, target, 4) == metric(result, target, 4)
        assert metric(spoilt, target, 3) != metric(result, target, 3)
        assert metric(result, target, 4) == metric(result[4:-4, 4:-4], target[4:-4, 4:-4], 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_is_the_mean_square_in_loops(channels):
    target = noise(17, 14, channels)
    result = alike(target, 30)
    weights = [65.481 / 255, 128.553 / 255, 24.966 / 255] if channels == 3 else [1]
    total, count = 0.0, 0
    for y in range(3, 14):
        for x in range(3, 11):
            levels = [int(result[y, x, c]) - int(target[y, x, c]) for c in range(channels)]
            total += sum(weight * level for weight, level in zip(weights, levels)) ** 2
            count += 1
    assert psnr(result, target, 3) == pytest.approx(10 * math.log10(255**2 * count / total), abs=1e-9)


def plain_ssim(first, second):
    """Wang et al. 2004, window by window, in loops."""
    steps = np.arange(11) - 5
    window = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(first.shape[0] - 10):
        for x in range(first.shape[1] - 10):
            a, b = first[y : y + 11, x : x + 11], second[y : y + 11, x : x + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            variance_a, variance_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            likeness = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            values.append(likeness * (2 * covariance + c2) / (variance_a + variance_b + c2))
    return np.mean(values)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("spread", [5, 60, 255])
def test_ssim_is_that_of_the_paper(channels, spread):
    target = np.repeat(np.repeat(noise(6, 7, channels), 4, axis=0), 4, axis=1)
    result = alike(target, spread)
    first, second = (luma(picture)[2:-2, 2:-2] for picture in (result, target))
    assert ssim(result, target, 2) == pytest.approx(plain_ssim(first, second), abs=1e-9)


def test_ssim_of_known_pictures():
    target = noise(30, 30)
    assert ssim(target, target, 4) == pytest.approx(1, abs=1e-12)
    # Flat pictures have no structure: the first factor alone is left.
    c1 = (0.01 * 255) ** 2
    assert ssim(grey(50), grey(100), 0) == pytest.approx((2 * 5000 + c1) / (2500 + 10_000 + c1), abs=1e-9)
    assert ssim(255 - target, target, 0) < 0


@pytest.mark.parametrize(
    ("metric", "result", "target", "shave", "expected"),
    [
        (ssim, grey(1, 18, 30), grey(2, 18, 30), 4, "30x18 pixels less a border of 4, expected at least 11x11"),
        (ssim, grey(1, 30, 10), grey(2, 30, 10), 0, "10x30 pixels"),
        (psnr, grey(1, 8, 30), grey(2, 8, 30), 4, "expected at least 1x1 inside"),
        (psnr, grey(1), grey(2), -1, "less a border of -1"),
        (psnr, grey(1, 20, 21), grey(2), 0, "expected the same shape"),
        (ssim, grey(1, channels=3), grey(2), 0, "expected the same shape"),
        (psnr, grey(1).astype(float), grey(2), 0, "float64 (20, 20, 1) found"),
        (psnr, grey(1), grey(2).astype(np.int64), 0, "int64 (20, 20, 1) found"),
        (psnr, grey(1)[..., 0], grey(2)[..., 0], 0, "uint8 (20, 20) found"),
        (ssim, grey(1, channels=4), grey(2, channels=4), 0, "uint8 (20, 20, 4) found"),
    ],
)
def test_pictures_that_cannot_be_compared(metric, result, target, shave, expected):
    with pytest.raises(InputError) as caught:
        metric(result, target, shave)
    assert expected in str(caught.value)


def test_just_enough_for_one_window():
    assert ssim(grey(9, 19, 19), grey(9, 19, 19), 4) == pytest.approx(1)
    assert psnr(grey(1, 9, 9), grey(2, 9, 9), 4) == pytest.approx(48.1308, abs=1e-4)


B100 = "BSR/BSDS500/data/images/val/*.jpg"


def real(name, include, channels=3, limit=None):
    raw = Path(os.environ["FACES_DATASETS"])
    if not (raw / name).is_file():
        pytest.skip(f"{name} is not in FACES_DATASETS")
    given = {
        "source": "pictures", "label": name, "name": name, "files": {"archive": {"address": None, "sha256": None}},
        "include": [include], "channels": channels, "limit": limit,
    }  # fmt: skip
    return load_pictures(validate(PictureSet, given, "pictures"), raw)


def bicubic_quality(pictures, scale):
    """Means over the pictures of PSNR and SSIM."""
    values = []
    for _, picture in pictures:
        large = crop_to_multiple(picture, scale)
        result = enlarge_bicubic(shrink(picture, scale), scale)
        values.append((psnr(result, large, scale), ssim(result, large, scale)))
    return np.mean(values, axis=0)


needs_data = pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")


@needs_data
@pytest.mark.parametrize(
    ("name", "include", "scale", "published"),
    [
        ("Set5.zip", "Set5/*.png", 2, (33.66, 0.9299)),
        ("Set5.zip", "Set5/*.png", 3, (30.39, 0.8682)),
        ("Set5.zip", "Set5/*.png", 4, (28.42, 0.8104)),
        ("BSR_bsds500.tgz", B100, 4, (25.96, 0.6675)),
    ],
)
def test_bicubic_as_published(name, include, scale, published):
    quality, similarity = bicubic_quality(real(name, include), scale)
    assert quality == pytest.approx(published[0], abs=0.05)
    assert similarity == pytest.approx(published[1], abs=0.0015)


@needs_data
def test_bicubic_of_set14_as_published():
    """Published figures take bridge.png, the one file stored as grey, as grey: 1.32 dB less for it, 0.09 for all."""
    pictures = dict(real("Set14.zip", "Set14/*.png"))
    all_rgb = bicubic_quality(pictures.items(), 4)
    assert all_rgb == pytest.approx((26.09, 0.7048), abs=0.01)
    pictures |= dict(real("Set14.zip", "Set14/bridge.png", channels=1))
    quality, similarity = bicubic_quality(pictures.items(), 4)
    assert quality == pytest.approx(26.00, abs=0.05) and similarity == pytest.approx(0.7027, abs=0.0015)
