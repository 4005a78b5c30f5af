"""An archive gives its files in order, or one line says what is wrong with it and nothing is left behind."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.archives import Member, members, unpack
from pipeline.errors import InputError

FILES = {"set/b.jpg": b"second letter, first", "set/a.JPG": b"x" * 5000, "set/note.txt": b"", "top.png": b"p"}


def tar_entry(name, data=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, io.BytesIO(data)


def make_tar(path, entries, mode="w:gz", **options):
    with tarfile.open(path, mode, **options) as tar:
        for info, data in entries:
            tar.addfile(info, data)
    return path


def make_zip(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def make(path, files=FILES, folders=("set",)):
    """An archive of the kind that the name says."""
    if path.suffix == ".zip":
        return make_zip(path, [*((f"{folder}/", b"") for folder in folders), *files.items()])
    entries = [tar_entry(folder, type=tarfile.DIRTYPE) for folder in folders]
    entries += [tar_entry(*item) for item in files.items()]
    return make_tar(path, entries, "w" if path.suffix == ".tar" else "w:gz")


KINDS = ["faces.tgz", "faces.tar.gz", "faces.tar", "faces.zip"]


def refused(path, *expected, **options):
    """Reading must fail with one line naming the archive; so must unpacking, leaving nothing behind."""
    with pytest.raises(InputError) as caught:
        list(members(path, **options))
    line = str(caught.value)
    assert "\n" not in line
    for text in (path, *expected):
        assert str(text) in line
    before = set(path.parent.iterdir())
    with pytest.raises(InputError):
        unpack(path, path.parent / "unpacked", **options)
    assert set(path.parent.iterdir()) == before


@pytest.mark.parametrize("kind", KINDS)
def test_members_in_archive_order(kind, tmp_path):
    path = make(tmp_path / kind)
    assert list(members(path)) == [Member(name, data) for name, data in FILES.items()]
    assert [member.name for member in members(path, suffixes=[".jpg"])] == ["set/b.jpg", "set/a.JPG"]


@pytest.mark.parametrize("kind", KINDS)
def test_unpack_replaces_a_folder_as_a_whole(kind, tmp_path):
    path = make(tmp_path / kind)
    folder = tmp_path / "unpacked"
    (folder / "old").mkdir(parents=True)
    unpack(path, folder, suffixes={".jpg", ".txt"})
    files = [file for file in folder.rglob("*") if file.is_file()]
    result = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    assert result == {name: data for name, data in FILES.items() if name != "top.png"}
    assert not (folder / "old").exists()


def test_abandoned_reading_closes_the_file(tmp_path):
    reading = members(make(tmp_path / "faces.tgz"))
    assert next(reading).name == "set/b.jpg"
    reading.close()


def test_dot_slash_names_and_long_names(tmp_path):
    long = "/".join(["folder" * 10] * 4) + "/ü.jpg"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = make_tar(
            tmp_path / "faces.tgz",
            [tar_entry(".", type=tarfile.DIRTYPE), tar_entry("./a.jpg"), tar_entry(long)],
            format=form,
        )
        assert [member.name for member in members(path)] == ["a.jpg", long]


ESCAPES = [
    "/etc/passwd",
    "../up.jpg",
    "a/../../up.jpg",
    "a/..",
    "..",
    "C:/x.jpg",
    "C:x.jpg",
    "..\\up.jpg",
    "\\\\host\\x",
]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("kind", ["tgz", "zip"])
def test_escaping_names(name, kind, tmp_path):
    path = make(tmp_path / f"faces.{kind}", {"ok.jpg": b"x", name: b"x"}, folders=())
    refused(path, repr(name), "points outside")
    refused(path, repr(name), "points outside", suffixes={".other"})


def test_escaping_folder_name(tmp_path):
    refused(make_tar(tmp_path / "a.tgz", [tar_entry("../up", type=tarfile.DIRTYPE)]), "points outside")
    refused(make_zip(tmp_path / "a.zip", [("../up/", b"")]), "points outside")


@pytest.mark.parametrize("name", ["a\tb.jpg", "a\nb.jpg", "a\udcffb.jpg"])
def test_unprintable_names(name, tmp_path):
    entry = tar_entry(name, b"x")
    refused(make_tar(tmp_path / "a.tgz", [entry], format=tarfile.GNU_FORMAT), "not printable UTF-8")


def test_zip_name_behind_a_nul(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("harmless_name", b"x")])
    path.write_bytes(path.read_bytes().replace(b"harmless_name", b"a.jpg\0/../b.c"))
    refused(path, "points outside")


LINKS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("suffixes", [None, {".txt"}])
def test_tar_links_and_devices(kind, suffixes, tmp_path):
    path = make_tar(tmp_path / "a.tgz", [tar_entry("x.jpg", type=kind, linkname="/etc/passwd")])
    refused(path, "'x.jpg'", "link", suffixes=suffixes)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_zip_links_and_devices(kind, tmp_path):
    info = zipfile.ZipInfo("x.jpg")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    refused(make_zip(tmp_path / "a.zip", [(info, b"/etc/passwd")]), "'x.jpg'", "link")


def test_encrypted_zip(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("secret.jpg", b"x")])
    data = bytearray(path.read_bytes())
    data[6] |= 1  # flag of the entry
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    path.write_bytes(data)
    refused(path, "'secret.jpg'", "encrypted")


@pytest.mark.parametrize("kind", KINDS)
def test_bombs(kind, tmp_path):
    path = make(tmp_path / kind, {f"{i}.jpg": bytes(200_000) for i in range(5)}, folders=())
    assert len(list(members(path, max_bytes=1_100_000))) == 5
    refused(path, "600000 bytes, the limit", max_bytes=600_000)
    refused(path, "'0.jpg'", "100000 bytes, the limit", max_entry_bytes=100_000)


def test_bomb_in_a_passed_over_entry(tmp_path):
    path = make_tar(tmp_path / "a.tgz", [tar_entry("big.bin", bytes(10_000_000)), tar_entry("a.jpg", b"x")])
    assert [member.name for member in members(path, suffixes={".jpg"})] == ["a.jpg"]
    refused(path, "1000000 bytes, the limit", max_bytes=1_000_000, suffixes={".jpg"})


@pytest.mark.parametrize("kind", KINDS)
def test_two_archives_in_one_file(kind, tmp_path):
    """As `cat a.tar b.tar` makes them: the files of one would be left out without a word."""
    first, second = (make(tmp_path / f"{name}-{kind}", {f"{name}.jpg": name.encode()}) for name in "ab")
    both = tmp_path / kind
    both.write_bytes(first.read_bytes() + second.read_bytes())
    refused(both, "another", "left out", "pack the files again")


def test_padding_and_remarks_behind_the_end_are_no_archive(tmp_path):
    path = make_tar(tmp_path / "a.tar", [tar_entry("a.jpg", b"x")], "w")
    path.write_bytes(path.read_bytes() + bytes(3000) + b"signed by somebody\n" * 100)
    assert [member.name for member in members(path)] == ["a.jpg"]
    path = make_zip(tmp_path / "a.zip", [("a.jpg", b"x")])
    path.write_bytes(path.read_bytes() + b"signed\n")
    assert [member.name for member in members(path)] == ["a.jpg"]


def test_bomb_after_the_end(tmp_path):
    path = make_tar(tmp_path / "a.tar", [tar_entry("a.jpg", b"x")], "w")
    tail = tmp_path / "a.tgz"
    tail.write_bytes(gzip.compress(path.read_bytes() + bytes(10_000_000)))
    refused(tail, "1000000 bytes, the limit", max_bytes=1_000_000)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_huge_tar_header(kind, tmp_path):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 10_000_000
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_001_024)))
    refused(path, "limit", max_entry_bytes=1_000_000)


def test_zip_that_lies_about_its_size(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("a.jpg", bytes(3_000_000))])
    data = path.read_bytes().replace(struct.pack("<L", 3_000_000), struct.pack("<L", 10))
    path.write_bytes(data)
    refused(path, "corrupt")


@pytest.mark.parametrize("kind", KINDS)
def test_empty_archives(kind, tmp_path):
    refused(make(tmp_path / kind, {}, folders=()), "holds no files")
    refused(make(tmp_path / kind, {}), "holds no files")
    refused(make(tmp_path / kind), "holds no .bmp files", suffixes={".bmp"})


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a.jpg", "a.jpg"), ("x/a.jpg", "./x//a.jpg")])
def test_names_that_occur_twice(names, tmp_path):
    name = repr(names[0])
    refused(make_tar(tmp_path / "a.tgz", [tar_entry(entry, b"x") for entry in names]), name, "twice")
    refused(make_zip(tmp_path / "a.zip", [(entry, b"x") for entry in names]), name, "twice")


def test_unpack_file_that_is_also_a_folder(tmp_path):
    path = make_tar(tmp_path / "a.tgz", [tar_entry("a", b"x"), tar_entry("a/b", b"x")])
    with pytest.raises(InputError, match="both a file and a folder"):
        unpack(path, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tgz"]


@pytest.mark.parametrize("data", [b"", b"hello", b"<!DOCTYPE html>" + b" " * 2000, b"Rar!\x1a\x07" * 100])
def test_wrong_format(data, tmp_path):
    path = tmp_path / "faces.tgz"
    path.write_bytes(data)
    refused(path, "not an archive", "expected .tar")


def test_gzip_of_something_else(tmp_path):
    path = tmp_path / "faces.tgz"
    path.write_bytes(gzip.compress(b"not a tar" * 1000))
    refused(path, "truncated or corrupt")


def test_absent(tmp_path):
    refused(tmp_path / "none.tgz", "no such file")


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_anywhere(kind, tmp_path):
    whole = make(tmp_path / f"whole-{kind}").read_bytes()
    path = tmp_path / kind
    end = whole.rstrip(b"\0") if kind.endswith(".tar") else whole
    for length in np.linspace(1, len(end) - 1, 60).astype(int):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            list(members(path))
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["faces.tgz", "faces.zip"])
def test_flipped_bits_never_pass_for_other_content(kind, tmp_path):
    whole = make(tmp_path / kind).read_bytes()
    expected = dict(FILES)
    generator = np.random.default_rng(0)
    refusals = 0
    for position in generator.integers(0, len(whole), 300):
        data = bytearray(whole)
        data[position] ^= 1 << int(generator.integers(8))
        path = tmp_path / kind
        path.write_bytes(data)
        try:
            result = {member.name: member.data for member in members(path)}
        except InputError:
            refusals += 1
            continue
        # A time stamp or a name without a checksum may change, the content may not.
        assert all(content in expected.values() for content in result.values())
    assert refusals > 100


def test_tar_header_damaged_in_the_middle(tmp_path):
    path = make(tmp_path / "faces.tar")
    data = bytearray(path.read_bytes())
    data[data.index(b"set/a.JPG")] ^= 1
    path.write_bytes(data)
    refused(path, "truncated or corrupt")


def test_unreadable_member_leaves_old_folder(tmp_path):
    path = make(tmp_path / "faces.tgz")
    unpack(path, tmp_path / "out")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError):
        unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "top.png").read_bytes() == b"p"
    assert {entry.name for entry in tmp_path.iterdir()} == {"faces.tgz", "out"}


@pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")
@pytest.mark.parametrize("name, count", [("Set5.zip", 5), ("Set14.zip", 14), ("BSR_bsds500.tgz", 500)])
def test_real_archives(name, count):
    path = Path(os.environ["FACES_DATASETS"]) / name
    if not path.is_file():
        pytest.skip(f"{name} is not in FACES_DATASETS")
    assert sum(1 for _ in members(path, suffixes={".png", ".jpg"})) == count
