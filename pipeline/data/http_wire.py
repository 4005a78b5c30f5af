"""What comes over HTTP, byte by byte: an error where it is too slow, without end, or longer than was said.

Standard library only: the usual client, urllib3, bounds the wait for the next byte, not that for the whole. What is
wrong is a NetworkError, whose words have no control characters and are bounded in length.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
import time
import urllib.request

from pipeline.errors import InputError, one_line

WINDOW_S = 60  # over which a server has to keep the slowest rate
SLOWEST = "PIPELINE_SLOWEST_DOWNLOAD"  # bytes per second; 0: wait for ever
MAX_OVERHEAD = 2**20  # bytes beyond eight times the file's size, for headers and whatever else is sent around it
SURPLUS_S = 1  # waited for the end of the connection after the last byte


class NetworkError(Exception):
    """What a server, or the way to it, did wrong.

    ``wait_s``: seconds after which it asks to be asked again; ``is_final``: asking again is of no use.
    """

    def __init__(self, message: str, *, wait_s: float | None = None, is_final: bool = False) -> None:
        super().__init__(message)
        self.wait_s, self.is_final = wait_s, is_final


def shown(text: object, limit: int = 120) -> str:
    """Text from a server, made fit for a line on a terminal."""
    line = one_line(text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def shown_address(address: str) -> str:
    """An address fit for a terminal, without user and password."""
    return shown(re.sub(r"(?<=//)[^/?#]*@", "", address), 200)


class Wire(io.RawIOBase):
    """What comes from a socket: an error where it is too slow, or is mostly not the file."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self.raw, self.slowest = raw, slowest_rate()
        self.received = self.delivered = 0  # bytes: in all; of the file
        self.window_s = self.window_bytes = 0.0  # waited and received since the rate was last looked at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int | None:
        if self.window_s >= WINDOW_S:
            if self.window_bytes < self.slowest * self.window_s:
                rate = self.window_bytes / self.window_s
                expected = f"expected {self.slowest:.0f} or more ({SLOWEST})"
                raise NetworkError(f"the server sends {rate:.0f} bytes per second, {expected}", is_final=True)
            self.window_s = self.window_bytes = 0.0
        began = time.monotonic()
        count = self.raw.readinto(buffer)
        self.window_s += time.monotonic() - began
        self.window_bytes += count or 0
        self.received += count or 0
        if self.received - len(buffer) > MAX_OVERHEAD + 9 * self.delivered:
            raise NetworkError("the server sends headers or marks without end", is_final=True)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class Response(http.client.HTTPResponse):
    """An answer that is read through a Wire."""

    def __init__(self, sock: socket.socket, *arguments, **options) -> None:
        super().__init__(sock, *arguments, **options)
        self.sock, self.wire = sock, Wire(self.fp.detach())
        self.fp = io.BufferedReader(self.wire)

    def surplus(self) -> bytes:
        """What comes after the announced end: nothing, for the server was asked to close the connection."""
        self.sock.settimeout(SURPLUS_S)
        try:
            return self.fp.read1(1) if self.fp is not None else b""
        except (OSError, NetworkError):
            return b""


class _HttpConnection(http.client.HTTPConnection):
    response_class = Response


class _HttpsConnection(http.client.HTTPSConnection):
    response_class = Response


class _Http(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> Response:
        return self.do_open(_HttpConnection, request)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> Response:
        return self.do_open(_HttpsConnection, request)


def slowest_rate() -> float:
    """Bytes a second that a server has to send at least, of the environment. Raises InputError for no such number."""
    text = os.environ.get(SLOWEST, "1000")
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise InputError(f"{SLOWEST} = {text!r}: expected bytes per second, a whole number from 0 (0: wait for ever)")
    return float(text)


def build_opener() -> urllib.request.OpenerDirector:
    """What asks over http and https alone, through the environment's proxies; redirects and errors are its answers."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _Http(), _Https(), urllib.request.UnknownHandler()):
        opener.add_handler(handler)
    return opener
