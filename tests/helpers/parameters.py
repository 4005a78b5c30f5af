"""params.yaml as a dictionary: changed and written."""

from __future__ import annotations

import copy
import json

from ruamel.yaml import YAML


def write(document, path):
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
