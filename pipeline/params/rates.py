"""Rates of false acceptance, or of false matches, at which networks are judged, and how tables write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def written(rate: float) -> str:
    """0.01 as 1e-2, 0.0025 as 2.5e-3: four digits."""
    digits, _, exponent = f"{rate:.3e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}"


def _told_apart(rates: list[float]) -> list[float]:
    if len({written(rate) for rate in rates}) != len(rates):
        raise ValueError(f"found {rates}, expected each rate once, to four digits")
    return rates


Rates = Annotated[list[Annotated[float, Field(ge=1e-9, lt=1)]], AfterValidator(_told_apart), Field(max_length=8)]
