"""params.yaml as a dictionary: read, changed and written."""

from __future__ import annotations

import copy
import functools
import json

from ruamel.yaml import YAML

from pipeline.params.loading import read_document


@functools.cache
def _text(path):
    return json.dumps(read_document(path))


def read_once(path):
    """A new copy of what a file says that no test changes."""
    return json.loads(_text(path))


def write(document, path):
    """The file, as JSON where its name ends so: as steps read it, and a tenth of the time."""
    if path.suffix == ".json":
        path.write_text(json.dumps(document))
        return path
    with path.open("w") as stream:
        YAML(typ="safe").dump(json.loads(json.dumps(document)), stream)  # shared values would become anchors
    return path


def change(document, key, value):
    """A copy with the dotted ``key`` set to ``value``, or removed where ``value`` is ``...``."""
    document = copy.deepcopy(document)
    *parents, last = key.split(".")
    place = document
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document
