"""Pictures shrink and grow as in MATLAB; patches of small and large pictures belong together, whatever the set."""

import numpy as np
import pytest

from pipeline.data import patches
from pipeline.data.patches import crop_to_multiple, cut, enlarge_bicubic, open_pairs, open_patches, shrink, write_pairs
from pipeline.data.pictures import PIXELS, Pictures, pack
from pipeline.errors import InputError

SCALES = [2, 3, 4, 8]


def noise(height, width, channels=3, seed=0, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (height, width, channels), dtype=np.uint8)


def packed(folder, pictures):
    pack(folder, pictures.items())
    return Pictures(folder)


# MATLAB's imresize as its documentation and source describe it, in float64: every output pixel is a weighted mean of
# the pixels under Keys' kernel, which is stretched where the picture shrinks; outside, the picture is mirrored.


def keys(x):
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0))


def matrix(before, after):
    """(after, before) weights of one dimension."""
    factor = after / before
    stretch = min(factor, 1)
    result = np.zeros((after, before))
    for row in range(after):
        centre = (row + 0.5) / factor - 0.5
        taps = np.arange(np.floor(centre - 2 / stretch), np.ceil(centre + 2 / stretch) + 1).astype(int)
        weights = keys(stretch * (centre - taps))
        mirrored = np.concatenate([np.arange(before), np.arange(before)[::-1]])[taps % (2 * before)]
        np.add.at(result[row], mirrored, weights / weights.sum())
    return result


def imresize(picture, height, width):
    rows, columns = matrix(picture.shape[0], height), matrix(picture.shape[1], width)
    exact = np.einsum("yh,hwc,xw->yxc", rows, picture.astype(float), columns, optimize=True)
    return np.floor(exact.clip(0, 255) + 0.5)


def distances(result, expected, border):
    """Grey levels inside the border, and in it."""
    result, distance = np.asarray(result, float), np.abs(result - expected)
    inside = np.zeros(distance.shape[:2], bool)
    inside[border:-border, border:-border] = True
    return distance[inside], distance[~inside]


@pytest.mark.parametrize("scale", SCALES)
def test_shrinking_is_matlabs_but_for_rounding_and_the_border(scale):
    """Pillow rounds after each of its two passes: one level in a sixth of the pixels, two in one of ten thousand.

    At the border Pillow leaves out what MATLAB mirrors: the two outermost pixels of the small picture differ, by some
    levels in noise, the worst case.
    """
    picture = noise(40 * scale, 50 * scale, seed=scale)
    inside, border = distances(shrink(picture, scale), imresize(picture, 40, 50), 2)
    assert inside.max() <= 2 and (inside > 1).mean() < 1e-3 and inside.mean() < 0.2
    assert border.max() <= 20 and border.mean() < 3


@pytest.mark.parametrize("scale", SCALES)
def test_enlarging_is_matlabs_but_for_rounding_and_the_border(scale):
    """Where nothing overshoots 0 or 255, at which Pillow cuts off between its passes too."""
    small = noise(20, 30, seed=scale, low=80, high=176)
    inside, border = distances(enlarge_bicubic(small, scale), imresize(small, 20 * scale, 30 * scale), 2 * scale)
    assert inside.max() <= 1 and inside.mean() < 0.25
    assert border.max() <= 6 and border.mean() < 0.6


@pytest.mark.parametrize("scale", SCALES)
def test_a_ramp_stays_a_ramp(scale):
    """The kernel reproduces straight lines: the values at the centres of the new pixels, exactly."""
    rows = 2 * np.broadcast_to(np.arange(12 * scale)[:, None, None], (12 * scale, 12 * scale, 3)).astype(np.uint8)
    expected = 2 * scale * np.arange(2, 10) + scale - 1
    np.testing.assert_array_equal(shrink(rows, scale)[2:-2, 5, 1], expected)
    np.testing.assert_array_equal(shrink(rows.transpose(1, 0, 2), scale)[5, 2:-2, 1], expected)
    small = np.broadcast_to(2 * scale * np.arange(12)[:, None, None], (12, 12, 1)).astype(np.uint8)
    result = enlarge_bicubic(small, scale)[:, 20, 0].astype(int)
    expected = 2 * np.arange(12 * scale) - (scale - 1)
    assert (result[2 * scale : -2 * scale] == expected[2 * scale : -2 * scale]).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("value", [0, 1, 127, 255])
def test_a_constant_stays_constant(scale, value):
    flat = np.full((5 * scale, 7 * scale, 3), value, np.uint8)
    assert (shrink(flat, scale) == value).all() and (enlarge_bicubic(flat, scale) == value).all()


def test_a_white_pixel_becomes_the_kernel():
    """Halving: the weights of Keys' kernel at 1/4 and 3/4 of its width, over their sum of 2, times 255."""
    line = np.zeros((1, 16, 1), np.uint8)
    line[0, 7] = 255
    picture = np.repeat(line, 16, axis=0)
    result = shrink(picture, 2)[4, :, 0]
    expected = [255 * float(keys(np.array((7 - (2 * x + 0.5)) / 2))) / 2 for x in range(8)]
    np.testing.assert_array_equal(result, np.floor(np.clip(expected, 0, 255) + 0.5))
    assert result[3] == 111 and result[4] == 29 and result[2] == 0  # 255 * 0.8671875 / 2 and 255 * 0.2265625 / 2


def test_cropping_keeps_the_upper_left_part():
    picture = noise(13, 19)
    cropped = crop_to_multiple(picture, 4)
    np.testing.assert_array_equal(cropped, picture[:12, :16])
    assert np.shares_memory(cropped, picture)
    np.testing.assert_array_equal(shrink(picture, 4), shrink(picture[:12, :16], 4))
    assert shrink(picture, 4).shape == (3, 4, 3) and enlarge_bicubic(shrink(picture, 4), 4).shape == (12, 16, 3)


def test_channels_do_not_mix():
    picture = noise(24, 32)
    alone = picture[..., 1:2]
    np.testing.assert_array_equal(shrink(picture, 4)[..., 1:2], shrink(alone, 4))
    np.testing.assert_array_equal(enlarge_bicubic(picture, 3)[..., 1:2], enlarge_bicubic(alone, 3))


@pytest.mark.parametrize(
    ("make", "shape", "scale", "expected"),
    [
        (shrink, (3, 9, 3), 4, "9x3 pixels, expected at least 4 per side"),
        (shrink, (9, 9, 3), 0, "scale 0"),
        (enlarge_bicubic, (9, 9, 3), 0, "scale 0"),
    ],
)
def test_what_cannot_be_scaled(make, shape, scale, expected):
    with pytest.raises(InputError, match=expected):
        make(noise(*shape), scale)


SET = {"b": noise(50, 61, seed=1), "a": noise(43, 40, seed=2), "c": noise(32, 90, seed=3)}


def places(small, whole):
    """Where a patch lies in the whole small picture; noise has it at one place at most."""
    side = small.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side), axis=(0, 1))
    return np.argwhere((windows == small.transpose(2, 0, 1)).all(axis=(2, 3, 4)))


@pytest.mark.parametrize(("scale", "patch"), [(2, 9), (3, 8), (4, 8)])
def test_patches_lie_at_one_place_in_both(scale, patch, tmp_path):
    pictures = packed(tmp_path / "set", SET)
    cut(pictures, scale, patch, 6, 0, tmp_path / "patches")
    small, large, result = open_patches(tmp_path / "patches")
    assert small.dtype == large.dtype == np.uint8 and result == scale
    counts = [min(6, (h // scale - patch + 1) * (w // scale - patch + 1)) for h, w in pictures.sizes]
    assert len(small) == len(large) == sum(counts)
    start, corners = 0, []
    for number, count in enumerate(counts):
        whole = shrink(pictures[number], scale)
        seen = []
        for row in range(start, start + count):
            ((y, x),) = places(small[row], whole)
            y, x = int(y), int(x)
            side = scale * patch
            np.testing.assert_array_equal(
                large[row], pictures[number][scale * y : scale * y + side, scale * x : scale * x + side]
            )
            seen.append((y, x))
        assert len(set(seen)) == count and seen == sorted(seen)
        corners.append(seen)
        start += count
    assert corners[0] != corners[1] and start > 6


def test_patches_know_what_lies_around_them(tmp_path):
    pictures = packed(tmp_path / "set", {"a": noise(64, 64)})
    cut(pictures, 4, 6, 5, 0, tmp_path / "patches")
    small, large, _ = open_patches(tmp_path / "patches")
    alone = np.stack([shrink(patch, 4) for patch in large])
    inside = np.abs(alone[:, 2:-2, 2:-2].astype(int) - small[:, 2:-2, 2:-2])
    assert inside.max() == 0 and (alone != small).any()


def test_a_picture_more_or_less_moves_no_others_patches(tmp_path):
    pictures = packed(tmp_path / "set", SET)
    cut(pictures, 2, 8, 4, 7, tmp_path / "all")
    small = open_patches(tmp_path / "all")[0]
    for name in SET:
        cut(packed(tmp_path / name, {name: SET[name]}), 2, 8, 4, 7, tmp_path / "one")
        rows = 4 * sorted(SET).index(name)
        np.testing.assert_array_equal(open_patches(tmp_path / "one")[0], small[rows : rows + 4])


def test_patches_follow_the_seed_and_nothing_else(tmp_path):
    pictures = packed(tmp_path / "set", SET)
    for seed, name in ((0, "first"), (0, "again"), (1, "other")):
        cut(pictures, 2, 8, 4, seed, tmp_path / name)

    def read(name):
        return [(tmp_path / name / f"{part}.npy").read_bytes() for part in ("lr", "hr")]

    assert read("first") == read("again")
    assert read("first")[0] != read("other")[0]
    same = packed(tmp_path / "same", {"x": SET["a"], "y": SET["a"]})
    cut(same, 2, 8, 4, 0, tmp_path / "same-patches")
    small = open_patches(tmp_path / "same-patches")[0]
    assert (small[:4] != small[4:]).any(), "pictures of one size are cut at places of their own"


def test_places_reach_all_corners(tmp_path):
    pictures = packed(tmp_path / "set", {"a": noise(22, 20)})  # 11 x 10 once shrunk: 3 x 2 places of patches of 9
    cut(pictures, 2, 9, 100, 0, tmp_path / "patches")
    small = open_patches(tmp_path / "patches")[0]
    whole = shrink(pictures[0], 2)
    expected = [whole[y : y + 9, x : x + 9] for y in range(3) for x in range(2)]
    np.testing.assert_array_equal(small, expected)


def test_a_face_as_large_as_a_patch_is_one_patch(tmp_path):
    faces = {f"{number}.png": noise(32, 32, 1, seed=number) for number in range(5)}
    cut(packed(tmp_path / "set", faces), 4, 8, 16, 0, tmp_path / "patches")
    small, large, scale = open_patches(tmp_path / "patches")
    assert small.shape == (5, 8, 8, 1) and scale == 4
    np.testing.assert_array_equal(large, list(faces.values()))
    np.testing.assert_array_equal(small, [shrink(face, 4) for face in faces.values()])


def test_a_picture_smaller_than_a_patch_is_named_and_nothing_is_lost(tmp_path):
    cut(packed(tmp_path / "set", SET), 2, 8, 2, 0, tmp_path / "patches")
    before = (tmp_path / "patches" / "lr.npy").read_bytes()
    with pytest.raises(InputError) as caught:
        cut(Pictures(tmp_path / "set"), 2, 17, 2, 0, tmp_path / "patches")
    line = str(caught.value)
    assert "set: c: 90x32 pixels, 45x16 once shrunk 2 times, expected at least a patch of 17" in line
    assert (tmp_path / "patches" / "lr.npy").read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["patches", "set"]


@pytest.mark.parametrize(
    ("scale", "patch", "per_picture", "expected"),
    [(0, 8, 1, "scale 0"), (2, 0, 1, "patch = 0"), (2, 8, 0, "per_picture = 0"), (99, 1, 1, "0x0 once shrunk")],
)
def test_numbers_out_of_range(scale, patch, per_picture, expected, tmp_path):
    with pytest.raises(InputError, match=expected):
        cut(packed(tmp_path / "set", SET), scale, patch, per_picture, 0, tmp_path / "patches")


def test_patches_that_do_not_belong_together(tmp_path):
    cut(packed(tmp_path / "set", SET), 2, 8, 2, 0, tmp_path / "patches")
    path = tmp_path / "patches" / "hr.npy"
    for wrong in ((5, 16, 16, 3), (6, 15, 15, 3), (6, 16, 24, 3), (6, 16, 16, 1), (6, 4, 4, 3)):
        np.save(path, np.zeros(wrong, np.uint8))
        with pytest.raises(InputError, match="patches: lr.npy of"):
            open_patches(tmp_path / "patches")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="hr.npy"):
        open_patches(tmp_path / "patches")


@pytest.mark.parametrize("scale", [2, 3])
def test_pairs_are_whole_pictures(scale, tmp_path):
    pictures = packed(tmp_path / "set", SET)
    write_pairs(pictures, scale, tmp_path / "pairs")
    small, large, result = open_pairs(tmp_path / "pairs")
    assert result == scale and small.names == large.names == ["a", "b", "c"]
    for picture, low, high in zip(pictures, small, large, strict=True):
        np.testing.assert_array_equal(high, crop_to_multiple(picture, scale))
        np.testing.assert_array_equal(low, shrink(picture, scale))


def test_pairs_that_cannot_be_made_leave_the_old_ones(tmp_path):
    pictures = packed(tmp_path / "set", SET)
    write_pairs(pictures, 2, tmp_path / "pairs")
    with pytest.raises(InputError, match="set: c: 90x32 pixels, expected at least 33 per side"):
        write_pairs(pictures, 33, tmp_path / "pairs")
    assert open_pairs(tmp_path / "pairs")[2] == 2
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["pairs", "set"]


def test_pairs_that_do_not_belong_together(tmp_path):
    write_pairs(packed(tmp_path / "set", SET), 2, tmp_path / "pairs")
    wrong = [
        {name: picture[:8, :8] for name, picture in SET.items()},
        {name: crop_to_multiple(picture, 3) for name, picture in SET.items()},
        {name: crop_to_multiple(SET[name], 2) for name in ("a", "b")},
        {name + "x": crop_to_multiple(picture, 2) for name, picture in SET.items()},
        {name: crop_to_multiple(picture, 2)[..., :1] for name, picture in SET.items()},
    ]
    for pictures in wrong:
        pack(tmp_path / "pairs" / patches.LARGE, pictures.items())
        with pytest.raises(InputError, match="pairs: lr and hr do not hold the same pictures"):
            open_pairs(tmp_path / "pairs")
    (tmp_path / "pairs" / patches.LARGE / PIXELS).unlink()
    with pytest.raises(InputError, match="no such file"):
        open_pairs(tmp_path / "pairs")
