"""What every source of faces gives: pictures, an index, pairs to verify, searches; and the files they become."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.arrays import write_faces
from pipeline.data.persons import groups, persons
from pipeline.data.remarks import Remark, Remarked, say
from pipeline.data.repeats import Repeats, alike
from pipeline.data.tables import check_columns, is_whole, read_csv, refuse
from pipeline.errors import InputError
from pipeline.files import read_json, write_csv, write_json
from pipeline.params.loading import validate

INDEX_COLUMNS = ("face", "file", "identity", "split")
PAIR_COLUMNS = ("protocol", "pair", "fold", "a", "b", "same")
SEARCH_COLUMNS = ("protocol", "face", "role")
SPLITS = ("train", "test", "unlabelled")
ROLES = ("probe", "gallery", "distractor")


@dataclass(frozen=True)
class FaceSet:
    """A set of faces with its protocols.

    ``index`` has one row per image, in array order: ``face`` (0..N-1), ``file`` (unique), ``identity`` (str; may
    be empty where ``split`` is "unlabelled", and for a distractor), ``split`` ("train": labelled, to learn from;
    "test": named by pairs or searches, of people who are not in train; "unlabelled": to learn from without its
    label), and further columns with what else is known (age, yaw, ...).
    ``pairs`` has one row per pair: ``protocol`` (str), ``pair`` (unique in its protocol), ``fold`` (0..K-1),
    ``a`` and ``b`` (values of ``face``), ``same`` (bool). No rows where there is nothing to verify.
    ``searches`` has one row per face that is looked for or searched: ``protocol`` (str), ``face`` (unique in its
    protocol), ``role`` ("probe": whose is it?, "gallery": of known people, among them that of every probe;
    "distractor": searched too, of people who are no probe's). None where there is nothing to identify.
    ``chunks`` gives the pictures from the beginning each time it is called: uint8 (n, H, W, ``channels``), in
    index order. ``name`` is the data set's in tables; ``rendered`` is True where the faces are drawn by the project,
    which every table then says. ``sheet`` gives the picture for the report, (H, W, 3) uint8; None: some people's
    faces. ``remarks`` are what the source left out or came upon. ``test_people`` is False where identities of split
    "test" are made up, so that two of them may be one person.
    """

    index: pd.DataFrame
    pairs: pd.DataFrame
    chunks: Callable[[], Iterator[np.ndarray]]
    channels: int
    name: str
    rendered: bool = False
    sheet: Callable[[], np.ndarray] | None = None
    searches: pd.DataFrame | None = None
    remarks: Sequence[Remark] = ()
    test_people: bool = True


def check(faceset: FaceSet) -> None:
    """Refuse a face set whose tables contradict themselves or leak test people into training.

    Raises InputError with one line naming table and row. Folds with unequal numbers of same and different
    pairs are worth a warning on stderr, not a refusal.
    """
    check_tables(faceset.index, faceset.pairs)
    searches = _no_searches() if faceset.searches is None else faceset.searches
    check_searches(faceset.index, searches)
    distractors = searches.loc[searches["role"] == "distractor", "face"]
    nobody = (faceset.index["identity"] == "") & (faceset.index["split"] == "test")
    refuse(
        nobody & ~faceset.index["face"].isin(distractors),
        "index",
        lambda row: f"file {faceset.index['file'].iloc[row]!r} of split test has no identity and is no distractor",
    )


def check_tables(
    index: pd.DataFrame, pairs: pd.DataFrame, *, index_name: str = "index", pairs_name: str = "pairs"
) -> None:
    """Do what ``check`` does for two tables; the names are what messages call them (paths, once on disk)."""
    _check_index(index, index_name)
    _check_pairs(index, pairs, index_name, pairs_name)
    _check_folds(pairs, pairs_name)


def check_searches(
    index: pd.DataFrame, searches: pd.DataFrame, *, index_name: str = "index", name: str = "searches"
) -> None:
    """Refuse searches that name faces of others than test people, or a probe without a mate in the gallery.

    The index has passed ``check_tables``. Raises InputError with one line naming table and row.
    """
    check_columns(searches, SEARCH_COLUMNS, name)
    protocol, role = searches["protocol"].to_numpy(), searches["role"].to_numpy()
    refuse(~is_whole(searches["face"]), name, lambda row: f"face {searches['face'].iloc[row]}, expected a whole number")
    face = searches["face"].to_numpy(np.int64)
    refuse(~searches["role"].isin(ROLES), name, lambda row: f"role {role[row]!r}, expected one of {', '.join(ROLES)}")
    refuse(
        (face < 0) | (face >= len(index)),
        name,
        lambda row: f"face {face[row]} is not in {index_name} (expected 0 to {len(index) - 1})",
    )
    refuse(
        searches.duplicated(["protocol", "face"]),
        name,
        lambda row: f"face {face[row]} occurs twice in protocol {protocol[row]}",
    )
    identity, split = index["identity"].to_numpy()[face], index["split"].to_numpy()[face]
    refuse(
        split != "test", name, lambda row: f"face {face[row]} is of split {split[row]} (expected a face of split test)"
    )
    refuse(
        (identity == "") & (role != "distractor"),
        name,
        lambda row: f"face {face[row]} has no identity in {index_name}, expected one for role {role[row]}",
    )
    people = pd.Series(identity)
    for label in dict.fromkeys(protocol):
        here = protocol == label
        looked_for, known = (
            set(identity[here & (role == "probe")]),
            set(identity[here & (role == "gallery")]),
        )
        if not looked_for:
            raise InputError(f"{name}: protocol {label} has no probes (expected some to look for)")
        refuse(
            here & (role == "probe") & ~people.isin(known),
            name,
            lambda row: (
                f"probe {face[row]} shows {identity[row]!r}, of whom the gallery of protocol {label} has no picture"
            ),
        )
        refuse(
            here & (role == "distractor") & people.isin(looked_for),
            name,
            lambda row: f"distractor {face[row]} shows {identity[row]!r}, whom probes of protocol {label} show too",
        )


def write(
    faceset: FaceSet,
    *,
    faces: str | os.PathLike[str],
    index: str | os.PathLike[str],
    pairs: str | os.PathLike[str],
    searches: str | os.PathLike[str],
    notes: str | os.PathLike[str],
) -> None:
    """Check a face set and write it: ``faces`` .npy, uint8 (N, H, W, C); the three tables as CSV; ``notes`` JSON.

    ``same`` is written as 0 or 1; the index gets a column ``person``, a number for each person as far as people are
    known. The notes also say which people have almost one name, and which pictures occur under two people or are both
    to train and to test on. Raises InputError as ``check`` does, and when the chunks give more or fewer images than
    the index has rows or another number of channels.
    """
    check(faceset)
    repeats, rows = Repeats(len(faceset.index)), range(len(faceset.index))

    def chunks() -> Iterator[np.ndarray]:
        start = 0
        for chunk in faceset.chunks():
            if chunk.shape[-1] != faceset.channels:
                raise InputError(f"{faces}: {chunk.shape[-1]} channels came, expected {faceset.channels}")
            for row, picture in zip(rows[start:], chunk):
                repeats.add(row, picture)
            start += len(chunk)
            yield chunk

    write_faces(faces, chunks(), len(faceset.index))
    write_csv(index, faceset.index.assign(person=_persons(faceset, repeats)))
    write_csv(pairs, faceset.pairs.assign(same=faceset.pairs["same"].astype(int)))
    write_csv(searches, _no_searches() if faceset.searches is None else faceset.searches)
    repeated = _people_alike(faceset) + repeats.remarks(
        *(faceset.index[column].tolist() for column in ("file", "identity", "split")), "people", faceset.test_people
    )
    say(index, repeated)
    remarks = [*faceset.remarks, *repeated]
    about = Notes(name=faceset.name, rendered=faceset.rendered, people_known=faceset.test_people, remarks=remarks)
    write_json(notes, about.model_dump())


class Notes(Remarked):
    """What tables say of a face set."""

    name: str
    rendered: bool
    people_known: bool = (
        True  # False: ``person`` of a test face stands for those that share a picture, not for a person
    )


def read_notes(path: str | os.PathLike[str]) -> Notes:
    """The notes that ``write`` wrote. Raises InputError naming the file."""
    return validate(Notes, read_json(Path(path)), "", path)


def read_tables(index: str | os.PathLike[str], pairs: str | os.PathLike[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read and check the two tables that ``write`` wrote, or a user's own; ``same`` comes back as bool.

    Raises InputError naming the file: absent, not UTF-8, not CSV, or refused by ``check``.
    """
    index_table = read_csv(index, text=("file", "identity", "split"))
    pairs_table = read_csv(pairs, text=("protocol",))
    check_tables(index_table, pairs_table, index_name=str(index), pairs_name=str(pairs))
    if "person" not in index_table:  # a table of the user's, without the column
        index_table = index_table.assign(person=persons(index_table["identity"]))
    _check_persons(index_table, str(index))
    return index_table, pairs_table.assign(same=pairs_table["same"].astype(bool))


def read_searches(
    path: str | os.PathLike[str], index: pd.DataFrame, index_name: str | os.PathLike[str]
) -> pd.DataFrame:
    """Read and check the table of searches against the ``index``; no rows where there is nothing to identify.

    Raises InputError as read_tables does.
    """
    table = read_csv(path, text=("protocol", "role"))
    check_searches(index, table, index_name=str(index_name), name=str(path))
    return table.astype({"face": np.int64})


def paired_faces(table: pd.DataFrame) -> np.ndarray:
    """The numbers of the faces that pairs name, (U,), rising, each once."""
    return np.unique(table[["a", "b"]].to_numpy(np.int64))


def read_index(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read and check the index alone, for steps that need no pairs. Raises InputError as read_tables does."""
    table = read_csv(path, text=("file", "identity", "split"))
    check_columns(table, INDEX_COLUMNS, str(path))
    _check_index(table, str(path))
    return table


def _check_index(index: pd.DataFrame, name: str) -> None:
    check_columns(index, INDEX_COLUMNS, name)
    if index.empty:
        raise InputError(f"{name}: no faces (expected at least one row)")
    face, file = index["face"].to_numpy(), index["file"].to_numpy()
    identity, split = index["identity"].to_numpy(), index["split"].to_numpy()
    refuse(
        ~is_whole(index["face"]) | (pd.to_numeric(index["face"], errors="coerce") != np.arange(len(index))),
        name,
        lambda row: f"face {face[row]}, expected {row} (faces are numbered from 0 in array order)",
    )
    refuse(~index["split"].isin(SPLITS), name, lambda row: f"split {split[row]!r}, expected one of {', '.join(SPLITS)}")
    refuse(index["file"].duplicated(), name, lambda row: f"file {file[row]!r} occurs twice")
    refuse(
        [not isinstance(value, str) for value in identity],
        name,
        lambda row: f"identity {identity[row]!r}, expected text",
    )
    refuse(
        (index["identity"] == "") & (index["split"] == "train"),
        name,
        lambda row: f"file {file[row]!r} of split {split[row]} has no identity",
    )
    train = set(identity[split == "train"])
    refuse(
        (index["split"] == "test") & index["identity"].isin(train),
        name,
        lambda row: f"identity {identity[row]!r} is in both train and test",
    )


def _check_persons(index: pd.DataFrame, name: str) -> None:
    """Whole numbers, one for each identity: two people that are known have two, those that are made up may share one."""
    person = index["person"]
    if not pd.api.types.is_integer_dtype(person):
        whole = is_whole(person)
        refuse(~whole, name, lambda row: f"person {person.iloc[row]}, expected a whole number")
        raise InputError(f"{name}: person holds {person.dtype}, expected whole numbers of at most 18 digits")
    shown = index["identity"] != ""
    first = person[shown].groupby(index["identity"][shown]).transform("first")
    refuse(
        (first != person[shown]).reindex(index.index, fill_value=False),
        name,
        lambda row: f"person {person.iloc[row]} of {index['identity'].iloc[row]!r}, who has another number before",
    )
    refuse(
        shown & (person < 0),
        name,
        lambda row: f"person {person.iloc[row]}, expected 0 or more for somebody with a name",
    )


def _check_pairs(index: pd.DataFrame, pairs: pd.DataFrame, index_name: str, name: str) -> None:
    check_columns(pairs, PAIR_COLUMNS, name)
    for column in ("pair", "fold", "a", "b", "same"):
        values = pairs[column].to_numpy()
        whole = is_whole(pairs[column])
        refuse(~whole, name, lambda row: f"{column} {values[row]}, expected a whole number")
    protocol, fold, same = (pairs[column].to_numpy() for column in ("protocol", "fold", "same"))
    a, b = pairs["a"].to_numpy(np.int64), pairs["b"].to_numpy(np.int64)
    refuse(~pairs["same"].isin((0, 1)), name, lambda row: f"same {same[row]!r}, expected 0 or 1")
    refuse(pairs["fold"] < 0, name, lambda row: f"fold {fold[row]}, expected 0 or more")
    for side in (a, b):
        refuse(
            (side < 0) | (side >= len(index)),
            name,
            lambda row: f"face {side[row]} is not in {index_name} (expected 0 to {len(index) - 1})",
        )
    refuse(a == b, name, lambda row: f"face {a[row]} is paired with itself")
    identity, split = index["identity"].to_numpy(), index["split"].to_numpy()
    for side in (a, b):
        refuse(
            split[side] != "test",
            name,
            lambda row: f"face {side[row]} is of split {split[side[row]]} (expected a face of split test)",
        )
        refuse(identity[side] == "", name, lambda row: f"face {side[row]} has no identity in {index_name}")
    alike = identity[a] == identity[b]
    same = same.astype(bool)
    refuse(same & ~alike, name, lambda row: f"a same pair of two people, {identity[a[row]]!r} and {identity[b[row]]!r}")
    refuse(~same & alike, name, lambda row: f"a different pair of one person, {identity[a[row]]!r}")
    unordered = pd.DataFrame({"protocol": protocol, "low": np.minimum(a, b), "high": np.maximum(a, b)})
    refuse(
        unordered.duplicated(),
        name,
        lambda row: f"faces {a[row]} and {b[row]} are paired twice in protocol {protocol[row]}",
    )
    refuse(
        pairs.duplicated(["protocol", "pair"]),
        name,
        lambda row: f"pair {pairs['pair'].iloc[row]} occurs twice in protocol {protocol[row]}",
    )


def _check_folds(pairs: pd.DataFrame, name: str) -> None:
    for protocol, rows in pairs.groupby("protocol", sort=True):
        uneven = []
        same, fold = rows["same"].astype(bool), rows["fold"].astype(int)
        for number in range(fold.max() + 1):
            positive, negative = int(same[fold == number].sum()), int((~same)[fold == number].sum())
            if not positive or not negative:
                raise InputError(
                    f"{name}: fold {number} of protocol {protocol} has {positive} same and"
                    f" {negative} different pairs (expected some of each)"
                )
            if positive != negative:
                uneven.append(f"{number} ({positive} same, {negative} different)")
        if uneven:
            listed = "; ".join(uneven)
            print(f"warning: {name}: uneven folds of protocol {protocol}: {listed}", file=sys.stderr)


def _persons(faceset: FaceSet, repeats: Repeats) -> np.ndarray:
    """(N,) who each face shows. Identities that are made up are joined where they have a picture in common."""
    numbers, test = persons(faceset.index["identity"]), (faceset.index["split"] == "test").to_numpy()
    made_up = test & (numbers >= 0)
    if not faceset.test_people and made_up.any():
        numbers[made_up] = groups(persons(faceset.index["identity"][made_up]), repeats.digests[made_up]) + len(numbers)
    return numbers


def _people_alike(faceset: FaceSet) -> list[Remark]:
    index = faceset.index
    known = index if faceset.test_people else index[index["split"] != "test"]
    return alike(known["identity"], "people")


def _no_searches() -> pd.DataFrame:
    return pd.DataFrame({"protocol": [], "face": np.empty(0, np.int64), "role": []})[list(SEARCH_COLUMNS)]
