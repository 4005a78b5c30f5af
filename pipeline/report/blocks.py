"""The report as sections of paragraphs, lists, tables and figures, the same for HTML and Markdown.

Text is plain text. Whoever renders it escapes it, so that no variant name or path can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

MISSING = "–"
FOLDED = 8  # rows; a longer table is folded away

Format = str | Callable[[Any], str]


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of plain text."""

    text: str
    kind: str = field(default="paragraph", init=False)


@dataclass(frozen=True)
class Bullets:
    """A list of short statements; ``lead`` says what they are about."""

    items: tuple[str, ...]
    lead: str = ""
    kind: str = field(default="bullets", init=False)


@dataclass(frozen=True)
class Table:
    """A table with its caption.

    ``formats`` gives a column its format string ("{:.2f}") or function. A line break in a formatted cell
    starts a second, smaller line. ``rules`` are the rows before which a line is drawn, ``words`` the columns
    of running text, ``marks`` the cells, (row, column), to be shown as "better" or "worse".
    """

    frame: pd.DataFrame
    caption: str
    formats: Mapping[str, Format] = field(default_factory=dict)
    rules: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    marks: Mapping[tuple[int, str], str] = field(default_factory=dict)
    kind: str = field(default="table", init=False)

    @property
    def header(self) -> list[str]:
        """The column names."""
        return [str(column) for column in self.frame.columns]

    @property
    def rows(self) -> list[list[str]]:
        """The formatted cells, row by row."""
        columns = [[self._cell(name, value) for value in self.frame[name]] for name in self.frame.columns]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def folds(self) -> bool:
        """Whether the table is so long that the page shows its caption and opens it when asked."""
        return len(self.frame) > FOLDED

    def _cell(self, column: str, value: Any) -> str:
        if value is None or (isinstance(value, float) and value != value):
            return MISSING
        form = self.formats.get(column, "{}")
        return form.format(value) if isinstance(form, str) else form(value)


@dataclass(frozen=True)
class Figure:
    """A picture as bytes, SVG or PNG by the suffix of ``name``, which is its file name in figures/."""

    name: str
    data: bytes
    caption: str
    alt: str
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Section:
    """A title and what stands under it; a section within a section is a subsection."""

    title: str
    blocks: tuple[Block, ...]
    kind: str = field(default="section", init=False)

    @property
    def anchor(self) -> str:
        """The title as it can stand in a link."""
        return slug(self.title)

    def walk(self) -> Iterator[Block]:
        """Every block below, depth first, subsections included."""
        for block in self.blocks:
            yield block
            if isinstance(block, Section):
                yield from block.walk()


Block = Paragraph | Bullets | Table | Figure | Section


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes: safe as an anchor and as a part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def markdown(section: Section, level: int = 2) -> str:
    """The section as Markdown; figures are referred to as figures/NAME."""
    parts = [f"{'#' * level} {_escape(section.title)}"]
    for block in section.blocks:
        if isinstance(block, Section):
            parts.append(markdown(block, level + 1))
        elif isinstance(block, Table):
            caption = f"*{_escape(block.caption)}*"
            if block.folds:
                opened = ["<details><summary>", caption, "</summary>"]
                parts += [*opened, _markdown_table(block), "</details>"]
            else:
                parts += [_markdown_table(block), caption]
        elif isinstance(block, Figure):
            parts += [f"![{_escape(block.alt)}](figures/{block.name})", f"*{_escape(block.caption)}*"]
        elif isinstance(block, Bullets):
            parts += [_escape(block.lead)] if block.lead else []
            parts.append("\n".join(f"- {_escape(item)}" for item in block.items))
        else:
            parts.append(_escape(block.text))
    return "\n\n".join(parts)


def _markdown_table(table: Table) -> str:
    # The first column names the row; numbers are compared down their column, hence right-aligned.
    left = {table.header[0], *table.words}
    header, *rows = ([_escape(cell) for cell in row] for row in (table.header, *table.rows))
    lines = [header, [":--" if name in left else "--:" for name in table.header], *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", "<br>") for cell in line) + " |" for line in lines)


def _escape(text: str) -> str:
    """Markdown's own characters as text, where they would mean something; "p < 0.001" stays readable."""
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = re.sub(r"([\\`*\[\]|~$])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    return re.sub(r"^([#+>-]|\d+\.)(?=\s|>)", r"\\\1", text)
