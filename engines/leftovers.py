"""Networks that params.yaml no longer names, by their folders: python -m engines.leftovers

When a variant, a seed or a set is taken out of params.yaml, or renamed, what was trained for it stays in models/, where
nothing tells it from the networks of today; it may have learned from other data. No step reads it and nothing removes
it: a run of Snakemake says so in one line when it starts.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

from graph.step import fill, is_folder, values
from graph.tables import TASKS, all_rules
from pipeline.params.loading import lookup, read_document

MODELS = Path("models")
SHOWN = 3


def leftovers(document: dict[str, Any]) -> list[Path]:
    """Folders below models/ with weights (``*.safetensors``) that no rule writes for these settings; sorted."""
    folders, inside = set(), set()
    for rule in all_rules([task for task in TASKS if document.get(task) is not None]):
        for chosen in product(*(values(document, each) for each in rule.each.values())):
            here = dict(zip(rule.each, chosen, strict=True))
            for text in rule.writes.values():
                path = Path(fill(text, lambda name: str(lookup(document, name)) if "." in name else here[name]))
                (inside if is_folder(text) else folders).add(path if is_folder(text) else path.parent)
    trained = {file.parent for file in MODELS.rglob("*.safetensors")}
    return sorted(folder for folder in trained - folders if not inside & {folder, *folder.parents})


def line(document: dict[str, Any]) -> str:
    """The line that a run prints about leftover networks when it starts; "" where there are none."""
    if not (folders := leftovers(document)):
        return ""
    more = f" and {len(folders) - SHOWN} more (python -m engines.leftovers lists all)" if len(folders) > SHOWN else ""
    return f"in params.yaml no longer, and read by no step: {', '.join(map(str, folders[:SHOWN]))}{more}"


if __name__ == "__main__":
    for folder in leftovers(read_document()):
        print(folder)
