"""Random numbers that depend on the seed and the place in the run alone, so that a resumed run repeats them."""

from __future__ import annotations

import hashlib

import torch


def derive(*parts: object) -> int:
    """A seed in [0, 2^63) from any parts, such as ``derive(seed, "order", epoch)``; unlike parts are unrelated."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A generator on the CPU seeded by ``derive(*parts)``: the same numbers whatever the device."""
    return torch.Generator().manual_seed(derive(*parts))
