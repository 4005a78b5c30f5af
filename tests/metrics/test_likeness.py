"""SSIM and FSIM of faces and sketches against plain computations of the papers' formulas."""

import math

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.metrics.likeness import CHUNK, fsim, grey_levels, ssim
from pipeline.report import comparing


def drawings(count=1, channels=1, height=50, width=41, seed=0):
    """Smooth blots and sharp strokes on white, (B, C, H, W) uint8."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    pictures = np.full((count, channels, height, width), 250.0)
    for picture in pictures.reshape(-1, height, width):
        for _ in range(6):
            cy, cx = generator.uniform(0, height), generator.uniform(0, width)
            picture -= generator.uniform(20, 120) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / generator.uniform(8, 200))
            angle = generator.uniform(0, math.pi)
            picture -= 60 * (abs((y - cy) * math.cos(angle) + (x - cx) * math.sin(angle)) < 0.8)
    return pictures.clip(0, 255).round().astype(np.uint8)


def alike(pictures, spread, seed=9):
    errors = np.random.default_rng(seed).normal(0, spread, pictures.shape)
    return (pictures + errors).clip(0, 255).round().astype(np.uint8)


def frequencies(size):
    """Centred, in cycles per pixel, from -1/2; an odd number of them ends at 1/2."""
    return np.arange(-(size // 2), size - size // 2) / (size - size % 2)


def lower_median(values):
    return np.sort(values, axis=None)[(values.size - 1) // 2]


def plain_phase_congruency(plane, median, guard):
    """Kovesi 1999 as Zhang et al. 2011 use it (their section II.A), in loops over orientations and scales."""
    height, width = plane.shape
    v, u = np.meshgrid(frequencies(height), frequencies(width), indexing="ij")
    radius, theta = np.hypot(u, v), np.arctan2(-v, u)
    low_pass = 1 / (1 + (radius / 0.45) ** 30)
    spectrum = np.fft.fft2(plane)
    energy_of_all, amplitude_of_all = 0, 0
    for orientation in range(4):
        apart = np.angle(np.exp(1j * (theta - orientation * math.pi / 4)))
        angular = np.exp(-(apart**2) / (2 * (math.pi / 4 / 1.2) ** 2))
        responses, kernels = [], []
        for scale in range(4):
            with np.errstate(divide="ignore"):
                radial = np.exp(-(np.log(radius * 6 * 2**scale) ** 2) / (2 * math.log(0.55) ** 2))
            radial[radius == 0] = 0
            transfer = np.fft.ifftshift(radial * low_pass * angular)
            responses.append(np.fft.ifft2(spectrum * transfer))
            kernels.append(np.fft.ifft2(transfer).real * math.sqrt(height * width))
            if scale == 0:
                power_of_smallest = (transfer**2).sum()
        total = sum(responses)
        direction = total / (abs(total) + guard)
        energy = 0
        for response in responses:  # A (cos - |sin|) of the angle between it and the mean phase
            turned = response * direction.conj()
            energy = energy + turned.real - abs(turned.imag)
        # Rayleigh noise, its power estimated from the median response at the smallest scale
        noise = median(abs(responses[0]) ** 2) / math.log(2) / power_of_smallest
        squares = sum((kernel**2).sum() for kernel in kernels)
        products = sum((kernels[i] * kernels[j]).sum() for i in range(4) for j in range(i + 1, 4))
        tau = math.sqrt(noise * (squares + 2 * products))
        threshold = (tau * math.sqrt(math.pi / 2) + 2 * math.sqrt((2 - math.pi / 2) * tau**2)) / 1.7
        energy_of_all = energy_of_all + np.maximum(energy - threshold, 0)
        amplitude_of_all = amplitude_of_all + sum(abs(response) for response in responses)
    return energy_of_all / amplitude_of_all


def plain_gradient(plane):
    """Scharr, pixel by pixel, black outside."""
    padded = np.pad(plane, 1)
    result = np.empty(plane.shape)
    for y, x in np.ndindex(plane.shape):
        near = padded[y : y + 3, x : x + 3]
        across = [3, 10, 3] @ (near[:, 0] - near[:, 2]) / 16
        down = [3, 10, 3] @ (near[0] - near[2]) / 16
        result[y, x] = math.hypot(across, down)
    return result


def plain_fsim(first, second, median=np.median, guard=1e-4):
    """Zhang et al. 2011, equations 5 to 8: T1 0.85, T2 160. Median and guard as in the authors' code."""
    pc = [plain_phase_congruency(plane, median, guard) for plane in (first, second)]
    gradient = [plain_gradient(plane) for plane in (first, second)]
    like_pc = (2 * pc[0] * pc[1] + 0.85) / (pc[0] ** 2 + pc[1] ** 2 + 0.85)
    like_gradient = (2 * gradient[0] * gradient[1] + 160) / (gradient[0] ** 2 + gradient[1] ** 2 + 160)
    weight = np.maximum(*pc)
    return (like_pc * like_gradient * weight).sum() / weight.sum()


def plain_ssim(first, second):
    """Wang et al. 2004, window by window, in loops."""
    steps = np.arange(11) - 5
    window = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y, x in np.ndindex(first.shape[0] - 10, first.shape[1] - 10):
        a, b = first[y : y + 11, x : x + 11], second[y : y + 11, x : x + 11]
        mean_a, mean_b = (window * a).sum(), (window * b).sum()
        variance = (window * (a - mean_a) ** 2).sum() + (window * (b - mean_b) ** 2).sum()
        covariance = (window * (a - mean_a) * (b - mean_b)).sum()
        likeness = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        values.append(likeness * (2 * covariance + c2) / (variance + c2))
    return np.mean(values)


def plain_grey(picture):
    return picture[0] * 1.0 if len(picture) == 1 else 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("spread", [4, 40])
def test_both_are_those_of_the_papers(channels, spread):
    originals = drawings(3, channels)
    results = alike(originals, spread)
    results[2] = drawings(1, channels, seed=5)[0]  # somebody else
    pairs = [[plain_grey(picture) for picture in pair] for pair in zip(results, originals, strict=True)]
    np.testing.assert_allclose(ssim(results, originals), [plain_ssim(*pair) for pair in pairs], atol=1e-9)
    np.testing.assert_allclose(fsim(results, originals), [plain_fsim(*pair) for pair in pairs], atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(33, 47), (64, 48), (30, 50)])
def test_fsim_differs_from_the_authors_by_the_median_and_a_guard_alone(height, width):
    originals = drawings(2, 1, height, width)
    results = alike(originals, 25)
    pairs = list(zip(results[:, 0] * 1.0, originals[:, 0] * 1.0, strict=True))
    expected = [plain_fsim(*pair, median=lower_median, guard=1e-15) for pair in pairs]
    np.testing.assert_allclose(fsim(results, originals), expected, atol=1e-9)
    np.testing.assert_allclose(fsim(results, originals), [plain_fsim(*pair) for pair in pairs], atol=2e-4)


def test_pairs_do_not_touch_each_other():
    """One value per pair, in order, whatever else is in the batch and however it is cut."""
    originals = drawings(CHUNK + 3, 1, 24, 20)
    results = alike(originals, 30)
    for metric in (ssim, fsim):
        values = metric(results, originals)
        assert values.shape == (CHUNK + 3,) and values.dtype == np.float64
        alone = [metric(results[i : i + 1], originals[i : i + 1])[0] for i in range(CHUNK + 3)]
        np.testing.assert_allclose(values, alone, atol=1e-12)
        np.testing.assert_allclose(metric(originals, results), values, atol=1e-12)  # both ways the same


def test_known_pictures():
    pictures = drawings(2, 3)
    for metric in (ssim, fsim):
        np.testing.assert_allclose(metric(pictures, pictures), 1, atol=1e-12)
        near, far = metric(alike(pictures, 5), pictures), metric(alike(pictures, 60), pictures)
        assert (far < near).all() and (near < 1).all()
    white = np.full((1, 1, 20, 20), 255, np.uint8)
    assert fsim(white, white)[0] == ssim(white, white)[0] == 1
    assert np.isfinite(fsim(white - 200, white)).all()
    # Inverted: FSIM does not see which side of a line is dark, SSIM does.
    grey = drawings(1)
    assert ssim(255 - grey, grey)[0] < 0.1 and fsim(255 - grey, grey)[0] > 0.5


def test_floats_are_grey_levels_as_they_are():
    originals = drawings(1)
    results = alike(originals, 20)
    for metric in (ssim, fsim):
        value = metric(results, originals)
        np.testing.assert_allclose(metric(results.astype(np.float32), originals.astype(np.float64)), value, atol=1e-6)
        between = np.clip(results + 0.49, 0, 255)
        assert metric(between, originals)[0] != value[0]


def test_grey_of_known_colours():
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8).T[None, :, None, :]
    np.testing.assert_allclose(grey_levels("photo", colours)[0, 0], [76.245, 149.685, 29.07, 255])
    assert grey_levels("photo", colours).max() <= 255
    assert grey_levels("photo", colours[:, :1]).shape == (1, 1, 4)


ONE = np.full((2, 1, 20, 20), 100, np.uint8)


@pytest.mark.parametrize("metric", [ssim, fsim])
@pytest.mark.parametrize(
    ("results", "originals", "expected"),
    [
        (ONE, ONE[:1], "(2, 1, 20, 20) and (1, 1, 20, 20), expected the same shape"),
        (ONE, np.repeat(ONE, 3, axis=1), "expected the same shape"),
        (ONE[:, 0], ONE[:, 0], "shape (2, 20, 20), expected (pictures, 1 or 3 channels, height, width)"),
        (ONE.transpose(0, 2, 3, 1), ONE.transpose(0, 2, 3, 1), "results: shape (2, 20, 20, 1)"),
        (ONE[:0], ONE[:0], "results: shape (0, 1, 20, 20)"),
        (ONE[..., :10], ONE[..., :10], "10x20 pixels, expected at least 11x11"),
        (ONE, ONE.astype(int), "originals: type int64, expected uint8 or floats"),
        (ONE * np.nan, ONE, "results: nan to nan, expected finite"),
        (ONE, ONE - 101.0, "originals: -1.0 to -1.0"),
        (ONE + 155.5, ONE, "results: 255.5 to 255.5"),
        (ONE / 255, ONE / 255, "originals: floats up to 0.39"),
    ],
)
def test_pictures_that_cannot_be_compared(metric, results, originals, expected):
    with pytest.raises(InputError) as caught:
        metric(results, originals)
    assert expected in str(caught.value)


def test_a_difference_over_pictures_and_seeds():
    """What a report does with them: (seeds, pictures) of each variant, compared picture by picture."""
    originals = drawings(12, 1, 24, 20)
    near = np.stack([ssim(alike(originals, 10, seed), originals) for seed in (1, 2, 3)])
    far = np.stack([ssim(alike(originals, 12, seed), originals) for seed in (4, 5, 6)])
    outcomes = {("ssim", "near"): comparing.Outcomes(near), ("ssim", "far"): comparing.Outcomes(far)}
    line = comparing.family(outcomes, [(("ssim", "near"), ("ssim", "far"))], [1]).iloc[0]
    assert line["difference"] == pytest.approx(near.mean() - far.mean()) and line["verdict"] == "better"
    figure, _ = comparing.estimates(outcomes, [1, 1])
    assert figure["low"] < figure["mean"] < figure["high"] and (figure["seeds"], figure["items"]) == (3, 12)
