"""The recipes of docs/extending.md, as a newcomer copies them."""

from __future__ import annotations

import re
from pathlib import Path

PLAIN = "{architecture: plain, width: 8, embedding: 16}"  # an entry for the network of its recipe


def recipe(root: Path, heading: str) -> str:
    """The Python file that stands under a heading of the page."""
    section = (root / "docs/extending.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
