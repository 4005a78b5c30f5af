"""Which variants of photo-sketch synthesis may be compared, and what it tells: found in settings, not in names.

Two variants make a contrast where they are equal but for one thing: the teacher, the mutual term, the discriminator,
how many teachers, one weight, or the levels compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Settings = Mapping[str, Any]

PARTS = {
    "transfer": "teacher",
    "mutual": "mutual term",
    "adversarial": "discriminator",
    "reconstruction": "reconstruction",
}


@dataclass(frozen=True)
class Contrast:
    """``more`` has what ``less`` lacks, or has more of it; ``question`` leads the sentence that answers it."""

    question: str
    more: str
    less: str
    teacher_alone: bool = False  # whether the teacher is what ``less`` lacks, and nothing else


def control(variants: Mapping[str, Settings]) -> str | None:
    """The variant that learns from the true pictures alone: no teacher, no mutual term, no discriminator."""
    alone = (name for name, settings in variants.items() if not _on(settings) - {"reconstruction"})
    return next(alone, None)


def contrasts(variants: Mapping[str, Settings]) -> list[Contrast]:
    """Every contrast, in the order of the variants."""
    pairs = itertools.combinations(variants, 2)
    return [one for first, second in pairs if (one := _contrast(variants, first, second)) is not None]


def telling(variants: Mapping[str, Settings]) -> list[Contrast]:
    """The contrasts that say more than the comparison of every variant with the control does."""
    return [one for one in contrasts(variants) if one.less != control(variants) or one.teacher_alone]


def controls_of(variants: Mapping[str, Settings], variant: str) -> list[str]:
    """Those for which ``variant``, without a teacher itself, shows what the teacher adds."""
    if _given(variants[variant], "transfer"):
        return []
    found = (one for one in contrasts(variants) if one.less == variant)
    return [one.more for one in found if _given(variants[one.more], "transfer")]


def _contrast(variants: Mapping[str, Settings], first: str, second: str) -> Contrast | None:
    one, other = variants[first], variants[second]
    added, removed = _on(other) - _on(one), _on(one) - _on(other)
    weights = _weights(one, other)
    if added and removed:
        return None
    if added or removed:
        if weights:
            return None
        more, less = (second, first) if added else (first, second)
        question = _question(added or removed, variants[more])
        return None if question is None else Contrast(question, more, less, (added or removed) == {"transfer"})
    if len(weights) != 1:
        return None
    (key,) = weights
    if key == "teachers":
        more, less = (first, second) if one["teachers"] == "two" else (second, first)
        return Contrast("Two teachers instead of one", more, less)
    more, less = (second, first) if key == "taps" or other[key] > one[key] else (first, second)
    return Contrast(f"{key} = {_shown(variants[more][key])} instead of {_shown(variants[less][key])}", more, less)


def _question(parts: set[str], settings: Settings) -> str | None:
    """What is asked where ``parts`` were added; None where they are too many to tell one from another."""
    if not (len(parts) == 1 or parts == {"transfer", "mutual"}):
        return None
    names = [name for part, name in PARTS.items() if part in parts]
    if "transfer" in parts and settings.get("teachers") == "two":
        names[0] = "two teachers"
    many = len(names) > 1 or names[0] == "two teachers"
    return f"What the {' and the '.join(names)} add{'' if many else 's'}"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _on(settings: Settings) -> set[str]:
    return {part for part in PARTS if _given(settings, part)}


def _given(settings: Settings, part: str) -> bool:
    return bool(settings.get(part))


def _weights(one: Settings, other: Settings) -> set[str]:
    """Settings that differ though both variants have what they are of."""
    shared = _on(one) & _on(other)
    found = {part for part in shared if one[part] != other[part]}
    if "transfer" in shared and one.get("teachers") != other.get("teachers"):
        found.add("teachers")
    taps = [list(settings.get("taps") or []) for settings in (one, other)]
    return found | ({"taps"} if all(taps) and taps[0] != taps[1] else set())
