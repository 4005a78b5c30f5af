"""A face set is written as promised, read back unchanged, refused in one line when it contradicts itself."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.faceset import FaceSet, check, read_notes, read_tables, write
from pipeline.errors import InputError
from tests.helpers.face_sets import INDEX, PAIRS, cell, faceset, places, tables


def test_written_and_read_back(tmp_path, capsys):
    original = faceset(channels=3)
    paths = places(tmp_path)
    write(original, **paths)
    np.testing.assert_array_equal(np.load(paths["faces"]), np.concatenate(list(original.chunks())))
    index, pairs = read_tables(paths["index"], paths["pairs"])
    people = sorted(set(original.index["identity"]) - {""})
    assert index.pop("person").tolist() == [people.index(name) if name else -1 for name in original.index["identity"]]
    pd.testing.assert_frame_equal(index, original.index, check_dtype=False)
    pd.testing.assert_frame_equal(pairs, original.pairs, check_dtype=False)
    assert pairs["same"].dtype == bool
    assert read_notes(paths["notes"]).model_dump() == {"name": "some faces", "rendered": False, "people_known": True}
    assert paths["pairs"].read_text().splitlines()[1] == "age,0,0,0,1,1"
    assert capsys.readouterr().err == ""


def test_written_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(faceset(), **places(tmp_path / name))
    for one in (tmp_path / "one").iterdir():
        assert one.read_bytes() == (tmp_path / "two" / one.name).read_bytes()


def test_no_pairs_is_a_face_set_to_train_on(tmp_path):
    write(faceset(pairs=tables()[1].iloc[:0]), **places(tmp_path))
    _, pairs = read_tables(*list(places(tmp_path).values())[1:3])
    assert len(pairs) == 0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((4, 4), "8 faces came"), ((4, 6), "more than 9"), ((), "0 faces"), ((9, 1), "more than 9")],
)
def test_more_or_fewer_faces_than_rows(counts, expected, tmp_path):
    with pytest.raises(InputError, match=expected) as caught:
        write(faceset(counts=counts), **places(tmp_path))
    assert "faces.npy" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_chunks_that_do_not_fit_together(tmp_path):
    def broken(*arrays):
        good = faceset()
        return FaceSet(good.index, good.pairs, lambda: iter(arrays), 1, "some faces")

    plain = np.zeros((4, 6, 5, 1), np.uint8)
    for second, expected in (
        (np.zeros((5, 6, 6, 1), np.uint8), "expected .6, 5, 1."),
        (np.zeros((5, 6, 5, 3), np.uint8), "3 channels"),
        (np.zeros((5, 6, 5, 1), np.float32), "float32"),
        (np.zeros((6, 5, 1), np.uint8), "expected uint8"),
    ):
        with pytest.raises(InputError, match=expected):
            write(broken(plain, second), **places(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_source_that_fails_half_way_leaves_nothing(tmp_path):
    def chunks():
        yield np.zeros((4, 6, 5, 1), np.uint8)
        raise InputError("Ann_0005.jpg: a truncated image")

    good = faceset()
    with pytest.raises(InputError, match="Ann_0005"):
        write(FaceSet(good.index, good.pairs, chunks, 1, "some faces"), **places(tmp_path))
    assert not list(tmp_path.iterdir())


def add_pair(pairs, *row):
    return pd.concat([pairs, pd.DataFrame([row], columns=pairs.columns)], ignore_index=True)


BAD = {
    "no faces": (INDEX.iloc[:0], PAIRS, "index: no faces"),
    "no column identity": (INDEX.drop(columns="identity"), PAIRS, "index: no column identity"),
    "no columns a, b": (INDEX, PAIRS.drop(columns=["a", "b"]), "pairs: no column a, b"),
    "faces out of order": (INDEX.iloc[::-1], PAIRS, "index: row 1: face 8, expected 0"),
    "faces from 1": (INDEX.assign(face=INDEX["face"] + 1), PAIRS, "index: row 1: face 1, expected 0"),
    "face is text": (cell(INDEX, 2, "face", "two"), PAIRS, "index: row 3: face two, expected 2"),
    "unknown split": (cell(INDEX, 3, "split", "val"), PAIRS, "row 4: split 'val', expected one of train"),
    "NaN identity": (cell(INDEX, 3, "identity", np.nan), PAIRS, "index: row 4: no value in column identity"),
    "NaN file": (cell(INDEX, 3, "file", None), PAIRS, "index: row 4: no value in column file"),
    "number as identity": (cell(INDEX, 3, "identity", 7), PAIRS, "index: row 4: identity 7, expected text"),
    "missing identity": (cell(INDEX, 7, "identity", ""), PAIRS, "'photo 7.jpg' of split train has no"),
    "file twice": (cell(INDEX, 3, "file", "photo 0.jpg"), PAIRS, "file 'photo 0.jpg' occurs twice"),
    "leak": (cell(INDEX, 7, "identity", "NA"), PAIRS, "identity 'NA' is in both train and test (and 1 more"),
    "absent face": (INDEX, cell(PAIRS, 1, "b", 9), "pairs: row 2: face 9 is not in index (expected 0 to 8)"),
    "negative face": (INDEX, cell(PAIRS, 1, "a", -1), "pairs: row 2: face -1 is not in index"),
    "NaN face": (INDEX, cell(PAIRS, 1, "a", np.nan), "pairs: row 2: no value in column a"),
    "half face": (INDEX, cell(PAIRS, 1, "a", 0.5), "pairs: row 2: a 0.5, expected a whole number"),
    "infinite fold": (INDEX, cell(PAIRS, 1, "fold", np.inf), "row 2: fold inf, expected a whole number"),
    "NaN same": (INDEX, cell(PAIRS, 1, "same", np.nan), "pairs: row 2: no value in column same"),
    "same is 2": (INDEX, cell(PAIRS, 1, "same", 2), "pairs: row 2: same 2, expected 0 or 1"),
    "same is text": (INDEX, cell(PAIRS, 1, "same", "yes"), "pairs: row 2: same yes"),
    "fold below 0": (INDEX, cell(PAIRS, 1, "fold", -1), "pairs: row 2: fold -1, expected 0 or more"),
    "itself": (INDEX, cell(PAIRS, 0, "b", 0), "pairs: row 1: face 0 is paired with itself"),
    "trained on": (INDEX, add_pair(PAIRS, "age", 4, 1, 7, 8, True), "row 7: face 7 is of split train"),
    "unlabelled": (INDEX, add_pair(PAIRS, "age", 4, 1, 0, 6, False), "row 7: face 6 is of split unlabelled"),
    "same of two": (INDEX, cell(PAIRS, 1, "same", True), "row 2: a same pair of two people, 'Ann' and 'NA'"),
    "different of one": (INDEX, cell(PAIRS, 0, "same", False), "row 1: a different pair of one person"),
    "pair twice": (INDEX, add_pair(PAIRS, "age", 4, 1, 2, 0, False), "row 7: faces 2 and 0 are paired twice"),
    "number twice": (INDEX, add_pair(PAIRS, "age", 3, 1, 1, 4, False), "row 7: pair 3 occurs twice in"),
    "one-sided fold": (INDEX, PAIRS.drop(index=3), "fold 1 of protocol age has 1 same and 0 different pairs"),
    "empty fold": (INDEX, PAIRS.replace({"fold": {1: 2}}), "fold 1 of protocol age has 0 same and 0"),
    "far fold": (INDEX, PAIRS.replace({"fold": {1: 10**12}}), "fold 1 of protocol age has 0 same"),
}


@pytest.mark.parametrize("case", BAD)
def test_contradictions(case, tmp_path):
    index, pairs, expected = BAD[case]
    with pytest.raises(InputError) as caught:
        check(faceset(index, pairs))
    assert expected in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError):
        write(faceset(index, pairs), **places(tmp_path))
    assert not list(tmp_path.iterdir())


def test_uneven_folds_are_warned_of(capsys):
    check(faceset(pairs=add_pair(PAIRS, "age", 4, 1, 5, 3, False)))
    assert "warning: pairs: uneven folds of protocol age: 1 (1 same, 2 different)" in capsys.readouterr().err


def read(tmp_path, index=None, pairs=None):
    paths = places(tmp_path)
    write(faceset(), **paths)
    if index is not None:
        paths["index"].write_bytes(index)
    if pairs is not None:
        paths["pairs"].write_bytes(pairs)
    with pytest.raises(InputError) as caught:
        read_tables(paths["index"], paths["pairs"])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_bad_tables_on_disk(tmp_path):
    assert "index.csv: not a CSV table" in read(tmp_path, index=b"")
    latin = "face,file,identity,split\n0,é,x,test\n".encode("latin-1")
    assert "index.csv: not UTF-8 text" in read(tmp_path, index=latin)
    assert "index.csv: no column identity, split" in read(tmp_path, index=b"face,file\n0,a\n")
    assert "index.csv: not a CSV table" in read(tmp_path, index=b"face,file\n0,a\n1,b,c,d\n")
    assert "pairs.csv: row 1: face 12 is not in " in read(
        tmp_path, pairs=b"protocol,pair,fold,a,b,same\nage,0,0,12,0,0\nage,1,0,0,1,1\n"
    )
    assert "pairs.csv: row 1: no value in column b" in read(
        tmp_path, pairs=b"protocol,pair,fold,a,b,same\nage,0,0,1,,0\n"
    )
    places(tmp_path)["index"].unlink()
    with pytest.raises(InputError, match="index.csv: no such file"):
        read_tables(places(tmp_path)["index"], places(tmp_path)["pairs"])
