"""The page and its Markdown twin: one structure in, index.html, report.md and figures/ out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from pipeline.files import atomic_directory, write_text
from pipeline.report import blocks

TITLE = "Which knowledge distillation helps, and by how much?"
MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}


def write(sections: Sequence[blocks.Section], folder: Path) -> None:
    """Write ``folder``/index.html (self-contained), report.md and figures/ (replaced as a whole).

    What a task was made with is in its section.
    """
    folder = Path(folder)
    figures = {}
    for section in sections:
        for block in section.walk():
            if isinstance(block, blocks.Figure):
                if block.name in figures:
                    raise ValueError(f"two figures are named {block.name}")
                figures[block.name] = block.data
    with atomic_directory(folder / "figures") as temporary:
        for name, data in figures.items():
            (temporary / name).write_bytes(data)
    write_text(folder / "index.html", html(sections))
    write_text(folder / "report.md", markdown(sections))


def html(sections: Sequence[blocks.Section]) -> str:
    """The page as one HTML text, figures inlined."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = data_uri
    environment.filters["cell"] = cell
    template = environment.get_template("page.html.j2")
    return template.render(title=TITLE, sections=sections)


def markdown(sections: Sequence[blocks.Section]) -> str:
    """The page as Markdown."""
    return blocks.markdown(blocks.Section(TITLE, tuple(sections)), level=1) + "\n"


def data_uri(figure: blocks.Figure) -> str:
    """The figure as an address that carries its own bytes.

    An SVG in an <img> keeps its ids to itself: two plots in one page cannot disturb each other.
    """
    return f"data:{MEDIA[Path(figure.name).suffix]};base64,{base64.b64encode(figure.data).decode('ascii')}"


def cell(text: str) -> Markup:
    """A table cell: the first line, which may be broken after an underscore, then the others smaller."""
    first, *rest = text.split("\n")
    breakable = Markup("_<wbr>").join(first.split("_"))
    return Markup("").join([breakable, *(Markup("<small>{}</small>").format(line) for line in rest)])
