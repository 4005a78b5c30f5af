"""Faces of one's own: folders and archives, whose they are, which pairs are drawn, how faces are aligned."""

import hashlib
import io
import itertools
import json
import math
import os
import tarfile
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.__main__ import main
from pipeline.data import alignment, images, pairing
from pipeline.data.faceset import check, read_tables
from pipeline.data.fetch import RemoteFile, fetch
from pipeline.data.packing import pack
from pipeline.data.photo_lists import LANDMARK_COLUMNS
from pipeline.data.sources import folder, remote_files
from pipeline.errors import InputError
from pipeline.params.loading import validate
from tests.helpers.photos import DEFAULT, SIDE, people, photo, pixels, write_folder, write_tar, write_zip


def settings(**changes):
    values = {
        "source": "folder",
        "files": {"archive": {"address": None, "sha256": None}},
        "image_size": SIDE,
        "channels": 3,
        "folds": 2,
        "min_images": 2,
        "seed": 0,
        "test_share": 0.5,
        "pairs_per_fold": 12,
        **changes,
    }
    return validate(folder.Settings, values, "data")


@pytest.fixture
def load(tmp_path):
    """Load files with an optional table and pair list, after the check that every source must pass."""

    def load(files=DEFAULT, table=None, pairs=None, write=write_zip, **changes):
        raw = tmp_path / "raw"
        raw.mkdir(exist_ok=True)
        write(raw / "faces.zip", files)
        named = {"archive": {"address": None, "sha256": None}}
        for key, text in {"table": table, "pairs": pairs}.items():
            if text is not None:
                (raw / folder.FILES[key]).write_bytes(text.encode() if isinstance(text, str) else text)
                named[key] = named["archive"]
        faces = folder.load(settings(files=named, **changes), raw)
        check(faces)
        return faces

    return load


def table_of(files=DEFAULT, split=None, extra=""):
    lines = []
    for name in files:
        person = name.split("/")[0]
        lines.append(f"{name},{person}" + ("" if split is None else f",{split[person]}"))
    return "\n".join(["file,identity" + ("" if split is None else ",split"), *lines]) + "\n" + extra


def refused(load, *expected, **arguments):
    with pytest.raises(InputError) as caught:
        load(**arguments)
    line = str(caught.value)
    assert "\n" not in line
    for text in expected:
        assert text in line, line
    return line


# What is read.


def test_folders_are_people_and_pictures_are_those_of_the_files(load):
    faces = load()
    index = faces.index
    assert index["file"].tolist() == sorted(index["file"])
    assert (index["identity"] == index["file"].str.split("/").str[0]).all()
    expected = [np.asarray(Image.open(io.BytesIO(DEFAULT[file]))) for file in index["file"]]
    assert np.array_equal(pixels(faces), expected)
    assert (faces.name, faces.channels, faces.rendered) == ("own faces", 3, False)
    held_out = set(index.loc[index["split"] == "test", "identity"])
    assert len(held_out) == 6 and set(index["identity"]) - held_out == set(
        index.loc[index["split"] == "train", "identity"]
    )


def test_order_kind_and_top_folder_of_the_archive_change_nothing(load):
    first = load()
    shuffled = {f"x/my faces/{name}": DEFAULT[name] for name in reversed(DEFAULT)}
    writers = [write_zip, write_tar, lambda path, files: write_tar(path, files, "w:gz")]
    for write in writers:
        again = load({"readme.txt": b"not a photo", **shuffled}, write=write)
        assert again.index.equals(first.index) and again.pairs.equals(first.pairs)
        assert np.array_equal(pixels(again), pixels(first))
    other = load(seed=1)
    assert not other.pairs.equals(first.pairs)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_kinds_of_images(kind, load):
    suffix = {"JPEG": "jpeg", "TIFF": "TIF"}.get(kind, kind.lower())
    files = {**DEFAULT, f"p00/9.{suffix}": photo(99, kind=kind)}
    faces = load(files, table=table_of(files), pairs="file_a,file_b,same\n" + PAIRS)
    row = faces.index.query(f"file == 'p00/9.{suffix}'")
    assert len(row) == 1  # p00 is not in PAIRS: every photo of it is kept
    expected = np.asarray(Image.open(io.BytesIO(files[f"p00/9.{suffix}"])))
    assert np.array_equal(pixels(faces)[row["face"].item()], expected)


PAIRS = "p10/0.png,p10/1.png,1\np10/0.png,p11/1.png,0\np11/0.png,p11/1.png,1\np11/3.png,p10/3.png,0\n"


def test_crop_size_and_channels(load):
    faces = load(image_size=16, channels=1, crop=[4, 2, 20, 18])
    expected = [
        np.asarray(Image.open(io.BytesIO(DEFAULT[file])).convert("L").crop((4, 2, 20, 18)))[..., None]
        for file in faces.index["file"]
    ]
    assert np.array_equal(pixels(faces), expected)


def test_files_that_systems_add_are_passed_over(load):
    extra = {"__MACOSX/p00/._0.png": b"not a picture", "p00/._1.png": b"nor this", ".hidden/7.png": b"nor that"}
    assert load({**DEFAULT, **extra}).index.equals(load().index)


def test_few_photos_make_unlabelled_faces(load):
    files = people(*[4] * 8, *[1] * 3)
    index = load(files).index
    assert set(index.loc[index["split"] == "unlabelled", "identity"]) == {"p08", "p09", "p10"}
    index = load(files, min_images=1).index
    assert not (index["split"] == "unlabelled").any()


def test_table_says_whose_and_in_which_split(load, capsys):
    split = {f"p{k:02d}": "test" if k < 4 else "unlabelled" if k == 4 else "train" for k in range(12)}
    text = table_of(split=split).replace(",p04,", ",,")  # nobody knows who that is
    text = text.replace("p11/0.png,p11,train\n", "")
    faces = load(table=text)
    index = faces.index.set_index("file")
    assert set(faces.index.loc[faces.index["split"] == "test", "identity"]) == {"p00", "p01", "p02", "p03"}
    assert (index.loc["p04/0.png", "identity"], index.loc["p04/0.png", "split"]) == ("", "unlabelled")
    assert "p11/0.png" not in index.index and "p11/1.png" in index.index
    assert "1 of 48 images left out: faces.csv does not name them" in capsys.readouterr().err


def test_table_names_files_with_or_without_the_top_in_any_spelling(load):
    decomposed = unicodedata.normalize("NFD", "José")
    files = {name.replace("p00", decomposed): data for name, data in DEFAULT.items()}
    faces = load(
        {f"top/{name}": data for name, data in files.items()},
        table="\ufeff" + table_of().replace("p00", "José").replace("p01/", "top/p01/").replace("p02/", "./p02\\"),
    )
    assert set(faces.index["identity"]) == {"José", *(f"p{k:02d}" for k in range(1, 12))}
    assert faces.pairs.equals(load(files, table=table_of().replace("p00", "José")).pairs)


def test_a_flat_archive_needs_a_table(load):
    files = {"faces/" + name.replace("/", "_"): data for name, data in DEFAULT.items()}
    table = "identity,file\n" + "".join(f"{name.split('/')[0]},{name.replace('/', '_')}\n" for name in DEFAULT)
    faces = load(files, table=table)
    assert set(faces.index["identity"]) == {f"p{k:02d}" for k in range(12)}
    refused(load, "one person only, 'faces'", files=files)
    refused(load, "entry 'a.png' lies in no folder", files={**DEFAULT, "a.png": photo(0)})


# Listed pairs.


def test_listed_pairs_and_their_folds(load):
    lines = "file_a,file_b,same,fold,protocol\n" + "".join(
        line + f",{fold},{protocol}\n"
        for protocol, first in (("pose", 1), ("age", 4))
        for fold, line in zip((first, first, first + 3, first + 3), PAIRS.split())
    )
    faces = load(pairs=lines)
    file = faces.index["file"].tolist()
    result = [
        f"{file[row.a]},{file[row.b]},{int(row.same)}" for row in faces.pairs.itertuples() if row.protocol == "pose"
    ]
    assert result == PAIRS.split()
    for _, rows in faces.pairs.groupby("protocol"):
        assert rows["fold"].tolist() == [0, 0, 1, 1] and rows["pair"].tolist() == [0, 1, 2, 3]
    assert set(faces.index.loc[faces.index["split"] == "test", "identity"]) == {"p10", "p11"}
    assert "p10/2.png" not in file  # of a tested person, but in no pair


def test_folds_are_dealt_to_a_list_without_them(load):
    couples = itertools.combinations(range(4), 2)
    text = "file_a,file_b,same\n" + "".join(f"p10/{a}.png,p10/{b}.png,1\n" for a, b in couples)
    text += "".join(f"p10/{a}.png,p11/{b}.png,0\n" for a in range(4) for b in range(2))
    pairs = load(pairs=text, folds=3).pairs
    assert {(fold, same): len(rows) for (fold, same), rows in pairs.groupby(["fold", "same"])} == {
        (0, True): 2,
        (1, True): 2,
        (2, True): 2,
        (0, False): 3,
        (1, False): 3,
        (2, False): 2,
    }
    refused(load, "pairs.csv: protocol pairs: 6 same and 8 different pairs, expected 7 or more", pairs=text, folds=7)


# Drawn pairs: what is promised, over several seeds.


@pytest.mark.parametrize("seed", range(6))
def test_promises_of_the_draw(seed, load):
    random = np.random.default_rng(seed)
    counts = random.integers(1, 9, 30)
    files = people(*counts)
    folds = int(random.integers(2, 5))
    faces = load(files, seed=seed, folds=folds, test_share=0.4, pairs_per_fold=10, min_images=3)
    index, pairs = faces.index, faces.pairs
    photos = Counter(name.split("/")[0] for name in files)
    able = [person for person in photos if photos[person] > 1]
    person = index["identity"].to_numpy()
    tested = set(person[index["split"] == "test"])
    assert len(tested) <= math.floor(0.4 * len(able) + 0.5) and tested <= set(able)
    assert set(index.loc[index["split"] == "train", "identity"]) <= {p for p in photos if photos[p] >= 3} - tested
    assert set(pairs["a"]) | set(pairs["b"]) == set(index.loc[index["split"] == "test", "face"])
    fold_of = defaultdict(set)
    for row in pairs.itertuples():
        assert row.same == (person[row.a] == person[row.b]) and row.a != row.b
        fold_of[person[row.a]].add(row.fold)
        fold_of[person[row.b]].add(row.fold)
    assert all(len(used) == 1 for used in fold_of.values())  # nobody is in two folds
    assert sorted(set(pairs["fold"])) == list(range(folds))
    for _, rows in pairs.groupby("fold"):
        assert rows["same"].sum() == (~rows["same"]).sum() > 0 and len(rows) <= 10
        ends = [frozenset(pair) for pair in rows[["a", "b"]].itertuples(index=False, name=None)]
        assert len(set(ends)) == len(ends)


@pytest.mark.parametrize("seed", range(8))
def test_pairs_are_spread_evenly_over_people(seed):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 7, 6)
    ends = np.cumsum(sizes)
    photos = {f"p{k}": list(range(end - size, end)) for k, (size, end) in enumerate(zip(sizes, ends))}
    owner = {face: person for person, faces in photos.items() for face in faces}
    all_couples = list(itertools.combinations(range(ends[-1]), 2))
    room = Counter((owner[a], owner[b]) for a, b in all_couples)
    same_room = sum(count for (a, b), count in room.items() if a == b)
    for most in (2, 10, 40, 1000):
        pairs = pairing.draw(photos, most, seed, 3)
        assert pairs == pairing.draw(dict(reversed(photos.items())), most, seed, 3)
        half = min(most // 2, same_room, len(all_couples) - same_room)
        assert sum(same for *_, same in pairs) == half and len(pairs) == 2 * half
        assert len({frozenset(pair[:2]) for pair in pairs}) == len(pairs)
        assert all((owner[a] == owner[b]) == same for a, b, same in pairs)
        taken = Counter(tuple(sorted((owner[a], owner[b]))) for a, b, _ in pairs)
        for kind in (True, False):
            places = [couple for couple in room if (couple[0] == couple[1]) == kind]
            open_ = [taken[couple] for couple in places if taken[couple] < room[couple]]
            # Whoever has photos left has at most one pair fewer than anybody else.
            assert not open_ or max(taken[couple] for couple in places) - min(open_) <= 1


def test_every_pair_can_be_drawn():
    """All pairs of two people with 3 and 2 photos: same (0,1) (0,2) (1,2) (3,4), different 3 x 2."""
    seen = Counter()
    for seed in range(300):
        seen.update(frozenset(pair[:2]) for pair in pairing.draw({"a": [0, 1, 2], "b": [3, 4]}, 2, seed, 0))
    assert set(seen) == {frozenset(pair) for pair in itertools.combinations(range(5), 2)}
    # One same pair is of a or of b evenly, 150 each; a's are three: 50 each. Five standard deviations are allowed.
    assert abs(seen[frozenset((3, 4))] - 150) < 5 * math.sqrt(75)
    assert all(abs(seen[frozenset(pair)] - 50) < 5 * math.sqrt(42) for pair in ((0, 1), (0, 2), (1, 2), (0, 3), (2, 4)))


def test_a_person_with_very_many_photos_costs_nothing():
    pairs = pairing.draw({"a": range(100_000), "b": range(100_000, 200_000)}, 1000, 0, 0)
    assert len(pairs) == 1000 and max(max(a, b) for a, b, _ in pairs) > 190_000


def test_fewer_pairs_than_asked_are_said(load, capsys):
    pairs = load(people(*[2] * 12), pairs_per_fold=1000).pairs
    # three people with two photos in each fold: three same pairs, so three different ones of twelve
    assert pairs.groupby(["fold", "same"]).size().tolist() == [3, 3, 3, 3]
    line = "12 pairs drawn, 6 to 6 per fold, expected pairs_per_fold = 1000"
    assert capsys.readouterr().err.count(line) == 1
    load(people(*[4] * 12), pairs_per_fold=6)
    assert "pairs_per_fold" not in capsys.readouterr().err


# What is refused.


def test_too_few_people_say_how_many_are_needed(load):
    refused(load, "one person only, 'p00'", files=people(5))
    refused(load, "4 people with two or more photos, expected 6 or more", files=people(2, 2, 2, 2, 1))
    line = refused(load, "holds out 4, expected 10 or more", "raise test_share to 0.834", folds=5, test_share=0.3)
    assert "of 12 people" in line and "ask for folds: 2, or" in line and "leaves 2 of them to train on" in line
    load(folds=2, test_share=0.3)
    load(folds=5, test_share=0.834)
    assert "ask for" not in refused(load, "holds out 1, expected 4 or more", folds=2, test_share=0.1)
    refused(load, "min_images = 5 leaves 0 people to train on", min_images=5)
    split = {f"p{k:02d}": "test" if k < 3 else "train" for k in range(12)}
    refused(load, "faces.csv: split test: 3 people to verify", "expected 4 or more", table=table_of(split=split))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"readme.txt": b"hello"}, "holds no images of JPEG, PNG"),
        ({"__MACOSX/a/._0.png": b"x"}, "holds only hidden files"),
        ({**DEFAULT, "p00/bad.png": b"GIF89a nonsense"}, "raw/faces.zip: p00/bad.png: "),
        ({**DEFAULT, "p00/empty.png": b""}, "p00/empty.png: an empty file (expected an image)"),
        ({**DEFAULT, "other/p00/7.png": photo(1)}, "folders 'other/p00' and 'p00' have the same name"),
        ({**DEFAULT, "../p00/7.png": photo(1)}, "'../p00/7.png' points outside the archive"),
        ({**DEFAULT, "e\u0301/1.png": photo(1), "\u00e9/1.png": photo(2)}, "are the same file name '\u00e9/1.png'"),
    ],
)
def test_bad_archives(files, expected, load):
    # these pairs leave every photo of p00 in, so that it is decoded
    refused(load, expected, files=files, pairs="file_a,file_b,same\n" + PAIRS)


def test_crop_that_does_not_fit_names_the_entry(load):
    refused(load, "faces.zip: p0", "crop (0, 0, 25, 24) does not fit an image of 24x24", crop=[0, 0, 25, 24])


BAD_TABLES = {
    "empty": ("", "faces.csv: no rows"),
    "header only": ("file,identity\n\n", "faces.csv: no rows"),
    "semicolons": (table_of().replace(",", ";"), "line 1: no column 'file' in 'file;identity', expected columns"),
    "unknown column": (table_of().replace("identity", "identity,age", 1), "line 1: column 'age' in"),
    "column twice": ("file,identity,file\na,b,c\n", "line 1: 'file' twice"),
    "ragged": (table_of(extra="p00/0.png\n"), "line 50: 1 values, expected 2: file,identity"),
    "not UTF-8": (b"file,identity\np00/0.png,Jos\xe9\n", "line 2: not UTF-8 text (byte 0xe9)"),
    "open quote": ('file,identity\n"p00/0.png,p00\n', "not a CSV table"),
    "not in the archive": (table_of(extra="p00/77.png,p00\n"), "line 50: file 'p00/77.png' is not in"),
    "other case": (table_of().replace("p00/0.png", "P00/0.PNG"), "there is 'p00/0.png'"),
    "twice": (table_of(extra="p00/0.png,p00\n"), "line 50: file 'p00/0.png' occurs twice, first in line 2"),
    "no file": (table_of(extra=",p00\n"), "line 50: no value in column file"),
    "no identity": (table_of().replace("p00/0.png,p00", "p00/0.png,"), "line 2: no identity, expected one"),
    "unprintable": (table_of().replace("p00/0.png,p00", 'p00/0.png,"p\n00"'), "line 3: identity 'p\\n00'"),
    "bad split": (table_of(split=defaultdict(lambda: "dev")), "line 2: split 'dev', expected one of train, test"),
    "both splits": (
        table_of(split=defaultdict(lambda: "train")).replace("p00/3.png,p00,train", "p00/3.png,p00,test"),
        "line 5: identity 'p00' is in split test, but in train in line 2",
    ),
    "test and unlabelled": (
        table_of(split=defaultdict(lambda: "test")).replace("p00/3.png,p00,test", "p00/3.png,p00,unlabelled"),
        "line 5: identity 'p00' is in split unlabelled, but in test in line 2",
    ),
    "one person": (table_of({"p00/0.png": b"", "p00/1.png": b""}), "one person only, 'p00'"),
    "nobody": ("file,identity,split\np00/0.png,,unlabelled\n", "nobody's identity is known"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(case, load):
    text, expected = BAD_TABLES[case]
    refused(load, expected, "raw/faces.", table=text)


def test_one_file_under_two_names_is_twice(load):
    refused(
        load,
        "line 50: file 'top/p00/0.png' occurs twice, first in line 2",
        files={f"top/{name}": data for name, data in DEFAULT.items()},
        table=table_of(extra="top/p00/0.png,p00\n"),
    )


P = PAIRS.splitlines(keepends=True)
BAD_PAIRS = {
    "wrong columns": ("a,b,same\n" + PAIRS, "line 1: no column 'file_a' in 'a,b,same'"),
    "same 2": (PAIRS.replace("p11/1.png,1", "p11/1.png,2"), "line 4: same '2', expected 0 or 1"),
    "with itself": (PAIRS + "p10/0.png,./p10/0.png,1\n", "line 6: file 'p10/0.png' is paired with itself"),
    "not in the archive": (PAIRS + "p10/0.png,p10/9.png,1\n", "line 6: file 'p10/9.png' is not in"),
    "twice": (PAIRS + "p10/1.png,p10/0.png,1\n", "line 6: the pair occurs twice in protocol pairs, first in line 2"),
    "same of two": (PAIRS + "p10/1.png,p11/0.png,1\n", "line 6: same 1, but the photos are of 'p10' and 'p11'"),
    "different of one": (PAIRS + "p10/1.png,p10/2.png,0\n", "line 6: same 0, but the photos are of 'p10' and 'p10'"),
    "one kind": ("".join([P[0], P[2]]), "2 same and 0 different pairs, expected 2 or more of each for 2 folds"),
    "fold in words": ("file_a,file_b,same,fold\n" + P[0].replace(",1\n", ",1,one\n"), "line 2: fold 'one'"),
    "negative fold": ("file_a,file_b,same,fold\n" + P[0].replace(",1\n", ",1,-1\n"), "line 2: fold '-1'"),
    "one fold": ("file_a,file_b,same,fold\n" + PAIRS.replace("\n", ",3\n"), "protocol pairs: one fold, expected two"),
    "uneven fold": (
        "file_a,file_b,same,fold\n" + "".join(f"{line.strip()},{fold}\n" for line, fold in zip(P, (1, 1, 2, 1))),
        "protocol pairs: fold 2 has 1 same and 0 different pairs",
    ),
    "protocol": ("file_a,file_b,same,protocol\n" + PAIRS.replace("\n", ",a/b\n"), "line 2: protocol 'a/b', expected"),
    "no rows": ("", "pairs.csv: no rows"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_bad_pair_lists(case, load):
    text, expected = BAD_PAIRS[case]
    text = text if text.startswith(("a,", "file_a")) or not text else "file_a,file_b,same\n" + text
    refused(load, expected, "raw/pairs.csv", pairs=text)


def test_pairs_must_be_of_test_people_that_the_table_names(load):
    split = {f"p{k:02d}": "test" if k < 8 else "train" for k in range(12)}
    pairs = "file_a,file_b,same\n" + PAIRS
    refused(load, "pairs.csv: line 2: file 'p10/0.png' is of split train", table=table_of(split=split), pairs=pairs)
    table = table_of().replace("p10/0.png,p10\n", "")
    refused(load, "pairs.csv: line 2: file 'p10/0.png' is not in faces.csv", table=table, pairs=pairs)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pairs_per_fold": 7}, "pairs_per_fold"),
        ({"folds": 1}, "folds"),
        ({"test_share": 1.0}, "test_share"),
        ({"crop": [5, 5, 5, 9]}, "expected left < right"),
        ({"files": {}}, "files lacks archive"),
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"image_sze": 3}, "image_sze"),
        ({"channels": 2}, "channels"),
    ],
)
def test_bad_settings(changes, expected):
    with pytest.raises(InputError, match=expected):
        settings(**changes)


# Alignment.


def turned(points, scale, degrees, shift):
    """Independent of the code under test: complex numbers turn and scale by one product."""
    z = np.asarray(points) @ [1, 1j] * scale * np.exp(1j * np.radians(degrees)) + complex(*shift)
    return np.column_stack([z.real, z.imag])


@pytest.mark.parametrize("degrees", [0, 33, 90, 180, -120])
@pytest.mark.parametrize("scale", [0.2, 1, 7.5])
def test_similarity_recovers_what_was_done(degrees, scale):
    source = turned(alignment.TEMPLATE, 1 / scale, -degrees, (31, -7))
    matrix = alignment.similarity(source, alignment.TEMPLATE)
    assert np.allclose(source @ matrix[:, :2].T + matrix[:, 2], alignment.TEMPLATE, atol=1e-9)
    turn = scale * np.array(
        [
            [np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))],
            [np.sin(np.radians(degrees)), np.cos(np.radians(degrees))],
        ]
    )
    assert np.allclose(matrix[:, :2], turn)
    assert alignment.fit(source) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_similarity_is_the_least_squares_one(seed):
    """A similarity is linear in (a, b, x, y): numpy's least squares is the reference."""
    random = np.random.default_rng(seed)
    source = alignment.TEMPLATE * 2 + random.normal(0, 8, (5, 2))
    rows = [([x, -y, 1, 0], [y, x, 0, 1]) for x, y in source]
    a, b, x, y = np.linalg.lstsq(np.reshape(rows, (10, 4)), alignment.TEMPLATE.ravel(), rcond=None)[0]
    assert np.allclose(alignment.similarity(source, alignment.TEMPLATE), [[a, -b, x], [b, a, y]])
    mirrored = source * [-1, 1]
    assert np.linalg.det(alignment.similarity(mirrored, alignment.TEMPLATE)[:, :2]) > 0
    with pytest.raises(ValueError, match="all points coincide"):
        alignment.similarity(np.ones((5, 2)), alignment.TEMPLATE)


def landmark_row(points):
    return ",".join(f"{value:.4f}" for value in np.ravel(points))


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_face_in_its_place_is_only_moved():
    """Landmarks on the template, moved by whole pixels: the pixels are those of a plain crop, black outside."""
    array = np.random.default_rng(0).integers(0, 256, (150, 140, 3), dtype=np.uint8)
    aligned = alignment.decode(png(array), "x", alignment.TEMPLATE + [9, 21], size=112, channels=3)
    assert np.array_equal(aligned, array[21:133, 9:121])
    aligned = alignment.decode(png(array), "x", alignment.TEMPLATE - [10, 0], size=112, channels=3)
    assert np.array_equal(aligned[:, 10:], array[:112, :102]) and not aligned[:, :10].any()


@pytest.mark.parametrize("size", [112, 56, 32])
@pytest.mark.parametrize(("scale", "degrees"), [(1, 20), (0.6, -75), (3, 140), (9, 10)])
def test_pixels_are_those_of_the_place_they_come_from(scale, degrees, size):
    """On a ramp of grey, which any sound resampling keeps, the value tells where a pixel came from."""
    centre = np.array([55.5, 55.5])
    middle = 150 * max(1.0, scale)
    points = turned(alignment.TEMPLATE - centre, scale, degrees, (middle, middle))
    side = int(2 * middle)
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    ramp = (np.round(20 + 180 * columns / side + 30 * rows / side)).astype(np.uint8)
    face = alignment.decode(png(ramp), "x", points, size=size, channels=1)[..., 0].astype(float)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    # Pixel centres of the template's picture at this size, then back through the turn.
    place = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * 112 / size - 0.5
    origin = turned(place - centre, scale, degrees, (middle, middle))
    expected = (20 + 180 * origin[:, 0] / side + 30 * origin[:, 1] / side).reshape(size, size)
    assert np.abs(face - expected).max() <= 1.5
    assert np.abs((face - expected).mean()) < 0.2  # not even a fraction of a pixel aside


def test_alignment_is_antialiased():
    """A chequerboard of single pixels, three or more to one of the result, comes out grey and not as a pattern."""
    board = (np.indices((900, 900)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for size, scale, degrees in ((112, 3, 0), (112, 3, 17), (112, 8, 17), (16, 8, 45)):
        points = turned(alignment.TEMPLATE - 55.5, scale, degrees, (450, 450))
        face = alignment.decode(png(board), "x", points, size=size, channels=1).astype(float)
        inner = face[size // 4 : -size // 4, size // 4 : -size // 4]
        assert abs(inner.mean() - 127.5) < 1.5 and inner.std() < 3


def test_landmarks_align_every_face_of_the_table(load):
    random = np.random.default_rng(3)
    files, rows = {}, []
    whole = Image.fromarray(random.integers(0, 256, (20, 20, 3), dtype=np.uint8)).resize((300, 300))
    for name in DEFAULT:
        degrees, scale, shift = random.uniform(-30, 30), random.uniform(0.8, 1.6), random.uniform(130, 170, 2)
        files[name] = png(np.asarray(whole))
        rows.append(f"{name},{name[:3]}," + landmark_row(turned(alignment.TEMPLATE - 55.5, scale, degrees, shift)))
    table = "\n".join(["file,identity," + ",".join(LANDMARK_COLUMNS), *rows])
    faces = load(files, table=table, image_size=32)
    points = {row.split(",")[0]: np.array(row.split(",")[2:], float).reshape(5, 2) for row in rows}
    expected = [alignment.align(whole, points[file], 32) for file in faces.index["file"]]
    assert np.array_equal(pixels(faces), expected)
    refused(load, "has landmarks, and crop = [0, 0, 9, 9]", files=files, table=table, crop=[0, 0, 9, 9])
    row = rows[0].replace(landmark_row(points["p00/0.png"]), landmark_row(points["p00/0.png"] + 400))
    pairs = "file_a,file_b,same\n" + PAIRS
    refused(
        load,
        "faces.zip: p00/0.png: landmark",
        "lies far outside of the image of 300x300",
        files=files,
        table=table.replace(rows[0], row),
        pairs=pairs,
        image_size=32,
    )


FACE = list(alignment.TEMPLATE.ravel())


def with_value(position, value):
    return ",".join(str(value if k == position else number) for k, number in enumerate(FACE))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (with_value(3, "nan"), "line 2: right_eye_y 'nan', expected a number of pixels"),
        (with_value(3, "inf"), "line 2: right_eye_y 'inf'"),
        (with_value(0, "1_0"), "line 2: left_eye_x '1_0'"),
        (with_value(9, "x"), "line 2: mouth_right_y 'x'"),
        (with_value(5, ""), "line 2: nose_y ''"),
        (with_value(5, "1e300"), "line 2: nose_y '1e300'"),
        (",".join(["7"] * 10), "line 2: landmarks all in one point"),
        (landmark_row(alignment.TEMPLATE * [-1, 1] + [112, 0]), "line 2: landmarks do not lie as in a face"),
        (landmark_row(alignment.TEMPLATE[[1, 0, 2, 4, 3]]), "line 2: landmarks do not lie as in a face"),
        (landmark_row(alignment.TEMPLATE[[2, 4, 0, 1, 3]]), "line 2: landmarks do not lie as in a face"),
    ],
)
def test_bad_landmarks(row, expected, load):
    table = f"file,identity,{','.join(LANDMARK_COLUMNS)}\np00/0.png,p00,{row}\n"
    refused(load, "raw/faces.csv", expected, table=table)


def test_some_landmark_columns_are_not_enough(load):
    table = "file,identity,left_eye_x\np00/0.png,p00,3\n"
    refused(load, "faces.csv: line 1: no column left_eye_y, expected all 10 of landmarks", table=table)


def test_alignment_refuses_images_in_the_words_of_decode():
    for data in (b"", b"nonsense", photo(0)[:300]):
        with pytest.raises(InputError) as plain:
            images.decode(data, "x.png", size=16, channels=1)
        with pytest.raises(InputError) as aligned:
            alignment.decode(data, "x.png", alignment.TEMPLATE, size=16, channels=1)
        assert str(plain.value) == str(aligned.value)


# Folders are packed.


def test_packing_depends_on_names_and_contents_alone(tmp_path):
    files = {"b/2.png": b"two", "a/1.png": b"one" * 5000, "a b/é.png": b"", f"{'long' * 40}/1.png": b"long"}
    first = write_folder(tmp_path / "first", files)
    second = write_folder(tmp_path / "second", dict(reversed(files.items())))
    (second / "a/1.png").chmod(0o600)
    os.utime(second / "b/2.png", (1, 1))
    (second / "b/.DS_Store").write_bytes(b"unasked")
    digest = pack(first, tmp_path / "first.tar")
    assert digest == hashlib.sha256((tmp_path / "first.tar").read_bytes()).hexdigest()
    assert digest == pack(second, tmp_path / "second.tar")
    with tarfile.open(tmp_path / "first.tar") as tar:
        assert tar.getnames() == sorted(files)
        assert {name: tar.extractfile(name).read() for name in files} == files
        assert all((info.mtime, info.uid, info.gid, info.uname) == (0, 0, 0, "") for info in tar)
    (second / "b/2.png").write_bytes(b"owt")
    assert pack(second, tmp_path / "second.tar") != digest


def own(address=None, sha256=None, name="faces.zip"):
    return RemoteFile(name, address, sha256, "you")


@pytest.mark.parametrize("how", ["address", "file address", "dropped", "dropped .tgz"])
def test_folders_are_fetched_and_taken_anew(how, tmp_path):
    drop_in, cache = tmp_path / "dropped", tmp_path / "cache"
    place = {"dropped": drop_in / "faces", "dropped .tgz": drop_in / "faces.tgz"}.get(how, tmp_path / "mine")
    address = {"address": str(place), "file address": place.as_uri()}.get(how)
    drop_in.mkdir()

    def write(files):
        write_tar(place, files, "w:gz") if place.suffix else write_folder(place, files)

    write({"a/1.png": b"one"})
    first = fetch(own(address), cache, drop_in)
    assert first == cache / "faces.zip"
    checksum = hashlib.sha256(first.read_bytes()).hexdigest()
    with tarfile.open(first) as tar:
        assert tar.getnames() == ["a/1.png"]
    write({"a/1.png": b"one", "a/2.png": b"two"})
    with tarfile.open(fetch(own(address), cache, drop_in)) as tar:
        assert tar.getnames() == ["a/1.png", "a/2.png"]
    with pytest.raises(InputError, match=f"wrong checksum of .*expected {checksum}"):
        fetch(own(address, checksum), cache, drop_in)


def test_pinned_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(write_folder(tmp_path, {"mine/a/1.png": b"one"}))
    checksum = pack("mine", "x.tar")
    target = fetch(own("mine", checksum), tmp_path / "cache", tmp_path)
    assert target.read_bytes() == Path("x.tar").read_bytes()
    with pytest.raises(InputError, match="no such file: mine"):
        fetch(own("mine", name="faces.csv"), tmp_path / "cache", tmp_path)  # a table is no folder
    with pytest.raises(InputError, match=r"no such file: \.\."):
        fetch(own(".."), tmp_path / "other", tmp_path)  # nor is what the run itself lies in


def test_a_folder_is_not_taken_for_a_table(tmp_path):
    drop_in = write_folder(tmp_path / "dropped", {"faces/a/1.png": b"one"})
    with pytest.raises(InputError, match="faces.csv: cannot be downloaded freely"):
        fetch(own(name="faces.csv"), tmp_path / "cache", drop_in)


def test_two_dropped_archives_are_one_too_many(tmp_path):
    drop_in = write_folder(tmp_path / "dropped", {"faces/a/1.png": b"one", "faces.tar": b""})
    with pytest.raises(InputError, match="holds faces.tar and faces, expected one of them"):
        fetch(own(), tmp_path / "cache", drop_in)


def damaged(kind, mine, monkeypatch):
    """A folder that cannot be packed, and what is said of it."""
    mine.mkdir()
    if kind == "empty":
        (mine / "sub").mkdir()
        (mine / ".hidden").write_bytes(b"x")
        return "mine: an empty folder"
    (mine / "a.png").write_bytes(b"x")
    if kind == "broken link":
        (mine / "b.png").symlink_to("nowhere")
        return "b.png: a broken link"
    if kind == "circle":
        (mine / "sub").symlink_to("../mine")
        return "sub: a link to a folder that it lies in"
    if kind == "pipe":
        os.mkfifo(mine / "b.png")
        return "b.png: a broken link, a device or the like"
    if kind == "name":
        (Path(os.fsdecode(bytes(mine) + b"/\xff.png"))).write_bytes(b"x")
        return "expected a name in UTF-8"
    real, listed = open, Path.iterdir

    def refusing(path, *args, **options):
        if Path(path) == mine / "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    def unlisted(path):
        if path == mine:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    if kind == "unreadable file":
        monkeypatch.setattr("builtins.open", refusing)
        return "a.png: cannot be read: Permission denied"
    monkeypatch.setattr(Path, "iterdir", unlisted)
    return "mine: cannot be read: Permission denied"


@pytest.mark.parametrize("kind", ["empty", "broken link", "circle", "pipe", "name", "unreadable file", "unreadable"])
def test_folders_that_cannot_be_packed(kind, tmp_path, monkeypatch):
    expected = damaged(kind, tmp_path / "mine", monkeypatch)
    with pytest.raises(InputError) as caught:
        fetch(own(str(tmp_path / "mine")), tmp_path / "cache", tmp_path)
    monkeypatch.undo()
    assert expected in str(caught.value) and "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").glob("*"))  # nothing half-written


# All together.


def test_remote_files_are_those_that_are_named():
    assert [file.name for file in remote_files(settings())] == ["faces.zip"]
    entry = {"address": None, "sha256": None}
    both = settings(files={"archive": entry, "pairs": entry, "table": entry})
    assert [file.name for file in remote_files(both)] == ["faces.zip", "faces.csv", "pairs.csv"]


def test_example_from_a_folder_to_arrays(tmp_path, root, capsys, monkeypatch):
    """200 photos of 20 people through download and prepare, with the ready parameter file."""
    mine = write_folder(tmp_path / "mine", people(*[10] * 20))
    params = tmp_path / "params.yaml"
    text = (root / "examples/folder.yaml").read_text()
    assert text.count("archive: {address: null") == 1
    params.write_text(text.replace("archive: {address: null", f"archive: {{address: {json.dumps(str(mine))}"))
    monkeypatch.chdir(tmp_path)
    download = [
        "recognition_download",
        "--params",
        "params.yaml",
        "--cache",
        "cache",
        "--drop-in",
        "dropped",
        "--out",
        "raw",
    ]
    assert main(download) == 0
    checksum = hashlib.sha256(Path("raw/faces.zip").read_bytes()).hexdigest()
    assert checksum in capsys.readouterr().err
    out = ["--faces", "f.npy", "--index", "i.csv", "--pairs", "p.csv", "--searches", "s.csv"]
    out += ["--notes", "n.json", "--contact-sheet", "c.png"]
    prepare = ["recognition_prepare", "--params", "params.yaml", "--raw", "raw", *out]
    assert main(prepare) == 0
    index, pairs = read_tables("i.csv", "p.csv")
    assert np.load("f.npy").shape == (len(index), 48, 48, 3)
    assert json.loads(Path("n.json").read_text()) == {"name": "own faces", "rendered": False, "people_known": True}
    assert index.groupby("split")["identity"].nunique().to_dict() == {"test": 10, "train": 10}
    assert pairs.groupby(["fold", "same"]).size().tolist() == [30] * 10
    assert "warning" not in capsys.readouterr().err
    first = [Path(name).read_bytes() for name in out[1::2]]

    learned = index.loc[index["split"] == "train", "identity"].iloc[0]
    (mine / learned / "x.png").write_bytes(b"no picture")
    assert main(download) == 0 and main(prepare) == 1
    assert f"recognition_prepare: raw/faces.zip: {learned}/x.png: not an image" in capsys.readouterr().err
    (mine / learned / "x.png").unlink()
    assert main(download) == 0 and main(prepare) == 0
    assert [Path(name).read_bytes() for name in out[1::2]] == first

    capsys.readouterr()
    params.write_text(params.read_text().replace("folds: 5", "folds: 7"))
    assert main(prepare) == 1
    line = capsys.readouterr().err
    assert (
        line.startswith("recognition_prepare: raw/faces.zip: test_share = 0.5 of 20 people") and line.count("\n") == 1
    )
