"""Settings of pairs of photos and sketches."""

from __future__ import annotations

from pipeline.params.loading import validate
from pipeline.params.sketch_pairs import SketchPairs


def settings(size=32, channels=3, **sets):
    return validate(SketchPairs, {"image_size": size, "channels": channels, "sets": sets}, "data", "params.yaml")
