"""The settings that steps read: params.yaml, checked and with every ``same_as`` resolved, in data/settings.json.

Both engines compare its values, so a step is out of date when what it reads has changed, wherever in params.yaml that
is written. It stays as it is while steps run, whatever happens to params.yaml meanwhile: Snakemake writes it before a
run begins, ``python -m engines.resolved`` as a stage of dvc.yaml; a file whose text would be the same is left alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from engines.notes import holds
from pipeline.document import Document
from pipeline.errors import InputError
from pipeline.files import write_text
from pipeline.params.loading import SETTINGS_FILE, read_document, validate

STAGE = "settings"  # in dvc.yaml
FILE = Path(SETTINGS_FILE)


def text(document: dict[str, Any]) -> str:
    """The file's text for these settings."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def is_current(document: dict[str, Any]) -> bool:
    """Whether the file holds these settings."""
    return holds(FILE, text(document))


def are_of_params() -> bool:
    """Whether the file holds what params.yaml says now."""
    try:
        return is_current(read_document())
    except InputError:  # edited while a run was on, or half edited
        return False


def write(document: dict[str, Any]) -> None:
    """Bring the file up to date with these settings."""
    if not is_current(document):
        write_text(FILE, text(document))


if __name__ == "__main__":
    try:
        given = read_document()
        validate(Document, given, "")
        write(given)
    except InputError as error:
        sys.exit(f"settings: {error}")
