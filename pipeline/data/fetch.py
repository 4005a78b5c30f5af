"""Brings one file into place, whole and verified: already there, dropped by the user, or downloaded.

Standard library only: the usual helper, pooch, starts an interrupted download from the beginning and does not
read file:// addresses or plain paths.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.data import local_files
from pipeline.data.drop_in import find_dropped, is_packable, left_beside, near_misses
from pipeline.data.file_kinds import check_archive, foreign
from pipeline.data.http_answers import AnotherVersion, Answer, Version, ask
from pipeline.data.http_wire import NetworkError, shown, shown_address
from pipeline.data.packing import pack
from pipeline.data.remote_file import ARCHIVES, RemoteFile
from pipeline.errors import InputError
from pipeline.files import atomic_path, read_json, write_json

__all__ = ["ARCHIVES", "RemoteFile", "fetch"]

REPORT_EVERY_S = 5
ATTEMPTS = 5  # connections in one call, each going on where the one before broke
RETRY_AFTER_S = 2
LONGEST_WAIT_S = 60  # that a server may ask for


def fetch(file: RemoteFile, folder: Path, drop_in: Path) -> Path:
    """Put ``file`` at ``folder / file.name`` and return that path.

    In this order: the user dropped it at ``drop_in / file.name``, or it is at a path (copied anew each time, since it
    may have changed; the user's file stays as it is); it is there already, with the right checksum, or without any
    from the same address; it is downloaded. A download goes to a ``.part`` file beside its place, which a later call
    continues: by the checksum, or where the server says that it is still of the same version. An archive may also be
    dropped under the suffix of another kind. Where an archive is asked for, a folder will do, at its address or
    dropped without suffix: it is packed into a tar of that name, see pipeline.data.packing.

    Raises InputError in one line: wrong checksum (the .part file is deleted, files of the user never are), no
    address and no dropped file (named: what is near it), two dropped files, an address that cannot be read or breaks
    off, a web page or a kind of archive that is not read in the file's place, a folder that cannot be packed, a disk
    that cannot be written.
    """
    file.check()
    folder, drop_in = Path(folder), Path(drop_in)
    target, place = folder / file.name, drop_in / file.name
    source = _users_path(file, drop_in)
    there = local_files.kind_of(target)
    if there == "folder":
        raise InputError(f"{target}: is a folder, expected a place for a file")
    if there == "file" and _is_kept(file, source, target):
        return target

    if source is not None:
        for other in left_beside(file, drop_in) if source.parent == drop_in else []:
            _say(f"{source} is taken; {other}")
        _take(file, source, target)
    elif file.address is None:
        checksum = f"with sha256 {file.expected}" if file.is_pinned else "(no checksum is pinned)"
        raise InputError(
            f"{file.name}: cannot be downloaded freely: put the file {checksum} at {place};"
            f" it is given out by {file.provider}{near_misses(file, drop_in)}"
        )
    elif (local := local_files.local_path(file)) is not None:
        folder_there = " (that is a folder)" if local.is_dir() else ""
        raise InputError(
            f"{file.name}: no such file: {local}{folder_there} (address {file.address}); expected the file given out"
            f" by {file.provider} there or at {place}{near_misses(replace(file, name=local.name), local.parent)}"
        )
    else:
        for other in left_beside(file, drop_in):
            _say(f"{file.name} is downloaded; {other}")
        _download(file, target, place)
    return target


def _users_path(file: RemoteFile, drop_in: Path) -> Path | None:
    """The file or folder of the user's to take: dropped in, or at a local address; None where there is none."""
    if (dropped := find_dropped(file, drop_in)) is not None:
        return dropped
    local = local_files.local_path(file)
    there = None if local is None else local_files.kind_of(local)
    return local if there == "file" or there == "folder" and is_packable(file, local) else None


def _is_kept(file: RemoteFile, source: Path | None, target: Path) -> bool:
    """Whether what is there already will do; a file of the user's, which may have changed, is taken anew."""
    if source is not None and not target.samefile(source):
        return False
    if source is None and not file.is_pinned and not _is_of_address(file, target):
        return False
    digest = local_files.sha256(target)
    if not file.is_right(digest):
        _say(f"{target}: sha256 {digest} found, expected {file.expected}: to be replaced by the right file")
        return False
    _announce_unpinned(file, digest)
    return True


def _take(file: RemoteFile, source: Path, target: Path) -> None:
    """Bring a file or folder of the user's into place.

    Not a hard link: a later change of the user's file in place would change ours behind its checksum, and DVC
    would make the user's file read-only with ours.
    """
    if target.exists() and target.samefile(source):
        raise file.wrong(source, local_files.sha256(source))
    with atomic_path(target) as temporary:
        digest = pack(source, temporary) if source.is_dir() else local_files.copy(source, temporary)
        _check(file, temporary, source, digest)
    _announce_unpinned(file, digest)


def _check(file: RemoteFile, path: Path, source: str | Path, digest: str, remark: str = "") -> None:
    """Raise InputError where the content from ``source``, with the SHA-256 ``digest``, is not the file."""
    if file.is_pinned and file.is_right(digest):
        return
    problem = foreign(file, path, source)
    if not file.is_right(digest):
        raise file.wrong(source, digest, f"; {problem}" if problem else remark)
    if problem:
        raise InputError(f"{file.name}: {problem}; expected the file given out by {file.provider}")


def _download(file: RemoteFile, target: Path, place: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    with _blamed_on(part), _alone(part):  # errors of the network are NetworkErrors
        if local_files.kind_of(target) == "file" and _is_kept(file, None, target):
            return  # another process brought it meanwhile
        resumed = part.stat().st_size > 0
        says_end = _receive(file, part, place)
        digest = local_files.sha256(part)
        if resumed and not file.is_right(digest):
            # The earlier piece may be of another version of the file: once more, from the beginning.
            _say(f"{file.name}: the continued download has sha256 {digest}; starting again from the beginning")
            _discard(part)
            says_end = _receive(file, part, place)
            digest = local_files.sha256(part)
        address = shown_address(file.address)
        cut = "" if says_end else "; the server does not say how long it is: it may have been cut off"
        try:
            _check(file, part, address, digest, cut)
            if not (says_end or file.is_pinned):
                check_archive(file, part, digest, address)
                _say(f"{file.name}: {address} does not say how long it is; the archive is whole, pin its sha256")
        except InputError:
            _discard(part)
            raise
        _origin(target).unlink(missing_ok=True)
        with atomic_path(target) as temporary:
            os.replace(part, temporary)
        _notes(part).unlink(missing_ok=True)
        if not file.is_pinned:
            write_json(_origin(target), {"address": file.address, "sha256": digest})
    _announce_unpinned(file, digest)


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Wait until no other process downloads to ``part``, which is there then; an empty file is removed at the end."""
    with contextlib.ExitStack() as stack:
        while True:
            part.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o666)
            stack.callback(os.close, descriptor)  # which ends the lock
            with contextlib.suppress(OSError):  # some network file systems have no locks
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    _say(f"{part}: another process downloads it: waiting")
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The other process may have moved or removed the file that was waited for.
            if part.exists() and os.path.samestat(os.fstat(descriptor), part.stat()):
                break
        try:
            yield
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()


def _receive(file: RemoteFile, part: Path, place: Path) -> bool:
    """Download to ``part`` until it is complete, continuing after a broken connection while that helps.

    Whether the server said where the file ends. ``place`` is where the user may put the file instead.
    """
    for attempt in range(1, ATTEMPTS + 1):
        version = _version(file, part)
        have, wait_s, is_hopeful = part.stat().st_size, RETRY_AFTER_S, None
        is_page, is_gzip = file.name.endswith((".html", ".htm")), file.name.endswith((".tgz", ".gz"))
        try:
            with ask(
                file.address, have, version, is_web_page=is_page, is_gzip=is_gzip, is_pinned=file.is_pinned
            ) as answer:
                if _append(file, answer, part):
                    return answer.says_end
            problem = "the connection ended too early"
        except AnotherVersion as error:
            if file.is_pinned and file.is_right(local_files.sha256(part)):
                return True  # nothing was missing
            problem, is_hopeful, wait_s = str(error), True, 0
            _discard(part)
        except NetworkError as error:
            problem, is_hopeful = str(error), False if error.is_final else None
            if error.wait_s is not None and error.wait_s <= LONGEST_WAIT_S:
                is_hopeful, wait_s = True, error.wait_s
        except OSError:  # a full disk
            _version(file, part)  # which a piece that cannot be continued shall not fill
            raise
        size = part.stat().st_size
        if is_hopeful is None:
            is_hopeful = size > have
        if not is_hopeful or attempt == ATTEMPTS:
            kept = f"; {size} bytes are kept at {part}, run again to continue" if size else ""
            if size and _version(file, part) == Version() and not file.is_pinned:
                kept = "; nothing is kept: without a sha256 or a version named by the server it cannot be continued"
            raise InputError(
                f"{file.name}: download from {shown_address(file.address)} failed: {problem}{kept}; or put the file,"
                f" given out by {file.provider}, at {place}"
            )
        _say(f"{file.name}: {problem} after {size} bytes; asking again")
        time.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")


def _version(file: RemoteFile, part: Path) -> Version:
    """Of which version the piece at ``part`` is; what cannot be continued safely is emptied.

    A checksum tells in the end whether pieces belong together. Without one, each has to be of the same version.
    """
    if file.is_pinned or not part.stat().st_size:
        return Version()
    with contextlib.suppress(InputError, TypeError, KeyError, ValueError):
        notes = read_json(_notes(part))
        if notes["address"] == file.address and isinstance(notes["validator"], str):
            return Version(notes["validator"], None if notes["total"] is None else int(notes["total"]))
    _discard(part)
    return Version()


def _append(file: RemoteFile, answer: Answer, part: Path) -> bool:
    """Write what the server sends. True when it has sent all that it announced."""
    size, began, reported = answer.start, time.monotonic(), time.monotonic()
    total = answer.version.total
    with open(part, "ab" if answer.start else "wb") as writer:
        if not answer.start:
            _note(file, answer.version, part)
        _progress(file, size, total, 0, 0)
        for block in answer.blocks:
            writer.write(block)
            size += len(block)
            if time.monotonic() - reported >= REPORT_EVERY_S:
                reported = time.monotonic()
                _progress(file, size, total, size - answer.start, reported - began)
    _progress(file, size, total, size - answer.start, time.monotonic() - began)
    return total is None or size >= total


def _note(file: RemoteFile, version: Version, part: Path) -> None:
    """Keep of which version a piece is, where nothing else will tell."""
    if file.is_pinned or version.validator is None:
        _notes(part).unlink(missing_ok=True)
    else:
        known = {"address": file.address, "validator": version.validator, "total": version.total}
        write_json(_notes(part), known)


def _notes(part: Path) -> Path:
    """Where it is noted of which version a piece is."""
    return part.with_name(f"{part.name}.json")


def _origin(target: Path) -> Path:
    """Where it is noted from where a file without a checksum was downloaded."""
    return target.with_name(f"{target.name}.origin.json")


def _is_of_address(file: RemoteFile, target: Path) -> bool:
    """Whether the download that is there is whole and from the address that is asked for."""
    with contextlib.suppress(InputError, TypeError, KeyError):
        origin = read_json(_origin(target))
        return origin["address"] == file.address and origin["sha256"] == local_files.sha256(target)
    return False


def _discard(part: Path) -> None:
    os.truncate(part, 0)  # not removed: the lock is on it
    _notes(part).unlink(missing_ok=True)


@contextlib.contextmanager
def _blamed_on(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror or error} (expected a writable folder with space)"
        ) from error


def _progress(file: RemoteFile, size: int, total: int | None, received: int, seconds: float) -> None:
    of = f" of {total / 1e6:.1f} MB ({100 * size / total:.0f}%)" if total else " MB"
    rate = f", {received / 1e6 / seconds:.1f} MB/s" if seconds > 0 else ""
    _say(f"{file.name}: {size / 1e6:.1f}{of}{rate}")


def _announce_unpinned(file: RemoteFile, digest: str) -> None:
    if not file.is_pinned:
        _say(f"{file.name}: sha256 {digest} found, none is pinned: add it to the parameters to pin it")


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        print(shown(line, 500), file=sys.stderr, flush=True)
