"""The pixels of every degradation are pinned, and agree with an independent float computation."""

import hashlib
import io
import resource

import numpy as np
import pytest

from pipeline.data.degradation import degrade_array, downsample
from pipeline.data.degradations.bicubic import Settings
from pipeline.errors import InputError
from tests.helpers.patterns import pattern

BICUBIC = Settings(method="bicubic", qualities=[1])
# SHA-256 of the bytes of downsample(pattern(channels), factor, BICUBIC): a change here changes every published number.
GOLDEN = {
    (1, 1): "1db4bda0ad454e4394e45fd4b084e055d9a88680aad42091f9c39e14012d9e82",
    (1, 2): "dabcfdac117935c88c3b8b7038dacd3efa21f48728043c59eb76f8458962e95e",
    (1, 4): "a7871d6fcb84712cee58122a2efb2acc09493a6f3b45b17e12afa390bdf056ea",
    (1, 8): "e9dcf6f28547625a0b404a2966deab8df9260d274392dcf9119c592d6f1705b8",
    (3, 1): "b648c6b83aa847e5882e53f4446f1c411eba29d4427c908c4fa4c27dc0131cee",
    (3, 2): "d099add6dc56a80b68812156c99e802c587936d8378bdae287418998240522e6",
    (3, 4): "2eb3000ee7f39fff1c2e6c8a4af4b2172e0d143c0dac3a31eeb9c9ece0633f3c",
    (3, 8): "d0f55455871c7fe3abc76e90602017109c6478a4d0ceb612906be70744913856",
}


def imresize(image, factor):
    """Antialiased bicubic of a plane in float64, written from the description of MATLAB's imresize."""
    return resize_rows(resize_rows(image.astype(float), factor).T, factor).T


def resize_rows(image, factor):
    length = image.shape[0]
    out = np.zeros((length // factor, image.shape[1]))
    for row in range(length // factor):
        centre = (row + 0.5) * factor - 0.5
        taps = np.arange(np.ceil(centre - 2 * factor), np.floor(centre + 2 * factor) + 1)
        taps = taps[(taps >= 0) & (taps < length)].astype(int)
        t = np.abs(taps - centre) / factor
        near = 1.5 * t**3 - 2.5 * t**2 + 1
        far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        weights = np.where(t <= 1, near, np.where(t < 2, far, 0))
        out[row] = weights @ image[taps] / weights.sum()
    return out


@pytest.mark.parametrize(("channels", "factor"), GOLDEN)
def test_golden_pixels(channels, factor):
    small = downsample(pattern(channels), factor, BICUBIC)
    assert small.shape == (3, 48 // factor, 64 // factor, channels) and small.dtype == np.uint8
    assert hashlib.sha256(small.tobytes()).hexdigest() == GOLDEN[channels, factor]


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 8])
def test_agrees_with_a_float_computation(factor):
    faces = pattern(2, width=72)
    for face, result in zip(faces, downsample(faces, factor, BICUBIC)):
        for channel in range(2):
            assert_within_one_level(result[..., channel], imresize(face[..., channel], factor))


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 8])
def test_agrees_on_noise_with_clipping_between_the_directions(factor):
    faces = np.random.default_rng(factor).integers(0, 256, (3, 48, 72, 1), dtype=np.uint8)
    for face, result in zip(faces[..., 0], downsample(faces, factor, BICUBIC)[..., 0]):
        # Noise overshoots 0 to 255 after the first direction; Pillow is back in 8 bits there.
        between = np.clip(resize_rows(face.T.astype(float), factor), 0, 255)
        assert_within_one_level(result, resize_rows(between.T, factor))


def assert_within_one_level(result, expected):
    assert np.abs(result - np.clip(np.round(expected), 0, 255)).max() <= 1


def test_is_antialiased():
    stripes = np.zeros((1, 16, 16, 1), np.uint8)
    stripes[:, :, ::2] = 255
    inner = downsample(stripes, 4, BICUBIC)[0, 1:-1, 1:-1, 0]
    assert np.abs(inner.astype(int) - 127).max() <= 3  # plain sampling would give 0 or 255


def test_channels_do_not_mix():
    faces = pattern(3)
    for channel in range(3):
        alone = downsample(faces[..., channel : channel + 1], 4, BICUBIC)
        np.testing.assert_array_equal(downsample(faces, 4, BICUBIC)[..., channel : channel + 1], alone)


def test_factor_1_is_the_input():
    faces = pattern(1)
    assert downsample(faces, 1, BICUBIC) is faces


@pytest.mark.parametrize("flips", [np.s_[:, ::-1], np.s_[:, :, ::-1]])
def test_mirror_images_stay_mirror_images(flips):
    faces = pattern(3)
    np.testing.assert_array_equal(downsample(faces[flips], 8, BICUBIC), downsample(faces, 8, BICUBIC)[flips])


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (5, "64x48 pixels, expected both sides to be divisible by 5"),
        (128, "divisible by 128"),
        (0, "factor 0, expected a whole number"),
        (-2, "factor -2"),
        (2.0, "factor 2.0"),
        (True, "factor True"),
    ],
)
def test_bad_requests(factor, expected, tmp_path):
    with pytest.raises(InputError, match=expected):
        downsample(pattern(1), factor, BICUBIC)
    source = tmp_path / "faces.npy"
    np.save(source, pattern(1))
    with pytest.raises(InputError, match=expected) as caught:
        degrade_array(source, tmp_path / "small.npy", factor, BICUBIC)
    assert str(source) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["faces.npy"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
@pytest.mark.parametrize("factor", [1, 2])
def test_degrade_array(chunk, factor, tmp_path):
    faces = pattern(3, count=5)
    np.save(tmp_path / "faces.npy", faces)
    degrade_array(tmp_path / "faces.npy", tmp_path / "deep" / "small.npy", factor, BICUBIC, chunk=chunk)
    small = np.load(tmp_path / "deep" / "small.npy")
    np.testing.assert_array_equal(small, downsample(faces, factor, BICUBIC))
    np.save(tmp_path / "expected.npy", downsample(faces, factor, BICUBIC))
    assert (tmp_path / "deep" / "small.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


def bad_array(kind):
    good = pattern(1)
    return {
        "empty": b"",
        "text": b"faces",
        "truncated": _npy(good)[:-1],
        "header only": _npy(good)[:64],
        "float": _npy(good.astype(np.float32)),
        "three axes": _npy(good[..., 0]),
        "pickle": _npy(np.array([{}], dtype=object)),
        "npz": _npz(good),
    }[kind]


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _npz(array):
    buffer = io.BytesIO()
    np.savez(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind", ["absent", "empty", "text", "truncated", "header only", "float", "three axes", "pickle", "npz"]
)
def test_bad_arrays(kind, tmp_path):
    source = tmp_path / "faces.npy"
    if kind != "absent":
        source.write_bytes(bad_array(kind))
    with pytest.raises(InputError, match="faces.npy") as caught:
        degrade_array(source, tmp_path / "small.npy", 2, BICUBIC)
    line = str(caught.value)
    assert "\n" not in line and ("expected" in line or "not a whole" in line)
    assert not (tmp_path / "small.npy").exists()


def test_full_disk_leaves_nothing(tmp_path):
    np.save(tmp_path / "faces.npy", np.zeros((50, 64, 64, 1), np.uint8))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # stands in for a full disk
    try:
        with pytest.raises(InputError, match="small.npy: cannot be written"):
            degrade_array(tmp_path / "faces.npy", tmp_path / "small.npy", 2, BICUBIC, chunk=10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["faces.npy"]
