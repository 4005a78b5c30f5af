"""Servers that lie, stall or change their mind: the right bytes arrive, or one line says why not."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import socket
import socketserver
import subprocess
import tarfile
import threading
import time

import pytest

from pipeline.data import fetch as fetching
from pipeline.data import http_answers, http_wire
from pipeline.data.fetch import RemoteFile, fetch
from pipeline.errors import InputError

OLD = bytes(range(256)) * 1200  # 300 kB
NEW = OLD[::-1]
HALF = len(OLD) // 2
DATES = "Date: Fri, 02 Jan 2026 00:00:00 GMT\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
TAG = 'ETag: "one"\r\n'


class Server(socketserver.ThreadingTCPServer):
    """Gives the raw ``answers`` in turn, the last one for ever: bytes, or pieces of them; ``heads``: what was asked."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.heads, self.over = [], [], threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/faces.tgz"


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        head = []
        while line := self.rfile.readline().strip():
            head.append(line.decode("latin-1"))
        self.server.heads.append(head)
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        with contextlib.suppress(OSError):
            for piece in [answer] if isinstance(answer, bytes) else answer:
                self.wfile.write(piece)


def asked(server: Server, header: str) -> list[str | None]:
    """The values of a header in the requests, None where it lacks."""
    collected = []
    for head in server.heads:
        values = [line.partition(":")[2].strip() for line in head if line.lower().startswith(header.lower() + ":")]
        collected.append(values[0] if values else None)
    return collected


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetching, "RETRY_AFTER_S", 0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def places(tmp_path):
    (tmp_path / "dropped").mkdir()
    return tmp_path / "downloads", tmp_path / "dropped"


def answer(body: bytes, head: str = "", status: str = "200 OK", length: int | None = -1) -> bytes:
    """An answer over HTTP; ``length``: what is announced, None: nothing."""
    announced = "" if length is None else f"Content-Length: {len(body) if length == -1 else length}\r\n"
    return f"HTTP/1.1 {status}\r\n{announced}{head}\r\n".encode("latin-1") + body


def rest(body: bytes, start: int, head: str = "", total: object = None) -> bytes:
    """The rest of ``body`` from ``start`` on."""
    span = f"Content-Range: bytes {start}-{len(body) - 1}/{len(body) if total is None else total}\r\n"
    return answer(body[start:], span + head, "206 Partial Content")


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n", head: str = "") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end
    return answer(body, "Transfer-Encoding: chunked\r\n" + head, length=None)


def tgz(content: bytes = OLD) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("a/1.bin")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def remote(server: Server, sha256: str | None = None, name: str = "faces.tgz") -> RemoteFile:
    return RemoteFile(name, server.address, sha256, "somebody")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def refused(file: RemoteFile, places, *expected: str) -> str:
    """One line, bounded, printable, that holds every text; nothing is taken for the file."""
    with pytest.raises(InputError) as caught:
        fetch(file, *places)
    line = str(caught.value)
    assert line.isprintable() and len(line) < 900, line
    for text in (file.name, *expected):
        assert text in line, line
    assert not (places[0] / file.name).exists()
    return line


def broken_off(server, places, head: str, file: RemoteFile | None = None) -> None:
    """Leave behind what a call leaves whose connection broke in the middle, and whose next four found nobody."""
    with contextlib.suppress(InputError):
        server.answers = [answer(OLD[:HALF], head, length=len(OLD)), b""]
        fetch(file or remote(server), *places)
    server.heads.clear()


# Continuing without a checksum.


@pytest.mark.parametrize(("head", "validator"), [(TAG, '"one"'), (DATES, "Thu, 01 Jan 2026 00:00:00 GMT")])
@pytest.mark.parametrize("later", [False, True])
def test_the_rest_is_asked_for_under_the_condition_that_it_is_of_the_same_version(
    head, validator, later, server, places
):
    if later:
        broken_off(server, places, head)
        server.answers = [rest(OLD, HALF, head)]
    else:
        server.answers = [answer(OLD[:HALF], head, length=len(OLD)), rest(OLD, HALF, head)]
    assert fetch(remote(server), *places).read_bytes() == OLD
    assert asked(server, "Range")[-1] == f"bytes={HALF}-" and asked(server, "If-Range")[-1] == validator


@pytest.mark.parametrize("head", ["", 'ETag: W/"one"\r\n', 'ETag: W/"one"\r\n' + DATES, "Last-Modified: yesterday\r\n",
                                  DATES.replace("01 Jan", "02 Jan"), "ETag: one\r\n"])  # fmt: skip
def test_without_a_version_it_begins_again(head, server, places):
    server.answers = [answer(OLD[:HALF], head, length=len(OLD)), answer(NEW, head)]
    assert fetch(remote(server), *places).read_bytes() == NEW
    assert asked(server, "Range") == [None, None]
    broken_off(server, (places[0] / "later", places[1]), head)
    server.answers = [answer(NEW, head)]
    assert fetch(remote(server), places[0] / "later", places[1]).read_bytes() == NEW
    assert asked(server, "Range") == [None]


@pytest.mark.parametrize(
    "second",
    [
        answer(NEW, TAG.replace("one", "two")),  # the honest answer to If-Range
        rest(NEW, HALF, TAG.replace("one", "two")),  # If-Range was not looked at
        rest(NEW, HALF),  # of which version?
        rest(NEW + NEW, HALF, TAG),  # longer by now
        rest(NEW, HALF + 7, TAG),
        rest(NEW, HALF - 7, TAG),
        answer(NEW[HALF:], TAG, "206 Partial Content"),
        answer(NEW[HALF:], "Content-Type: multipart/byteranges; boundary=x\r\n" + TAG, "206 Partial Content"),
        answer(NEW[HALF:], f"Content-Range: bytes {HALF}-{HALF - 2}/{len(NEW)}\r\n{TAG}", "206 Partial Content"),
        answer(NEW[HALF:], f"Content-Range: bytes {HALF}-{len(NEW)}/{len(NEW)}\r\n{TAG}", "206 Partial Content"),
        answer(NEW[HALF:-9], f"Content-Range: bytes {HALF}-{len(NEW) - 1}/{len(NEW)}\r\n{TAG}", "206 Partial Content"),
        answer(b"", f"Content-Range: bytes */{len(NEW)}\r\n", "416 Range Not Satisfiable"),
    ],
)
def test_two_versions_are_never_put_together(second, server, places):
    server.answers = [answer(OLD[:HALF], TAG, length=len(OLD)), second, answer(NEW, TAG.replace("one", "two"))]
    assert fetch(remote(server), *places).read_bytes() == NEW


def test_a_piece_of_another_address_is_not_continued(server, places):
    broken_off(server, places, TAG)
    server.answers = [answer(NEW, TAG)]
    other = RemoteFile("faces.tgz", server.address + "?other", None, "somebody")
    assert fetch(other, *places).read_bytes() == NEW
    assert asked(server, "Range") == [None]


@pytest.mark.parametrize("notes", ["", "[]", "{}", '{"address": 1}', "null", "\x00"])
def test_damaged_notes_of_a_piece_are_as_good_as_none(notes, server, places):
    broken_off(server, places, TAG)
    (places[0] / "faces.tgz.part.json").write_text(notes)
    server.answers = [answer(NEW, TAG)]
    assert fetch(remote(server), *places).read_bytes() == NEW


def test_a_rest_that_comes_in_parts_is_put_together(server, places):
    def part(start, end):
        return answer(
            OLD[start:end], f"Content-Range: bytes {start}-{end - 1}/{len(OLD)}\r\n{TAG}", "206 Partial Content"
        )

    server.answers = [answer(OLD[:HALF], TAG, length=len(OLD)), part(HALF, HALF + 99), part(HALF + 99, len(OLD))]
    assert fetch(remote(server), *places).read_bytes() == OLD


def test_a_part_that_ends_before_its_total_is_not_the_whole(server, places):
    short = answer(OLD[:99], f"Content-Range: bytes 0-98/{len(OLD)}\r\n{TAG}", "206 Partial Content")
    server.answers = [short]
    refused(remote(server), places, "206 Partial Content, a part of the file, where the whole was asked for")
    server.answers = [answer(OLD[:HALF], TAG, length=len(OLD)),
                      answer(OLD[HALF:-50], f"Content-Range: bytes {HALF}-{len(OLD) - 51}/{len(OLD)}\r\n{TAG}",
                             "206 Partial Content"), answer(b"", status="404 Not Found")]  # fmt: skip
    refused(remote(server), places, "404 Not Found", f"{len(OLD) - 50} bytes are kept")


def test_a_pinned_piece_of_another_version_begins_anew_by_itself(server, places):
    file = remote(server, digest(NEW).upper())
    broken_off(server, places, "", file)
    server.answers = [rest(NEW, HALF), answer(NEW)]
    assert fetch(file, *places).read_bytes() == NEW
    assert asked(server, "Range") == [f"bytes={HALF}-", None]
    assert sorted(path.name for path in places[0].iterdir()) == ["faces.tgz"]


def test_a_download_without_checksum_is_used_again_for_its_own_address_alone(server, places):
    server.answers = [answer(OLD)]
    fetch(remote(server), *places)
    assert fetch(remote(server), *places).read_bytes() == OLD and len(server.heads) == 1
    server.answers = [answer(NEW)]
    other = RemoteFile("faces.tgz", server.address + "?version=2", None, "somebody")
    assert fetch(other, *places).read_bytes() == NEW, "of another address"
    (places[0] / "faces.tgz").write_bytes(NEW[:-1])
    assert fetch(other, *places).read_bytes() == NEW, "damaged meanwhile"
    with pytest.raises(InputError, match="cannot be downloaded freely"):
        fetch(RemoteFile("faces.tgz", None, None, "somebody else"), *places)


def test_two_processes_download_one_file_one_after_the_other(server, places):
    started = threading.Event()

    def slowly():
        yield answer(OLD[:HALF], length=len(OLD))
        started.set()
        time.sleep(0.3)  # the second call has to wait, not to write into the same place
        yield OLD[HALF:]

    server.answers = [slowly(), answer(NEW)]
    made = []
    threads = [threading.Thread(target=lambda: made.append(fetch(remote(server), *places))) for _ in range(2)]
    threads[0].start()
    assert started.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 2 and (places[0] / "faces.tgz").read_bytes() == OLD and len(server.heads) == 1


# Lengths.


@pytest.mark.parametrize("length", [len(OLD) + 1, len(OLD) - 1, 5])
def test_a_length_that_lies(length, server, places):
    server.answers = [answer(OLD, length=length)]
    refused(remote(server), places, "failed: ")
    pinned = remote(server, digest(OLD))
    if length > len(OLD):  # the bytes are right, whatever was announced
        refused(pinned, places, "kept")
    else:
        refused(pinned, places, "wrong checksum", digest(OLD), digest(OLD[:length]))


@pytest.mark.parametrize("head", ["Content-Length: -5\r\n", "Content-Length: ten\r\n", "Content-Length: 1_0\r\n",
                                  "Content-Length: 5\r\nContent-Length: 6\r\n"])  # fmt: skip
def test_a_length_that_is_none(head, server, places):
    server.answers = [answer(OLD, head, length=None)]
    refused(remote(server), places, "Content-Length")


def test_chunks_are_put_together_and_a_cut_shows(server, places):
    server.answers = [chunked(OLD[:HALF], OLD[HALF:])]
    assert fetch(remote(server, name="faces.csv"), *places).read_bytes() == OLD
    for cut in (
        chunked(OLD, end=b""),
        chunked(OLD[:HALF])[:-9],
        chunked(OLD, end=b"z\r\n"),
        chunked(OLD, end=b"5\r\nab"),
    ):
        server.answers = [cut]
        refused(remote(server), places, "the connection ended too early", "nothing is kept")


def test_without_a_length_an_archive_has_to_be_whole(server, places, capsys):
    whole = tgz()
    server.answers = [answer(whole, length=None)]
    assert fetch(remote(server), *places).read_bytes() == whole
    assert "does not say how long it is" in capsys.readouterr().err
    server.answers = [answer(whole[:-9], length=None)]
    second = RemoteFile("faces.tgz", server.address + "?2", None, "somebody")
    other = places[0].parent / "other", places[1]
    refused(second, other, "does not say how long the file is", "no whole archive", "pin its sha256")
    assert not list(other[0].iterdir())
    refused(remote(server, digest(whole)), other, "wrong checksum", "it may have been cut off")


def test_without_a_length_other_files_are_refused(server, places):
    server.answers = [answer(b"file,identity\n", length=None)]
    refused(
        remote(server, name="faces.csv"), places, "does not say how long", "pin its sha256", digest(b"file,identity\n")
    )
    pinned = remote(server, digest(b"file,identity\n"), name="faces.csv")
    assert fetch(pinned, *places).read_bytes() == b"file,identity\n"


# What is sent.


def test_an_encoding_that_was_not_asked_for(server, places):
    server.answers = [answer(gzip.compress(OLD), "Content-Encoding: gzip\r\n")]
    refused(remote(server, name="faces.csv"), places, "Content-Encoding gzip, which was not asked for")
    assert asked(server, "Accept-Encoding") == ["identity"]
    server.answers = [answer(OLD, "Content-Encoding: br\r\n")]
    refused(remote(server), places, "Content-Encoding br")
    server.answers = [answer(OLD, "Transfer-Encoding: gzip, chunked\r\n", length=None)]
    refused(remote(server), places, "Transfer-Encoding gzip, chunked")
    whole = tgz()
    server.answers = [answer(whole, "Content-Encoding: x-gzip\r\n")]  # as old servers call a .tgz
    assert fetch(remote(server), *places).read_bytes() == whole


PAGES = [b"<!DOCTYPE html><title>Sign in</title>", b"\xef\xbb\xbf \n<HTML lang=en>", b"<?xml version='1.0'?><Error/>"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
def test_a_page_to_sign_in_is_named(page, kind, server, places):
    server.answers = [answer(page, f"Content-Type: {kind}\r\n")]
    refused(remote(server), places, "web page", "sign in")
    line = refused(remote(server, digest(OLD)), places, "web page", "sign in")
    assert kind == "text/html" or f"found sha256 {digest(page)}, expected {digest(OLD)}" in line
    assert not list(places[0].iterdir())


def test_an_archive_of_a_kind_that_is_not_read_is_named(server, places):
    server.answers = [answer(b"7z\xbc\xaf\x27\x1c" + OLD)]
    refused(remote(server), places, "an archive by 7z, a kind that is not read, .zip, .tar, .tgz and .tar.gz are read")
    server.answers = [answer(b"")]
    refused(remote(server), places, "an empty file")


WORDS = {
    b'{"error": "quota exceeded"}': "JSON document",
    b"Quota exceeded, come back tomorrow\n": "text",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n": "Git LFS pointer",
    b"outs:\n- md5: aa\n  path: faces.zip\n": "DVC pointer",
}


@pytest.mark.parametrize("words", WORDS)
def test_words_in_the_place_of_an_archive_are_named_and_not_kept(words, server, places):
    server.answers = [answer(words, "Content-Type: application/json\r\n")]
    refused(remote(server), places, f"is no archive but a {WORDS[words]}", "fetch the file by hand")
    assert not list(places[0].iterdir())
    server.answers = [answer(words)]
    assert fetch(remote(server, name="faces.csv"), *places).read_bytes() == words


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("401 Unauthorized", "asks to sign in"), ("403 Forbidden", "by hand"), ("404 Not Found", "nothing is at"),
        ("407 Proxy Authentication Required", "the proxy asks"), ("429 Too Many Requests", "429 Too Many"),
        ("500 ", "the server answered 500"), ("503 Service Unavailable", "503 Service"), ("204 No Content", "204"),
        ("300 Multiple Choices", "300"), ("304 Not Modified", "304"), ("416 Range Not Satisfiable", "416"),
        ("299 Strange", "299"), ("999 \x1b[31mred\x07\x9b5m" + "x" * 5000, "\\x1b[31mred\\x07\\x9b5mxxx"),
    ],
)  # fmt: skip
def test_other_answers_are_said(status, expected, server, places):
    server.answers = [answer(b"no", status=status)]
    refused(remote(server), places, expected)
    assert len(server.heads) == 1


def test_a_server_that_asks_to_wait_is_asked_again(server, places, monkeypatch):
    waited = []
    monkeypatch.setattr(fetching.time, "sleep", waited.append)
    server.answers = [
        answer(b"", "Retry-After: 3\r\n", "503 Busy"),
        answer(b"", "Retry-After: 0\r\n", "429 Slow down"),
        answer(OLD),
    ]
    assert fetch(remote(server), *places).read_bytes() == OLD and waited == [3, 0]
    server.answers = [answer(b"", "Retry-After: 86400\r\n", "503 Busy")]
    other = RemoteFile("other.tgz", server.address, None, "somebody")
    refused(other, places, "503 Busy and asks to be asked again in 86400 s")
    for text in ("soon", "-5", "1" * 50, "Fri, 99 Foo 2026"):
        server.answers = [answer(b"", f"Retry-After: {text}\r\n", "503 Busy")]
        refused(other, places, "503 Busy")
    server.answers, waited[:] = [answer(b"", "Retry-After: 1\r\n", "503 Busy")], []
    refused(other, places, "asked again in 1 s")
    assert waited == [1] * (fetching.ATTEMPTS - 1)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x1b]0;title\x07 SSH-2.0\r\n", b"HTTP/9.9 \x1b\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
     b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000],
)  # fmt: skip
def test_what_does_not_speak_http(raw, server, places):
    server.answers = [raw]
    refused(remote(server), places, "failed: ")
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Len"]
    refused(remote(server), places, "is an empty file")


# Redirects.


def test_redirects_are_followed_with_the_condition(server, places):
    moved = answer(b"", "Location: /elsewhere%20x\r\n", "302 Found")
    broken_off(server, places, TAG)
    server.answers = [moved, rest(OLD, HALF, TAG)]
    assert fetch(remote(server), *places).read_bytes() == OLD
    assert asked(server, "If-Range") == ['"one"', '"one"']
    assert server.heads[1][0].startswith("GET /elsewhere%20x ")


def test_a_redirect_with_spaces_is_followed_as_browsers_do(server, places):
    server.answers = [answer(b"", "Location: /my faces.tgz\r\n", "302 Found"), answer(OLD)]
    assert fetch(remote(server), *places).read_bytes() == OLD
    assert server.heads[1][0].startswith("GET /my%20faces.tgz ")


@pytest.mark.parametrize("place", ["http://[::1/a", "http://x\x1b[31m/"])
def test_a_redirect_to_no_address_is_said(place, server, places):
    server.answers = [answer(b"", f"Location: {place}\r\n", "302 Found")]
    refused(remote(server), places, "redirects to http://", "which is no address")


@pytest.mark.parametrize(
    "place", ["ftp://127.0.0.1/faces.tgz", "file:///etc/passwd", "data:,hello", "gopher://x/", "\x1b://x"]
)
def test_redirects_lead_to_http_alone(place, server, places):
    server.answers = [answer(b"", f"Location: {place}\r\n", "301 Moved")]
    refused(remote(server), places, "failed: ")
    assert len(server.heads) <= 11


def test_redirects_end(server, places):
    server.answers = [answer(b"x" * 9, "Location: /again\r\n", "307 Temporary Redirect", length=10**12)]
    refused(remote(server), places, "redirects more than 10 times")
    assert len(server.heads) == 11
    server.answers = [answer(b"", status="302 Found")]
    refused(remote(server), places, "302 Found without an address")
    server.answers = [answer(b"", "Location: http://127.0.0.1:1/" + "x" * 3000 + "\r\n", "302 Found")]
    refused(remote(server), places, "refused")


def test_from_https_to_http_only_with_a_checksum(capsys):
    response = type("Response", (), {"headers": {"Location": "http://host/x"}, "status": 302, "reason": "Found"})
    with pytest.raises(http_wire.NetworkError, match="redirects from https to http://host/x, which anybody"):
        http_answers._next("https://host/y", response, False)
    assert http_answers._next("https://host/y", response, True) == "http://host/x"
    assert "redirects from https to http://host/x" in capsys.readouterr().err


# The disk.


@pytest.mark.parametrize(("head", "kept"), [(TAG, HALF), ("", 0)])
def test_a_full_disk_keeps_what_can_be_continued(head, kept, server, places, monkeypatch):
    broken_off(server, places, TAG)
    real, part = open, places[0] / "faces.tgz.part"

    class Full:
        def __init__(self, file):
            self.file, self.count = file, 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, block):
            raise OSError(28, "No space left on device")

    def limited(path, mode="r", *more, **options):
        file = real(path, mode, *more, **options)
        return Full(file) if str(path) == str(part) and mode in ("ab", "wb") else file

    monkeypatch.setattr("builtins.open", limited)
    server.answers = [rest(OLD, HALF, TAG) if kept else answer(OLD, head)]
    with pytest.raises(InputError, match=f"^{part}: cannot be written: No space left on device"):
        fetch(remote(server), *places)
    assert (part.stat().st_size if part.exists() else 0) == kept
    (places[0] / "b.zip").mkdir()
    refused_folder = RemoteFile("b.zip", server.address, None, "x")
    with pytest.raises(InputError, match="b.zip: is a folder, expected a place for a file"):
        fetch(refused_folder, *places)


# Time.


def drip(start: bytes, over: threading.Event, piece: bytes = b"a", again: float = 0.02):
    """``start``, and then ``piece`` by ``piece`` without end."""
    yield start
    while not over.wait(again):
        yield piece


@pytest.mark.parametrize(
    "start",
    [answer(b"", length=10**6), answer(b"", length=None), b"HTTP/1.1 200 OK\r\nX: ", b"HT", b"",
     chunked(end=b""), chunked(OLD[:9], end=b"1;")],
)  # fmt: skip
def test_a_server_that_hardly_sends_is_not_waited_for(start, server, places, monkeypatch):
    monkeypatch.setattr(http_wire, "WINDOW_S", 0.1)
    server.answers = [drip(start, server.over)]
    refused(remote(server), places, "bytes per second, expected 1000 or more (PIPELINE_SLOWEST_DOWNLOAD)")
    assert len(server.heads) == 1


@pytest.mark.parametrize("text", ["-1", "fast", "1e3", "", " 5"])
def test_the_slowest_rate_is_a_number(text, server, places, monkeypatch):
    monkeypatch.setenv("PIPELINE_SLOWEST_DOWNLOAD", text)
    server.answers = [answer(OLD)]
    with pytest.raises(InputError, match="PIPELINE_SLOWEST_DOWNLOAD = .*expected bytes per second"):
        fetch(remote(server), *places)


def test_the_slowest_rate_is_a_setting(server, places, monkeypatch):
    monkeypatch.setattr(http_wire, "WINDOW_S", 0.05)
    monkeypatch.setenv("PIPELINE_SLOWEST_DOWNLOAD", "0")

    def slowly():
        yield answer(b"", length=10)
        for _ in range(10):
            time.sleep(0.02)
            yield b"a"

    server.answers = [slowly()]
    assert fetch(remote(server, name="a.csv"), *places).read_bytes() == b"a" * 10


def test_a_server_that_says_nothing_is_not_waited_for(server, places, monkeypatch):
    monkeypatch.setattr(http_answers, "TIMEOUT_S", 0.1)
    server.answers = [iter(lambda: b"" if server.over.wait(0.05) else b"", None)]
    refused(remote(server), places, "said nothing for 0.1 s")


@pytest.mark.parametrize(("start", "piece"), [
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    (chunked(OLD[:9], end=b"0\r\n"), b"Trailer: x\r\n" * 999),
    (chunked(end=b""), b"1;" + b"x" * 5000 + b"\r\na\r\n"),
])  # fmt: skip
def test_what_is_no_part_of_the_file_ends(start, piece, server, places):
    server.answers = [drip(start, server.over, piece, 0)]
    refused(remote(server), places, "headers or marks without end")


# The way there.


def test_the_way_there(server, places, monkeypatch):
    with socket.socket() as taken:  # bound but not listening
        taken.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(RemoteFile("a.zip", f"http://{closed}/a", None, "x"), places, "Connection refused")
        monkeypatch.setenv("http_proxy", f"http://user:secret@{closed}")
        line = refused(
            RemoteFile("a.zip", "http://example.invalid/a", None, "x"), places, "refused", "through the proxy"
        )
        assert "secret" not in line
    server.answers = [answer(OLD)]
    monkeypatch.setenv("http_proxy", server.address.removesuffix("/faces.tgz"))
    assert fetch(RemoteFile("b.zip", "http://example.invalid/b", digest(OLD), "x"), *places).read_bytes() == OLD
    assert server.heads[-1][0].startswith("GET http://example.invalid/b ")
    monkeypatch.setenv("https_proxy", server.address.removesuffix("/faces.tgz"))
    server.answers = [answer(b"", status="407 \x1b[1m")]
    refused(RemoteFile("c.zip", "https://example.invalid/c", None, "x"), places, "Tunnel connection failed: 407")
    server.answers = [drip(b"HTTP/1.0 200 OK\r\n", server.over, b"a: b\r\n" * 999, 0)]
    refused(RemoteFile("c.zip", "https://example.invalid/c", None, "x"), places, "headers or marks without end")
    for proxy in ("socks5://127.0.0.1:1", "127.0.0.1:x:y", "http://", "\x1b"):
        monkeypatch.setenv("http_proxy", proxy)
        refused(RemoteFile("c.zip", "http://example.invalid/c", None, "x"), places, "failed: ")


def test_a_name_that_nobody_knows(places, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")

    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    refused(RemoteFile("a.zip", "http://example.invalid/a", None, "x"), places, "the server's name is not known")


def test_addresses_name_no_user(server, places):
    file = RemoteFile("a.zip", "http://user:secret@example.invalid/a", None, "x")
    assert "secret" not in refused(file, places, "its address names a user")
    server.answers = [answer(b"", "Location: http://user:secret@example.invalid/a\r\n", "302 Found")]
    assert "secret" not in refused(remote(server), places, "redirects to http://example.invalid/a")


def test_letters_beyond_ascii_in_an_address(server, places):
    server.answers = [answer(OLD)]
    fetch(RemoteFile("a.zip", server.address + "/Gesichter ü".replace(" ", "%20"), None, "x"), *places)
    assert server.heads[0][0].startswith("GET /faces.tgz/Gesichter%20%C3%BC ")


def test_certificates_are_checked(places, tmp_path, monkeypatch):
    import ssl

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]  # fmt: skip
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no openssl")
    monkeypatch.setenv("no_proxy", "*")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server() as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.handle_error = lambda *_: None  # a client that hangs up
        running.answers = [answer(OLD)]
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        address = running.address.replace("http://127.0.0.1", "https://localhost")
        file = RemoteFile("a.zip", address, None, "x")
        refused(file, places, "certificate is not accepted: self-signed certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert fetch(file, *places).read_bytes() == OLD
        refused(RemoteFile("b.zip", address.replace("https", "http"), None, "x"), places, "failed: ")
        running.shutdown()
