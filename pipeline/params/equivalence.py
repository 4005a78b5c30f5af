"""The difference that does not matter, named before results are seen."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# In the unit in which the report shows a difference of the primary measure. Two methods are called equivalent where
# their difference is shown to be smaller; without a margin nothing is.
EquivalenceMargin = Annotated[float, Field(gt=0, le=1000)]
