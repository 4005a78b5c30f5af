"""The one way JSON is read: in bounded memory and depth, and nothing in it that JSON does not allow."""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any

MAX_BYTES = 4 * 2**20  # read, each takes up to 35 bytes of memory; the files in use have a thousandth of this
MAX_DEPTH = 64  # lists and objects within one another; the files in use have eight

# What opens or closes a list or an object, strings passed over; possessive, so that nothing is tried twice.
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def read(path: str | os.PathLike[str]) -> Any:
    """The value in the file ``path``. Raises OSError, and ValueError as ``parse`` does."""
    with open(path, "rb") as file:
        return parse(file.read(MAX_BYTES + 1))


def parse(text: str | bytes, *, finite: bool = True) -> Any:
    """The value that the JSON ``text`` describes.

    ``finite`` refuses NaN and Infinity, which JSON has not, and numbers that no float holds. Raises ValueError that
    says what is wrong: not UTF-8, over MAX_BYTES or MAX_DEPTH, a key twice in an object, a number of more than 4,300
    digits, text that no file could hold, not JSON at all.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes, the limit")
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    depth = 0
    for token in _STRUCTURE.finditer(text):
        mark = token[0][0]
        if mark != '"':
            depth += 1 if mark in "[{" else -1
            if depth > MAX_DEPTH:
                raise ValueError(f"more than {MAX_DEPTH} lists and objects within one another, the limit")
    value = json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_constant if finite else None,
        parse_float=_number if finite else None,
    )
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is a ValueError
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"key {twice[:80]!r} occurs twice in an object")
    return made


def _constant(text: str) -> None:
    raise ValueError(f"{text} found, expected numbers")


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"a number of {text[:40]}, which no float holds")
    return number
