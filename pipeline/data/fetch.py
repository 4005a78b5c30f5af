"""Brings one file into place, whole and verified: already there, dropped by the user, or downloaded.

Standard library only: the usual helper, pooch, starts an interrupted download from the beginning and does not
read file:// addresses or plain paths.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.packing import pack
from pipeline.errors import InputError
from pipeline.files import atomic_path

BLOCK = 2**20  # bytes
TIMEOUT_S = 60  # without a byte from the server
REPORT_EVERY_S = 5
ATTEMPTS = 5  # connections in one call, each going on where the last one broke
RETRY_AFTER_S = 2
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")  # told apart by content where they are read
USER_AGENT = "Mozilla/5.0 (compatible; face-pipeline)"  # several university servers turn urllib's own away


@dataclass(frozen=True)
class RemoteFile:
    """A file that somebody else gives out.

    ``name``: the file's name in its folder. ``address``: http, https or file address, or a path relative to
    the current folder; None where the file cannot be downloaded freely. ``sha256``: 64 hex digits; None
    accepts any content and prints its checksum. ``provider``: who gives the file out, for the message.
    """

    name: str
    address: str | None
    sha256: str | None
    provider: str


def fetch(file: RemoteFile, folder: Path, drop_in: Path) -> Path:
    """Put ``file`` at ``folder / file.name`` and return that path.

    In this order: it is there already with the right checksum; the user dropped it at ``drop_in / file.name``
    (copied, the dropped file stays as it is); it comes from its address. A download goes to a ``.part`` file
    beside its place, which a later call continues. An archive may also be dropped under the suffix of another
    kind. Where an archive is asked for, a folder will do, at its address or dropped without suffix: it is packed
    into a tar of that name, see pipeline.data.packing. Without a checksum, files and folders of the user are taken
    anew each time, since they may have changed.

    Raises InputError in one line: wrong checksum (the .part file is deleted, files of the user never are), no
    address and no dropped file, an address that cannot be read or breaks off, a folder that cannot be packed, a
    disk that cannot be written.
    """
    _check(file)
    target = Path(folder) / file.name
    place = Path(drop_in) / file.name
    dropped = _dropped(file, Path(drop_in))
    if target.is_file() and not (file.sha256 is None and _is_users(file, dropped, target)):
        found = _sha256(target)
        if _is_right(file, found):
            _announce_unpinned(file, found)
            return target
        _say(f"{target}: sha256 {found} found, expected {file.sha256}: to be replaced by the right file")

    if dropped is not None:
        _take(file, dropped, target)
    elif file.address is None:
        checksum = f"with sha256 {file.sha256}" if file.sha256 else "(no checksum is pinned)"
        raise InputError(
            f"{file.name}: cannot be downloaded freely: put the file {checksum} at {place};"
            f" it is given out by {file.provider}"
        )
    elif (local := _local_path(file)) is not None:
        if not local.is_file() and not _is_packable(file, local):
            raise InputError(
                f"{file.name}: no such file: {local} (address {file.address}); expected the file given out"
                f" by {file.provider} there or at {place}"
            )
        _take(file, local, target)
    else:
        _download(file, target, place)
    return target


def _dropped(file: RemoteFile, drop_in: Path) -> Path | None:
    """What the user dropped for ``file``: under its name; for an archive of another kind, or as a folder, else."""
    if (drop_in / file.name).is_file():
        return drop_in / file.name
    stem = _stem(file)
    if stem is None:
        return None
    found = [drop_in / (stem + suffix) for suffix in ARCHIVES if (drop_in / (stem + suffix)).is_file()]
    found += [drop_in / stem] if _is_packable(file, drop_in / stem) else []
    if len(found) > 1:
        raise InputError(f"{drop_in}: holds {' and '.join(path.name for path in found)}, expected one of them")
    return found[0] if found else None


def _stem(file: RemoteFile) -> str | None:
    """The name without the suffix of an archive; None for other files."""
    return next((file.name.removesuffix(end) for end in reversed(ARCHIVES) if file.name.endswith(end)), None)


def _is_packable(file: RemoteFile, path: Path) -> bool:
    """True for a folder where an archive is expected; a folder that the run works in is not one of data."""
    return bool(_stem(file)) and path.is_dir() and not Path.cwd().is_relative_to(path.resolve())


def _is_users(file: RemoteFile, dropped: Path | None, target: Path) -> bool:
    """True where the file would come from a place of the user's that is not ``target`` itself."""
    source = dropped
    if source is None and file.address is not None:
        source = _local_path(file)
    return source is not None and source.exists() and not source.samefile(target)


def _take(file: RemoteFile, source: Path, target: Path) -> None:
    """Bring a file or folder of the user's into place."""
    if not source.is_dir():
        _copy(file, source, target)
        return
    with atomic_path(target) as temporary:
        found = pack(source, temporary)
        if not _is_right(file, found):
            raise _wrong_checksum(file, source, found)
    _announce_unpinned(file, found)


def _check(file: RemoteFile) -> None:
    if not file.name or Path(file.name).name != file.name:
        raise InputError(f"{file.name!r}: expected the plain name of a file, without folders")
    if file.sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", file.sha256):
        raise InputError(f"{file.name}: sha256 {file.sha256!r}, expected 64 hex digits or none")


def _local_path(file: RemoteFile) -> Path | None:
    """The path meant by a file:// address or a plain path; None for http and https."""
    try:
        parts = urllib.parse.urlsplit(file.address)
    except ValueError as error:
        raise InputError(f"{file.name}: address {file.address!r}: {error}") from error
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(urllib.request.url2pathname(parts.path))
    if parts.scheme == "":
        return Path(file.address).expanduser()
    raise InputError(
        f"{file.name}: address {file.address!r}, expected http://, https://, file:///absolute/path or a path"
    )


def _copy(file: RemoteFile, source: Path, target: Path) -> None:
    """Copy a local file into place, verifying the very bytes that are written.

    Not a hard link: a later change of the user's file in place would change ours behind its checksum, and DVC
    would make the user's file read-only with ours.
    """
    if target.exists() and target.samefile(source):
        raise _wrong_checksum(file, source, _sha256(source))
    digest = hashlib.sha256()
    try:
        reader = open(source, "rb")
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror or error}") from error
    with reader, atomic_path(target) as temporary:
        with open(temporary, "wb") as writer:
            while block := reader.read(BLOCK):
                digest.update(block)
                writer.write(block)
        if not _is_right(file, digest.hexdigest()):
            raise _wrong_checksum(file, source, digest.hexdigest())
    _announce_unpinned(file, digest.hexdigest())


def _download(file: RemoteFile, target: Path, place: Path) -> None:
    part = target.with_name(target.name + ".part")
    # Errors of the network are named where they happen; what is left inside here are errors of the disk.
    with atomic_path(target) as temporary:
        if file.sha256 is None:
            part.unlink(missing_ok=True)  # a file in two pieces that nobody can verify is not worth having
        resumed = part.exists() and part.stat().st_size > 0
        _receive(file, part, place)
        found = _sha256(part)
        if resumed and not _is_right(file, found):
            # The earlier piece may be of another version of the file: once more, from the beginning.
            _say(f"{file.name}: the continued download has sha256 {found}; starting again from the beginning")
            part.unlink()
            _receive(file, part, place)
            found = _sha256(part)
        if not _is_right(file, found):
            part.unlink()
            raise _wrong_checksum(file, file.address, found)
        os.replace(part, temporary)
    _announce_unpinned(file, found)


def _receive(file: RemoteFile, part: Path, place: Path) -> None:
    """Download to ``part`` until it is complete, continuing after a broken connection while that helps.

    ``place`` is where the user may put the file instead.
    """
    for attempt in range(1, ATTEMPTS + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            if _connect(file, part):
                return
            problem = "the connection ended too early"
        except _DiskError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: not a proper address
            problem = _problem(error)
        size = part.stat().st_size if part.exists() else 0
        if size <= before or attempt == ATTEMPTS:
            kept = f"; {size} bytes are kept at {part}, run again to continue" if size else ""
            raise InputError(
                f"{file.name}: download from {file.address} failed: {problem}{kept}; or put the file, given out by"
                f" {file.provider}, at {place}"
            )
        _say(f"{file.name}: {problem} after {size} bytes; continuing")
        time.sleep(RETRY_AFTER_S)


class _DiskError(OSError):
    """A write that failed, told apart from the network errors that are OSErrors as well."""


def _connect(file: RemoteFile, part: Path) -> bool:
    """One connection: add to ``part`` what is missing. True when the server has sent all it announced."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(file.address, headers={"User-Agent": USER_AGENT})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing, or it is of a longer file: the checksum tells
            return True
        raise
    with response:
        if response.headers.get_content_type() == "text/html" and not file.name.endswith((".html", ".htm")):
            # Share sites answer with a page that asks to sign in or to confirm.
            raise http.client.HTTPException("the server sent a web page instead of the file")
        start = 0  # a server that does not know ranges answers 200 and begins again
        if response.status == 206:
            answer = response.headers.get("Content-Range", "none")
            if not answer.startswith(f"bytes {have}-"):
                raise http.client.HTTPException(f"asked from byte {have} on, the server gave {answer}")
            start = have
        total = None if response.length is None else start + response.length
        return _append(file, response, part, start, total)


def _append(file: RemoteFile, response, part: Path, start: int, total: int | None) -> bool:
    size, began, reported = start, time.monotonic(), time.monotonic()
    try:
        writer = open(part, "ab" if start else "wb")
    except OSError as error:
        raise _DiskError(error.errno, error.strerror) from error
    with writer:
        _progress(file, size, total, 0, 0)
        while block := response.read(BLOCK):
            try:
                writer.write(block)
            except OSError as error:
                raise _DiskError(error.errno, error.strerror) from error
            size += len(block)
            if time.monotonic() - reported >= REPORT_EVERY_S:
                reported = time.monotonic()
                _progress(file, size, total, size - start, reported - began)
    _progress(file, size, total, size - start, time.monotonic() - began)
    return total is None or size >= total


def _progress(file: RemoteFile, size: int, total: int | None, received: int, seconds: float) -> None:
    of = f" of {total / 1e6:.1f} MB ({100 * size / total:.0f}%)" if total else " MB"
    rate = f", {received / 1e6 / seconds:.1f} MB/s" if seconds > 0 else ""
    _say(f"{file.name}: {size / 1e6:.1f}{of}{rate}")


def _problem(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


def _is_right(file: RemoteFile, found: str) -> bool:
    return file.sha256 is None or found == file.sha256.lower()


def _announce_unpinned(file: RemoteFile, found: str) -> None:
    if file.sha256 is None:
        _say(f"{file.name}: sha256 {found} found, none is pinned: add it to the parameters to pin it")


def _wrong_checksum(file: RemoteFile, source: str | Path, found: str) -> InputError:
    return InputError(
        f"{file.name}: wrong checksum of {source}: found sha256 {found}, expected {file.sha256.lower()}"
        f" (the file given out by {file.provider})"
    )


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
