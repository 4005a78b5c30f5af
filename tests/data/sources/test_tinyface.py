"""TinyFace's layout and a user's own list of searches: who is looked up among whom, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.__main__ import main
from pipeline.data import images
from pipeline.data.faceset import check, read_searches, read_tables
from pipeline.data.matlab import read_named_ids
from pipeline.data.sources import folder, tinyface
from pipeline.errors import InputError
from pipeline.params.loading import validate
from tests.helpers.photos import DEFAULT, photo, pixels
from tests.helpers.tinyface import GALLERY, MATS, PROBES, TEST, jpeg, layout, mat

NO_FILE = {"address": None, "sha256": None}


def settings(**changes):
    values = {"source": "tinyface", "files": {"archive": NO_FILE}, "image_size": 24, "channels": 3, "min_images": 2}
    return validate(tinyface.Settings, values | changes, "data")


def write_zip(path, files):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def read(tmp_path, content, **changes):
    write_zip(tmp_path / "raw/tinyface.zip", content)
    faces = tinyface.load(settings(**changes), tmp_path / "raw")
    check(faces)
    return faces


def test_the_official_layout(tmp_path):
    files = layout()
    faces = read(tmp_path, files)
    named = faces.index.set_index("file")
    assert faces.pairs.empty and not faces.rendered
    assert named["split"].value_counts().to_dict() == {"test": 11, "train": 5, "unlabelled": 1}
    assert named.loc["tinyface.zip/tinyface/Training_Set/2/2_0.jpg"].tolist() == [0, "2", "train"]
    assert named.loc["tinyface.zip/tinyface/Training_Set/5/5_0.jpg", "split"] == "unlabelled"
    roles = faces.searches.merge(faces.index, on="face").set_index("file")
    for where, listed, role in (("Gallery_Match", GALLERY, "gallery"), ("Probe", PROBES, "probe")):
        for name, person in listed:
            row = roles.loc[f"tinyface.zip/{TEST}/{where}/{name}"]
            assert (row["role"], row["identity"], row["split"], row["protocol"]) == (
                role,
                str(person),
                "test",
                "tinyface",
            )
    distractors = roles[roles["role"] == "distractor"]
    assert len(distractors) == 4 and set(distractors["identity"]) == {""} and len(roles) == 11
    # Every face is decoded from its own entry, whole, however small.
    expected = [
        images.decode(files[name.removeprefix("tinyface.zip/")], name, size=24, channels=3, min_side=1)
        for name in faces.index["file"]
    ]
    np.testing.assert_array_equal(pixels(faces), expected)
    assert faces.sheet().shape == (2 * 24, 3 * 24, 3)


def test_fewer_distractors_to_try_things_out(tmp_path):
    faces = read(tmp_path, layout(), max_distractors=1, channels=1)
    assert (faces.searches["role"] == "distractor").sum() == 1
    assert len(pixels(faces)) == len(faces.index) == 14


def test_other_people_to_train_on(tmp_path):
    """train.zip takes the place of Training_Set, and its person 1 is not that of TinyFace."""
    write_zip(
        tmp_path / "raw/train.zip", {f"{person}/{k}.png": photo(10 * person + k) for person in (1, 2) for k in range(3)}
    )
    faces = read(tmp_path, layout(), files={"archive": NO_FILE, "train": NO_FILE})
    train = faces.index[faces.index["split"] == "train"]
    assert train["identity"].tolist() == ["train.zip/1"] * 3 + ["train.zip/2"] * 3
    assert not faces.index["file"].str.contains("Training_Set").any()
    face = pixels(faces)
    assert len(face) == len(faces.index) == 17
    np.testing.assert_array_equal(face[4], images.decode(photo(21), "", size=24, channels=3))


def changed(**entries):
    """The layout with some files changed, or taken out where None."""
    files = layout() | entries
    return {name: data for name, data in files.items() if data is not None}


def matching(role, names, ids):
    file, keys = list(MATS.items())[role]
    return {f"{TEST}/{file}": mat(names, ids, keys)}


LISTED, LOOKED = [name for name, _ in GALLERY], [name for name, _ in PROBES]
PROBE_MAT = f"{TEST}/probe_img_ID_pairs.mat"
REFUSED = {
    "no list": (changed(**{PROBE_MAT: None}), "no Testing_Set/probe_img_ID_pairs.mat, expected TinyFace's list"),
    "no entry": (
        changed(**{PROBE_MAT: mat(LOOKED, [7, 1, 1], ("probe_set", "other"))}), "no variable probe_ids, expected probe_set"),
    "fewer people": (changed(**matching(1, LOOKED, [7, 1])), "3 file names and 2 people"),
    "numbers for names": (changed(**matching(1, [7, 1, 1], [7, 1, 1])), "probe_set is no cell array of texts"),
    "no .mat": (changed(**{PROBE_MAT: b"no such thing"}), f"{PROBE_MAT}: not a whole .mat file"),
    "picture absent": (changed(**matching(1, ["8_1.jpg", *LOOKED[1:]], [7, 1, 1])), "names '8_1.jpg', which is not in"),
    "picture unlisted": (changed(**matching(1, LOOKED[:2], [7, 1])), "'tinyface/Testing_Set/Probe/1_3.jpg' is not in probe_img"),
    "picture twice": (changed(**matching(1, [*LOOKED, LOOKED[0]], [7, 1, 1, 7])), "names '7_2.jpg' twice"),
    "no mate": (changed(**matching(1, LOOKED, [8, 1, 1])), "shows '8', of whom the gallery of protocol tinyface has no"),
    "leak": (changed(**{"tinyface/Training_Set/9/9_0.jpg": jpeg(0, 9, 9)}), "9_0.jpg' is of person 9, who is in Testing_Set"),
    "two of a name": (changed(**{"other/Probe/7_2.jpg": jpeg(0, 9, 9)}), "have the same name, expected one Probe"),
    "nobody to train on": (
        {n: d for n, d in layout().items() if "/3/" not in n}, "min_images = 2 leaves 1 people to train on, expected two"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_damaged_layouts_are_one_line(case, tmp_path):
    files, expected = REFUSED[case]
    with pytest.raises(InputError) as caught:
        read(tmp_path, files)
    message = str(caught.value)
    assert expected in message and "\n" not in message


def test_a_corrupt_picture_is_named(tmp_path):
    name = f"{TEST}/Gallery_Distractor/2_0_1_2_age2.jpg"
    faces = read(tmp_path, changed(**{name: layout()[name][:100]}))
    with pytest.raises(InputError, match=f"tinyface.zip: {name}: a truncated or corrupt image"):
        pixels(faces)


def test_a_damaged_list_gives_a_list_or_one_line():
    """Cut anywhere and with bytes changed at random: never another exception."""
    whole = mat(LISTED, [1, 1, 7, 9], ("gallery_set", "gallery_ids"))
    assert read_named_ids(whole, "a.mat", "gallery_set", "gallery_ids") == GALLERY
    random = np.random.default_rng(0)
    refused = 0
    for trial in range(300):
        data = bytearray(whole)
        if trial % 2:
            del data[random.integers(len(data)) :]
        else:
            for place in random.integers(len(data), size=3):
                data[place] = random.integers(256)
        try:
            read_named_ids(bytes(data), "a.mat", "gallery_set", "gallery_ids")
        except InputError as error:
            refused += 1
            assert str(error).startswith("a.mat: ")
    assert refused > 150


def test_from_dropped_folder_to_tables(tmp_path, root, monkeypatch, capsys):
    """The example's data through download and prepare: a folder will do as an archive."""
    monkeypatch.chdir(tmp_path)
    text = (root / "examples/tinyface.yaml").read_text()
    Path("params.yaml").write_text(text)
    for name, data in layout().items():
        place = tmp_path / "drop" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    assert main(["recognition_download", "--cache", "cache", "--drop-in", "drop", "--out", "raw"]) == 0
    outputs = "--faces f.npy --index i.csv --pairs p.csv --searches s.csv --notes n.json --contact-sheet c.png"
    assert main(["recognition_prepare", "--raw", "raw", *outputs.split()]) == 0, capsys.readouterr().err
    index, pairs = read_tables("i.csv", "p.csv")
    searches = read_searches("s.csv", index, "i.csv")
    assert pairs.empty and len(searches) == 11 and np.load("f.npy").shape == (17, 56, 56, 3)
    assert index["identity"].isin(["1", "7", "9", "2", "3", "5", ""]).all()
    assert json.loads(Path("n.json").read_text()) == {"name": "TinyFace", "rendered": False, "people_known": True}


# A list of searches of one's own, beside the photos.
OWN = """file,role
p00/0.png,gallery
p00/2.png,probe
p01/0.png,gallery
p01/1.png,gallery
p01/3.png,probe
p02/0.png,distractor
p02/1.png,distractor
"""


@pytest.fixture
def own(tmp_path):
    """Load the photos of test_folder with a list of searches."""

    def own(searches, table=None, pairs=None, files=DEFAULT):
        raw = tmp_path / "raw"
        write_zip(raw / "faces.zip", files)
        given = {"archive": NO_FILE}
        for key, text in {"table": table, "pairs": pairs, "searches": searches}.items():
            if text is not None:
                (raw / folder.FILES[key]).write_text(text)
                given[key] = NO_FILE
        values = {
            "source": "folder",
            "files": given,
            "image_size": 24,
            "channels": 3,
            "min_images": 2,
            "pairs_per_fold": 12,
        }
        faces = folder.load(validate(folder.Settings, values | {"folds": 2, "seed": 0}, "data"), raw)
        check(faces)
        return faces

    return own


def test_own_searches(own, capsys):
    faces = own(OWN)
    assert faces.pairs.empty
    file = faces.index["file"]
    result = [(file[row.face], row.role, row.protocol) for row in faces.searches.itertuples()]
    assert result == [(*line.split(","), "search") for line in OWN.splitlines()[1:]]
    split = faces.index.set_index("file")["split"]
    assert (split == "test").sum() == 7 and set(split[split != "test"].index) == {f for f in DEFAULT if f[:3] > "p02"}
    assert "5 of 48 images left out" in capsys.readouterr().err


def test_own_searches_beside_own_pairs(own):
    lines = [f"p0{p}/0.png,p0{p}/1.png,1\np0{p}/0.png,p0{(p + 1) % 4}/0.png,0" for p in range(4)]
    header, *rows = OWN.splitlines()
    searches = "\n".join([f"{header},protocol", *(f"{row},door" for row in rows)])
    faces = own(searches, pairs="\n".join(["file_a,file_b,same", *lines]))
    assert len(faces.pairs) == 8 and set(faces.searches["protocol"]) == {"door"}
    assert set(faces.index.loc[faces.index["split"] == "test", "identity"]) == {"p00", "p01", "p02", "p03"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("p00/2.png,probe", "p00/2.png,sought", "line 3: role 'sought', expected one of probe, gallery, distractor"),
        ("p00/2.png,probe", "p00/9.png,probe", "line 3: file 'p00/9.png' is not in"),
        ("p00/2.png,probe", "p00/0.png,probe", "line 3: file 'p00/0.png' occurs twice, first in line 2"),
        (
            "p00/2.png,probe",
            "p05/2.png,probe",
            "line 3: probe 'p05/2.png' shows 'p05', expected a photo of this person",
        ),
        ("p02/0.png", "p01/2.png", "line 7: distractor 'p01/2.png' shows 'p01', expected somebody whom no probe shows"),
        ("file,role", "file,part", "line 1: no column 'role'"),
        ("p00/2.png,probe", "p00/2.png,probe,x", "line 3: 3 values, expected 2"),
        ("p00/2.png,probe\n", "", None),
        ("probe", "gallery", "protocol search has no probes"),
    ],
)
def test_own_searches_that_are_refused(own, old, new, expected):
    if expected is None:
        assert (own(OWN.replace(old, new)).searches["role"] == "probe").sum() == 1
        return
    with pytest.raises(InputError) as caught:
        own(OWN.replace(old, new))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_nobody_of_another_split_is_looked_for(own):
    rows = [f"{file},{file[:3]},{'test' if file[:3] < 'p02' else 'train'}" for file in DEFAULT]
    with pytest.raises(InputError, match="line 7: file 'p02/0.png' is of split train, expected one of split test"):
        own(OWN, table="\n".join(["file,identity,split", *rows]))
