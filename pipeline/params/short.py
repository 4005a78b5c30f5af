"""Values as they stand in a line for the user: cut before they are made into text, however large they are."""

from __future__ import annotations

from typing import Any

LENGTH = 60


def cut(text: Any, most: int = LENGTH) -> str:
    """The text, or its beginning and three dots: at most ``most`` characters."""
    text = str(text)
    return text if len(text) <= most else text[: most - 3] + "..."


def middle_cut(text: Any, most: int) -> str:
    """The text, or its beginning and end with three dots between: at most ``most`` characters."""
    text, half = str(text), (most - 5) // 2
    return text if len(text) <= most else f"{text[:half]} ... {text[-half:]}"


def shown(value: Any, most: int = LENGTH) -> str:
    """``repr(value)``, cut; of a large value only as much is looked at as is shown."""
    return cut(_repr(value, most), most)


def _repr(value: Any, most: int) -> str:
    if isinstance(value, str | bytes):
        return repr(value[:most])
    if isinstance(value, bool) or not isinstance(value, int | dict | list | tuple):
        return repr(value)
    if isinstance(value, int):  # Python refuses to write out thousands of digits
        return repr(value) if value.bit_length() < 1000 else f"a number of {value.bit_length():,} bits"
    opening, closing = "{}" if isinstance(value, dict) else "()" if isinstance(value, tuple) else "[]"
    parts, length = [], 0
    for item in value.items() if isinstance(value, dict) else value:
        if length > most:
            break
        part = ": ".join(_repr(x, most) for x in item) if isinstance(value, dict) else _repr(item, most - length)
        parts.append(part)
        length += len(part)
    return opening + ", ".join(parts) + closing
