"""InsightFace's formats: .bin pairs read without unpickling, RecordIO without MXNet, and the source made of them."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import pickle
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.data import images
from pipeline.data.faceset import check, read_tables
from pipeline.data.recordio import MAGIC, Records, read_index, read_property
from pipeline.data.sources import Faces, remote_files
from pipeline.data.sources.insightface import FILES, load
from pipeline.data.verification_bin import read_bin
from pipeline.document import check as check_document
from pipeline.errors import InputError
from pipeline.params.loading import read_document, validate

MAGIC_BYTES = struct.pack("<I", MAGIC)
SIZE = 16


def picture(seed, suffix="JPEG"):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(buffer, suffix)
    return buffer.getvalue()


# ---- .bin -----------------------------------------------------------------------------------------------------------

SAME = [True, False, False, True, True, False]
IMAGES = [b"\xff\xd8" + bytes([n, 10, 255, 0]) * 2 for n in range(12)]  # not whole JPEGs: nothing is decoded yet


def array(image):
    return np.frombuffer(image, np.uint8)


VARIANTS = {
    "bytes": lambda images: images,
    "read-only arrays": lambda images: [array(image) for image in images],
    "arrays": lambda images: [array(image).copy() for image in images],
    "columns, as OpenCV gives": lambda images: [array(image).reshape(-1, 1).copy() for image in images],
    "bytearrays": lambda images: [bytearray(image) for image in images],
}
WRITTEN = [
    (variant, protocol) for variant in VARIANTS for protocol in range(6) if variant != "bytearrays" or protocol == 5
]


def dumped(variant, protocol, images=IMAGES, same=SAME):
    return pickle.dumps((VARIANTS[variant](images), list(same)), protocol)


def python_2(images, same, arrays=False):
    """As Python 2.7's pickle writes it at its highest protocol, 2: bytes are BINSTRING or SHORT_BINSTRING."""

    def text(data):
        return b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data

    def as_array(data):
        state = b"(K\x03" + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
        kind = b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R" + state
        made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        return made + b"(K\x01M" + struct.pack("<H", len(data)) + b"\x85" + kind + b"\x89" + text(data) + b"tb"

    stored = b"".join(as_array(i) if arrays else text(i) + b"q" + bytes([n]) for n, i in enumerate(images))
    return b"\x80\x02](" + stored + b"e](" + b"".join(b"\x88" if one else b"\x89" for one in same) + b"e\x86q\xff."


@pytest.fixture
def path(tmp_path):
    return tmp_path / "agedb_30.bin"


def read(path, data):
    path.write_bytes(data)
    return read_bin(path)


def refused(path, data):
    with pytest.raises(InputError) as caught:
        read(path, data)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 400
    return str(caught.value)


@pytest.mark.parametrize(("variant", "protocol"), WRITTEN)
def test_bin_as_python_3_writes_it(variant, protocol, path):
    images, same = read(path, dumped(variant, protocol))
    assert images == IMAGES and all(type(image) is bytes for image in images)
    assert same.dtype == bool and same.tolist() == SAME


@pytest.mark.parametrize("protocol", range(4))
def test_bin_of_arrays_by_older_numpy(protocol, path):
    data = dumped("arrays", protocol).replace(b"numpy._core", b"numpy.core")
    assert b"numpy.core" in data and read(path, data)[0] == IMAGES


@pytest.mark.parametrize("arrays", [False, True])
def test_bin_as_python_2_writes_it(arrays, path):
    images = [IMAGES[0] * 30, *IMAGES[1:]] if not arrays else IMAGES  # one of 300 bytes
    data = python_2(images, SAME, arrays)
    if not arrays:
        assert pickle.loads(data, encoding="bytes") == (images, SAME)  # what is written is what pickle means
    encoded, same = read(path, data)
    assert encoded == images and same.tolist() == SAME


def test_bin_of_lists_numbers_and_one_image_named_twice(path):
    image = IMAGES[0]
    images, same = read(path, pickle.dumps([[image, image, IMAGES[1], image], [1, 0]], 4))
    assert images == [image, image, IMAGES[1], image] and same.tolist() == [True, False]


class Runs:
    """Pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("place", ["whole", "image", "same"])
def test_bin_that_would_run_a_command(place, protocol, path, tmp_path):
    ran = tmp_path / "ran"
    bomb = Runs(os.system, f"touch {ran}")
    value = {"whole": bomb, "image": ([bomb, b"x"], [True]), "same": ([b"x", b"y"], [bomb])}[place]
    message = refused(path, data := pickle.dumps(value, protocol))
    assert "posix.system" in message and "position" in message and "GLOBAL" in message
    assert not ran.exists()
    if protocol == 4:  # the very bytes do run where they are unpickled, or the test would mean nothing
        pickle.loads(data)
        assert ran.exists()


HOSTILE = {
    "eval": pickle.dumps(Runs(eval, "1"), 2),
    "getattr": pickle.dumps(Runs(getattr, "a", "b"), 4),
    "other codec": pickle.dumps(Runs(codecs.encode, "a", "rot13"), 2),
    "not Latin-1": pickle.dumps(Runs(codecs.encode, "\u4e00", "latin1"), 2),
    "array of objects": pickle.dumps(([np.array([{}, 1], object)] * 2, [True]), 4),
    "decoded image": pickle.dumps(([np.zeros((4, 4, 3), np.uint8)] * 2, [True]), 4),
    "array of floats": pickle.dumps(([np.zeros(4)] * 2, [True]), 5),
    "array of other length": dumped("arrays", 2).replace(b"K\x01K\x0a\x85", b"K\x01K\x0b\x85"),
    "called dtype object": b"cnumpy\ndtype\ncnumpy\nndarray\n\x85R.",
    "a type called as a function": pickle.dumps(np.dtype("u1"), 2)[:-1] + b")R.",
    "number called": b"K\x01)R.",
    "inst": b"(S'true'\nios\nsystem\n.",
    "object": b"(cposix\nsystem\nS'true'\no.",
    "new object": b"\x80\x02cposix\nsystem\n)\x81.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent": b"Pid\n.",
    "dictionary": pickle.dumps({"a": 1}, 2),
    "set": pickle.dumps({1}, 4),
    "float": pickle.dumps(1.5, 2),
    "out-of-band buffer": b"\x80\x05\x97.",
    "named by no text": b"\x80\x04K\x01K\x02\x93.",
    "bytes of 2**62": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "bytes of 2**64 - 1": b"\x80\x04\x8e" + b"\xff" * 8 + b"abc.",
    "bytes of 4 GB": b"\x80\x04B\xff\xff\xff\xffabc.",
    "shape of absurd numbers": dumped("arrays", 2).replace(
        b"K\x01K\x0a\x85", b"K\x01\x8b\xff\x10\x00\x00" + b"\x7f" * 4351 + b"\x85"
    ),
    "long decimal": b"I" + b"9" * 5000 + b"\n.",
    "a pair that is a long number": b"](C\x01aC\x01be](\x8b\x00\x10\x00\x00" + b"\x7f" * 4096 + b"e\x86.",
    "list in itself": b"]q\x00h\x00a.",
    "memo of nothing": b"h\x05.",
    "stored nothing": b"q\x00.",
    "pops an empty stack": b"R.",
    "pops beyond a mark": b"](K\x01a.",
    "no mark": b"]e.",
    "appended to bytes": b"C\x01aK\x01a.",
    "two values": b"K\x01K\x02.",
    "nothing": b".",
    "open mark": b"](.",
    "text": b"images\n",
    "JPEG": picture(0),
    "zip": b"PK\x03\x04",
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bin_of_anything_else(case, path):
    refused(path, HOSTILE[case])


BAD_BINS = {
    "empty": (b"", "an empty file, expected a pickle of"),
    "odd": (pickle.dumps((IMAGES[:11], SAME)), "11 images for 6 pairs, expected 12: two per pair"),
    "too few": (pickle.dumps((IMAGES[:6], SAME)), "6 images for 6 pairs, expected 12"),
    "no pairs": (pickle.dumps(([], [])), "holds no pairs"),
    "no tuple": (pickle.dumps(IMAGES), "holds list, expected a pickle of"),
    "three": (pickle.dumps((IMAGES, SAME, SAME)), "holds tuple"),
    "text": (pickle.dumps(([*IMAGES[:11], "a"], SAME)), "image 11 is str, expected the bytes"),
    "no image": (pickle.dumps(([*IMAGES[:11], None], SAME)), "image 11 is nonetype"),
    "2": (pickle.dumps((IMAGES, [*SAME[:5], 2])), "pair 5: another number found, expected True or False"),
    "words": (pickle.dumps((IMAGES, [*SAME[:5], "yes"])), "pair 5: str found, expected True or False"),
    "unfilled": (
        b"](cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87RC\x01ae](\x88e\x86.",
        "image 0 is array, expected the bytes",
    ),
}


@pytest.mark.parametrize("case", BAD_BINS)
def test_bad_bins(case, path):
    data, expected = BAD_BINS[case]
    assert expected in refused(path, data)


def test_absent_bin(path):
    with pytest.raises(InputError, match="agedb_30.bin: no such file"):
        read_bin(path)
    path.mkdir()
    with pytest.raises(InputError, match="agedb_30.bin: cannot be read: Is a directory"):
        read_bin(path)


@pytest.mark.parametrize(
    ("variant", "protocol"),
    [*(("bytes", protocol) for protocol in range(6)), ("arrays", 0), ("arrays", 2), ("arrays", 5)],
)
def test_bin_truncated_at_every_byte(variant, protocol, path):
    data = dumped(variant, protocol, IMAGES[:4], SAME[:2])
    for length in range(len(data)):
        assert "empty" in (message := refused(path, data[:length])) or "truncated" in message


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # of the standard library, on damaged text
def test_bin_with_damaged_bytes_is_read_or_refused(path):
    rng = random.Random(0)
    for variant, protocol in [("bytes", 2), ("arrays", 2), ("bytes", 4), ("arrays", 5), ("bytes", 0)]:
        whole = dumped(variant, protocol, IMAGES[:4], SAME[:2])
        for _ in range(200):
            data = bytearray(whole)
            for _ in range(rng.choice([1, 1, 2, 5])):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with contextlib.suppress(InputError):
                read(path, bytes(data))


# ---- RecordIO -------------------------------------------------------------------------------------------------------


def record(payload):
    """As dmlc's RecordIOWriter: cut at every aligned magic number, which is left out."""
    cuts = [at for at in range(0, len(payload) - 3, 4) if payload[at : at + 4] == MAGIC_BYTES]
    parts = [payload[start:end] for start, end in zip([0, *(cut + 4 for cut in cuts)], [*cuts, len(payload)])]
    written = b""
    for place, part in enumerate(parts):
        kind = 0 if len(parts) == 1 else 1 if place == 0 else 3 if place == len(parts) - 1 else 2
        written += MAGIC_BYTES + struct.pack("<I", kind << 29 | len(part)) + part + bytes(-len(part) % 4)
    return written


def payload(label, image, *, flag=0, number=0):
    labels = label if flag else []
    return struct.pack("<IfQQ", flag, 0.0 if flag else label, number, 0) + struct.pack(f"<{flag}f", *labels) + image


def write_records(folder, people, *, header=True, labels=None, flags=False, property_text=None):
    """train.rec, train.idx and property of ``people``: lists of encoded images. Offsets by key."""
    shown = [(label, image) for label, person in enumerate(people) for image in person]
    count = len(shown)
    payloads = [payload([count + 1, count + 1 + len(people)], b"", flag=2)] if header else []
    for number, (label, image) in enumerate(shown):
        value = label if labels is None else labels[number]
        payloads.append(payload([value, 7.0], image, flag=2) if flags else payload(value, image, number=number + 1))
    if header:
        payloads += [payload([1.0, 2.0], b"", flag=2, number=label) for label in range(len(people))]
    offsets, data = {}, b""
    for key, content in enumerate(payloads):
        offsets[key] = len(data)
        data += record(content)
    (folder / "train.rec").write_bytes(data)
    (folder / "train.idx").write_text("".join(f"{key}\t{offset}\n" for key, offset in offsets.items()))
    (folder / "property").write_text(property_text or f"{len(people)},{SIZE},{SIZE}")
    return offsets


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"a",
        b"abcd",
        MAGIC_BYTES,
        b"ab" + MAGIC_BYTES,
        b"abcd" + MAGIC_BYTES,
        MAGIC_BYTES * 3 + b"xyz",
        b"abcd" + MAGIC_BYTES + b"efgh" + MAGIC_BYTES + b"i",
    ],
    ids=repr,
)
@pytest.mark.parametrize("number", [1, MAGIC << 32])  # the second is cut inside the record's own header
def test_record_with_the_magic_number_inside(image, number, tmp_path):
    written = record(payload(3.0, image, number=number)) + record(payload([4.0, 5.0, 6.0], image, flag=3))
    (tmp_path / "train.rec").write_bytes(written)
    second = len(record(payload(3.0, image, number=number)))
    with Records(tmp_path / "train.rec") as records:
        assert records.labels(0) == (3.0,) and records.image(0) == image
        assert records.labels(second) == (4.0, 5.0) and records.image(second) == image


ONE = record(payload(3.0, b"image"))
CUT = record(payload(3.0, b"abcd" + MAGIC_BYTES + b"efgh"))
BAD_RECORDS = {
    "magic": (b"\0" + ONE[1:], 0, "begins with 0xced72300, expected 0xced7230a"),
    "between records": (ONE * 2, 4, "begins with 0x"),
    "outside": (ONE, 10**17, "begins outside the file of 40 bytes"),
    "at the end": (ONE, len(ONE), "begins outside the file"),
    "too long": (MAGIC_BYTES + struct.pack("<I", 10**8) + ONE[8:], 0, "of 100000000 bytes ends outside the file"),
    "too short": (record(b"a" * 23), 0, "holds 23 bytes, expected a header of 24 bytes"),
    "labels": (record(payload([1.0] * 2, b"", flag=2)[:-1]), 0, "names 2 labels in 31 bytes"),
    "flag": (record(struct.pack("<IfQQ", 2**32 - 1, 0, 0, 0)), 0, "names 4294967295 labels"),
    "middle": (CUT[36:], 0, "begins inside a record (part 3)"),
    "no last part": (CUT[:36] + ONE, 0, "is part 0 after a first part"),
    "nothing after the first part": (CUT[:36], 0, "the record at byte 36 begins outside"),
    "part 7": (MAGIC_BYTES + struct.pack("<I", 7 << 29 | 24) + ONE[8:], 0, "begins inside a record (part 7)"),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_bad_records(case, tmp_path):
    data, offset, expected = BAD_RECORDS[case]
    (tmp_path / "train.rec").write_bytes(data)
    with Records(tmp_path / "train.rec") as records:
        for read_one in (records.labels, records.image):
            with pytest.raises(InputError) as caught:
                read_one(offset)
            assert str(tmp_path / "train.rec") in str(caught.value) and expected in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"10572", b"10572,112", b"10572,112,112,3", b"a,b,c", b"0,112,112", b"-1,112,112", b"1e3,2,2", b"\xff\xfe1"],
)
def test_bad_property(data, tmp_path):
    (tmp_path / "property").write_bytes(data)
    with pytest.raises(InputError, match="property: .*expected classes,height,width"):
        read_property(tmp_path / "property")


def test_good_property(tmp_path):
    (tmp_path / "property").write_text("10572, 112,112\r\n")
    assert read_property(tmp_path / "property") == (10572, 112, 112)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "no lines"),
        (b"0\t0\n1\n", "line 2: '1' found"),
        (b"0\t0\t0\n", "line 1"),
        (b"0\t-1\n", "line 1: '0\\t-1'"),
        (b"0\t0\n0\t8\n", "line 2: key 0 occurs twice"),
        (b"0\t" + b"9" * 30, "line 1"),
        (b"\xce\xd7", "not UTF-8 text"),
    ],
)
def test_bad_index(data, expected, tmp_path):
    (tmp_path / "train.idx").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_index(tmp_path / "train.idx")
    assert str(tmp_path / "train.idx") in str(caught.value) and expected in str(caught.value)


# ---- the source -----------------------------------------------------------------------------------------------------

PEOPLE = [[picture(10 * person + n) for n in range(count)] for person, count in enumerate([3, 1, 4, 2])]
PAIRS_SAME = [True, False] * 10  # two per fold
TESTED = [picture(1000 + n) for n in range(40)]
NONE = {"address": None, "sha256": None}


def settings(*files, **changes):
    document = {
        "source": "insightface",
        "files": dict.fromkeys(files or ("rec", "idx", "property", "agedb_30"), NONE),
        "image_size": SIZE,
        "channels": 3,
        "crop": None,
        "min_images": 1,
        "max_identities": None,
    }
    return validate(Faces, document | changes, "recognition.data")


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    write_records(folder, PEOPLE)
    (folder / "agedb_30.bin").write_bytes(pickle.dumps((TESTED, PAIRS_SAME), 4))
    (folder / "cplfw.bin").write_bytes(dumped("arrays", 2, TESTED[::-1], PAIRS_SAME))
    return folder


def decoded(encoded, **options):
    return np.stack([images.decode(image, "", **{"size": SIZE, "channels": 3} | options) for image in encoded])


def shown(people):
    return [image for person in people for image in person]


def test_records_and_two_protocols(raw):
    faces = load(settings("rec", "idx", "property", "cplfw", "agedb_30", name="small"), raw)
    check(faces)
    assert faces.name == "small" and faces.channels == 3 and not faces.rendered
    assert faces.index["split"].tolist() == ["train"] * 10 + ["test"] * 80
    assert faces.index["identity"][:10].tolist() == list("0001222233")
    files = faces.index["file"].iloc[[0, 9, 10, 89]].tolist()
    assert files == ["train.rec/1", "train.rec/10", "agedb_30.bin/0", "cplfw.bin/39"]
    for _ in range(2):  # the chunks start again
        pixels = np.concatenate(list(faces.chunks()))
        np.testing.assert_array_equal(pixels, decoded([*shown(PEOPLE), *TESTED, *TESTED[::-1]]))
    for key, first in (("agedb_30", 10), ("cplfw", 50)):
        pairs = faces.pairs[faces.pairs["protocol"] == key]
        assert pairs["same"].tolist() == PAIRS_SAME and pairs["fold"].tolist() == [f for f in range(10) for _ in "ab"]
        assert pairs["a"].tolist() == list(range(first, first + 40, 2)) and (pairs["b"] == pairs["a"] + 1).all()
    tested = faces.index["identity"][10:]
    assert tested.nunique() == 2 * (10 + 2 * 10)  # one for a same pair, two for a different one
    assert faces.sheet().shape == (4 * SIZE, 4 * SIZE, 3)
    np.testing.assert_array_equal(faces.sheet()[:SIZE], np.concatenate(decoded(PEOPLE[2]), axis=1))


@pytest.mark.parametrize("options", [{"header": False}, {"flags": True}])
def test_other_ways_of_record_files(options, raw):
    people = [[*PEOPLE[0], PEOPLE[0][0] + b"\0" * (-len(PEOPLE[0][0]) % 4) + MAGIC_BYTES + b"more"], *PEOPLE[1:]]
    write_records(raw, people, **options)
    faces = load(settings(), raw)
    assert faces.index.query("split == 'train'")["identity"].tolist() == list("00001222233")
    np.testing.assert_array_equal(np.concatenate(list(faces.chunks())), decoded([*shown(people), *TESTED]))


def test_crop_size_and_grey(raw):
    faces = load(settings(crop=[2, 0, 14, 12], image_size=24, channels=1), raw)
    expected = decoded([*shown(PEOPLE), *TESTED], size=24, channels=1, crop=(2, 0, 14, 12))
    np.testing.assert_array_equal(np.concatenate(list(faces.chunks())), expected)


def test_who_is_trained_on(raw):
    faces = load(settings(min_images=3), raw)
    assert faces.index["split"][:10].tolist() == ["train"] * 3 + ["unlabelled"] + ["train"] * 4 + ["unlabelled"] * 2
    faces = load(settings(max_identities=2), raw)
    assert faces.index["identity"][:4].tolist() == list("0001") and (faces.index["split"][4:] == "test").all()
    np.testing.assert_array_equal(np.concatenate(list(faces.chunks())), decoded([*shown(PEOPLE[:2]), *TESTED]))
    with pytest.raises(InputError, match="train.rec: min_images = 4 leaves 1 people to train on, expected two or more"):
        load(settings(min_images=4), raw)


def archived(path, entries, kind):
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, kind) as archive:
            for name, data in entries.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz"])
def test_archive_of_folders(kind, raw):
    entries = {
        f"casia/{person:03d}/{n}.JPG": image
        for n in range(4)  # not person by person
        for person, own in enumerate(PEOPLE)
        for image in own[n : n + 1]
    }
    archived(raw / "train.zip", {"casia/readme.txt": b"no image", **entries}, kind)
    faces = load(settings("archive", "agedb_30"), raw)
    check(faces)
    assert faces.index["file"][:10].tolist() == list(entries)
    assert faces.index["identity"][:10].tolist() == [name.rpartition("/")[0] for name in entries]
    np.testing.assert_array_equal(np.concatenate(list(faces.chunks())), decoded([*entries.values(), *TESTED]))
    assert faces.sheet().shape == (4 * SIZE, 4 * SIZE, 3)
    few = load(settings("archive", "agedb_30", max_identities=2), raw)
    assert set(few.index["identity"][:4]) == {"casia/000", "casia/001"}
    np.testing.assert_array_equal(
        np.concatenate(list(few.chunks()))[:4], decoded([entries[name] for name in few.index["file"][:4]])
    )
    archived(raw / "train.zip", entries | {"loose.jpg": PEOPLE[0][0]}, kind)
    with pytest.raises(
        InputError, match="train.zip: entry 'loose.jpg' is in no folder, expected one folder per person"
    ):
        load(settings("archive", "agedb_30"), raw)


def rewrite(folder, name, old, new):
    data = (folder / name).read_bytes()
    assert old in data
    (folder / name).write_bytes(data.replace(old, new, 1))


def labelled(*labels):
    return lambda raw: write_records(raw, PEOPLE, labels=[*labels, *[0] * (10 - len(labels))])


def header(end):
    """Record 0 then says that the images end before ``end``."""
    return lambda raw: rewrite(raw, "train.rec", struct.pack("<f", 11), struct.pack("<f", end))


def without(name):
    return lambda raw: (raw / name).unlink()


BAD_SETS = {
    "half": (labelled(0, 1, 0.5), "train.rec: record 3: label 0.5 found, expected a whole number from 0 to 3"),
    "above": (labelled(1, 4), "record 2: label 4 found"),
    "below": (labelled(-1), "record 1: label -1 found"),
    "nan": (labelled(1, float("nan")), "record 2: label nan found"),
    "infinite": (labelled(1, float("inf")), "record 2: label inf found"),
    "one person": (labelled(), "leaves 1 people to train on, expected two or more"),
    "property": (lambda raw: (raw / "property").write_text("many"), "property: 'many' found"),
    "key": (lambda raw: rewrite(raw, "train.idx", b"\n7\t", b"\n77\t"), "train.idx: no key 7, expected 1 to 10"),
    "no key 0": (lambda raw: rewrite(raw, "train.idx", b"0\t0\n", b""), "train.idx: no key 0"),
    "header": (header(1.5), "record 0: 1.5 found"),
    "header of nothing": (header(1), "record 0: 1 found, expected the key after the last image"),
    "absurd header": (header(2**31), "train.idx: no key 15, expected 1 to 2147483647"),
    "offset": (
        lambda raw: rewrite(raw, "train.idx", b"\n7\t", b"\n7\t9"),
        "train.rec: the record at byte 9.* begins outside",
    ),
    "folds": (
        lambda raw: (raw / "agedb_30.bin").write_bytes(pickle.dumps((TESTED[:38], PAIRS_SAME[:19]))),
        "agedb_30.bin: 19 pairs, expected a multiple of 10",
    ),
    "absent bin": (without("agedb_30.bin"), "agedb_30.bin: no such file"),
    "absent idx": (without("train.idx"), "train.idx: no such file"),
    "absent rec": (without("train.rec"), "train.rec: no such file"),
    "absent property": (without("property"), "property: no such file"),
}


@pytest.mark.parametrize("case", BAD_SETS)
def test_bad_sets(case, raw):
    damage, expected = BAD_SETS[case]
    damage(raw)
    with pytest.raises(InputError, match=expected) as caught:
        load(settings(), raw)
    assert str(raw) in str(caught.value) and "\n" not in str(caught.value)


def test_pictures_that_are_none_are_named(raw):
    write_records(raw, [[*PEOPLE[0], b"no picture"], *PEOPLE[1:]])
    with pytest.raises(InputError, match="train.rec: record 4: not an image"):
        list(load(settings(), raw).chunks())
    write_records(raw, [[*PEOPLE[0], b""], *PEOPLE[1:]])
    with pytest.raises(InputError, match="train.rec: record 4: an empty file"):
        list(load(settings(), raw).chunks())
    write_records(raw, PEOPLE)
    (raw / "agedb_30.bin").write_bytes(pickle.dumps(([*TESTED[:-1], TESTED[-1][:300]], PAIRS_SAME)))
    with pytest.raises(InputError, match="agedb_30.bin: image 39: a truncated or corrupt image"):
        list(load(settings(), raw).chunks())


def test_folds_of_one_kind_are_refused(raw):
    (raw / "agedb_30.bin").write_bytes(pickle.dumps((TESTED, sorted(PAIRS_SAME))))
    with pytest.raises(InputError, match="fold 0 of protocol agedb_30 has 0 same and 2 different pairs"):
        check(load(settings(), raw))


@pytest.mark.parametrize("name", ["train.rec", "train.idx", "property"])
def test_training_files_truncated_at_every_byte(name, raw):
    people = [[bytes([65 + person]) * 9 + MAGIC_BYTES * 2 for _ in range(2)] for person in range(3)]
    write_records(raw, people)
    whole, data = load(settings(), raw).index, (raw / name).read_bytes()
    for length in range(len(data)):
        (raw / name).write_bytes(data[:length])
        try:
            index = load(settings(), raw).index
        except InputError:
            continue
        # what is cut from the text files may be of records that are never read, or leave a smaller number
        assert name != "train.rec"
        pd.testing.assert_frame_equal(index, whole)


def test_damaged_training_files_are_read_or_refused(raw):
    write_records(raw, [[bytes([65 + person]) * 9 + MAGIC_BYTES * 2 for _ in range(2)] for person in range(3)])
    rng, faces = random.Random(0), settings()
    for name in ("train.rec", "train.idx", "property"):
        whole = (raw / name).read_bytes()
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(rng.choice([1, 1, 2, 5])):
                data[rng.randrange(len(data))] = rng.randrange(256)
            (raw / name).write_bytes(data)
            with contextlib.suppress(InputError):
                list(load(faces, raw).chunks())
        (raw / name).write_bytes(whole)


# ---- parameters and steps -------------------------------------------------------------------------------------------

BAD_SETTINGS = [
    (("rec", "idx", "agedb_30"), {}, "files names rec, idx to train on, expected rec, idx and property, or archive"),
    (("rec", "idx", "property", "archive", "lfw"), {}, "files names rec, idx, property, archive to train on"),
    (("agedb_30",), {}, "files names nothing to train on"),
    (("archive",), {}, "files names no pairs to verify, expected some of agedb_30, cplfw, calfw, cfp_fp, lfw"),
    (("archive", "agedb"), {}, "agedb"),
    ((), {"crop": [5, 0, 5, 9]}, r"crop = \[5, 0, 5, 9\]: expected left < right"),
    ((), {"crop": [0, 0, 5]}, "crop"),
    ((), {"max_identities": 1}, "max_identities = 1: expected"),
    ((), {"min_images": 0}, "min_images = 0: expected"),
    ((), {"channels": 2}, "channels = 2: expected"),
    ((), {"name": ""}, "name = ''"),
    ((), {"seed": 1}, "seed is not a known setting"),
]


@pytest.mark.parametrize(("files", "changes", "expected"), BAD_SETTINGS)
def test_bad_settings(files, changes, expected):
    with pytest.raises(InputError, match=expected):
        settings(*files, **changes)


def test_only_named_files_are_fetched():
    assert [file.name for file in remote_files(settings("archive", "lfw"))] == ["train.zip", "lfw.bin"]
    named = {file.name for file in remote_files(settings("rec", "idx", "property", "agedb_30", "cplfw"))}
    assert named == {"train.rec", "train.idx", "property", "agedb_30.bin", "cplfw.bin"} < set(FILES.values())


def test_the_example_is_valid(root):
    recognition = check_document(root / "examples/paper.yaml").recognition
    assert recognition.data.source == "insightface" and recognition.data.image_size == 112
    assert set(recognition.students) == {"logit_kd", "attention_kd", "logit_attention_kd"}


@pytest.fixture
def parameters(root, tmp_path):
    document = read_document(root / "examples/paper.yaml")
    document["recognition"]["data"]["image_size"] = SIZE
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML(typ="safe").dump(document, stream)
    return tmp_path


def step(name, folder, options):
    return main([name, "--params", str(folder / "params.yaml"), *options.format(folder).split()])


DOWNLOAD = "--cache {0}/cache --drop-in {0}/drop_in --out {0}/got"
PREPARE = (
    "--raw {0}/got --faces {0}/faces.npy --index {0}/index.csv --pairs {0}/pairs.csv --searches {0}/searches.csv"
    " --notes {0}/notes.json --contact-sheet {0}/sheet.png"
)


def test_from_dropped_files_to_degraded_faces(parameters, raw, capsys):
    assert step("recognition_download", parameters, DOWNLOAD) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "train.rec: cannot be downloaded freely: put the file" in message and "InsightFace's dataset zoo" in message
    (raw / "calfw.bin").write_bytes(b"not asked for")
    raw.rename(parameters / "drop_in")
    assert step("recognition_download", parameters, DOWNLOAD) == 0
    assert {path.name for path in (parameters / "got").iterdir()} == {
        "train.rec",
        "train.idx",
        "property",
        "agedb_30.bin",
        "cplfw.bin",
        "files.json",
    }
    assert step("recognition_prepare", parameters, PREPARE) == 0
    assert step("recognition_degrade", parameters, "--faces {0}/faces.npy --out {0}/degraded") == 0
    faces = np.load(parameters / "faces.npy")
    np.testing.assert_array_equal(faces, decoded([*shown(PEOPLE), *TESTED, *TESTED[::-1]]))
    index, pairs = read_tables(parameters / "index.csv", parameters / "pairs.csv")
    assert len(index) == len(faces) == 90
    assert pairs.groupby("protocol").size().to_dict() == {"agedb_30": 20, "cplfw": 20}
    assert index["identity"][0] == "0" and index["split"][0] == "train"
    assert np.load(parameters / "degraded/x8.npy").shape == (90, 2, 2, 3)
    assert Image.open(parameters / "sheet.png").size == (4 * SIZE, 4 * SIZE)


def test_a_step_says_what_is_wrong_in_one_line(parameters, raw, capsys):
    Path(raw / "cplfw.bin").write_bytes(pickle.dumps(Runs(os.system, f"touch {parameters}/ran"), 2))
    raw.rename(parameters / "drop_in")
    assert step("recognition_download", parameters, DOWNLOAD) == 0
    capsys.readouterr()
    assert step("recognition_prepare", parameters, PREPARE) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line.startswith("recognition_prepare: ")
        and "cplfw.bin: opcode GLOBAL at position 2: names 'posix.system'" in line
    )
    assert not (parameters / "ran").exists() and not (parameters / "faces.npy").exists()


# ---- which records are images ---------------------------------------------------------------------------------------

TWELVE = [[picture(700 + 10 * person + n) for n in range(count)] for person, count in enumerate([5, 3, 4])]


def write_payloads(folder, payloads, *, keys=None, classes=3, order=None):
    """The three files of these payloads; ``order``: in which they lie in train.rec."""
    offsets, data = {}, b""
    for place in range(len(payloads)) if order is None else order:
        offsets[place] = len(data)
        data += record(payloads[place])
    (folder / "train.rec").write_bytes(data)
    named = [(place if keys is None else keys[place], offsets[place]) for place in range(len(payloads))]
    (folder / "train.idx").write_text("".join(f"{key}\t{offset}\n" for key, offset in named if key is not None))
    (folder / "property").write_text(f"{classes},{SIZE},{SIZE}")


def images_of(people, labels):
    """A payload per image, with ``labels(person)`` and as many of these as there are."""
    return [
        payload(labels(person), image, flag=len(labels(person))) for person, own in enumerate(people) for image in own
    ]


PACKED = [payload([12 + 1, 12 + 1 + 3], b"", flag=2), *images_of(TWELVE, lambda person: [person, 5.0])]


@pytest.mark.parametrize("labels", [lambda p: [p, 5.0], lambda p: [p + 0.0, 0.0, 9.0], lambda p: [p]])
def test_the_first_image_is_an_image_however_many_labels_it_has(labels, raw):
    """Twelve in, twelve trained on: without image bytes alone is record 0 a header."""
    write_payloads(raw, images_of(TWELVE, labels))
    faces = load(settings(), raw)
    train = faces.index[faces.index["split"] == "train"]
    assert train["file"].tolist() == [f"train.rec/{key}" for key in range(12)]
    assert train["identity"].tolist() == list("000001112222") and not faces.remarks
    np.testing.assert_array_equal(np.concatenate(list(faces.chunks()))[:12], decoded(shown(TWELVE)))


def test_records_may_lie_and_be_listed_in_any_order(raw):
    write_payloads(raw, PACKED)
    plain = load(settings(), raw)
    pixels = np.concatenate(list(plain.chunks()))
    write_payloads(raw, PACKED, order=[5, 0, 12, *range(11, 5, -1), 1, 2, 3, 4])
    lines = (raw / "train.idx").read_text().splitlines(keepends=True)
    (raw / "train.idx").write_text("".join(reversed(lines)))
    again = load(settings(), raw)
    pd.testing.assert_frame_equal(again.index, plain.index)
    np.testing.assert_array_equal(np.concatenate(list(again.chunks())), pixels)
    assert not again.remarks


def test_records_that_the_index_leaves_out_are_counted(raw):
    people = images_of(TWELVE, lambda person: [person])
    write_payloads(raw, people, keys=[*range(10), None, None])
    faces = load(settings(), raw)
    (said,) = faces.remarks
    assert (faces.index["split"] == "train").sum() == 10
    assert said.count == 2 and "records of train.rec left out: train.idx does not name them" in said.what
    assert said.names[0].startswith("at byte ")
    write_payloads(raw, people, keys=[0, None, 1, None, *range(2, 10)])
    (said,) = load(settings(), raw).remarks
    assert said.count == 2


def test_people_without_an_image_are_counted(raw):
    write_payloads(raw, PACKED, classes=1000)
    (said,) = load(settings(), raw).remarks
    assert (said.count, said.names[0]) == (997, "3") and "property" in said.what


def test_records_of_people_that_say_something_else_are_counted(raw):
    for first, last in ((1.0, 14.0), (0.0, 3.0), (5.0, 4.0), (1.5, 3.0), (float("nan"), 3.0), (1.0, float("inf"))):
        write_payloads(raw, [*PACKED, payload([1.0, 13.0], b"", flag=2), payload([first, last], b"", flag=2)])
        (said,) = load(settings(), raw).remarks
        assert said.names == ["14"] and "name no range of images" in said.what
    write_payloads(raw, [*PACKED, payload([1.0, 13.0], b"", flag=2)])
    assert not load(settings(), raw).remarks


BAD_RECORD_SETS = {
    "an image after the header's end": (
        lambda raw: write_payloads(raw, [*PACKED, payload([1.0, 2.0], TWELVE[0][0], flag=2)]),
        "train.rec: record 13 has an image, expected none: by record 0, images end before 13",
    ),
    "a header that ends too early": (
        lambda raw: write_payloads(raw, [payload([9, 16], b"", flag=2), *PACKED[1:]]),
        "train.rec: record 9 has an image, expected none",
    ),
    "no image among the images": (
        lambda raw: write_payloads(raw, [*PACKED[:4], payload([0, 1], b"", flag=2), *PACKED[5:]]),
        "train.rec: record 4: an empty file, expected an image",
    ),
    "no image, no header": (
        lambda raw: write_payloads(raw, [payload(0.0, b""), *PACKED[1:]]),
        "train.rec: record 0 has no image and one label, expected an image, or two labels of a header",
    ),
    "people's records without a header": (
        lambda raw: write_payloads(raw, [*PACKED[1:], payload([0, 5], b"", flag=2)]),
        "train.rec: record 12: an empty file, expected an image",
    ),
    "two keys of one record": (
        lambda raw: (raw / "train.idx").write_text("0\t0\n1\t0\n") or None,
        "train.idx: keys 0 and 1 are of records at bytes 0 and 0, which overlap",
    ),
    "what is no record at the end": (
        lambda raw: (raw / "train.rec").write_bytes((raw / "train.rec").read_bytes() + bytes(40)),
        "begins with 0x00000000",
    ),
    "fewer people than labels": (lambda raw: write_payloads(raw, PACKED, classes=2), "record 9: label 2 found"),
}


@pytest.mark.parametrize("case", BAD_RECORD_SETS)
def test_records_that_are_neither_header_nor_image(case, raw):
    damage, expected = BAD_RECORD_SETS[case]
    write_payloads(raw, [payload(float(k % 2), image) for k, image in enumerate(shown(TWELVE))])
    damage(raw)
    with pytest.raises(InputError, match=expected) as caught:
        load(settings(), raw)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["cfp_ff", "vgg2_fp", "sllfw", "talfw", "xqlfw"])
def test_the_fields_other_pair_files(key, raw):
    (raw / "agedb_30.bin").rename(raw / f"{key}.bin")
    faces = load(settings("rec", "idx", "property", key), raw)
    assert set(faces.pairs["protocol"]) == {key} and remote_files(settings("archive", key))[1].name == f"{key}.bin"


def test_an_unknown_pair_file_is_told_the_known_ones():
    with pytest.raises(InputError, match="files.cfpff = 'cfpff': expected .*'lfw', 'cfp_ff', 'vgg2_fp'"):
        settings("archive", "cfpff")
