"""Pictures come out of archives by pattern, are packed at their own sizes, and open whole or not at all."""

import io
import os
import tarfile
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data import archives, fetch
from pipeline.data.picture_sources import faces_as_pictures, load_pictures, remote_files
from pipeline.data.pictures import PIXELS, TABLE, Pictures, pack
from pipeline.errors import InputError
from pipeline.params.loading import validate
from pipeline.params.pictures import PictureSet
from tests.helpers.picture_settings import settings

SHA = "a" * 64


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def png(pixels, form="PNG", mode=None):
    buffer = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    (image if mode is None else image.convert(mode)).save(buffer, form)
    return buffer.getvalue()


FILES = {
    "Set/test/b.png": png(noise(20, 30, seed=1)),
    "Set/train/c.png": png(noise(9, 11, seed=2)),
    "Set/train/a.png": png(noise(16, 8, seed=3)),
    "Set/train/deep/d.png": png(noise(8, 8, seed=4)),
    "Set/read me.txt": b"not a picture",
    "__MACOSX/Set/train/._a.png": b"not a picture either",
    "Set/train/.hidden.png": b"nor this",
}


def archive(path, files=FILES):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name, data in files.items():
                file.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz") as file:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return path


def names(chosen, raw):
    return [name for name, _ in load_pictures(chosen, raw)]


def line_of(action, *expected):
    """The action must fail with one line that holds the expected texts."""
    with pytest.raises(InputError) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line
    for text in expected:
        assert str(text) in line
    return line


@pytest.mark.parametrize("name", ["Set.zip", "Set.tgz", "Set.tar.gz"])
@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (["Set/train/*.png"], ["Set/train/a.png", "Set/train/c.png"]),
        (["Set/t*/?.png"], ["Set/test/b.png", "Set/train/a.png", "Set/train/c.png"]),
        (["Set/test/*", "Set/train/[ab].png"], ["Set/test/b.png", "Set/train/a.png"]),
        (["Set/train/*.png", "Set/train/a*"], ["Set/train/a.png", "Set/train/c.png"]),
        (["Set/train/**/*.png"], ["Set/train/a.png", "Set/train/c.png", "Set/train/deep/d.png"]),
        (["**/d.png"], ["Set/train/deep/d.png"]),
    ],
)
def test_patterns_choose_pictures(name, include, expected, tmp_path):
    archive(tmp_path / name)
    pictures = dict(load_pictures(settings(name=name, include=include), tmp_path))
    assert sorted(pictures) == expected
    for key, picture in pictures.items():
        with Image.open(io.BytesIO(FILES[key])) as image:
            np.testing.assert_array_equal(picture, np.asarray(image))


def test_the_first_by_name_whatever_the_order_in_the_archive(tmp_path):
    archive(tmp_path / "Set.zip")
    assert names(settings(limit=1), tmp_path) == ["Set/train/a.png"]
    assert sorted(names(settings(limit=9), tmp_path)) == ["Set/train/a.png", "Set/train/c.png"]


@pytest.mark.parametrize("include", ["Set/*/*.jpg", "set/train/*.png", "Set/*.png", "train/*.png", "*.png", "Set"])
def test_a_pattern_that_matches_nothing(include, tmp_path):
    archive(tmp_path / "Set.zip")
    chosen = settings(include=["Set/train/*.png", include])
    line_of(lambda: names(chosen, tmp_path), tmp_path / "Set.zip", repr(include), "none of 5 files", "Set/read me.txt")


def test_a_folder_may_be_the_archives_own_first_folder(tmp_path):
    inside = {name.removeprefix("Set/"): data for name, data in FILES.items() if name.startswith("Set/t")}
    archive(tmp_path / "Set.zip", inside)
    assert sorted(names(settings(), tmp_path)) == ["train/a.png", "train/c.png"]
    archive(tmp_path / "Other.zip", inside)
    assert sorted(names(settings(name="Other.zip"), tmp_path)) == ["train/a.png", "train/c.png"]
    line_of(lambda: names(settings(include=["*/train/*.png"], name="Other.zip"), tmp_path), "matches none")


def test_a_folder_of_pictures_is_not_both_training_and_test(tmp_path):
    """Patterns of two sets must not both fall back to the same loose files."""
    archive(tmp_path / "Mine.zip", {"a.png": FILES["Set/train/a.png"]})
    for include in ("train/*.png", "test/*.png", "Mine/train/*.png"):
        line_of(lambda: names(settings(name="Mine.zip", include=[include]), tmp_path), "matches none")
    assert names(settings(name="Mine.zip", include=["Mine/*.png"]), tmp_path) == ["a.png"]


def test_a_dropped_folder_is_as_good_as_the_archive(tmp_path):
    folder = tmp_path / "drop" / "Set" / "train"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(FILES["Set/train/a.png"])
    (file,) = remote_files([settings()])
    fetch.fetch(file, tmp_path / "raw", tmp_path / "drop")
    assert names(settings(), tmp_path / "raw") == ["train/a.png"]


def test_a_missing_archive_is_asked_for_by_name_place_and_provider(tmp_path):
    chosen = settings(provider="the University of Somewhere", files={"archive": {"address": None, "sha256": SHA}})
    (file,) = remote_files([chosen])

    def asked():
        return fetch.fetch(file, tmp_path / "raw", tmp_path / "drop")

    line_of(asked, "Set.zip: cannot be downloaded", tmp_path / "drop" / "Set.zip", SHA, "University of Somewhere")
    (file,) = remote_files([settings()])
    line_of(lambda: fetch.fetch(file, tmp_path / "raw", tmp_path / "drop"), "given out by whoever publishes a set")
    line_of(lambda: names(chosen, tmp_path), tmp_path / "Set.zip", "no such file", "University of Somewhere")


def test_one_archive_is_fetched_once_for_several_sets(tmp_path):
    faces = validate(PictureSet, {"source": "faces", "split": "train"}, "pictures")
    other = settings(name="Set5.zip")
    files = remote_files([settings(), faces, settings(include=["Set/test/*"], label="test"), other])
    assert [file.name for file in files] == ["Set.zip", "Set5.zip"]
    changed = settings(files={"archive": {"address": "x.zip", "sha256": None}})
    line_of(lambda: remote_files([settings(), changed]), "Set.zip", "None and x.zip", "expected the same")


STORED = [("L", "PNG"), ("CMYK", "TIFF"), ("RGBA", "PNG"), ("P", "GIF"), ("1", "PNG")]


@pytest.mark.parametrize(("mode", "form"), STORED)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_has_the_channels_asked_for(mode, form, channels, tmp_path):
    archive(tmp_path / "Set.zip", {"Set/train/a": png(noise(9, 12), form, mode)})
    ((_, picture),) = load_pictures(settings(include=["Set/train/*"], channels=channels), tmp_path)
    assert picture.shape == (9, 12, channels) and picture.dtype == np.uint8


def test_sixteen_bits_and_transparency(tmp_path):
    deep = np.full((9, 9), 77 * 257, np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(deep).save(buffer, "PNG")
    clear = png(np.zeros((9, 9, 4), np.uint8))
    archive(tmp_path / "Set.zip", {"Set/train/a.png": buffer.getvalue(), "Set/train/b.png": clear})
    pictures = dict(load_pictures(settings(), tmp_path))
    assert (pictures["Set/train/a.png"] == 77).all() and (pictures["Set/train/b.png"] == 255).all()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Set/train/a.png": FILES["Set/train/a.png"][:-30]}, "Set/train/a.png: a truncated or corrupt image"),
        ({"Set/train/a.png": b""}, "Set/train/a.png: an empty file"),
        ({"Set/train/a.png": b"text"}, "Set/train/a.png: not an image"),
        ({"Set/train/a.png": png(noise(7, 40))}, "Set/train/a.png: 40x7 pixels, the image is too small"),
        ({"../a.png": FILES["Set/train/a.png"]}, "'../a.png' points outside"),
        ({"__MACOSX/a.png": b"", ".a.png": b""}, "only hidden files"),
        ({"Set\\train\\a.png": b"", "Set/train/a.png": b""}, "are the same file name 'Set/train/a.png'"),
        ({}, "holds no files"),
    ],
)
def test_bad_archives_of_pictures(files, expected, tmp_path):
    archive(tmp_path / "Set.zip", files)
    line_of(lambda: names(settings(), tmp_path), tmp_path / "Set.zip", expected)


def test_names_of_an_archive_without_its_content(tmp_path):
    for name in ("Set.zip", "Set.tgz"):
        path = archive(tmp_path / name)
        assert archives.names(path) == list(FILES)
        only = ["Set/train/a.png", "Set/test/b.png"]
        assert [member.name for member in archives.members(path, only=only)] == [only[1], only[0]]
        line_of(lambda: list(archives.members(path, only=["a.png"])), path, "of the names asked for")
        path.write_bytes(path.read_bytes().replace(FILES["Set/read me.txt"], b"not a pictura"))  # a zip stores it
        assert archives.names(path) == list(FILES), "nothing is read for its name alone"
        path.write_bytes(path.read_bytes()[:-40])
        line_of(lambda: archives.names(path), path, "truncated or corrupt")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source": "web"}, "pictures.source = 'web'"),
        ({"include": []}, "pictures.include = []"),
        ({"include": ["/Set/*"]}, "pictures.include: found '/Set/*'"),
        ({"include": ["Set/../*"]}, "found 'Set/../*'"),
        ({"include": ["Set//*"]}, "found 'Set//*'"),
        ({"include": ["Set\\*"]}, "expected names divided by single slashes"),
        ({"include": ["Set/*", "Set/*"]}, "expected each pattern once"),
        ({"name": "../Set.zip"}, "pictures.name = '../Set.zip'"),
        ({"name": "Set.rar"}, "pictures.name = 'Set.rar'"),
        ({"name": ".zip"}, "pictures.name = '.zip'"),
        ({"files": {}}, "pictures.files.archive is missing"),
        ({"files": {"archive": {"address": None, "sha256": "abc"}}}, "pictures.files.archive.sha256 = 'abc'"),
        ({"channels": 4}, "pictures.channels = 4"),
        ({"limit": 0}, "pictures.limit = 0"),
        ({"split": "train"}, "pictures.split is not a known setting"),
    ],
)
def test_settings_out_of_range(changes, expected):
    line_of(lambda: settings(**changes), "params.yaml: ", expected)


@pytest.fixture
def prepared(tmp_path):
    """Six prepared faces of two splits, not in order of their names."""
    faces = noise(6 * 10, 10, 1).reshape(6, 10, 10, 1)
    np.save(tmp_path / "faces.npy", faces)
    index = pd.DataFrame(
        {
            "face": range(6),
            "file": ["e.png", "d.png", "c.png", "b.png", "a.png", "f.png"],
            "identity": ["x", "x", "NA", "NA", "", "x"],
            "split": ["train", "test", "test", "test", "unlabelled", "train"],
        }
    )
    index.loc[index["split"] == "test", "identity"] = "007"
    index.to_csv(tmp_path / "index.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("split", "limit", "expected"),
    [("train", None, {"e.png": 0, "f.png": 5}), ("test", None, {"b.png": 3, "c.png": 2, "d.png": 1}),
     ("test", 2, {"b.png": 3, "c.png": 2})],
)  # fmt: skip
def test_faces_are_pictures_too(split, limit, expected, prepared):
    chosen = validate(PictureSet, {"source": "faces", "split": split, "limit": limit}, "pictures")
    faces = np.load(prepared / "faces.npy")
    named = list(faces_as_pictures(chosen, prepared / "faces.npy", prepared / "index.csv"))
    assert [name for name, _ in named] == list(expected)
    for name, picture in named:
        np.testing.assert_array_equal(picture, faces[expected[name]])
    pack(prepared / "packed", named)
    assert Pictures(prepared / "packed").names == list(expected)


def test_faces_that_do_not_belong_together(prepared):
    chosen = validate(PictureSet, {"source": "faces", "split": "train"}, "pictures")

    def read():
        return list(faces_as_pictures(chosen, prepared / "faces.npy", prepared / "index.csv"))

    np.save(prepared / "faces.npy", np.zeros((5, 10, 10, 1), np.uint8))
    line_of(read, "index.csv: 6 rows, expected 5")
    np.save(prepared / "faces.npy", np.zeros((1, 10, 10, 1), np.uint8))
    index = pd.DataFrame({"face": [0], "file": ["a"], "identity": ["x"], "split": ["test"]})
    index.to_csv(prepared / "index.csv", index=False)
    line_of(read, "index.csv: no face of split train")


PACKED = {"c.png": noise(5, 7), 'a, "b".png': noise(1, 1, seed=1), "ü\u3000.png": noise(12, 3, seed=2)}


@pytest.fixture
def folder(tmp_path):
    pack(tmp_path / "set", PACKED.items())
    return tmp_path / "set"


def test_packed_pictures_come_back(folder):
    pictures = Pictures(folder)
    assert pictures.names == sorted(PACKED) and len(pictures) == 3 and pictures.channels == 3
    assert pictures.sizes == [PACKED[name].shape[:2] for name in sorted(PACKED)]
    for name, picture in zip(pictures.names, pictures, strict=True):
        assert picture.dtype == np.uint8 and not picture.flags.writeable
        np.testing.assert_array_equal(picture, PACKED[name])
    np.testing.assert_array_equal(pictures[-1], pictures[2])
    base = pictures[0]
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap), "a view of the file, not a copy of it"


def test_grey_and_cropped_pictures_are_packed_as_they_look(tmp_path):
    large = noise(9, 9, 1)
    pack(tmp_path / "set", {"part": large[2:5, 1:9:2], "whole": large}.items())
    pictures = Pictures(tmp_path / "set")
    np.testing.assert_array_equal(pictures[0], large[2:5, 1:9:2])
    np.testing.assert_array_equal(pictures[1], large)


def test_only_the_pictures_at_hand_are_in_memory(tmp_path):
    alive = []

    def coming():
        for number in range(6):
            picture = noise(4, 4, seed=number)
            alive.append(weakref.ref(picture))
            yield f"{number}", picture
            del picture
            assert sum(reference() is not None for reference in alive) <= 1

    pack(tmp_path / "set", coming())
    assert len(Pictures(tmp_path / "set")) == 6 == len(alive)


@pytest.mark.parametrize(
    ("coming", "expected"),
    [
        ([], "no pictures came"),
        ([("a", noise(4, 4)), ("a", noise(4, 4))], "picture 'a' came twice"),
        ([("", noise(4, 4))], "expected a name"),
        ([("a\nb", noise(4, 4))], "expected a name"),
        ([("a", noise(4, 4)[..., 0])], "uint8 (4, 4) found"),
        ([("a", noise(4, 4).astype(float))], "float64 (4, 4, 3) found"),
        ([("a", noise(4, 4, 2))], "uint8 (4, 4, 2) found"),
        ([("a", noise(4, 0))], "uint8 (4, 0, 3) found"),
        ([("a", noise(4, 4)), ("b", noise(4, 4, 1))], "picture 'b': 1 channels, expected 3"),
    ],
)
def test_what_cannot_be_packed_leaves_the_old_folder(coming, expected, folder):
    before = (folder / PIXELS).read_bytes()
    line_of(lambda: pack(folder, coming), folder, expected)
    assert (folder / PIXELS).read_bytes() == before
    assert [entry.name for entry in folder.parent.iterdir()] == ["set"]


def test_pixels_that_are_not_whole(folder):
    path = folder / PIXELS
    whole = path.read_bytes()
    for data in (whole[:-1], whole[:100], b"", whole + b"\0"):
        path.write_bytes(data)
        line_of(lambda: Pictures(folder), path)
    count = sum(picture.size for picture in PACKED.values())
    for shape, kind in ((count, np.int8), ((count, 1), np.uint8), (count - 1, np.uint8), (count + 1, np.uint8)):
        np.save(path, np.zeros(shape, kind))
        line_of(lambda: Pictures(folder), path, "expected")
    np.save(path, np.array([{}]), allow_pickle=True)
    line_of(lambda: Pictures(folder), path)
    path.unlink()
    line_of(lambda: Pictures(folder), path, "no such file")


ROWS = ["picture,name,offset,height,width,channels", "0,a,0,2,3,3", "1,b,18,1,2,3", "2,c,24,4,1,3"]  # 36 values


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        (1, "picture,name,offset,width,height,channels", "line 1"),
        (2, "1,a,0,2,3,3", "line 2: picture 1, expected 0"),
        (3, "1,a,18,1,2,3", "line 3: name 'a'"),
        (3, "1,,18,1,2,3", "line 3: name ''"),
        (3, "1,b,17,1,2,3", "picture 1: offset 17 overlaps the picture before it, expected 18"),
        (3, "1,b,19,1,2,3", "picture 1: offset 19 leaves a gap"),
        (3, "1,b,0,1,2,3", "overlaps"),
        (3, "1,b,-18,1,2,3", "line 3: offset '-18'"),
        (3, "1,b,18.0,1,2,3", "line 3: offset '18.0'"),
        (3, "1,b,18,²,2,3", "line 3: height '²'"),
        (3, "1,b,18,0,2,3", "line 3: 0x2x3 values"),
        (3, "1,b,18,1,6,1", "line 3: 1x6x1 values"),
        (3, "1,b,18,1,2", "line 3: 5 values"),
        (3, "1,b,18,1,2,3,4", "line 3: 7 values"),
        (3, '1,"b"x,18,1,2,3', "not a CSV table"),
        (4, "2,c,24,5,1,3", "36 values found, expected 39"),
        (4, "2,c,24,999999999999999,999999999999999,3", "36 values found"),
        (4, None, "36 values found, expected 24"),
    ],
)
def test_tables_that_contradict_themselves(line, text, expected, tmp_path):
    np.save(tmp_path / PIXELS, np.arange(36, dtype=np.uint8))
    (tmp_path / TABLE).write_text("\n".join(ROWS) + "\n")
    assert Pictures(tmp_path)[2].ravel().tolist() == list(range(24, 36))
    rows = [*ROWS[: line - 1], *([] if text is None else [text]), *ROWS[line:]]
    (tmp_path / TABLE).write_text("\n".join(rows) + "\n")
    line_of(lambda: Pictures(tmp_path), tmp_path, expected)


def test_tables_that_cannot_be_read(folder):
    for data, expected in ((b"", "line 1"), (b"\xff\xfe\0", "not UTF-8"), ((ROWS[0] + "\n").encode(), "no rows")):
        (folder / TABLE).write_bytes(data)
        line_of(lambda: Pictures(folder), folder / TABLE, expected)
    (folder / TABLE).unlink()
    line_of(lambda: Pictures(folder), folder / TABLE, "no such file")


@pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")
@pytest.mark.parametrize(
    ("name", "include", "limit", "count"),
    [
        ("Set5.zip", ["Set5/*.png"], None, 5),
        ("Set14.zip", ["Set14/*.png"], None, 14),
        ("BSR_bsds500.tgz", [f"BSR/BSDS500/data/images/{part}/*.jpg" for part in ("train", "test")], 3, 3),
    ],
)
def test_real_sets(name, include, limit, count, tmp_path):
    raw = Path(os.environ["FACES_DATASETS"])
    if not (raw / name).is_file():
        pytest.skip(f"{name} is not in FACES_DATASETS")
    pack(tmp_path / "set", load_pictures(settings(name=name, include=include, limit=limit), raw))
    pictures = Pictures(tmp_path / "set")
    assert len(pictures) == count and pictures.channels == 3 and min(map(min, pictures.sizes)) > 200
