"""Read params.yaml, or a slice of it, into typed settings; an error is a single line that names the key."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import InputError
from pipeline.params.short import cut, middle_cut, shown

PARAMS_FILE = "params.yaml"
SETTINGS_FILE = "data/settings.json"  # the same with every same_as resolved, which the engines run steps on
MOST_YAML = 100_000  # bytes: about ten times what ships, read in a second
MOST_JSON = 20_000_000  # what such a file may become when every same_as is resolved
PREFIX = re.compile(r"^(Input should be|(String|List|Dictionary|Value) should have|Value error,) ")
MOST_ERRORS = 10  # that a line lists

T = TypeVar("T")


class Settings(BaseModel):
    """A group of settings: unknown keys, wrong types and values out of range are errors; never changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def read_document(path: str | Path = PARAMS_FILE) -> dict[str, Any]:
    """The whole file as plain dicts and lists: YAML 1.2, every ``same_as`` resolved; or JSON, which has none.

    Raises InputError naming the file, and the key or line.
    """
    is_json = Path(path).suffix == ".json"
    data = _read(path, MOST_JSON if is_json else MOST_YAML)
    try:
        return _mapping(_from_json(data)) if is_json else _resolved(_mapping(_from_yaml(data)))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def read_written(path: str | Path = PARAMS_FILE) -> dict[str, Any]:
    """The YAML file as it is written and as DVC reads it, with every ``same_as``. Raises InputError likewise."""
    data = _read(path, MOST_YAML)
    try:
        return _mapping(_from_yaml(data))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _read(path: str | Path, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected the parameters of the run)") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise InputError(f"{path}: more than {most:,} bytes, which settings never need")
    return data


def _from_json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {cut(error, 160)}") from None


def _from_yaml(data: bytes) -> Any:
    from pipeline.params import yaml_text  # not needed by the steps of a run, which read JSON

    return yaml_text.parse(data)


def _resolved(document: dict[str, Any]) -> dict[str, Any]:
    from pipeline.params import same_as

    return same_as.resolve(document)


def _mapping(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ValueError(f"found {type(document).__name__}, expected a mapping of settings")
    return document


def lookup(document: dict[str, Any], key: str, path: str | Path = PARAMS_FILE) -> Any:
    """The value under a dotted key, "" for the whole. Raises InputError naming the part that is missing."""
    value: Any = document
    walked: list[str] = []
    for part in key.split(".") if key else []:
        walked.append(part)
        if not isinstance(value, dict) or part not in value:
            known = cut(", ".join(map(str, value)), 200) if isinstance(value, dict) else "nothing"
            raise InputError(f"{path}: {'.'.join(walked)} is missing (there: {known})")
        value = value[part]
    return value


def validate(kind: type[T], value: Any, key: str, path: str | Path = PARAMS_FILE) -> T:
    """``value`` as ``kind``, a Settings class or any annotated type. Raises InputError naming the first bad key."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        fields = getattr(kind, "model_fields", {})
        raise InputError(f"{path}: {_describe(error, key, value, list(fields))}") from None


def read_slices(slices: dict[str, tuple[str, type]], path: str | Path = PARAMS_FILE) -> dict[str, Any]:
    """Each named slice ``name -> (dotted key, type)`` of the file as a typed value."""
    document = read_document(path)
    return {name: validate(kind, lookup(document, key, path), key, path) for name, (key, kind) in slices.items()}


def _describe(error: ValidationError, key: str, value: Any, fields: list[str]) -> str:
    described = [_described(details, key, value, fields) for details in error.errors(include_url=False)[:MOST_ERRORS]]
    more = error.error_count() - len(described)
    return "; ".join(described) + (f" (and {more:,} more)" if more else "")


def _described(details: ErrorDetails, key: str, value: Any, fields: list[str]) -> str:
    """One error in at most some hundred characters."""
    parts = [cut(part) for part in _parts_in_file(details["loc"], value)]
    where = cut(".".join(filter(None, [key, *parts])), 300) or "the file"
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        alike = difflib.get_close_matches(parts[0], fields, n=1, cutoff=0.8) if len(parts) == 1 else []
        return f"{where} is not a known setting" + (f" (is {alike[0]} meant?)" if alike else "")
    if kind == "missing":
        return f"{where} is missing"
    if kind in ("union_tag_invalid", "union_tag_not_found"):  # what chooses the kind of a mapping, as `source` does
        chooser = f"{where}.{context['discriminator'].strip(chr(39))}"
        if kind == "union_tag_not_found":
            return f"{chooser} is missing"
        return f"{chooser} = {shown(context['tag'])}: expected one of {context['expected_tags']}"
    if kind == "value_error":
        return f"{where}: {middle_cut(context['error'], 400)}"
    expected = PREFIX.sub("", details["msg"])
    return f"{where} = {shown(details['input'])}: expected {cut(expected, 300)}"


def _parts_in_file(location: tuple[int | str, ...], value: Any) -> list[str]:
    """pydantic's location without the names of union branches, which the file does not have."""
    parts: list[str] = []
    for position, part in enumerate(location):
        if isinstance(value, dict) and part in value or isinstance(value, list) and isinstance(part, int):
            value = value[part]
        elif position < len(location) - 1 or part == "[key]":
            continue
        parts.append(str(part))
    return parts
