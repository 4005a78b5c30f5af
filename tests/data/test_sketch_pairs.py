"""Photos and sketches find each other by name, come to one size and place, and open whole or not at all."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data import fetch
from pipeline.data.alignment import POINTS
from pipeline.data.sketch_files import template
from pipeline.data.sketch_pairs import COLUMNS, load, prepare_pairs, remote_files
from pipeline.errors import InputError
from pipeline.params.name_rules import check_rule, key_of, match
from pipeline.params.sketch_pairs import Eyes, FilePairs
from pipeline.params.sketch_presets import PRESETS
from tests.helpers.sketch_settings import settings

LUMA = np.array([0.299, 0.587, 0.114])


def smooth(seed, height=50, width=40, channels=3):
    """A picture without fine detail, so that two ways of resampling agree."""
    small = np.random.default_rng(seed).integers(20, 236, (4, 4, channels), dtype=np.uint8)
    planes = [Image.fromarray(small[..., k]).resize((width, height), Image.Resampling.BICUBIC) for k in range(channels)]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = {
    "Own/train/photo/f-005-01.png": smooth(1),
    "Own/train/sketch/F2-005-01-sz1.png": smooth(2, channels=1),
    "Own/train/photo/m-007-01.png": smooth(3),
    "Own/train/sketch/M2-007-01-SZ1.png": smooth(4),  # a sketch in colour
    "Own/test/photo/f-039-01.png": smooth(5),
    "Own/test/sketch/f-039-01-sz1.png": smooth(6, channels=1),
}
FILES = {name: png(pixels) for name, pixels in PICTURES.items()}
RULES = {
    "train": {"photo": r"([fm])-(\d+-\d+)\.png", "sketch": r"([fm])2-(\d+-\d+)-sz1\.png"},
    "test": {"photo": r"(.+)\.png", "sketch": r"(.+)-sz1\.png"},
}
PARTS = {
    part: {"photos": f"Own/{part}/photo/*", "sketches": f"Own/{part}/sketch/*", "names": RULES[part]} for part in RULES
}
# All in one pair of folders, p/NAME.png and s/NAME.png.
FLAT = {f"{side}/{name}.png": png(smooth(10 * ord(name) + ord(side))) for name in "abcd" for side in "ps"}
BOTH = {"photo": r"(.+)\.png", "sketch": r"(.+)\.png"}
ALL = {"all": {"photos": "p/*", "sketches": "s/*", "names": BOTH}}
NONE = {"address": None, "sha256": None}


def own(**changes):
    return {
        "source": "pairs", "label": "own", "name": "Own.zip", "files": {"archive": NONE}, "parts": PARTS, **changes,
    }  # fmt: skip


def flat(*tables, **changes):
    return own(parts=ALL, files={"archive": NONE} | dict.fromkeys(tables, NONE), **changes)


def archive(folder, files=FILES, name="Own.zip"):
    with zipfile.ZipFile(folder / name, "w") as file:
        for entry, data in files.items():
            file.writestr(entry, data)


def prepared(folder, *, size=32, channels=3, **sets):
    prepare_pairs(settings(size, channels, **sets), folder, folder / "out")
    return load(folder / "out")


def line_of(action, *expected):
    with pytest.raises(InputError) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line
    for text in expected:
        assert str(text) in line, line
    return line


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        (r"([a-z])2-(\d+)-(\d+)-sz1\.jpg", "train/sketch/F2-005-01-sz1.JPG", ("f", "005", "01")),
        (r"([a-z])-(\d+)-(\d+)\.jpg", "f-005-01.jpg", ("f", "005", "01")),
        (r"([a-z])-(\d+)-(\d+)\.jpg", "f-005-01.jpg.jpg", None),
        (r"([a-z])-(\d+)", "xf-005", None),
        (r"(?P<number>\d+)(?P<kind>[a-z])", "12B", ("b", "12")),
        (r"(?P<kind>[a-z])(?P<number>\d+)", "B12", ("b", "12")),
        (r"(.+?)(-x)?\.png", "A.png", ("a", "")),
    ],
)
def test_keys_are_what_groups_match_in_lower_case(pattern, file, expected):
    assert key_of(pattern, file) == expected


@pytest.mark.parametrize(
    ("photo", "sketch", "expected"),
    [
        (r"(.+", "(.+)", "photo '(.+' is not a regular expression"),
        (r"(.+)", ".+", "sketch '.+' has no group"),
        (r"(.+)-(.+)", "(.+)", "photo has groups 2 without a name, sketch 1 without a name"),
        (r"(?P<a>.+)", "(?P<b>.+)", "photo has groups a, sketch b"),
        (r"(?P<a>.+)", "(.+)", "photo has groups a, sketch 1 without a name"),
        (r"(?P<a>.+)-(.+)", "(.+)-(.+)", "with and without a name"),
    ],
)
def test_rules_that_cannot_make_pairs(photo, sketch, expected):
    with pytest.raises(ValueError, match="expected|not a regular") as caught:
        check_rule(photo, sketch)
    assert expected in str(caught.value)
    parts = {"all": ALL["all"] | {"names": {"photo": photo, "sketch": sketch}}}
    line_of(lambda: settings(own=own(parts=parts, train_count=1)), "data.sets.own.parts.all.names", expected)


def test_matching_against_every_pair_tried():
    rng = np.random.default_rng(0)
    photos = [f"p/{kind}-{number}.jpg" for kind in "FM" for number in rng.permutation(30)[:20]]
    sketches = [f"s/{kind}2-{number}-sz1.JPG" for kind in "fm" for number in rng.permutation(30)[:20]]
    pairs, left = match("here", photos, sketches, r"([fm])-(\d+)\.jpg", r"([fm])2-(\d+)-sz1\.jpg")
    expected = {
        (photo, sketch)
        for photo in photos
        for sketch in sketches
        if photo[2:-4].lower() == sketch[2:-8].lower().replace("2-", "-", 1)
    }
    assert {(pair.photo, pair.sketch) for pair in pairs} == expected and len(expected) > 10
    assert len(left) == 80 - 2 * len(expected) and all(line.startswith("here: ") for line in left)
    assert [pair.key for pair in pairs] == sorted(pair.key for pair in pairs)


def test_pairs_of_two_folders_with_two_rules(tmp_path):
    archive(tmp_path, dict(reversed(FILES.items())))
    found = prepared(tmp_path, own=own(photo_crop=[0, 5, 40, 45], sketch_crop=[4, 10, 36, 42]))
    assert found.index["name"].tolist() == ["own/train/f-005-01", "own/train/m-007-01", "own/test/f-039-01"]
    assert list(found.index.columns) == list(COLUMNS) and found.index["part"].tolist() == ["train", "train", "test"]
    assert found.rows("test").tolist() == [2] and found.rows("train").tolist() == [0, 1]
    assert found.photos.shape == (3, 32, 32, 3) and found.sketches.shape == (3, 32, 32, 1)
    for row, (photo, sketch) in enumerate(zip(found.index["photo_file"], found.index["sketch_file"])):
        cut = Image.fromarray(PICTURES[photo][5:45]).resize((32, 32), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(found.photos[row], np.asarray(cut))
        grey = PICTURES[sketch][10:42, 4:36].astype(float)
        grey = grey @ LUMA if grey.shape[2] == 3 else grey[..., 0]
        assert np.abs(found.sketches[row, ..., 0] - grey).max() <= 1
    assert found.notes.model_dump() == {
        "name": "own", "rendered": False, "train": 2, "test": 1,
        "sets": {"own": {"label": "own", "rendered": False, "train": 2, "test": 1}},
    }  # fmt: skip


def test_without_a_box_the_square_in_the_middle(tmp_path):
    archive(tmp_path)
    found = prepared(tmp_path, size=40, channels=1, own=own())
    assert found.photos.shape == (3, 40, 40, 1)
    expected = PICTURES["Own/test/photo/f-039-01.png"][5:45] @ LUMA
    assert np.abs(found.photos[2, ..., 0] - expected).max() <= 1


def test_a_folder_in_the_place_of_the_archive(tmp_path):
    for name, data in FILES.items():
        (tmp_path / "drop" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "drop" / name).write_bytes(data)
    chosen = settings(own=own())
    (file,) = remote_files(chosen)
    fetch.fetch(file, tmp_path / "raw", tmp_path / "drop")
    prepare_pairs(chosen, tmp_path / "raw", tmp_path / "one")
    archive(tmp_path)
    prepare_pairs(chosen, tmp_path, tmp_path / "two")
    np.testing.assert_array_equal(load(tmp_path / "one").photos, load(tmp_path / "two").photos)
    np.testing.assert_array_equal(load(tmp_path / "one").sketches, load(tmp_path / "two").sketches)


def test_a_missing_archive_is_asked_for(tmp_path):
    chosen = settings(ar={"source": "pairs", "preset": "cufs_ar"})
    (file,) = remote_files(chosen)

    def ask():
        return fetch.fetch(file, tmp_path / "raw", tmp_path / "drop")

    line_of(ask, "cufs_ar.zip", tmp_path / "drop" / "cufs_ar.zip", "Chinese University of Hong Kong", "A. Martinez")
    line_of(lambda: prepare_pairs(chosen, tmp_path, tmp_path / "out"), "cufs_ar.zip: no such file", "CUFS, AR")
    assert not (tmp_path / "out").exists()


PHOTO, SKETCH = "Own/train/photo/", "Own/train/sketch/"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({PHOTO + "m-007-01.png": None}, "sketch 'Own/train/sketch/M2-007-01-SZ1.png' has no photo"),
        ({SKETCH + "M2-007-01-SZ1.png": None}, "photo 'Own/train/photo/m-007-01.png' has no sketch, expected"
         " a file that is 'm-007-01'"),
        ({PHOTO + "x.png": b""}, "photo 'Own/train/photo/x.png' does not fit names.photo, expected '([fm])"),
        ({PHOTO + "x.png": b"", PHOTO + "y.png": b""}, "(and 1 more; unmatched: skip leaves them out)"),
        ({PHOTO + "F-005-01.png": b""}, "photos 'Own/train/photo/F-005-01.png' and 'Own/train/photo/f-005-01.png' both"
         " are 'f-005-01' by names.photo"),
        ({SKETCH + "f2-005-01-sz1.png": b""}, "both are 'f-005-01' by names.sketch"),
        ({PHOTO + "f-005-01.png": FILES[PHOTO + "f-005-01.png"][:-40]}, "f-005-01.png: a truncated or corrupt image"),
        ({SKETCH + "F2-005-01-sz1.png": b"text"}, "F2-005-01-sz1.png: not an image"),
        ({SKETCH + "F2-005-01-sz1.png": b""}, "F2-005-01-sz1.png: an empty file"),
        (dict.fromkeys([PHOTO + "f-005-01.png", PHOTO + "m-007-01.png"]), "parts.train.photos: 'Own/train/photo/*'"),
    ],
)  # fmt: skip
def test_files_that_do_not_pair_leave_nothing_behind(changes, expected, tmp_path):
    archive(tmp_path, {name: data for name, data in {**FILES, **changes}.items() if data is not None})
    line_of(lambda: prepared(tmp_path, own=own()), tmp_path / "Own.zip", expected)
    assert [path.name for path in tmp_path.iterdir()] == ["Own.zip"]


def test_files_without_a_partner_may_be_skipped(tmp_path, capsys):
    archive(tmp_path, {**FILES, PHOTO + "f-099-01.png": b"", SKETCH + "note.png": b"", PHOTO + "Thumbs.db": b"x"})
    found = prepared(tmp_path, own=own(unmatched="skip"))
    assert len(found.index) == 3
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "f-099-01.png' has no sketch" in said[1] and "note.png' does not fit" in said[0]
    archive(tmp_path, {**FILES, PHOTO + "F-005-01.png": b""})
    line_of(lambda: prepared(tmp_path, own=own(unmatched="skip")), "both are 'f-005-01'")
    nothing = {**PARTS, "train": PARTS["train"] | {"names": {"photo": "(a)", "sketch": "(b)"}}}
    archive(tmp_path)
    line_of(lambda: prepared(tmp_path, own=own(unmatched="skip", parts=nothing)), "does not fit names.photo")


def test_one_folder_of_both_has_to_be_told_apart(tmp_path):
    archive(tmp_path)
    parts = {**PARTS, "train": PARTS["train"] | {"photos": "Own/train/**/*"}}
    line_of(lambda: prepared(tmp_path, own=own(parts=parts)), "is of photos and of sketches")


def test_one_file_is_not_to_train_and_to_test_on(tmp_path):
    archive(tmp_path)
    line_of(lambda: prepared(tmp_path, own=own(parts={"train": PARTS["test"], "test": PARTS["test"]})), "of one part")


def test_counts_are_those_of_the_protocol(tmp_path):
    archive(tmp_path)
    prepared(tmp_path, own=own(counts={"train": 2, "test": 1}))
    line_of(lambda: prepared(tmp_path, own=own(counts={"train": 2, "test": 2})), "1 pairs to test on, expected 2")
    line_of(lambda: prepared(tmp_path, own=own(counts={"train": 1})), "2 pairs to train on, expected 1")


def test_a_count_divides_by_name(tmp_path):
    archive(tmp_path, dict(reversed(FLAT.items())))
    found = prepared(tmp_path, own=flat(train_count=3))
    assert found.index["name"].tolist() == ["own/train/a", "own/train/b", "own/train/c", "own/test/d"]
    line_of(lambda: prepared(tmp_path, own=flat(train_count=4)), "train_count = 4 of 4 pairs, expected fewer")


@pytest.mark.parametrize(
    "names", [["p/b.png", "p/d.png"], ["B.png", "d.PNG"], ["b", "# a note", "", "d  "], ["p\\b.png", "d"]]
)
def test_lists_divide(names, tmp_path):
    archive(tmp_path, FLAT)
    (tmp_path / "own-train.txt").write_text("\n".join(names))
    found = prepared(tmp_path, own=flat("train_list"))
    assert found.index["name"].tolist() == ["own/train/b", "own/train/d", "own/test/a", "own/test/c"]
    (tmp_path / "own-test.txt").write_text("c\n")
    found = prepared(tmp_path, own=flat("train_list", "test_list"))
    assert found.index["name"].tolist() == ["own/train/b", "own/train/d", "own/test/c"]


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ("a\nz\n", None, "own-train.txt: file 'z' is no photo with a sketch"),
        ("a\np/a.png\n", None, "own-train.txt: file 'p/a.png' is named before in another form"),
        ("a\nb\na\n", None, "own-train.txt: line 3: file 'a' occurs twice, first in line 1"),
        ("# nothing\n", None, "own-train.txt: names no files"),
        ("a\nb\nc\nd\n", None, "own-train.txt: names all 4 photos"),
        ("a\n", "b\na\n", "own-test.txt: 'a' is to train on too"),
        ("a\n", "s/b.png\n", "own-test.txt: file 's/b.png' is no photo"),
        (None, None, "own-train.txt: no such file (expected a list of files)"),
        (b"a\n\xff\n", None, "own-train.txt: line 2: not UTF-8"),
    ],
)
def test_lists_that_do_not_divide(train, test, expected, tmp_path):
    archive(tmp_path, FLAT)
    for name, text in (("own-train.txt", train), ("own-test.txt", test)):
        if text is not None:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    tables = ["train_list"] + ["test_list"] * (test is not None)
    line_of(lambda: prepared(tmp_path, own=flat(*tables)), expected)


def plain_alignment(pixels, source, target, size, outside):
    """Bilinear, pixel by pixel, by the complex numbers a, b of w = a z + b that two points settle."""
    (z1, z2), (w1, w2) = (points @ np.array([1, 1j]) for points in (source, target))
    a = (w2 - w1) / (z2 - z1)
    b = w1 - a * z1
    height, width, channels = pixels.shape
    result = np.full((size, size, channels), float(outside))
    for row, column in np.ndindex(size, size):
        z = (column + 1j * row - b) / a
        x, y = z.real, z.imag
        if 0 <= x < width - 1 and 0 <= y < height - 1:
            left, top = int(x), int(y)
            u, v = x - left, y - top
            corners = pixels[top : top + 2, left : left + 2].astype(float)
            result[row, column] = (corners[0, 0] * (1 - u) + corners[0, 1] * u) * (1 - v) + (
                corners[1, 0] * (1 - u) + corners[1, 1] * u
            ) * v
    return result


def eye_targets(size, distance, height):
    """In pixels whose centres are whole numbers; ArcFace's eyes are not quite level."""
    five = template(Eyes(distance=distance, height=height))
    return (five[:2] + 0.5) * size / 112 - 0.5


def test_eyes_come_to_the_place_asked_for():
    left, right = eye_targets(64, 0.25, 0.5)
    np.testing.assert_allclose((left + right) / 2, [31.5, 31.5], atol=1e-9)
    assert np.hypot(*(right - left)) == pytest.approx(16)
    left, right = eye_targets(100, 0.4, 0.3)
    np.testing.assert_allclose((left + right) / 2, [49.5, 29.5], atol=1e-9)


@pytest.mark.parametrize("points", [2, 5])
def test_alignment_is_a_plain_similarity(points, tmp_path):
    rng = np.random.default_rng(points)
    files = {f"{side}/{name}.png": smooth(ord(name) + ord(side), 90, 80, 3) for name in "ab" for side in "ps"}
    archive(tmp_path, {name: png(pixels) for name, pixels in files.items()})
    columns = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
    rows, eyes_of = [",".join(["file", *columns[: 2 * points]])], {}
    for name in files:
        # Any scale close to 1, turn and place; then all five points are where the template has them.
        angle, scale = rng.uniform(-0.4, 0.4), rng.uniform(0.9, 1.1)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        five = (template(Eyes()) + 0.5) * 48 / 112 - 0.5
        at = (five - 24) @ turn.T + rng.uniform([30, 35], [50, 55])
        eyes_of[name] = at[:2]
        rows.append(",".join([name, *(repr(float(value)) for value in at[:points].ravel())]))
    (tmp_path / "own-landmarks.csv").write_text("\n".join(rows))
    found = prepared(tmp_path, size=48, own=flat("landmarks", train_count=1))
    target = eye_targets(48, 0.25, 0.5)
    for row, name in enumerate("ab"):
        for pictures, side, outside in ((found.photos, "p", 0), (found.sketches, "s", 255)):
            file = f"{side}/{name}.png"
            pixels = files[file] if side == "p" else np.rint(files[file] @ LUMA)[..., None]
            expected = plain_alignment(pixels, eyes_of[file], target, 48, outside)
            off = np.abs(pictures[row] - expected)
            assert np.median(off) <= 1 and (off > 4).mean() < 0.06, "but for the picture's border"


def test_what_lies_outside_is_black_in_photos_and_paper_in_sketches(tmp_path):
    grey = png(np.full((40, 40, 1), 128, np.uint8))
    archive(tmp_path, dict.fromkeys(FLAT, grey))
    lines = ["file,left_eye_x,left_eye_y,right_eye_x,right_eye_y"]
    lines += [f"{name},2,5,22,5" for name in FLAT]  # near the upper left corner
    (tmp_path / "own-landmarks.csv").write_text("\n".join(lines))
    found = prepared(tmp_path, own=flat("landmarks", train_count=2), channels=1)
    assert (found.photos[:, 0, 0] == 0).all() and (found.sketches[:, 0, 0] == 255).all()
    assert (found.photos[:, 16, 16] == 128).all() and (found.sketches[:, 16, 16] == 128).all()


EYES = "file,left_eye_x,left_eye_y,right_eye_x,right_eye_y\n"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (EYES + "p/a.png,1,1,20,1\n", "no landmarks of 's/a.png'"),
        (EYES + "p/a.png,20,1,1,1\n", "line 2: left_eye at x 20, right_eye at x 1"),
        (EYES + "p/a.png,1,1,1.5,1\n", "line 2: left_eye"),
        (EYES + "p/a.png,1,1,x,1\n", "line 2: right_eye_x 'x'"),
        (EYES + "p/a.png,1,1,9,1\np/a.png,1,1,9,1\n", "line 3: file 'p/a.png' occurs twice"),
        ("file,left_eye_x,left_eye_y,right_eye_x\np/a.png,1,1,9\n", "no column 'right_eye_y'"),
        (EYES.replace("\n", ",nose_x\n") + "p/a.png,1,1,9,1,5\n", "no column nose_y"),
        (EYES + "".join(f"{name},900,1,950,1\n" for name in FLAT), "landmark right_eye (950, 1) lies far outside"),
        (None, "own-landmarks.csv: no such file"),
    ],
)
def test_landmarks_that_cannot_be_used(table, expected, tmp_path):
    archive(tmp_path, FLAT)
    if table is not None:
        (tmp_path / "own-landmarks.csv").write_text(table)
    line_of(lambda: prepared(tmp_path, own=flat("landmarks", train_count=2)), expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"photo_crop": [0, 0, 200, 180]}, "photo_crop: found [0, 0, 200, 180], a box of 200x180 pixels"),
        ({"sketch_crop": [5, 5, 5, 5]}, "sketch_crop: found"),
        ({"parts": {"train": PARTS["train"], "all": ALL["all"]}}, "expected train and test, or all"),
        ({"parts": ALL}, "parts.all is divided 0 times"),
        ({"train_count": 3}, "divide parts.all"),
        ({"parts": ALL, "train_count": 3, "files": {"archive": NONE, "train_list": NONE}}, "is divided 2 times"),
        ({"parts": ALL, "train_count": 3, "files": {"archive": NONE, "test_list": NONE}}, "without files.train_list"),
        ({"files": {"archive": NONE, "landmarks": NONE}, "photo_crop": [0, 0, 9, 9]}, "beside files.landmarks"),
        ({"parts": {**PARTS, "test": PARTS["test"] | {"photos": "../x"}}}, "found '../x'"),
        ({"unmatched": "drop"}, "unmatched = 'drop'"),
        ({"preset": "cufs"}, "preset = 'cufs'"),
        ({"name": "own"}, "name = 'own'"),
        ({"crop": None}, "crop is not a known setting"),
    ],
)
def test_settings_out_of_range(changes, expected):
    line_of(lambda: settings(own=own(**changes)), "params.yaml: data.sets.own", expected)


def test_settings_of_the_whole():
    line_of(lambda: settings(), "data.sets = {}")
    line_of(lambda: settings(size=257, own=own()), "data.image_size = 257")
    line_of(lambda: settings(**{"Own set": own()}), "data.sets.Own set")


def test_presets_are_settings_with_the_published_sizes():
    sizes = {}
    for name in PRESETS:
        chosen = settings(one={"source": "pairs", "preset": name}).sets["one"]
        assert isinstance(chosen, FilePairs) and chosen.name == f"{name}.zip"
        sizes[name] = (chosen.counts.train, chosen.counts.test)
    assert sizes == {"cuhk_student": (88, 100), "cufs_ar": (80, 43), "cufs_xm2vts": (100, 195), "cufsf": (250, 944)}
    kept = settings(one={"source": "pairs", "preset": "cufsf", "label": "mine", "unmatched": "skip"}).sets["one"]
    assert kept.label == "mine" and kept.unmatched == "skip" and kept.counts.test == 944


def test_presets_take_stems_with_and_without_sz1(tmp_path):
    files = {f"CUFS/{part}/{side}/{stem}": png(smooth(1, 240, 210)) for part, side, stem in (
        ("train", "photo", "m-001-1.jpg"), ("train", "sketch", "M-001-1-sz1.png"), ("train", "photo", "004_1.ppm"),
        ("train", "sketch", "004_1.jpg"), ("test", "photo", "w-2.bmp"), ("test", "sketch", "w-2-sz1.jpg"))}  # fmt: skip
    files = {name.replace(".ppm", ".tif"): data for name, data in files.items()}
    archive(tmp_path, files, "cufs_ar.zip")
    given = {"source": "pairs", "preset": "cufs_ar", "counts": {"train": 2, "test": 1}}
    assert prepared(tmp_path, ar=given).index["name"].tolist() == ["ar/train/004_1", "ar/train/m-001-1", "ar/test/w-2"]
    given["counts"] = PRESETS["cufs_ar"]["counts"]
    line_of(lambda: prepared(tmp_path, ar=given), "2 pairs to train on, expected 80", "published protocol")


def test_files_to_fetch(tmp_path):
    sha = "a" * 64
    a = flat("train_list", "landmarks")
    a["files"]["landmarks"] = {"address": "points.csv", "sha256": sha}
    found = remote_files(settings(a=a, b=own(), c={"source": "rendered", "seed": 1, "train": 2, "test": 1}))
    assert [file.name for file in found] == ["Own.zip", "a-landmarks.csv", "a-train.txt"]
    assert (found[1].address, found[1].sha256) == ("points.csv", sha)
    other = own(files={"archive": {"address": "x.zip", "sha256": None}})
    line_of(lambda: remote_files(settings(a=own(), b=other)), "Own.zip", "None and x.zip")


RENDERED = {"source": "rendered", "seed": 3, "train": 5, "test": 2}


def test_sets_are_put_together(tmp_path):
    archive(tmp_path)
    both = prepared(tmp_path, own=own(), drawn=RENDERED)
    assert both.index["set"].tolist() == ["own"] * 3 + ["drawn"] * 7
    assert both.index["name"].tolist()[3:9:5] == ["drawn/train/000000", "drawn/test/000000"]
    assert both.notes.name == "own + rendered faces and drawings" and both.notes.rendered
    assert (both.notes.train, both.notes.test) == (7, 3) and not both.notes.sets["own"].rendered
    alone = prepared(tmp_path, drawn=RENDERED)
    np.testing.assert_array_equal(alone.photos, both.photos[3:])
    np.testing.assert_array_equal(alone.sketches, both.sketches[3:])
    grey = prepared(tmp_path, channels=1, drawn=RENDERED)
    assert np.abs(grey.photos[..., 0] - alone.photos @ LUMA).max() <= 1
    other = prepared(tmp_path, drawn=RENDERED | {"exaggeration": 1.0, "hand": 0.0})
    np.testing.assert_array_equal(other.photos, alone.photos)
    assert not np.array_equal(other.sketches, alone.sketches)


def test_bytes_are_the_same_each_time(tmp_path):
    archive(tmp_path)
    for name in ("one", "two"):
        prepare_pairs(settings(own=own(), drawn=RENDERED), tmp_path, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_one_part_alone_needs_another_set(tmp_path):
    archive(tmp_path)
    only = own(parts={"train": PARTS["train"]})
    line_of(lambda: prepared(tmp_path, own=only), "no pairs to test on in own")
    assert prepared(tmp_path, own=only, drawn=RENDERED).notes.sets["own"].test == 0


@pytest.fixture
def folder(tmp_path):
    archive(tmp_path)
    prepared(tmp_path, own=own())
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("file", "damage", "expected"),
    [
        ("photos.npy", lambda data: data[:-1], "photos.npy"),
        ("sketches.npy", lambda data: None, "sketches.npy: no such file"),
        ("index.csv", lambda data: None, "index.csv: no such file"),
        ("index.csv", lambda data: data.rpartition(b"own/test")[0], "index.csv: 2 rows, expected 3"),
        ("index.csv", lambda data: data.replace(b",train,", b",valid,"), "part 'valid'"),
        ("index.csv", lambda data: data.replace(b"photo_file", b"photo"), "expected name,set,part"),
        ("index.csv", lambda data: data.replace(b"own/train/m-007-01", b"own/train/f-005-01"), "occurs twice"),
        ("index.csv", lambda data: b"\xff" + data, "not a CSV table"),
        ("notes.json", lambda data: data.replace(b'"test"', b'"tests"'), "notes.json"),
    ],
)
def test_folders_that_are_not_whole(file, damage, expected, folder):
    data = damage((folder / file).read_bytes())
    (folder / file).unlink()
    if data is not None:
        (folder / file).write_bytes(data)
    line_of(lambda: load(folder), expected)


def test_arrays_that_do_not_belong_together(folder):
    np.save(folder / "sketches.npy", np.zeros((3, 16, 16, 1), np.uint8))
    line_of(lambda: load(folder), "(3, 32, 32, 3)", "(3, 16, 16, 1)")
    np.save(folder / "sketches.npy", np.zeros((3, 32, 32, 3), np.uint8))
    line_of(lambda: load(folder), "sketches with one channel")


@pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")
def test_the_real_cuhk_student_set(tmp_path):
    path = Path(os.environ["FACES_DATASETS"]) / "cuhk_student.zip"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in FACES_DATASETS")
    shutil.copyfile(path, tmp_path / path.name)
    found = prepared(tmp_path, size=64, cuhk={"source": "pairs", "preset": "cuhk_student"})
    assert (found.notes.train, found.notes.test, found.notes.name) == (88, 100, "CUHK student")
    pairs = dict(zip(found.index["photo_file"], found.index["sketch_file"]))
    assert pairs["train/photo/f-005-01.jpg"] == "train/sketch/F2-005-01-sz1.jpg"
    assert len(set(pairs.values())) == 188
    # Sketches are of their photos: hair and outline of a pair agree better than those of others.
    grey = [array.mean(axis=-1).reshape(188, -1) for array in (found.photos, found.sketches)]
    centred = [one - one.mean(axis=0) for one in grey]
    unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in centred]
    alike = unit[0] @ unit[1].T
    rank = (alike > np.diag(alike)[:, None]).sum(axis=1)
    assert np.median(rank) < 10, "of 188"
