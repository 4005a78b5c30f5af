"""Read params.yaml, or a slice of it, into typed settings; say what is wrong in one line that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError

from pipeline.errors import InputError

PARAMS_FILE = "params.yaml"

T = TypeVar("T")


class Settings(BaseModel):
    """A group of settings: unknown keys, wrong types and values out of range are errors; never changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def read_document(path: str | Path = PARAMS_FILE) -> dict[str, Any]:
    """The whole file as plain dicts and lists (YAML 1.2, as DVC reads it). Raises InputError naming the file."""
    try:
        document = YAML(typ="safe", pure=True).load(Path(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected the parameters of the run)") from error
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not valid YAML: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: found {type(document).__name__}, expected a mapping of settings")
    return document


def lookup(document: dict[str, Any], key: str, path: str | Path = PARAMS_FILE) -> Any:
    """The value under a dotted key, "" for the whole. Raises InputError naming the part that is missing."""
    value: Any = document
    walked: list[str] = []
    for part in key.split(".") if key else []:
        walked.append(part)
        if not isinstance(value, dict) or part not in value:
            known = ", ".join(map(str, value)) if isinstance(value, dict) else "nothing"
            raise InputError(f"{path}: {'.'.join(walked)} is missing (there: {known})")
        value = value[part]
    return value


def validate(kind: type[T], value: Any, key: str, path: str | Path = PARAMS_FILE) -> T:
    """``value`` as ``kind``, a Settings class or any annotated type. Raises InputError naming the first bad key."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise InputError(f"{path}: {_describe(error, key, value)}") from None


def read_slices(slices: dict[str, tuple[str, type]], path: str | Path = PARAMS_FILE) -> dict[str, Any]:
    """Each named slice ``name -> (dotted key, type)`` of the file as a typed value."""
    document = read_document(path)
    return {name: validate(kind, lookup(document, key, path), key, path) for name, (key, kind) in slices.items()}


def _describe(error: ValidationError, key: str, value: Any) -> str:
    details = error.errors()
    first = details[0]
    where = ".".join(filter(None, [key, *_parts_in_file(first["loc"], value)])) or "the file"
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where} is not a known setting{more}"
    if kind == "missing":
        return f"{where} is missing{more}"
    if kind == "value_error":
        return f"{where}: {context['error']}{more}"
    found = repr(first["input"])
    found = found if len(found) <= 60 else found[:57] + "..."
    expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{where} = {found}: expected {expected}{more}"


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
