"""A task's part of the report: what it has in which order, and how it goes into files and out of them.

It is written by the task's own step; the last one brings all of them together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.files import atomic_directory, read_json, write_csv, write_json
from pipeline.report import blocks, tidy

KINDS = {kind.__name__.lower(): kind for kind in (blocks.Paragraph, blocks.Bullets, blocks.Table, blocks.Figure)}


Content = Iterable[blocks.Block | None]  # None where there is nothing to show


def assemble(
    title: str,
    introduction: Iterable[str],
    *,
    findings: Content,
    results: tuple[str, Content],
    comparisons: Content,
    others: Mapping[str, Content],
    training: Content,
    cost: Content,
    pictures: Mapping[str, Content],
    made_with: Content,
) -> blocks.Section:
    """A task's section, without parts that are empty; ``results``, ``others`` and ``pictures`` have titles of the task's."""
    parts = {
        "Findings": findings,
        results[0]: results[1],
        "Is the difference real?": comparisons,
        **others,
        "Training": training,
        "Cost": cost,
        **pictures,
        "Made with": made_with,
    }
    filled = {name: tuple(block for block in content if block is not None) for name, content in parts.items()}
    inner = (blocks.Section(name, content) for name, content in filled.items() if content)
    return blocks.Section(title, (*map(blocks.Paragraph, introduction), *inner))


def write(
    section: blocks.Section, rows: pd.DataFrame, folder: Path, tables: Mapping[str, pd.DataFrame] | None = None
) -> None:
    """Fill ``folder`` (replaced as a whole): section.json, figures/, metrics.csv (the tidy ``rows``) and ``tables`` by name."""
    with atomic_directory(Path(folder)) as temporary:
        (temporary / "figures").mkdir()
        for block in section.walk():
            if isinstance(block, blocks.Figure):
                if (temporary / "figures" / block.name).exists():
                    raise ValueError(f"two figures are named {block.name}")
                (temporary / "figures" / block.name).write_bytes(block.data)
        write_json(temporary / "section.json", _plain(section))
        write_csv(temporary / "metrics.csv", tidy.ordered([rows]))
        for name, table in (tables or {}).items():
            write_csv(temporary / name, table)


def read(folder: Path) -> blocks.Section:
    """The section that ``write`` wrote. Raises InputError naming the file that is missing or damaged."""
    path = Path(folder) / "section.json"
    try:
        section = _block(read_json(path), Path(folder) / "figures")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a section of the report ({error!r})") from error
    if not isinstance(section, blocks.Section):
        raise InputError(f"{path}: a {section.kind} found, expected a section of the report")
    return section


def _plain(block: blocks.Block) -> dict[str, Any]:
    """The block as JSON values; cells as the text they show, a figure without its bytes."""
    plain: dict[str, Any] = {"kind": block.kind}
    if isinstance(block, blocks.Section):
        return plain | {"title": block.title, "blocks": [_plain(inner) for inner in block.blocks]}
    if isinstance(block, blocks.Table):
        marks = [[row, column, mark] for (row, column), mark in block.marks.items()]
        content = {"header": block.header, "rows": block.rows, "caption": block.caption, "marks": marks}
        return plain | content | {"rules": list(block.rules), "words": list(block.words)}
    fields = (field.name for field in dataclasses.fields(block) if field.name not in ("kind", "data"))
    return plain | {name: getattr(block, name) for name in fields}


def _block(plain: dict[str, Any], figures: Path) -> blocks.Block:
    content = dict(plain)
    kind = content.pop("kind")
    if kind == "section":
        return blocks.Section(content["title"], tuple(_block(inner, figures) for inner in content["blocks"]))
    if kind == "table":
        frame = pd.DataFrame(content["rows"], columns=content["header"], dtype=object)
        marks = {(row, column): mark for row, column, mark in content["marks"]}
        return blocks.Table(
            frame, content["caption"], rules=tuple(content["rules"]), words=tuple(content["words"]), marks=marks
        )
    if kind == "figure":
        if Path(content["name"]).name != content["name"]:
            raise ValueError(f"a figure is named {content['name']}")
        try:
            content["data"] = (figures / content["name"]).read_bytes()
        except OSError as error:
            raise InputError(f"{figures / content['name']}: cannot be read: {error.strerror}") from error
    if kind == "bullets":
        content["items"] = tuple(content["items"])
    return KINDS[kind](**content)
