"""Files that people bring: taken where they are whole and meant, named where they are only near."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shlex
import socket
import subprocess
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from pipeline.data import archives, local_files
from pipeline.data.fetch import RemoteFile, fetch
from pipeline.data.fetch_folder import fetch_folder
from pipeline.errors import InputError
from pipeline.params.faces import RemoteFileSettings
from pipeline.params.loading import validate

CONTENT = bytes(range(256)) * 999
READ = ".zip, .tar, .tgz and .tar.gz are read"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The cache and the drop-in folder, as the steps name them."""
    monkeypatch.chdir(tmp_path)
    Path("data/drop_in").mkdir(parents=True)
    return Path("cache"), Path("data/drop_in")


def remote(address: str | None = None, sha256: str | None = None, name: str = "faces.zip") -> RemoteFile:
    return RemoteFile(name, address, sha256, "somebody")


def refused(file: RemoteFile, places, *expected: object) -> str:
    """One line, bounded, that holds every text; nothing is written, and what the user brought stays."""
    before = set(Path().rglob("*"))
    with pytest.raises(InputError) as caught:
        fetch(file, *places)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 900
    for text in expected:
        assert str(text) in line, line
    assert set(Path().rglob("*")) - {places[0]} == before - {places[0]}
    return line


def put(name: str, content: bytes = CONTENT) -> Path:
    path = Path("data/drop_in", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        path.mkdir()
        (path / "a.png").write_bytes(content)
    else:
        path.write_bytes(content)
    return path


# What is near.


@pytest.mark.parametrize(
    ("wanted", "dropped", "expected"),
    [
        ("faces.zip", "Faces.zip", "differs in letter case: mv data/drop_in/Faces.zip data/drop_in/faces.zip"),
        ("faces.zip", "faces.ZIP", "differs in letter case: mv data/drop_in/faces.ZIP data/drop_in/faces.zip"),
        ("faces.zip", "FACES.TGZ", "differs in letter case: mv data/drop_in/FACES.TGZ data/drop_in/faces.tgz"),
        ("faces.zip", "faces (1).zip", "like another copy: mv 'data/drop_in/faces (1).zip' data/drop_in/faces.zip"),
        ("faces.zip", "faces - Copy.zip", "looks like another copy: mv 'data/drop_in/faces - Copy.zip'"),
        ("pairs.txt", "pairs(2).txt", "looks like another copy: mv 'data/drop_in/pairs(2).txt' data/drop_in/pairs.txt"),
        ("faces.zip", "faces.zip.crdownload", "is an unfinished download"),
        ("faces.zip", "faces.zip.part", "is an unfinished download"),
        ("faces.zip", "faces (2).zip.partial", "is an unfinished download"),
        ("faces.zip", "faces.zip.download/", "is an unfinished download"),
        ("train.rec", "train.rec.aria2", "is an unfinished download"),
        ("faces.zip", "faces.tar.xz", "xz -dc data/drop_in/faces.tar.xz > data/drop_in/faces.tar"),
        ("faces.zip", "faces.txz", "not read"),
        ("faces.zip", "faces.tar.bz2", "bzip2 -dc data/drop_in/faces.tar.bz2 > data/drop_in/faces.tar"),
        ("faces.zip", "faces.tar.zst", "zstd -dc data/drop_in/faces.tar.zst > data/drop_in/faces.tar"),
        ("faces.zip", "Faces (1).TAR.XZ", "xz -dc 'data/drop_in/Faces (1).TAR.XZ' > data/drop_in/faces.tar"),
        ("faces.zip", "faces.7z", "7z x data/drop_in/faces.7z -odata/drop_in/faces"),
        ("cifar-10.tar.gz", "cifar-10.rar", "7z x data/drop_in/cifar-10.rar -odata/drop_in/cifar-10"),
        ("faces.zip", "faces.zip.zip", "has a suffix too many: mv data/drop_in/faces.zip.zip data/drop_in/faces.zip"),
        ("pairs.txt", "pairs.txt.txt", "has a suffix too many: mv data/drop_in/pairs.txt.txt data/drop_in/pairs.txt"),
        ("faces.csv", "faces.csv.gz", "gzip -dc data/drop_in/faces.csv.gz > data/drop_in/faces.csv"),
        ("faces.zip", "faces.zip.001", "is a piece of a divided archive"),
        ("faces.zip", "faces.part1.rar", "is a piece of a divided archive"),
        ("pairs.txt", "pairs", "lacks its suffix: mv data/drop_in/pairs data/drop_in/pairs.txt"),
        ("faces.zip", "faces", "lacks its suffix: mv data/drop_in/faces data/drop_in/faces.zip"),
        ("faces.zip", "Faces/", "is a folder of another name: mv data/drop_in/Faces data/drop_in/faces"),
        ("lfw.tgz", "lfw-funneled.tgz", "data/drop_in/lfw-funneled.tgz has another name: is it the file asked for?"),
        ("pairs.txt", "pair.txt", "data/drop_in/pair.txt has another name"),
        ("faces.zip", "WebFace/faces.zip", "another folder: mv data/drop_in/WebFace/faces.zip data/drop_in/faces.zip"),
        ("faces.zip", "../faces.tgz", "lies in another folder: mv data/faces.tgz data/drop_in/faces.tgz"),
        ("mine.onnx", "faces_emore/mine.onnx", "mv data/drop_in/faces_emore/mine.onnx data/drop_in/mine.onnx"),
        ("faces.zip", "archive.zip", "(in it: archive.zip)"),
    ],
)  # fmt: skip
def test_what_is_near_is_named(wanted, dropped, expected, places):
    put(dropped)
    line = refused(
        remote(name=wanted), places, f"{wanted}: cannot be downloaded freely", f"data/drop_in/{wanted}", expected
    )
    assert line.endswith("is an unfinished download: wait for its end or fetch it again") or "unfinished" not in line


@pytest.mark.parametrize("tool", ["xz", "bzip2", "zstd", "lz4"])
def test_the_command_that_is_named_makes_what_is_read(tool, places):
    suffix = {"xz": "xz", "bzip2": "bz2", "zstd": "zst", "lz4": "lz4"}[tool]
    packed = put(f"faces.tar.{suffix}")
    try:
        data = subprocess.run([tool, "-c"], input=CONTENT, capture_output=True, check=True).stdout
    except OSError:
        pytest.skip(f"no {tool} here")
    packed.write_bytes(data)
    line = refused(remote(), places, "not read")
    subprocess.run(line.rpartition("folder: ")[2], shell=True, check=True)
    assert fetch(remote(), *places).read_bytes() == CONTENT


def test_the_move_that_is_named_is_enough(places):
    put("faces's (1).zip")
    line = refused(remote(name="faces's.zip"), places, "looks like another copy")
    subprocess.run(shlex.split(line.rpartition("copy: ")[2]), check=True)
    assert fetch(remote(name="faces's.zip"), *places).read_bytes() == CONTENT


def test_what_has_nothing_to_do_with_it_is_listed_at_most(places):
    assert "(data/drop_in is empty)" in refused(remote(), places)
    for number in range(9):
        put(f"{number}{'x' * 200}.txt", b"x")
    put(".faces.zip.Xy12")
    line = refused(remote(), places, "and 4 more)")
    assert "mv " not in line
    Path("data/drop_in").rename("elsewhere")
    assert "(data/drop_in is not there yet)" in refused(remote(), places)
    Path("data/drop_in").write_bytes(b"")
    refused(remote(), places, "data/drop_in: is a file, expected a folder")


def test_another_file_of_like_name_is_not_called_a_copy(places):
    put("calfw.bin")
    assert "calfw.bin has another name" not in refused(remote(name="agedb_30.bin"), places)


# What is there twice.


@pytest.mark.parametrize("others", [["faces/"], ["faces.tgz"], ["faces.tar.gz", "faces/"]])
@pytest.mark.parametrize("sha256", [None, hashlib.sha256(CONTENT).hexdigest()])
def test_one_of_two_is_never_taken_silently(others, sha256, places):
    for name in ("faces.zip", *others):
        put(name)
    named = [name.rstrip("/") for name in ("faces.zip", *others)]
    refused(remote("http://127.0.0.1:1/x", sha256), places, f"data/drop_in: holds {' and '.join(named)}, expected one")


@pytest.mark.parametrize("other", ["Faces.zip", "faces (1).zip", "faces.zip.part", "faces.7z", "FACES.TGZ"])
def test_another_copy_beside_is_said(other, places, capsys):
    put("faces.zip")
    put(other, b"another")
    assert fetch(remote(), *places).read_bytes() == CONTENT
    assert f"data/drop_in/faces.zip is taken; data/drop_in/{other} " in capsys.readouterr().err


def test_other_files_beside_are_not_worth_a_word(places, capsys):
    put("pairs.txt")
    put("pairs_of_mine.txt")
    put("faces/")
    assert fetch(remote(name="pairs.txt"), *places).read_bytes() == CONTENT
    assert "is taken" not in capsys.readouterr().err


# What is no file.


def test_folders_where_files_are_expected(places):
    put("faces.zip/")
    refused(
        remote(), places, "data/drop_in/faces.zip: is a folder, expected a file: a folder of its content is named faces"
    )
    put("pairs.csv/")
    refused(remote(name="pairs.csv"), places, "data/drop_in/pairs.csv: is a folder, expected a file")
    put("mine/")
    refused(remote("data/drop_in/mine", name="a.csv"), places, "no such file: data/drop_in/mine (that is a folder)")
    Path("data/drop_in/new").mkdir()
    refused(remote(name="new.zip"), places, "data/drop_in/new: an empty folder")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to nothing", "circle"])
@pytest.mark.parametrize("how", ["dropped", "path", "file address"])
def test_what_is_neither_is_not_waited_for(kind, how, places, tmp_path):
    path = Path("data/drop_in/faces.zip") if how == "dropped" else Path("other.zip")
    address = {"dropped": None, "path": str(path), "file address": (tmp_path / path).as_uri()}[how]
    expected = "expected a file or a folder"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        taken = socket.socket(socket.AF_UNIX)
        taken.bind(str(path))
    else:
        path.symlink_to({"device": "/dev/zero", "circle": path.name, "link to nothing": "nowhere"}[kind])
        expected = {"circle": "a link that leads back to itself", "link to nothing": "'nowhere', where nothing is"}.get(
            kind, expected
        )
    refused(remote(address), places, path.name, expected)
    if kind == "pipe":
        with pytest.raises(InputError, match="is a pipe"):
            local_files.Reading(path)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "expected null or an address"), ("  ", "expected null or an address"),
        ("file://server/share/faces.zip", "names the machine 'server'"), ("file://~/a.zip", "names the machine '~'"),
        ("file:faces.zip", "no absolute path"), ("file:///a/faces.zip#1", "# is written %23"),
        ("file:///a/b?.zip", "? is written %3F"), ("~nobody-of-that-name/faces.zip", "no home folder"),
        ("a\0b", "is no path"), ("file:///a%00b", "is no path"), ("x" * 5000, "File name too long"),
        ("s3://bucket/faces.zip", "expected http://"), ("C:\\faces.zip", "expected http://"),
        ("faces.zip/inside", "no such file"), ("nowhere/faces.zip", "no such file: nowhere/faces.zip"),
    ],
)  # fmt: skip
def test_addresses_that_lead_nowhere(address, expected, places):
    Path("faces.zip").write_bytes(CONTENT)
    with pytest.raises(InputError) as caught:
        fetch(remote(address), *places)
    assert expected in str(caught.value) and not Path("cache").exists()


def test_what_is_near_an_address_is_named(places):
    Path("Mine.tgz").write_bytes(CONTENT)
    refused(
        remote("mine.tgz"), places, "no such file: mine.tgz", "Mine.tgz differs in letter case: mv Mine.tgz mine.tgz"
    )
    refused(remote("nowhere/mine.tgz"), places, "no such file: nowhere/mine.tgz", "(nowhere is not there yet)")


@pytest.mark.parametrize("name", ["a b.zip", "a#b?c%20.zip", "ä.zip", os.fsdecode(b"\xff.zip")])
def test_addresses_that_lead_to_a_file(name, places, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / name).write_bytes(CONTENT)
    addresses = [(tmp_path / name).as_uri(), f"~/{name}", str(tmp_path / name)]
    addresses.append(addresses[0].replace("file://", "file://localhost"))
    for number, address in enumerate(addresses):
        assert fetch(remote(address), places[0] / str(number), places[1]).read_bytes() == CONTENT


# Disks and changes.


class Failing:
    """An open file whose reads or writes fail after a while, as those of a dying or full disk."""

    def __init__(self, file, number):
        self.file, self.number = file, number

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def read(self, size=-1):
        raise OSError(self.number, os.strerror(self.number))

    write = read


def fail_where(is_it, number, monkeypatch):
    real = open

    def failing(place, mode="r", *more, **options):
        file = real(place, mode, *more, **options)
        return Failing(file, number) if is_it(place, mode) else file

    monkeypatch.setattr("builtins.open", failing)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
@pytest.mark.parametrize("how", ["dropped", "address", "in a folder"])
def test_a_disk_that_cannot_be_read_is_the_users(number, how, places, monkeypatch):
    path = put("faces/1.png" if how == "in a folder" else "faces.zip")
    if how == "address":
        path = path.rename("mine.zip")
    fail_where(lambda place, mode: str(place) == str(path), number, monkeypatch)
    file = remote(str(path) if how == "address" else None)
    with pytest.raises(InputError) as caught:
        fetch_folder([file], Path("raw"), *places)
    assert str(caught.value) == f"{path}: cannot be read: {os.strerror(number)}"
    assert not Path("raw").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_disk_that_cannot_be_written_is_the_caches(number, places, monkeypatch):
    put("faces.zip")
    fail_where(lambda place, mode: "w" in mode, number, monkeypatch)
    refused(remote(), places, f"cache/faces.zip: cannot be written: {os.strerror(number)}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_permission_the_path_is_named(places):
    path = put("faces.zip")
    Path("other").mkdir()
    Path("other/faces.zip").write_bytes(CONTENT)
    Path("cache").mkdir()
    refusals = []
    try:
        for place, mode in ((path, 0o000), (Path("other"), 0o000), (path.parent, 0o000)):
            place.chmod(mode)
        os.seteuid(65534)
        for address, drop_in in (
            (None, places[1]),
            ("other/faces.zip", Path("nothing")),
            ("http://127.0.0.1:1/x", Path("nothing")),
        ):
            with pytest.raises(InputError) as caught:
                fetch(remote(address), places[0], drop_in)
            refusals.append(str(caught.value))
    finally:
        os.seteuid(0)
        for place in (Path("other"), path.parent, path):
            place.chmod(0o755)
    above = [folder for folder in Path("cache").resolve().parents if not folder.stat().st_mode & 0o001]
    if above:  # the folder of the tests is closed to others
        assert all("Permission denied" in line for line in refusals)
        return
    assert refusals[0] == "data/drop_in/faces.zip: cannot be read: Permission denied"
    assert refusals[1] == "other/faces.zip: cannot be read: Permission denied"
    assert refusals[2].startswith("cache/faces.zip.part: cannot be written: Permission denied")


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written to"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_that_changes_while_it_is_copied(change, kind, places, monkeypatch):
    path = put("faces.zip" if kind == "file" else "faces/1.png", bytes(2 * 2**20))
    changed = threading.Event()
    real = local_files.Reading.read

    def read(self, size):
        data = real(self, size if kind == "folder" else min(size, 2**20))
        if not changed.is_set():
            changed.set()
            with open(path, "r+b") as file:
                if change == "grows":
                    file.seek(0, 2)
                    file.write(b"more")
                elif change == "shrinks":
                    file.truncate(2**19)
                else:
                    file.write(b"other")
            os.utime(path, (1, 1))
        return data

    monkeypatch.setattr(local_files.Reading, "read", read)
    with pytest.raises(InputError, match=f"{path}: (changed|became shorter) while it was read"):
        fetch(remote(), *places)
    assert not list(Path("cache").iterdir())


def test_a_full_disk_names_the_folder_that_is_made(places, monkeypatch):
    put("faces.zip")
    fail_where(lambda place, mode: "w" in mode, errno.ENOSPC, monkeypatch)
    with pytest.raises(InputError, match="^raw/faces.zip: cannot be written: No space left on device"):
        fetch_folder([remote()], Path("raw"), *places)


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_a_disk_that_fails_under_an_archive_is_not_called_a_damaged_archive(kind, tmp_path, monkeypatch):
    path = tmp_path / f"faces.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/1.png", CONTENT)
    else:
        with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as tar:
            tar.addfile(tarfile.TarInfo("a/1.png"))
    real, times = open, itertools.count()

    def failing(place, mode="r", *more, **options):  # the first look, at what kind it is, succeeds
        file = real(place, mode, *more, **options)
        return Failing(file, errno.EIO) if str(place) == str(path) and next(times) else file

    monkeypatch.setattr("builtins.open", failing)
    monkeypatch.setattr("io.open", failing)
    with pytest.raises(InputError) as caught:
        archives.names(path)
    assert str(caught.value) == f"{path}: cannot be read: Input/output error"


# What is inside.


def test_a_page_or_another_kind_under_the_right_name_is_named(places):
    put("faces.zip", b"  <!doctype HTML><p>Sign in to download")
    refused(
        remote(), places, "faces.zip: data/drop_in/faces.zip is a web page, perhaps to sign in", "given out by somebody"
    )
    digest = "0" * 64
    refused(remote(None, digest), places, "wrong checksum", digest, "is a web page")
    put("faces.zip", b"\xfd7zXZ\0" + CONTENT)
    refused(remote(), places, "by xz", READ, "xz -dc data/drop_in/faces.zip > data/drop_in/faces.tar")
    put("faces.zip", b"")
    refused(remote(), places, "data/drop_in/faces.zip is an empty file")


def test_a_checksum_in_capitals(places):
    entry = validate(RemoteFileSettings, {"address": None, "sha256": "AB" * 32}, "files.archive")
    assert entry.sha256 == "ab" * 32
    put("faces.zip")
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert fetch(remote(None, digest.upper()), *places).read_bytes() == CONTENT
    refused(remote(None, "AB" * 32), (Path("other"), places[1]), f"found sha256 {digest}, expected {'ab' * 32}")


def test_what_the_user_brought_for_one_task_is_not_taken_for_another(places):
    put("faces.tgz")
    fetch_folder([remote()], Path("raw"), *places)
    assert Path("raw/faces.zip").read_bytes() == CONTENT
    Path("data/drop_in/faces.tgz").unlink()
    with pytest.raises(InputError, match="cannot be downloaded freely"):
        fetch_folder([remote()], Path("raw2"), *places)
