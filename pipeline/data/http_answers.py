"""An HTTP answer, checked and not trusted: which part of the file it is, of which version, and of how long a file."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import re
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.data.http_wire import NetworkError, Response, build_opener, shown, shown_address

BLOCK = 2**16  # bytes
TIMEOUT_S = 60  # without a byte from the server
MAX_REDIRECTS = 10
USER_AGENT = "Mozilla/5.0 (compatible; face-pipeline)"  # several university servers turn urllib's own away
RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE)
HINTS = {
    401: "it asks to sign in: fetch the file by hand", 403: "it may ask to sign in: fetch the file by hand",
    404: "nothing is at this address", 410: "nothing is at this address any more",
    407: "the proxy asks to sign in: http_proxy=http://user:password@host:port",
}  # fmt: skip


class AnotherVersion(NetworkError):
    """What is there cannot be continued: the server has another version of the file, or does not say which."""


@dataclass(frozen=True)
class Version:
    """What tells one version of a file from another.

    ``validator``: a strong ETag, or a Last-Modified that is as good; None: neither. ``total``: bytes; None: unknown.
    """

    validator: str | None = None
    total: int | None = None


@dataclass(frozen=True)
class Answer:
    """A file or its rest: ``blocks`` of bytes, from byte ``start`` of the file on.

    ``says_end``: the server says where the answer ends, so a shorter one raises NetworkError or is seen by
    ``version.total``; else its end is only that of the connection.
    """

    start: int
    version: Version
    says_end: bool
    blocks: Iterator[bytes]


@contextlib.contextmanager
def ask(
    address: str, have: int, version: Version, *, is_web_page: bool, is_gzip: bool, is_pinned: bool
) -> Iterator[Answer]:
    """The file at an http or https ``address``; its rest where the first ``have`` bytes are there, of that
    ``version``.

    With a validator the rest comes only of the same version, else the whole. Redirects are followed to http and https
    alone. ``is_web_page`` and ``is_gzip``: what the file itself is. ``is_pinned``: its checksum is known, so that an
    answer may come unprotected. Raises NetworkError, AnotherVersion among them, also while the blocks are read.
    """
    headers = {"User-Agent": USER_AGENT}
    if have:
        headers["Range"] = f"bytes={have}-"
        if version.validator:
            headers["If-Range"] = version.validator
    with _named_errors(address):
        response, place = _follow(address, headers, is_pinned)
    with response:
        _check_status(response, have, "" if place == address else f", redirected to {shown_address(place)}")
        _check_kind(response, is_web_page, is_gzip)
        start, end, total = _extent(response, have)
        answered = Version(_validator(response.headers), total)
        if start and version.validator and answered.validator != version.validator:
            raise AnotherVersion("the server gave a part of another version, or does not say of which")
        if start and total is not None and version.total not in (None, total):
            raise AnotherVersion(f"the server has {total} bytes of it now, not {version.total}")
        if start and total is version.total is None and not is_pinned:
            raise AnotherVersion("the server does not say how long the file is")
        says_end = response.chunked or end is not None
        count = None if end is None else end - start
        yield Answer(start, answered, says_end, _blocks(address, response, count, is_pinned))


def _follow(address: str, headers: dict[str, str], is_pinned: bool) -> tuple[Response, str]:
    """The answer that is no redirect, and its address."""
    opener = build_opener()
    for _ in range(MAX_REDIRECTS + 1):
        # Names with letters beyond ASCII are written as a browser writes them.
        request = urllib.request.Request(_ascii(address), headers=headers)
        response = opener.open(request, timeout=TIMEOUT_S)
        if response.status not in (301, 302, 303, 307, 308):
            return response, address
        with response:
            address = _next(address, response, is_pinned)
    raise NetworkError(f"the server redirects more than {MAX_REDIRECTS} times")


def _ascii(address: str) -> str:
    return urllib.parse.quote(address, safe="".join(map(chr, range(128)))) if not address.isascii() else address


def _next(address: str, response: Response, is_pinned: bool) -> str:
    """Where a redirect leads."""
    place = response.headers.get("Location")
    if not place:
        raise NetworkError(f"the server answered {response.status} {shown(response.reason)} without an address")
    try:
        target = urllib.parse.urljoin(address, place.strip().replace(" ", "%20"))
        scheme, host = urllib.parse.urlsplit(target)[:2]
    except ValueError as error:
        raise NetworkError(f"the server redirects to {shown_address(place)}, which is no address") from error
    if scheme not in ("http", "https") or "@" in host:
        raise NetworkError(f"the server redirects to {shown_address(target)}, expected http or https")
    if scheme == "http" and urllib.parse.urlsplit(address).scheme == "https":
        said = f"the server redirects from https to {shown_address(target)}, which anybody on the way may change"
        if not is_pinned:
            raise NetworkError(f"{said}: pin its sha256, or name that address")
        print(f"{said}: its checksum tells", file=sys.stderr, flush=True)
    return target


def _check_status(response: Response, have: int, after: str) -> None:
    status = response.status
    if status == 200 or status == 206 and have:
        return
    said = f"the server answered {status} {shown(response.reason)}".rstrip() + after
    if status == 206:
        raise NetworkError(f"{said}, a part of the file, where the whole was asked for")
    if status == 416 and have:
        raise AnotherVersion(f"{said}: nothing follows byte {have}")
    wait = _wait(response.headers.get("Retry-After"))
    if wait is not None and status in (429, 503):
        raise NetworkError(f"{said} and asks to be asked again in {wait:.0f} s", wait_s=wait)
    raise NetworkError(f"{said}{': ' + HINTS[status] if status in HINTS else ''}")


def _wait(text: str | None) -> float | None:
    """Seconds that Retry-After asks for."""
    text = (text or "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    moment = _moment(text)
    return None if moment is None else max(0.0, moment - time.time())


def _moment(text: str | None) -> float | None:
    """An HTTP date in seconds since 1970."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError, OverflowError):
        return None


def _check_kind(response: Response, is_web_page: bool, is_gzip: bool) -> None:
    kind = response.headers.get_content_type()
    if kind in ("text/html", "application/xhtml+xml") and not is_web_page:
        # Share sites answer with a page that asks to sign in or to confirm.
        raise NetworkError("the server sent a web page instead of the file: it may ask to sign in or to confirm")
    transfer = response.headers.get("Transfer-Encoding", "chunked").strip().lower()
    if transfer != "chunked":
        raise NetworkError(f"the server sent Transfer-Encoding {shown(transfer, 40)}, which was not asked for")
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    # Old servers call a .tgz as it lies there gzip-encoded.
    if coding not in ("identity", "") and not (is_gzip and coding in ("gzip", "x-gzip")):
        raise NetworkError(f"the server sent Content-Encoding {shown(coding, 40)}, which was not asked for")


def _extent(response: Response, have: int) -> tuple[int, int | None, int | None]:
    """The bytes of the file that are to come: first, end (None: not said), and how many the file has."""
    length = None
    if not response.chunked:
        lengths = {text.strip() for text in response.headers.get_all("Content-Length", [])}
        if len(lengths) > 1 or not all(re.fullmatch(r"\d{1,18}", text, re.ASCII) for text in lengths):
            raise NetworkError(f"the server sent Content-Length {shown(' and '.join(sorted(lengths)), 60)}")
        length = int(lengths.pop()) if lengths else None
    if response.status == 200:  # the whole, also where a range was asked for
        return 0, length, length
    given = response.headers.get("Content-Range", "none")
    match = RANGE.fullmatch(given.strip())
    if match is None or int(match[1]) != have:
        raise AnotherVersion(f"asked from byte {have} on, the server gave {shown(given, 60)}")
    end, total = int(match[2]) + 1, None if match[3] == "*" else int(match[3])
    if end <= have or total is not None and end > total or length not in (None, end - have):
        raise AnotherVersion(f"the server gave {shown(given, 60)} in {length} bytes, which do not fit together")
    return have, end, total


def _validator(headers: http.client.HTTPMessage) -> str | None:
    """What If-Range may name: see RFC 9110, 13.1.5 and 8.8.2.2."""
    if tag := headers.get("ETag"):
        return tag if re.fullmatch(r'"[\x21\x23-\x7e]{0,200}"', tag) else None
    modified = headers.get("Last-Modified")
    since, now = _moment(modified), _moment(headers.get("Date"))
    # Within one second a file may have changed twice.
    if since is None or now is None or now - since < 1 or not re.fullmatch(r"[\x20-\x7e]{1,60}", modified):
        return None
    return modified


def _blocks(address: str, response: Response, count: int | None, is_pinned: bool) -> Iterator[bytes]:
    """What comes, ``count`` bytes of it; where that is known, more is an error too."""
    received = 0
    with _named_errors(address):
        while block := response.read1(BLOCK if count is None else min(BLOCK, count - received)):
            received += len(block)
            response.wire.delivered = received
            yield block
        if count is None or received < count or is_pinned:
            return
        surplus = response.read1(1) if response.chunked else response.surplus()
        if surplus:
            raise NetworkError(f"the server sent more than the {count} bytes that it announced")


@contextlib.contextmanager
def _named_errors(address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: no proper address
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        through = " (through the proxy that the environment names)" if _is_proxied(address) else ""
        raise NetworkError(_words(reason) + through) from error


def _words(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {shown(error.verify_message)}"
    if isinstance(error, socket.gaierror):
        return f"the server's name is not known ({shown(error.strerror or error)})"
    if isinstance(error, TimeoutError):
        return f"the server said nothing for {TIMEOUT_S} s"
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
        return f"the server does not speak HTTP: it says {shown(error.line)}"
    if isinstance(error, http.client.UnknownProtocol):
        return f"the server speaks {shown(error.version)}, expected HTTP/1.1"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended too early"
    return shown(error) or type(error).__name__


def _is_proxied(address: str) -> bool:
    parts = urllib.parse.urlsplit(address)
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.netloc)
