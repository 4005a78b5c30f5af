"""The other degradations: that of A-SKD's code against torch and a plain Gaussian, and the camera's promises."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from pipeline.data.degradation import degrade_array, degrade_folder, downsample
from pipeline.data.degradations import camera, nearest_gaussian
from pipeline.data.pixels import QualityArrays
from pipeline.errors import InputError
from tests.helpers.patterns import pattern

AS_ASKD = nearest_gaussian.Settings(method="nearest_gaussian", qualities=[1, 2])


def shot(seed: int) -> camera.Settings:
    """A camera's settings."""
    return camera.Settings(method="camera", qualities=[1, 2, 4], seed=seed)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_nearest_takes_the_pixels_that_torch_takes(factor):
    faces = pattern(3)
    planes = torch.from_numpy(faces).permute(0, 3, 1, 2).float()
    wanted = torch.nn.functional.interpolate(planes, scale_factor=1 / factor, mode="nearest")
    result = downsample(faces, factor, AS_ASKD)
    assert np.array_equal(result, wanted.permute(0, 2, 3, 1).numpy().astype(np.uint8))


def test_the_way_up_is_nearest_and_a_gaussian_of_five_by_five():
    """In plain loops with both sigmas, over pixels mirrored at the border."""
    small = np.random.default_rng(0).integers(0, 256, (4, 4))
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1).astype(float)
    kernel = np.array(
        [[np.exp(-(x**2) / (2 * 0.1**2) - y**2 / (2 * 2.0**2)) for x in range(-2, 3)] for y in range(-2, 3)]
    )
    kernel /= kernel.sum()
    padded = np.pad(large, 2, mode="reflect")
    wanted = np.array([[(kernel * padded[y : y + 5, x : x + 5]).sum() for x in range(16)] for y in range(16)])
    result = nearest_gaussian.larger(torch.from_numpy(small).expand(2, 3, 4, 4), 16)
    assert result.shape == (2, 3, 16, 16)
    np.testing.assert_allclose(result[1, 2].numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_camera_repeats_itself_and_treats_each_picture_in_its_own_way(channels, tmp_path):
    faces = np.repeat(pattern(channels, count=1), 6, axis=0)  # six times the same picture
    shots = downsample(faces, 4, shot(1))
    assert shots.shape == (6, 12, 16, channels) and shots.dtype == np.uint8
    assert np.array_equal(shots, downsample(faces, 4, shot(1)))
    assert len({shot.tobytes() for shot in shots}) == 6
    assert not np.array_equal(shots, downsample(faces, 4, shot(2)))
    np.save(tmp_path / "faces.npy", faces)
    for chunk in (1, 4, 6):
        degrade_array(tmp_path / "faces.npy", tmp_path / "x4.npy", 4, shot(1), chunk=chunk)
        assert np.array_equal(np.load(tmp_path / "x4.npy"), shots)


def test_the_camera_adds_noise_around_the_true_light():
    """Many shots of one flat grey: their mean is the grey, and their spread lies within the stated ranges."""
    grey = np.full((200, 32, 32, 1), 128, np.uint8)
    shots = downsample(grey, 2, shot(0)).astype(float)
    assert abs(shots.mean() - 128) < 1
    spread = shots.std(axis=(1, 2, 3)) / 255
    assert spread.min() < 0.02 < np.median(spread) and spread.max() < 1.3 * np.sqrt(0.005 * 128 / 255 + 0.02**2)


def test_arrays_say_how_they_are_enlarged(tmp_path):
    faces = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "faces.npy", faces)
    degrade_folder(tmp_path / "faces.npy", tmp_path, AS_ASKD)
    batch = QualityArrays(tmp_path / "faces.npy", tmp_path, [1, 2], torch.device("cpu")).batch(
        torch.arange(4), torch.tensor([1, 2, 2, 1]), torch.zeros(4, dtype=torch.bool)
    )
    small = torch.from_numpy(faces[1:2, ::2, ::2]).permute(0, 3, 1, 2)
    torch.testing.assert_close(batch[1:2], nearest_gaussian.larger(small, 16) / 127.5 - 1)
    torch.testing.assert_close(batch[0], torch.from_numpy(faces[0]).permute(2, 0, 1) / 127.5 - 1)
    (tmp_path / "method.json").write_text(json.dumps({"method": "bilinear"}))
    with pytest.raises(InputError, match="method.json: method = 'bilinear': expected 'bicubic'"):
        QualityArrays(tmp_path / "faces.npy", tmp_path, [1, 2], torch.device("cpu"))
