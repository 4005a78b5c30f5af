"""Settings of a set of pictures."""

from __future__ import annotations

from pipeline.params.loading import validate
from pipeline.params.pictures import PictureSet


def settings(**changes):
    given = {
        "source": "pictures", "label": "a set", "name": "Set.zip", "include": ["Set/train/*.png"], "channels": 3,
        "files": {"archive": {"address": None, "sha256": None}}, **changes,
    }  # fmt: skip
    return validate(PictureSet, given, "pictures", "params.yaml")
