"""How trained networks are judged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.face_measures import Measures
from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.loading import Settings
from pipeline.params.networks import Count
from pipeline.params.rates import Rates


class Evaluation(Settings):
    """How a trained network is judged."""

    batch_size: Count
    sample_faces: Annotated[int, Field(ge=1, le=16)]  # faces in the report's pictures
    equivalence_margin: EquivalenceMargin | None  # percentage points of accuracy
    cross_quality: bool  # also verify a sharp face against a poor one, as a camera does, with protocols of their own
    # FNMR at these, from all pairs of the evaluated photos; [] for none, and of photos whose people are unknown none
    false_match_rates: Rates
    measures: Measures  # of verification, beside the accuracy
