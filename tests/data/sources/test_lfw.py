"""LFW in its official layout, on a small archive made here, and the real one where FACES_DATASETS tells."""

import io
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data import images
from pipeline.data.faceset import check, write
from pipeline.data.sources.lfw import read_faces, read_pairs
from pipeline.errors import InputError

# Three folds of two same and two different pairs.
PAIRS = """3\t2
Ann\t1\t2
Bob\t1\t3
Ann\t1\tBob\t2
Ann\t3\tCid\t1
Dan\t1\t2
Eve\t2\t1
Dan\t1\tEve\t1
Dan\t2\tEve\t2
Fay\t1\t2
Guy\t1\t2
Fay\t1\tGuy\t1
Fay\t2\tGuy\t2
"""
PHOTOS = {"Ann": 4, "Bob": 3, "Cid": 2, "Dan": 3, "Eve": 2, "Fay": 3, "Guy": 2, "Hal": 1, "Ivy": 5}
CROP = (4, 4, 36, 36)


def photo(seed):
    """A 40x40 grey JPEG."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (5, 5), dtype=np.uint8)
    Image.fromarray(noise).resize((40, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


def entries():
    photos = [(person, number) for person in PHOTOS for number in range(1, PHOTOS[person] + 1)]
    names = [f"lfw/{person}/{person}_{number:04d}.jpg" for person, number in photos]
    return {name: photo(seed) for seed, name in enumerate(names)}


def make_archive(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def dataset(tmp_path):
    # Archive order must not matter.
    files = {"lfw/readme.txt": b"not a photo", **dict(reversed(entries().items()))}
    archive = make_archive(tmp_path / "lfw.tgz", files)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text(PAIRS)
    return {"archive": archive, "pairs": pairs}


def read(dataset, **options):
    defaults = {"image_size": 16, "crop": CROP, "folds": [1], "min_images": 3, "channels": 1}
    return read_faces(**{**dataset, **defaults, **options})


def people(faceset, split):
    return sorted(set(faceset.index.loc[faceset.index["split"] == split, "identity"]))


def test_pairs_in_the_official_layout(dataset):
    table = read_pairs(dataset["pairs"])
    assert list(table.columns) == ["fold", "name_a", "i", "name_b", "j", "same", "line"]
    assert table["fold"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    assert table["same"].tolist() == [True, True, False, False] * 3
    assert table.iloc[3].tolist() == [1, "Ann", 3, "Cid", 1, False, 5]
    assert table.iloc[5].tolist() == [2, "Eve", 2, "Eve", 1, True, 7]


@pytest.mark.parametrize("change", [("\t", " "), ("\n", "\r\n"), ("3\t2", "\ufeff3\t2"), ("Guy\t2\n", "Guy\t2\n\n\n")])
def test_harmless_differences(change, tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_bytes(PAIRS.replace(*change).encode())
    assert len(read_pairs(path)) == 12


def test_header_with_only_a_count_is_one_fold(tmp_path):
    path = tmp_path / "pairsDevTest.txt"
    path.write_text("2\n" + "\n".join(PAIRS.splitlines()[1:5]))
    table = read_pairs(path)
    assert table["fold"].tolist() == [1] * 4 and table["same"].sum() == 2


LINES = PAIRS.splitlines()


def with_line(number, text):
    return "\n".join([*LINES[: number - 1], text, *LINES[number:]]).encode()


BAD_PAIRS = {
    "empty": (b"", "line 1: '', expected the number of folds"),
    "no header": ("\n".join(LINES[1:]).encode(), "line 1: 'Ann 1 2'"),
    "header in words": (with_line(1, "three\t2"), "line 1: 'three 2'"),
    "header of three": (with_line(1, "3\t2\t1"), "line 1"),
    "header of zero": (with_line(1, "0\t2"), "line 1"),
    "negative header": (with_line(1, "3\t-2"), "line 1"),
    "absurd header": (with_line(1, "3\t" + "9" * 30), "line 1"),
    "large header": (with_line(1, "300000\t300000"), "ends at line 13, expected 180000000001 lines"),
    "too few lines": ("\n".join(LINES[:-1]).encode(), "ends at line 12, expected 13 lines"),
    "extra line": (PAIRS.encode() + b"Guy\t1\t2\n", "line 14: nothing expected after line 13"),
    "extra after blank": (PAIRS.encode() + b"\n\nGuy\t1\t2\n", "line 16: nothing expected"),
    "two fields": (with_line(3, "Bob\t1"), "line 3: 2 fields 'Bob 1', expected a pair of one person"),
    "four for three": (with_line(3, "Bob\t1\tAnn\t1"), "line 3: 4 fields"),
    "three for four": (with_line(4, "Ann\t1\t2"), "line 4: 3 fields 'Ann 1 2', expected a pair of two"),
    "blank inside": (with_line(4, ""), "line 4: 0 fields"),
    "not a number": (with_line(2, "Ann\tone\t2"), "line 2: 'one', expected the number of a photo"),
    "photo zero": (with_line(2, "Ann\t0\t2"), "line 2: '0', expected the number of a photo, from 1"),
    "other digits": (with_line(2, "Ann\t²\t2"), "line 2: '²'"),
    "photo with itself": (with_line(2, "Ann\t2\t02"), "line 2: photo 2 of Ann is paired with itself"),
    "different of one": (with_line(4, "Ann\t1\tAnn\t2"), "line 4: Ann twice"),
    "encoding": (with_line(3, "Bób\t1\t2").decode().encode("latin-1"), "line 3: not UTF-8 text (byte 0xf3)"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_bad_pair_lists(case, tmp_path):
    data, expected = BAD_PAIRS[case]
    path = tmp_path / "pairs.txt"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    assert str(path) in str(caught.value) and expected in str(caught.value)


def test_absent_pair_list(tmp_path):
    with pytest.raises(InputError, match="pairs.txt: no such file"):
        read_pairs(tmp_path / "pairs.txt")


def test_splits(dataset):
    faceset = read(dataset)
    check(faceset)
    assert people(faceset, "test") == ["Ann", "Bob", "Cid"]
    assert people(faceset, "train") == ["Dan", "Fay", "Ivy"]
    assert people(faceset, "unlabelled") == ["Eve", "Guy", "Hal"]
    assert faceset.index["file"].is_monotonic_increasing
    # Of evaluated people only the photos that pairs name: not Ann 4, not Cid 2.
    named = faceset.index.loc[faceset.index["split"] == "test", "file"].str[-12:-4].tolist()
    assert named == ["Ann_0001", "Ann_0002", "Ann_0003", "Bob_0001", "Bob_0002", "Bob_0003", "Cid_0001"]
    assert not faceset.rendered and faceset.channels == 1


def test_pairs_name_the_right_faces(dataset):
    faceset = read(dataset, folds=[3, 1])
    expected = read_pairs(dataset["pairs"])
    expected = [*expected[expected["fold"] == 3].itertuples(), *expected[expected["fold"] == 1].itertuples()]
    assert faceset.pairs["fold"].tolist() == [0] * 4 + [1] * 4
    assert faceset.pairs["pair"].tolist() == list(range(8))
    assert set(faceset.pairs["protocol"]) == {"lfw"}
    for pair, line in zip(faceset.pairs.itertuples(), expected):
        assert faceset.index["file"][pair.a] == f"lfw/{line.name_a}/{line.name_a}_{line.i:04d}.jpg"
        assert faceset.index["file"][pair.b] == f"lfw/{line.name_b}/{line.name_b}_{line.j:04d}.jpg"
        assert pair.same == line.same


def test_faces_are_the_decoded_photos_in_index_order(dataset, tmp_path):
    faceset = read(dataset, channels=3)
    tables = {name: tmp_path / f"{name}.csv" for name in ("index", "pairs", "searches")}
    write(faceset, faces=tmp_path / "f.npy", **tables, notes=tmp_path / "n.json")
    faces, files = np.load(tmp_path / "f.npy"), entries()
    for face, file in zip(faces, faceset.index["file"], strict=True):
        np.testing.assert_array_equal(face, images.decode(files[file], file, size=16, channels=3, crop=CROP))


@pytest.mark.parametrize(
    ("folds", "expected"),
    [([4], "expected 1 to 3"), ([0], "fold 0 asked for"), ([], "at least one"), ([1, 1], "none twice")],
)
def test_unknown_folds(folds, expected, dataset):
    with pytest.raises(InputError, match=expected):
        read(dataset, folds=folds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (with_line(5, "Ann\t3\tCid\t9"), "pairs.txt: line 5: photo Cid_0009.jpg is not in "),
        (with_line(2, "Zoe\t1\t2"), "pairs.txt: line 2: photo Zoe_0001.jpg is not in "),
    ],
)
def test_pair_of_an_absent_photo(text, expected, dataset):
    dataset["pairs"].write_bytes(text)
    with pytest.raises(InputError) as caught:
        read(dataset)
    assert expected in str(caught.value) and "lfw.tgz" in str(caught.value)


def test_absent_photo_of_a_fold_that_is_not_evaluated_does_no_harm(dataset):
    dataset["pairs"].write_bytes(with_line(7, "Zoe\t1\t2"))
    check(read(dataset, folds=[1]))


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("lfw/Hal/Hal_0001.jpg", photo(0)[:200], "lfw/Hal/Hal_0001.jpg: a truncated or corrupt image"),
        ("lfw/Hal/Hal_0001.jpg", b"", "lfw/Hal/Hal_0001.jpg: an empty file"),
        ("lfw/Hal/Ivy_0009.jpg", photo(0), "'lfw/Hal/Ivy_0009.jpg', expected <folder>/<Name>/<Name>_"),
        ("lfw/Hal/portrait.jpg", photo(0), "expected <folder>/<Name>"),
        ("Hal_0001.jpg", photo(0), "expected <folder>/<Name>"),
        ("other/Hal/Hal_0001.jpg", photo(0), "are the same photo"),
        ("../Hal/Hal_0002.jpg", photo(0), "points outside"),
    ],
)
def test_bad_entries(name, data, expected, dataset):
    make_archive(dataset["archive"], {**entries(), name: data})
    with pytest.raises(InputError) as caught:
        read(dataset)
    assert expected in str(caught.value) and "lfw.tgz" in str(caught.value)


def test_crop_that_does_not_fit_names_the_photo(dataset):
    with pytest.raises(InputError, match=r"lfw/Ivy/Ivy_0005.jpg: crop \(55, 47, 195, 187\) does not fit"):
        read(dataset, crop=(55, 47, 195, 187))


real = pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")


def real_file(name):
    path = Path(os.environ["FACES_DATASETS"]) / name
    if not path.is_file():
        pytest.skip(f"{name} is not in FACES_DATASETS")
    return path


@real
def test_real_pairs():
    table = read_pairs(real_file("pairs.txt"))
    assert len(table) == table["fold"].max() * 600
    assert (table.groupby("fold")["same"].sum() == 300).all()


@pytest.mark.slow
@real
def test_real_archive():
    began = time.monotonic()
    faceset = read_faces(
        archive=real_file("lfw.tgz"),
        pairs=real_file("pairs.txt"),
        image_size=64,
        crop=(55, 47, 195, 187),
        folds=[1, 2, 3],
        min_images=4,
        channels=1,
    )
    check(faceset)
    assert time.monotonic() - began < 60  # about 7 s on one core
    assert len(faceset.pairs) == 1800 and (faceset.pairs.groupby("fold")["same"].sum() == 300).all()
    counts = faceset.index["split"].value_counts()
    assert counts["train"] > 3000 and counts["test"] > 2000 and counts["unlabelled"] > 4000
    assert sum(len(chunk) for chunk in faceset.chunks()) == len(faceset.index)


OTHER_LISTS = {
    "peopleDevTest.txt": ("1711\nAJ_Lamas\t1\nAaron_Guiel\t1\nAaron_Sorkin\t2\n", "line 2: 'AJ_Lamas 1' looks like a list of people"),
    "people.txt": ("10\n601\nAdam_Ant\t1\nAl_Gore\t8\nZorica_Radovic\t1\n", "line 3: 'Adam_Ant 1' looks like a list of people"),
    "lfw-names.txt": ("AJ_Cook\t1\nAJ_Lamas\t1\n", "line 1: 'AJ_Cook 1' looks like a list of people"),
    "pairs.csv": ("name,imagenum1,imagenum2,\nAbel_Pacheco,1,4,\nAbdel_Madi_Shabneh,1,Dean_Barker,1\n",
                  "line 1: 'name,imagenum1,imagenum2,' looks like a table with commas, such as Kaggle's pairs.csv"),
    "matchpairsDevTest.csv": ("name,imagenum1,imagenum2\nAaron_Peirsol,1,2\n", "looks like a table with commas"),
    "peopleDevTest.csv": ("name,images\nAJ_Lamas,1\n", "looks like a table with commas"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_LISTS)
def test_lists_taken_for_the_pair_list_are_told_apart(name, tmp_path):
    text, expected = OTHER_LISTS[name]
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(InputError) as caught:
        read_pairs(tmp_path / "pairs.txt")
    line = str(caught.value)
    assert expected in line and "expected LFW's pairs.txt, pairsDevTrain.txt or pairsDevTest.txt" in line
    assert "\n" not in line


@pytest.mark.parametrize("header", ["1", "1 1"])
def test_short_pair_lists_are_not_mistaken_for_others(header, tmp_path):
    (tmp_path / "pairs.txt").write_text(f"{header}\nAnn 1 2\nAnn 1 Bob, 2\n".replace(",", ""))
    assert len(read_pairs(tmp_path / "pairs.txt")) == 2
