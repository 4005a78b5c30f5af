"""Which files of an archive are photos: the same in every source of every task, and nothing is dropped without a word."""

from __future__ import annotations

import io
import pickle
import unicodedata

import numpy as np
import pytest
from PIL import Image

from pipeline.data import faceset, packing
from pipeline.data.archive_files import UNUSUAL, list_files
from pipeline.data.class_sources import ImageClasses
from pipeline.data.classes import classification_prepare, open_classes
from pipeline.data.picture_sources import load_pictures
from pipeline.data.pictures import Pictures, pack, read_remarks
from pipeline.data.remarks import MAX_NAME, SHOWN, remark, sentence
from pipeline.data.repeats import alike
from pipeline.data.sketch_pairs import load as load_pairs
from pipeline.data.sketch_pairs import prepare_pairs
from pipeline.data.sources import Faces, source
from pipeline.errors import InputError
from pipeline.params.loading import validate
from pipeline.translate import _files
from tests.helpers import picture_settings, sketch_settings, tinyface
from tests.helpers.photos import photo, write_folder, write_tar, write_zip

SIDE = 24
NO_FILE = {"address": None, "sha256": None}
SYSTEM = (
    ".DS_Store", "._{name}", "Thumbs.db", "thumbs.db", "desktop.ini", "@eaDir/{name}/SYNOPHOTO.jpg", ".git/HEAD",
    ".ipynb_checkpoints/{name}", "~$list.docx", "faces.lock",
)  # fmt: skip


def encoded(seed, form):
    with Image.open(io.BytesIO(photo(seed))) as image:
        buffer = io.BytesIO()
        image.convert("L" if form == "PGM" else "RGB").save(buffer, "PPM" if form == "PGM" else form, quality=95)
    return buffer.getvalue()


# --- the sources: what a good archive of each holds, and what is read of it ------------------------------------------


class Source:
    """``photos``: names by group (person, class); ``read(raw)`` gives (name's last part, group, pixels) and remarks."""

    archive = "faces.zip"

    def files(self):
        return {name: photo(seed) for seed, names in enumerate(self.photos().values()) for seed, name in
                enumerate(names, 100 * seed)} | self.extra()  # fmt: skip

    def photos(self):
        return {f"p{k:02d}": [f"p{k:02d}/{n}.png" for n in range(4)] for k in range(12)}

    def extra(self):
        return {}

    def beside(self, raw):
        """Further files of the source."""

    def settings(self):
        files = dict.fromkeys(self.keys, NO_FILE)
        return validate(
            Faces, {"source": self.name, "files": files, "image_size": SIDE, "channels": 3} | self.options, ""
        )

    def read(self, raw):
        out = {name: raw.parent / f"{name}.out" for name in ("faces", "index", "pairs", "searches", "notes")}
        faceset.write(source(self.name).load(self.settings(), raw), **out)
        index = faceset.read_index(out["index"])
        pixels = np.load(out["faces"])
        rows = [
            (file.rpartition("/")[2].rpartition(".")[0], person.rpartition("/")[2], picture.tobytes())
            for file, person, picture in zip(index["file"], index["identity"], pixels)
            if not file.startswith(("agedb_30", "tinyface"))
        ]
        return sorted(rows), faceset.read_notes(out["notes"]).remarks


class Folder(Source):
    name, keys = "folder", ("archive",)
    options = {"folds": 2, "min_images": 2, "seed": 0, "test_share": 0.5, "pairs_per_fold": 48}


class InsightFace(Source):
    name, archive, keys = "insightface", "train.zip", ("archive", "agedb_30")
    options = {"crop": None, "min_images": 1, "max_identities": None}

    def beside(self, raw):
        tested = [photo(5000 + n) for n in range(40)]
        (raw / "agedb_30.bin").write_bytes(pickle.dumps((tested, [True, False] * 10), 4))


class TinyFaceTrain(Source):
    name, archive, keys = "tinyface", "train.zip", ("archive", "train")
    options = {"min_images": 1}

    def beside(self, raw):
        write_zip(raw / "tinyface.zip", tinyface.layout())


class TinyFace(Source):
    name, archive, keys = "tinyface", "tinyface.zip", ("archive",)
    options = {"min_images": 1}

    def photos(self):
        train = {str(k): [f"tinyface/Training_Set/{k}/{k}_{n}.png" for n in range(4)] for k in range(2, 5)}
        test = {"1": ["tinyface/Testing_Set/Gallery_Match/1_1.png", "tinyface/Testing_Set/Probe/1_2.png"]}
        return train | test

    def extra(self):
        collected = {}
        for (name, keys), listed in zip(tinyface.MATS.items(), ("1_1.png", "1_2.png")):
            collected[f"tinyface/Testing_Set/{name}"] = tinyface.mat([listed], [1], keys)
        return collected

    def read(self, raw):
        faces = source(self.name).load(self.settings(), raw)
        pixels = np.concatenate(list(faces.chunks()))
        rows = [(file.rpartition("/")[2].rpartition(".")[0], person, picture.tobytes())
                for file, person, picture in zip(faces.index["file"], faces.index["identity"], pixels)]  # fmt: skip
        return sorted(rows), faces.remarks


class LFW(Source):
    name, archive, keys = "lfw", "lfw.tgz", ("archive", "pairs")
    options = {"crop": [0, 0, SIDE, SIDE], "evaluated_folds": [1, 2], "min_images": 1}

    def photos(self):
        return {
            name: [f"lfw/{name}/{name}_{n:04d}.png" for n in (1, 2)] for name in ("Ann", "Bob", "Cy", "Di", "Ed", "Flo")
        }

    def beside(self, raw):
        (raw / "pairs.txt").write_text("2 1\nAnn 1 2\nAnn 1 Bob 2\nCy 1 2\nCy 1 Di 1\n")


class Classes(Source):
    archive = "birds.zip"

    def photos(self):
        return {name: [f"birds/{part}/{name}/{part}{n}.png" for part in ("train", "test") for n in range(3)] for name in
                ("owl", "wren")}  # fmt: skip

    def settings(self):
        return validate(ImageClasses, {"source": "folder", "label": "birds", "name": "birds.zip", "image_size": SIDE,
                        "channels": 3, "files": {"archive": NO_FILE}}, "")  # fmt: skip

    def read(self, raw):
        classification_prepare(self.settings(), raw, raw.parent / "out")
        classes = open_classes(raw.parent / "out")
        rows = [(file.rpartition("/")[2].rpartition(".")[0], classes.names[label].rpartition(" ")[2], picture.tobytes())
                for file, label, picture in zip(classes.index["file"], classes.labels, classes.images)]  # fmt: skip
        return sorted(rows), classes.notes.remarks


class TinyImageNet(Classes):
    archive = "tiny-imagenet-200.zip"

    def photos(self):
        classes = ("n01", "n02")
        return {name: [f"t/train/{name}/images/{name}_{n}.png" for n in range(3)] + [f"t/val/images/val_{name}.png"]
                for name in classes}  # fmt: skip

    def extra(self):
        return {"t/val/val_annotations.txt": b"val_n01.png\tn01\t0\nval_n02.png\tn02\t0\n"}

    def settings(self):
        return validate(ImageClasses, {"source": "tiny_imagenet", "image_size": SIDE, "channels": 3,
                                       "files": {"archive": NO_FILE}}, "")  # fmt: skip


class NaturalPictures(Source):
    archive = "Set.zip"

    def photos(self):
        return {"": [f"Set/{n}.png" for n in range(5)]}

    def read(self, raw):
        chosen, remarks = picture_settings.settings(include=["Set/*"], name="Set.zip"), []
        pack(raw.parent / "out", load_pictures(chosen, raw, remarks), remarks)
        pictures = Pictures(raw.parent / "out")
        rows = [
            (name.rpartition("/")[2].rpartition(".")[0], "", pictures[n].tobytes())
            for n, name in enumerate(pictures.names)
        ]
        return sorted(rows), read_remarks(raw.parent / "out")


class Sketches(Source):
    archive = "Own.zip"

    def photos(self):
        return {kind: [f"Own/{part}/{kind}/{part}{n}.png" for part in ("train", "test") for n in range(3)]
                for kind in ("photo", "sketch")}  # fmt: skip

    def read(self, raw):
        names = {"photo": r"(.+)\.\w+", "sketch": r"(.+)\.\w+"}
        parts = {part: {"photos": f"**/{part}/photo/*", "sketches": f"**/{part}/sketch/*", "names": names}
                 for part in ("train", "test")}  # fmt: skip
        own = {"source": "pairs", "label": "own", "name": "Own.zip", "files": {"archive": NO_FILE}, "parts": parts,
               "unmatched": "skip"}  # fmt: skip
        prepare_pairs(sketch_settings.settings(size=32, channels=3, own=own), raw, raw.parent / "out")
        pairs = load_pairs(raw.parent / "out")
        rows = [
            (file.rpartition("/")[2].rpartition(".")[0], kind, pixels.tobytes())
            for kind, array in (("photo", pairs.photos), ("sketch", pairs.sketches))
            for file, pixels in zip(pairs.index[f"{kind}_file"], array)
        ]
        return sorted(rows), pairs.notes.remarks


SOURCES = {kind.__name__: kind() for kind in (
    Folder, InsightFace, TinyFaceTrain, TinyFace, LFW, Classes, TinyImageNet, NaturalPictures, Sketches
)}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """Write the files as an archive of a source, and read it: rows and remarks."""

    def read(one, files, write=write_zip):
        raw = tmp_path / "raw"
        raw.mkdir(exist_ok=True)
        one.beside(raw)
        write(raw / one.archive, files)
        return one.read(raw)

    return read


def as_folder(path, files):
    """The folder as it lies, packed as a dropped folder is."""
    lying = path.parent / "lying"
    write_folder(lying, files)
    packing.pack(lying, path)


def first(one, number=0):
    """A photo of the first group that can be spared or changed, and the group."""
    group, names = next(iter(one.photos().items()))
    return names[number], group


@pytest.fixture(params=SOURCES)
def one(request):
    return SOURCES[request.param]


@pytest.fixture
def plain(one, read):
    """What is read of the good archive."""
    rows, remarks = read(one, one.files())
    assert not remarks and len(rows) == len(set(rows)) >= 5
    return rows


# --- the one rule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_zip, lambda path, files: write_tar(path, files, "w:gz"), as_folder],
                         ids=["zip", "tgz", "folder"])  # fmt: skip
def test_what_systems_leave_changes_nothing(one, read, plain, write):
    files = one.files()
    for name in list(one.files()):
        folder, _, short = name.rpartition("/")
        files |= {f"{folder}/{place.format(name=short)}": b"\0\5\26\7 no picture" for place in SYSTEM}
        files[f"__MACOSX/{folder}/._{short}"] = b"no picture"
        files[f"__MACOSX/{folder}/{short}"] = b"no picture"
    assert read(one, files, write) == (plain, [])


SPELLINGS = {
    "backslashes": lambda name: name.replace("/", "\\"),
    "dot": lambda name: f"./{name}",
    "capital suffix": lambda name: name.replace(".png", ".PNG"),
    "mixed suffix": lambda name: name.replace(".png", ".Png"),
    "wrong suffix": lambda name: name.replace(".png", ".jpg"),
    "no suffix of a photo": lambda name: name.replace(".png", ".happy"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_spellings_of_names_are_the_same_files(one, read, plain, spelling):
    if isinstance(one, (TinyImageNet, TinyFace)) and "suffix" in spelling:
        pytest.skip("its lists name the files")
    lists = one.extra()
    files = {SPELLINGS[spelling](name): data for name, data in one.files().items() if name not in lists}
    rows, remarks = read(one, files | {SPELLINGS[spelling](name): data for name, data in lists.items()})
    assert rows == plain
    if spelling == "no suffix of a photo":
        assert {said.what for said in remarks} == {UNUSUAL}
        assert sum(said.count for said in remarks) == len(one.files()) - len(lists)
    else:
        assert not remarks


@pytest.mark.parametrize(("suffix", "form"), [("pgm", "PGM"), ("ppm", "PPM"), ("jfif", "JPEG"), ("tif", "TIFF"), ("gif", "GIF"),
                                              ("bmp", "BMP"), ("webp", "WEBP")])  # fmt: skip
def test_kinds_of_photos_are_the_same_in_every_source(one, read, plain, suffix, form):
    if isinstance(one, (TinyImageNet, TinyFace)):
        name, _ = first(one)  # none that the lists name
    files, lists = {}, one.extra()
    for place, (name, data) in enumerate(one.files().items()):
        free = name not in lists and "/val/" not in name and "Testing_Set" not in name
        files[name.replace(".png", f".{suffix}") if free else name] = encoded(place, form) if free else data
    rows, remarks = read(one, files)
    assert [row[:2] for row in rows] == [row[:2] for row in plain] and not remarks


def test_accents_in_either_form_are_one_name(one, read, plain):
    name, group = first(one)
    if not group or isinstance(one, (TinyFace, TinyImageNet, Sketches)):
        pytest.skip("its folders have names of their own")
    if isinstance(one, LFW):
        pytest.skip("people have ASCII names")
    files = {}
    for number, (name, data) in enumerate(one.files().items()):
        form = "NFD" if number % 2 else "NFC"
        files[unicodedata.normalize(form, name.replace(group, "José"))] = data
    rows, remarks = read(one, files)
    assert sorted(rows) == sorted((n, "José" if g == group else g, p) for n, g, p in plain) and not remarks


def test_images_that_are_not_read_are_counted_and_named(one, read, plain):
    name, group = first(one, -2)
    files = one.files()
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    folder = name.rpartition("/")[0]
    for number in range(3):
        files[f"{folder}/more{number}.HEIC"] = heic
    files[f"{folder}/mystery.xyz"] = bytes(range(200))
    if isinstance(one, LFW):
        files[f"{folder}/{group}_0009.heic"] = files.pop(f"{folder}/more0.HEIC")
    rows, remarks = read(one, files)
    assert rows == plain
    counts = {said.what: said.count for said in remarks}
    assert sum(count for what, count in counts.items() if "HEIC image" in what) == 3, counts
    assert any("mystery.xyz" in name for said in remarks for name in said.names)
    assert all(len(said.names) <= SHOWN for said in remarks)


@pytest.mark.parametrize("kind", ["Folder", "InsightFace", "TinyFaceTrain"])
def test_people_who_vanish_or_lose_half_are_named(kind, read):
    one, heic = SOURCES[kind], b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    files = {}
    for name, data in one.files().items():
        lost = name.startswith("p11/") or name in ("p10/0.png", "p10/1.png") or name == "p09/0.png"
        files[name.replace(".png", ".heic") if lost else name] = heic if lost else data
    rows, remarks = read(one, files)
    assert {group for _, group, _ in rows} == {f"p{k:02d}" for k in range(11)}
    said = {one.what: one for one in remarks}
    assert said["folders left out: no image in them that can be read"].names == ["p11"]
    assert said["people that lose half of their images or more"].names == ["p10: 2 of 4"]
    assert said["files left out, images that are not read: HEIC image"].count == 7


def test_a_set_of_images_that_are_not_read_says_what_they_are(one, read):
    files = {name.replace(".png", ".heic"): b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" if name.endswith(".png") else data
             for name, data in one.files().items()}  # fmt: skip
    with pytest.raises(InputError) as caught:
        read(one, files)
    assert "x HEIC image, as in" in str(caught.value) or "HEIC" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_olivetti_and_yale_faces_as_they_come(read):
    """ORL: s1/1.pgm and a README. Yale: subject01.happy and subject01.glasses.gif, all of them GIF."""
    one = SOURCES["Folder"]
    orl = {f"att_faces/s{k}/{n}.pgm": encoded(100 * k + n, "PGM") for k in range(1, 11) for n in range(1, 5)}
    rows, remarks = read(one, orl | {"att_faces/README": b"The ORL face database\n"})
    assert len(rows) == 40 and not remarks and {group for _, group, _ in rows} == {f"s{k}" for k in range(1, 11)}
    moods = ("happy", "sad", "glasses.gif", "normal")
    yale = {f"yale/subject{k:02d}/subject{k:02d}.{mood}": encoded(100 * k + n, "GIF") for k in range(10) for n, mood in
            enumerate(moods)}  # fmt: skip
    rows, remarks = read(one, yale)
    (said,) = remarks
    assert len(rows) == 40 and said.count == 30 and "subject00/subject00.happy" in said.names[0]


# --- people and classes that would be two -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Folder", "InsightFace", "TinyFaceTrain"])
def test_one_person_in_two_places_is_refused(kind, read):
    one = SOURCES[kind]
    two = {f"{'train' if n % 2 else 'val'}/{name}": data for n, (name, data) in enumerate(one.files().items())}
    with pytest.raises(InputError, match="folders 'train/p00' and 'val/p00' have the same name, expected"):
        read(one, two)
    with pytest.raises(InputError, match="folder 'p00/old' lies in 'p00', which has photos itself, expected"):
        read(one, one.files() | {"p00/old/1.png": photo(9000)})


def test_parts_of_other_layouts_in_two_places_are_refused(read):
    tiny = SOURCES["TinyFace"]
    with pytest.raises(InputError, match="folders 'tinyface/Training_Set' and 'b/Training_Set' have the same name"):
        read(tiny, tiny.files() | {"b/Training_Set/2/2_9.png": photo(9000)})
    classes = SOURCES["Classes"]
    with pytest.raises(InputError, match="has parts in"):
        read(classes, classes.files() | {"b/train/owl/9.png": photo(9000)})
    net = SOURCES["TinyImageNet"]
    with pytest.raises(InputError, match="are the same image of val, expected one val folder"):
        read(net, net.files() | {"b/val/images/val_n01.png": photo(9000)})


@pytest.mark.parametrize("kind", ["Folder", "InsightFace", "TinyFaceTrain"])
def test_people_of_almost_one_name_are_named(kind, read):
    one = SOURCES[kind]
    files = {name.replace("p00/", "Anna/").replace("p01/", "anna/"): data for name, data in one.files().items()}
    rows, remarks = read(one, files)
    (said,) = remarks
    assert len(rows) == 48 and "differ only in letter case" in said.what and said.count == 1
    assert "Anna'" in said.names[0] and "anna'" in said.names[0]


def test_names_alike():
    assert not alike(["Anna", "Anne", "Ánna"], "people")
    (said,) = alike(["Anna", "ANNA ", "Anna.", "Bob", "ﬁn", "fin"], "people")
    assert said.count == 2 and said.names == ["'ANNA ' = 'Anna' = 'Anna.'", "'fin' = 'ﬁn'"]


@pytest.mark.parametrize(
    "kind", ["Folder", "InsightFace", "TinyFaceTrain", "LFW", "Classes", "TinyImageNet", "Sketches"]
)
def test_one_picture_under_two_names_is_named(kind, read):
    """The very bytes, and the same pixels in another file."""
    one, files = SOURCES[kind], SOURCES[kind].files()
    groups = list(one.photos().values())
    if kind == "Sketches":
        source_name, target = groups[0][0], groups[0][-1]  # of a training pair and of a test pair
    elif kind == "TinyImageNet":
        source_name, target = groups[0][0], groups[1][-1]
    else:
        source_name, target = groups[-2][0], groups[-1][-1]
    files[target] = files[source_name]
    _, remarks = read(one, files)
    shared = [said for said in remarks if "occur under two" in said.what]
    assert len(shared) == 1 and shared[0].count == 1, remarks
    assert all(name.rpartition("/")[2] in shared[0].names[0] for name in (source_name, target))
    leaked = [said for said in remarks if "both to train and to test on" in said.what]
    assert len(leaked) == (kind in ("Classes", "TinyImageNet", "Sketches"))


def test_a_pair_file_that_shows_a_training_picture_is_said(read, tmp_path):
    one = SOURCES["InsightFace"]
    files = one.files()
    files["p03/0.png"] = photo(5007)
    _, remarks = read(one, files)
    (said,) = remarks
    assert said.what == "pictures that are both to train and to test on" and "agedb_30.bin/7" in said.names[0]


# --- archives and remarks --------------------------------------------------------------------------------------------


def test_only_files_of_unknown_suffix_are_looked_into(tmp_path):
    """A photo's entry may be broken, as long as nobody asks for it; of the others only the beginning is read."""
    write_zip(tmp_path / "a.zip", {"a/1.jpg": b"no photo", "a/2": photo(0), "a/3.txt": b"x" * 10**6, "a/4.png": b""})
    files = list_files(tmp_path / "a.zip")
    assert list(files.photos) == ["a/1.jpg", "a/2", "a/4.png"] and files.unusual == ["a/2"]
    assert {name: kind.what for name, kind in files.kinds.items()} == {"a/3.txt": "text"}


def test_two_entries_of_one_name_are_refused(tmp_path):
    names = [unicodedata.normalize(form, "José/1.png") for form in ("NFC", "NFD")]
    write_zip(tmp_path / "a.zip", {names[0]: photo(0), names[1]: photo(1)})
    with pytest.raises(InputError, match="are the same file name 'José/1.png'"):
        list_files(tmp_path / "a.zip")


def test_remarks_are_bounded_and_make_a_sentence():
    (said,) = remark("files left out", ["a" * 10**6, *map(str, range(9))])
    assert said.count == 10 and len(said.names) == SHOWN and max(map(len, said.names)) == MAX_NAME
    assert remark("x", []) == [] and sentence([]) == []
    assert sentence(remark("files left out", ["a", "b"])) == [
        "What preparing the data came upon: 2 files left out (a, b)."
    ]


def test_translating_a_folder_passes_over_what_systems_leave(tmp_path, capsys):
    write_folder(
        tmp_path, {"a.pgm": b"", "Thumbs.db": b"", "desktop.ini": b"", "._a.pgm": b"", "b/c.png": b"", "x.txt": b""}
    )
    assert [file.name for file in _files([tmp_path])] == ["a.pgm", "x.txt"]
    assert "1 folders left out (b/)" in capsys.readouterr().err


def test_a_packed_folder_does_not_depend_on_what_systems_leave(tmp_path):
    write_folder(tmp_path / "a", {"p/1.png": b"1"})
    before = packing.pack(tmp_path / "a", tmp_path / "a.tar")
    write_folder(tmp_path / "a", {"p/Thumbs.db": b"2", "@eaDir/p/1.png": b"3", "desktop.ini": b"4"})
    assert packing.pack(tmp_path / "a", tmp_path / "a.tar") == before


def test_folders_of_windows_and_pictures_of_folders_are_no_files(tmp_path):
    entries = {"faces\\": b"", "faces\\p00\\": b"", "faces\\p00\\1.png": photo(0), "faces/p00/Icon\r": b"\0" * 9}
    write_zip(tmp_path / "a.zip", entries)
    files = list_files(tmp_path / "a.zip")
    assert list(files.photos) == ["faces/p00/1.png"] and not files.others
    write_zip(tmp_path / "b.zip", {"faces/p00/1\r.png": photo(0)})
    with pytest.raises(InputError, match="not printable"):
        list_files(tmp_path / "b.zip")


def test_a_table_that_names_an_image_that_is_not_read_is_told_so(tmp_path):
    one, raw = SOURCES["Folder"], tmp_path / "raw"
    raw.mkdir()
    files = one.files() | {"p00/9.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"}
    write_zip(raw / "faces.zip", files)
    (raw / "faces.csv").write_text("file,identity\n" + "".join(f"{name},{name[:3]}\n" for name in files))
    chosen = validate(Faces, {"source": "folder", "files": {"archive": NO_FILE, "table": NO_FILE}, "image_size": SIDE,
                              "channels": 3} | one.options, "")  # fmt: skip
    with pytest.raises(InputError, match="file 'p00/9.heic' is not in .*; it is there, but as HEIC image"):
        source("folder").load(chosen, raw)
    (raw / "faces.csv").write_text(
        "file,identity\n" + "".join(f"{n},{n[:3]}\n" for n in one.files() if n != "p03/1.png")
    )
    what = {said.what: said.names for said in source("folder").load(chosen, raw).remarks}
    assert what["images left out: faces.csv does not name them"] == ["p03/1.png"]
    assert what["files left out, images that are not read: HEIC image"] == ["p00/9.heic"]
