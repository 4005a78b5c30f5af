"""Files arrive whole and verified, or one line says why not."""

import hashlib
import http.server
import socket
import threading

import pytest

from pipeline.data import fetch as fetch_module
from pipeline.data.fetch import RemoteFile, fetch
from pipeline.errors import InputError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WRONG = "0" * 64


def remote(address=None, sha256=SHA256):
    return RemoteFile("faces.tgz", address, sha256, "the University of Somewhere")


@pytest.fixture
def places(tmp_path):
    folder, drop_in = tmp_path / "downloads", tmp_path / "dropped"
    drop_in.mkdir()
    return folder, drop_in


def refused(file, places, *expected):
    """Fetch must fail with one line that holds every expected text, and leave at most a .part behind."""
    with pytest.raises(InputError) as caught:
        fetch(file, *places)
    line = str(caught.value)
    assert "\n" not in line
    for text in ("faces.tgz", *expected):
        assert str(text) in line
    folder = places[0]
    assert not folder.exists() or all(path.name == "faces.tgz.part" for path in folder.iterdir())
    return line


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with Range support; ``behaviour`` makes it misbehave."""

    behaviour: dict = {}
    ranges: list = []

    def do_GET(self):
        behaviour, asked = type(self).behaviour, self.headers.get("Range")
        type(self).ranges.append(asked)
        if "status" in behaviour:
            self.send_error(behaviour["status"])
            return
        start = 0
        if asked and not behaviour.get("no_range"):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(CONTENT):
                self.send_error(416)
                return
            self.send_response(206)
            shown = start + behaviour.get("shift", 0)
            self.send_header("Content-Range", f"bytes {shown}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", behaviour.get("type", "application/octet-stream"))
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        breaks = behaviour.get("breaks", [])
        end = start + breaks.pop(0) if breaks else len(CONTENT)
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch_module, "RETRY_AFTER_S", 0)
    Server.behaviour, Server.ranges = {}, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/faces.tgz"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", ["path", "relative", "file"])
def test_local_addresses(kind, places, tmp_path, monkeypatch):
    source = tmp_path / "with space.tgz"
    source.write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)
    address = {"path": str(source), "relative": source.name, "file": source.as_uri()}[kind]
    target = fetch(remote(address), *places)
    assert target == places[0] / "faces.tgz"
    assert target.read_bytes() == source.read_bytes() == CONTENT


def test_dropped_file_is_copied_and_kept(places):
    dropped = places[1] / "faces.tgz"
    dropped.write_bytes(CONTENT)
    target = fetch(remote("http://127.0.0.1:1/never-asked"), *places)
    dropped.write_bytes(b"changed later")
    assert target.read_bytes() == CONTENT


def test_present_file_is_left_alone(places):
    target = fetch(remote("here"), *_with(places, "faces.tgz", CONTENT))
    assert target.read_bytes() == CONTENT
    assert fetch(remote(None, SHA256.upper()), *places) == target


def _with(places, name, content):
    places[0].mkdir()
    (places[0] / name).write_bytes(content)
    return places


def test_wrong_present_file_gives_way_to_the_right_one_only(places, capsys):
    _with(places, "faces.tgz", b"of another version")
    with pytest.raises(InputError, match="cannot be downloaded freely"):
        fetch(remote(), *places)
    assert (places[0] / "faces.tgz").read_bytes() == b"of another version"
    (places[1] / "faces.tgz").write_bytes(CONTENT)
    assert fetch(remote(), *places).read_bytes() == CONTENT
    assert SHA256 in capsys.readouterr().err


def test_wrong_dropped_file_is_named_and_kept(places):
    dropped = places[1] / "faces.tgz"
    dropped.write_bytes(b"something else")
    refused(remote(), places, dropped, SHA256, hashlib.sha256(b"something else").hexdigest(), "Somewhere")
    assert dropped.read_bytes() == b"something else"


def test_drop_in_folder_may_be_the_folder_itself(places):
    wrong = places[1] / "faces.tgz"
    wrong.write_bytes(b"mine")
    with pytest.raises(InputError, match="wrong checksum"):
        fetch(remote(), places[1], places[1])
    assert wrong.read_bytes() == b"mine"


def test_not_downloadable_says_what_goes_where(places):
    refused(remote(), places, places[1] / "faces.tgz", SHA256, "the University of Somewhere")
    refused(remote(sha256=None), places, places[1] / "faces.tgz", "no checksum is pinned")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ftp://somewhere/faces.tgz", "expected http://"),
        ("file://otherhost/faces.tgz", "expected http://"),
        ("http://[::1/faces.tgz", "Invalid IPv6"),
        ("http:///faces.tgz", "no host"),
        ("http://127.0.0.1/a b", "control characters"),
        ("missing/faces.tgz", "no such file"),
        (".", "no such file"),
    ],
)
def test_bad_addresses(address, expected, places, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    refused(remote(address), places, expected)


@pytest.mark.parametrize("name", ["", "../faces.tgz", "a/b", "/etc/faces"])
def test_name_with_folders_is_refused(name, places):
    with pytest.raises(InputError, match="plain name"):
        fetch(RemoteFile(name, "x", None, "nobody"), *places)


@pytest.mark.parametrize("checksum", ["", "abc", "g" * 64, SHA256 + "0"])
def test_malformed_checksum_is_refused(checksum, places):
    with pytest.raises(InputError, match="expected 64 hex digits"):
        fetch(remote("x", checksum), *places)


def test_download(server, places, capsys):
    assert fetch(remote(server), *places).read_bytes() == CONTENT
    assert [path.name for path in places[0].iterdir()] == ["faces.tgz"]
    assert "100%" in capsys.readouterr().err


def test_unpinned_download_prints_its_checksum(server, places, capsys):
    _with(places, "faces.tgz.part", b"a piece nobody can verify")
    assert fetch(remote(server, None), *places).read_bytes() == CONTENT
    assert SHA256 in capsys.readouterr().err
    assert Server.ranges == [None]
    fetch(remote(server, None), *places)
    assert SHA256 in capsys.readouterr().err


def test_a_later_call_continues(server, places):
    _with(places, "faces.tgz.part", CONTENT[:300_000])
    assert fetch(remote(server), *places).read_bytes() == CONTENT
    assert Server.ranges == ["bytes=300000-"]


def test_broken_connections_are_continued(server, places):
    Server.behaviour = {"breaks": [300_000, 400_000]}
    assert fetch(remote(server), *places).read_bytes() == CONTENT
    assert Server.ranges == [None, "bytes=300000-", "bytes=700000-"]


def test_a_connection_that_keeps_breaking_keeps_its_piece(server, places):
    Server.behaviour = {"breaks": [1000] * 5}
    refused(remote(server), places, "5000 bytes are kept", "run again to continue")
    Server.behaviour = {}
    assert fetch(remote(server), *places).read_bytes() == CONTENT
    assert Server.ranges[-1] == "bytes=5000-"


def test_server_without_ranges_begins_again(server, places):
    Server.behaviour = {"no_range": True}
    _with(places, "faces.tgz.part", CONTENT[:1000])
    assert fetch(remote(server), *places).read_bytes() == CONTENT


def test_another_part_than_asked_for_begins_again(server, places, capsys):
    Server.behaviour = {"shift": 7}
    _with(places, "faces.tgz.part", CONTENT[:1000])
    assert fetch(remote(server), *places).read_bytes() == CONTENT
    assert "asked from byte 1000 on, the server gave bytes 1007-" in capsys.readouterr().err


@pytest.mark.parametrize("piece", [b"of another version", CONTENT, CONTENT + b"too long"])
def test_piece_of_another_version_or_complete(piece, server, places):
    _with(places, "faces.tgz.part", piece)
    assert fetch(remote(server), *places).read_bytes() == CONTENT


def test_wrong_checksum_deletes_the_piece(server, places):
    refused(remote(server, WRONG), places, WRONG, SHA256, server)
    assert not list(places[0].iterdir())


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({"status": 404}, "404"),
        ({"status": 503}, "503"),
        ({"type": "text/html; charset=utf-8"}, "web page"),
    ],
)
def test_misbehaving_server(behaviour, expected, server, places):
    Server.behaviour = behaviour
    _with(places, "faces.tgz.part", CONTENT[:1000])
    refused(remote(server), places, expected, server)


def test_nobody_listens(places, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:  # bound but not listening
        taken.bind(("127.0.0.1", 0))
        said = ("refused", f"given out by the University of Somewhere, at {places[1] / 'faces.tgz'}")
        refused(remote(f"http://127.0.0.1:{taken.getsockname()[1]}/x"), places, *said)


def test_full_disk_keeps_the_piece(server, places, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, block):
            raise OSError(28, "No space left on device")

    real = open

    def limited(path, mode="r", *args, **kwargs):
        file = real(path, mode, *args, **kwargs)
        return Full(file) if str(path).endswith(".part") and mode == "ab" else file

    _with(places, "faces.tgz.part", CONTENT[:1000])
    monkeypatch.setattr(fetch_module, "open", limited, raising=False)
    refused(remote(server), places, "No space left on device")
    assert (places[0] / "faces.tgz.part").read_bytes() == CONTENT[:1000]
