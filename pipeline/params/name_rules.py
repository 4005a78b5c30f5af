"""Which photo and which sketch belong together, told from their files' names by a stated rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import InputError

Key = tuple[str, ...]


@dataclass(frozen=True)
class Matched:
    """A photo and a sketch whose names agree in ``key``."""

    key: Key
    photo: str
    sketch: str


def check_rule(photo: str, sketch: str) -> None:
    """Refuse a rule that cannot make pairs. Raises ValueError: not a regular expression, no groups, other groups."""
    groups = []
    for side, pattern in (("photo", photo), ("sketch", sketch)):
        try:
            compiled = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{side} {pattern!r} is not a regular expression ({error})") from None
        if not compiled.groups:
            raise ValueError(f"{side} {pattern!r} has no group, expected one or more, whose text makes the pair: (.+)")
        if compiled.groupindex and len(compiled.groupindex) != compiled.groups:
            raise ValueError(f"{side} {pattern!r} has groups with and without a name, expected one kind")
        groups.append(sorted(compiled.groupindex) or compiled.groups)
    if groups[0] != groups[1]:
        listed = [", ".join(group) if isinstance(group, list) else f"{group} without a name" for group in groups]
        raise ValueError(f"photo has groups {listed[0]}, sketch {listed[1]}, expected the same")


def key_of(pattern: str, file: str) -> Key | None:
    """What the groups of ``pattern`` match in the name of ``file``, in lower case; None where it does not fit.

    Groups with names come in order of these, so that the two sides may have them in different places.
    """
    fit = re.compile(pattern, re.IGNORECASE).fullmatch(file.rpartition("/")[2])
    if fit is None:
        return None
    named = fit.groupdict()
    values = [named[name] for name in sorted(named)] if named else fit.groups()
    return tuple((value or "").lower() for value in values)


def match(
    where: str, photos: Iterable[str], sketches: Iterable[str], photo: str, sketch: str
) -> tuple[list[Matched], list[str]]:
    """Pairs in order of their keys, and what is left over: one line per file that says why.

    ``photo`` and ``sketch`` are the patterns of a rule that ``check_rule`` has passed. Raises InputError for two
    files of a side with the same key: which of them is meant cannot be told.
    """
    sides: list[dict[Key, str]] = []
    left: list[str] = []
    for what, files, pattern in (("photo", photos, photo), ("sketch", sketches, sketch)):
        file_of: dict[Key, str] = {}
        for file in sorted(files):
            key = key_of(pattern, file)
            if key is None:
                left.append(f"{where}: {what} {file!r} does not fit names.{what}, expected {pattern!r}")
            elif key in file_of:
                raise InputError(
                    f"{where}: {what}s {file_of[key]!r} and {file!r} both are {'-'.join(key)!r} by names.{what}, expected"
                    " one"
                )
            else:
                file_of[key] = file
        sides.append(file_of)
    by_photo, by_sketch = sides
    for what, other, mine, theirs in (("photo", "sketch", *sides), ("sketch", "photo", *reversed(sides))):
        left += [
            f"{where}: {what} {file!r} has no {other}, expected a file that is {'-'.join(key)!r} by names.{other}"
            for key, file in mine.items()
            if key not in theirs
        ]
    return [Matched(key, by_photo[key], by_sketch[key]) for key in sorted(by_photo) if key in by_sketch], left
