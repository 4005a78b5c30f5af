"""Whatever an archive says, reading it takes the memory that is stated, and its error is one short line."""

import gzip
import io
import itertools
import os
import struct
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from pipeline.data import archive_limits, archive_zip
from pipeline.data.archives import members, names
from pipeline.errors import LONGEST_LINE, InputError

MIB = 2**20
ENTRY = 4 * MIB  # the limit of an entry in these tests


def refused(path, *expected, reading=members, **options):
    """Reading fails with one line that says what is expected, and with no more memory than an entry and some."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            list(reading(path, max_entry_bytes=ENTRY, **options))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    line = str(caught.value)
    assert len(line) <= LONGEST_LINE and "\n" not in line and line.isprintable()
    for text in expected:
        assert text in line
    assert peak < ENTRY + 9 * MIB  # with LZMA's dictionary
    return line


def header(name="a.jpg", kind=tarfile.REGTYPE, size=0, field=None):
    """A tar header whose size field is ``size``, or the 12 bytes ``field``."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    if field is not None:
        block[124:136] = field
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % 512)


def attributes(records, kind=tarfile.XHDTYPE):
    """A pax header of ``records``, bytes to bytes."""
    body = b""
    for key, value in records.items():
        rest = b" " + key + b"=" + value + b"\n"
        length = next(n for n in itertools.count(len(rest)) if len(str(n)) + len(rest) == n)
        body += str(length).encode() + rest
    return header("attributes", kind, len(body)) + padded(body)


PLAIN = header(size=3) + padded(b"abc")
END = bytes(1024)
NEGATIVE, GIANT = b"\xff" * 12, b"\x80" + b"\x7f" * 11
HEADERS = {
    "negative size": (header(field=NEGATIVE), "-1 bytes"),
    "negative size of a long name": (header(kind=b"L", field=NEGATIVE), "-"),
    "negative size of attributes": (header(kind=b"x", field=NEGATIVE), "-"),
    "giant size": (header(field=GIANT), "larger than"),
    "giant size of a long name": (header(kind=b"L", field=GIANT), "limits"),
    "negative size in attributes": (attributes({b"size": b"-1"}) + PLAIN, "-1 bytes"),
    "giant size in attributes": (attributes({b"size": b"9" * 30}) + PLAIN, "larger than"),
    "size of 100,000 digits": (attributes({b"size": b"9" * 100_000}) + PLAIN, "digits"),
    "long names one after another": ((header(kind=b"L", size=9) + padded(b"x" * 9)) * 2000 + PLAIN, "limits"),
    "attributes one after another": (attributes({b"a": b"b"}) * 2000 + PLAIN, "limits"),
    "attributes of a megabyte": (attributes({b"comment": b"x" * MIB}) + PLAIN, "limits"),
    "attributes that go round in digits": (attributes({b"a": b"1" * 200_000}) + PLAIN, "digits"),
    "a thousand attributes for all": (attributes({b"k%d" % i: b"v" for i in range(1000)}, b"g") + PLAIN, "attributes"),
    "a sparse file by GNU": (header(kind=b"S"), "sparse"),
    "a name of 5000": (attributes({b"path": b"n" * 5000}) + PLAIN, "5000 characters, expected 4096"),
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("kind", ["tar", "tgz"])
def test_tar_headers(case, kind, tmp_path):
    content, expected = HEADERS[case]
    content += bytes(14 * MIB) + END
    path = tmp_path / f"faces.{kind}"
    path.write_bytes(content if kind == "tar" else gzip.compress(content, 1))
    refused(path, str(path), expected)
    refused(path, "" if "giant size" in case else expected, reading=names)  # its name comes before its content


def test_attributes_of_macos_and_git_are_read(tmp_path):
    records = {b"LIBARCHIVE.xattr.com.apple.quarantine": b"MDA4MTs2" * 50, b"mtime": b"1700000000.123456789"}
    (tmp_path / "a.tar").write_bytes(
        attributes({b"comment": b"5" * 40}, b"g") + attributes(records | {b"path": "Zoë/1.jpg".encode()}) + PLAIN + END
    )
    assert [member.name for member in members(tmp_path / "a.tar")] == ["Zoë/1.jpg"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("says", [40 * MIB, 1000, 0])
def test_zip_entry_that_decompresses_to_more(method, says, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.jpg", bytes(40 * MIB))
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", 40 * MIB), struct.pack("<L", says)))
    refused(path, "'a.jpg'", "limit" if says > ENTRY else f"other than {says} bytes")


@pytest.mark.parametrize("method", [0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods_that_are_read(method, tmp_path):
    contents = [b"", b"x", os.urandom(MIB + 1), b"abc" * 100_000]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.jpg", content)
    assert [member.data for member in members(tmp_path / "a.zip")] == contents


@pytest.mark.parametrize("method, name", [(9, "Deflate64"), (98, "PPMd"), (93, "Zstandard"), (95, "XZ"), (6, "Implode"),
                                          (77, "unknown")])  # fmt: skip
def test_zip_methods_that_are_not(method, name, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"x" * 1000)
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, method)
    path.write_bytes(data)
    line = refused(path, "'a.jpg'", name, "pack the files again")
    assert "fetch it again" not in line and "corrupt" not in line
    assert names(path) == ["a.jpg"]


def test_lzma_dictionary(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.jpg", b"x" * 1000)
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, 30 + len("a.jpg") + 5, 2**32 - 1)
    path.write_bytes(data)
    refused(path, "'a.jpg'", "4294967295 bytes for LZMA's dictionary")


def test_zip_entries_that_share_bytes(tmp_path):
    """The bomb of many names for one entry."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.jpg", bytes(MIB))
        for number in range(1, 9):
            archive.writestr(f"{number}.jpg", b"")
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02")
    for _ in range(9):
        struct.pack_into("<L", data, place + 42, 0)
        place = data.find(b"PK\x01\x02", place + 4)
    path.write_bytes(data)
    refused(path, "overlaps")


def test_zip_directories_of_too_many(tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.jpg", b"")
    monkeypatch.setattr(archive_zip, "MAX_FILES", 29)
    refused(path, "30 files, the limit is 29", ".tar.gz")
    monkeypatch.setattr(archive_zip, "MAX_DIRECTORY_BYTES", 1000)
    refused(path, "the limit is 1000")


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_names_of_too_many(kind, tmp_path, monkeypatch):
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(1000):
                archive.writestr(f"{number}.jpg", b"")
    else:
        path.write_bytes(gzip.compress(b"".join(header(f"{number}.jpg") for number in range(1000)) + END))
    assert len(names(path)) == 1000
    monkeypatch.setattr(archive_limits, "MAX_NAMES_BYTES", 100_000)
    refused(path, "the limit", reading=names)


def test_gzip_of_several_members_and_padding(tmp_path):
    content = PLAIN + header("b.jpg", size=2 * MIB) + os.urandom(2 * MIB) + END
    cuts = [0, 1, 2, 511, 700, MIB, len(content)]
    pieces = [gzip.compress(content[a:b]) for a, b in itertools.pairwise(cuts)]
    path = tmp_path / "a.tgz"
    for between, behind in ((b"", b""), (gzip.compress(b"") * 5, bytes(3 * 2**16))):
        path.write_bytes(between.join(pieces) + behind)
        assert b"".join(member.data for member in members(path)) == b"abc" + content[1536 : 1536 + 2 * MIB]
    path.write_bytes(b"".join(pieces) + b"garbage")
    refused(path, "not gzip behind its end")
    path.write_bytes(b"".join(pieces[:-1]) + pieces[-1][:-4])
    refused(path, "truncated or corrupt")
    path.write_bytes(b"".join(pieces[:-1]) + pieces[-1][:-8] + bytes(4) + pieces[-1][-4:])
    refused(path, "incorrect data check")


def test_gzip_whose_name_has_no_end(tmp_path):
    path = tmp_path / "a.tgz"
    path.write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 20 * MIB)
    refused(path, "truncated")


def test_archive_in_an_archive(tmp_path):
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(gzip.compress(PLAIN + END)))
    refused(path, "truncated or corrupt")


def test_a_name_of_two_megabytes(tmp_path):
    """Neither its length nor its control characters reach the terminal."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("n" * 60_000 + "\x1b[2J\u202e.jpg", b"x")
    line = refused(tmp_path / "a.zip", "60009 characters")
    assert len(line) < 1000
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("n" * 2_000_000))
    (tmp_path / "a.tar").write_bytes(data.getvalue())
    assert len(refused(tmp_path / "a.tar", "limits")) < 1000


def test_a_mat_file_that_decompresses_to_more(monkeypatch):
    from scipy.io import savemat

    from pipeline.data import matlab

    made = io.BytesIO()
    savemat(
        made,
        {"names": np.array(["a.jpg"], dtype=object), "ids": np.array([1]), "x": np.zeros(2**20)},
        do_compression=True,
    )
    assert matlab.read_named_ids(made.getvalue(), "a.mat", "names", "ids") == [("a.jpg", 1)]
    monkeypatch.setattr(matlab, "MAX_BYTES", 2**20)
    with pytest.raises(InputError, match="a.mat: decompresses to more than 1048576 bytes"):
        matlab.read_named_ids(made.getvalue(), "a.mat", "names", "ids")
