"""What a prepared data set says about itself: files left out, pictures that occur twice; into notes.json and the
report.

One shape for all tasks, ``{"what": ..., "count": ..., "names": [...]}``, so that nothing is dropped without a word.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from pipeline.errors import one_line
from pipeline.params.loading import Settings, validate

SHOWN = 5  # names that a remark gives; its count is of all
MAX_NAME = 120  # characters of one name: a hostile archive has names of megabytes


class Remark(Settings):
    """``count`` things of which ``what`` is true, such as "images left out: HEIC image"; the first few by name."""

    what: Annotated[str, Field(min_length=1)]
    count: Annotated[int, Field(ge=1)]
    names: Annotated[list[str], Field(max_length=SHOWN)]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.names) else ""
        return f"{self.count:,} {self.what}" + (f" ({', '.join(self.names)}{more})" if self.names else "")


class Remarked(Settings):
    """The notes of a prepared data set; ``remarks`` is left out of the file where there are none."""

    remarks: list[Remark] = []

    @model_serializer(mode="wrap")
    def _without_none(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = serialise(self)
        if not fields.get("remarks"):
            fields.pop("remarks", None)
        return fields


def remark(what: str, names: Iterable[str], count: int | None = None) -> list[Remark]:
    """The remark that ``what`` is true of ``names``, in their order; no remark where there are no names.

    ``count`` says how many there are where ``names`` are not all of them.
    """
    names = list(names)
    shown = [name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 3]}..." for name in names[:SHOWN]]
    return [Remark(what=what, count=count or len(names), names=shown)] if names else []


def recorded(about: Mapping[str, Any], path: str | Path = "run.json") -> list[Remark]:
    """The remarks in notes that an evaluation kept. Raises InputError naming ``path``."""
    return validate(list[Remark], about.get("remarks", []), "data.remarks", path)


def say(where: str | Path, remarks: Sequence[Remark]) -> None:
    """A line on stderr for each."""
    for entry in remarks:
        print(one_line(f"{where}: {entry}"), file=sys.stderr, flush=True)


def sentence(remarks: Sequence[Remark]) -> list[str]:
    """A paragraph of the report; none where there is nothing to remark."""
    return [f"What preparing the data came upon: {'; '.join(map(str, remarks))}."] if remarks else []
