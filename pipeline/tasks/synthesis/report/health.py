"""Trainings of photo-sketch synthesis that went wrong: said in words, and left out of means and tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.words import listed
from pipeline.tasks.synthesis.health import MOST_LOSS

# What a sentence of pipeline.tasks.synthesis.health holds, and the word for it.
FATES = (
    ("diverged", "diverged"),
    ("not finite", "diverged"),
    ("collapsed", "collapsed"),
    ("discriminator", "lost to its discriminator"),
    ("drifted", "drifted away"),
)
FAILED = "failed"


def fate(symptoms: Sequence[str]) -> str:
    """The first symptom in a word or two."""
    return next((word for mark, word in FATES if mark in symptoms[0]), FAILED)


def fates(symptoms: Sequence[Sequence[str]]) -> str:
    """What became of the seeds that have symptoms: "1 collapsed and 2 diverged", or "" where none has."""
    found = [fate(one) for one in symptoms if one]
    return listed(f"{found.count(word)} {word}" for word in dict.fromkeys(found)) if found else ""


def far_from_control(differences: np.ndarray, control: np.ndarray) -> list[str]:
    """A sentence a seed, "" where nothing is wrong, as pipeline.tasks.synthesis.health words it.

    Mean absolute differences: ``differences`` (seeds,), ``control`` (sound seeds of the control, one or more).
    """
    theirs = control.mean()
    said = []
    for ours in differences.tolist():
        times = f"{ours / theirs:.1f} times" if theirs else "more, against zero,"
        said.append(
            f"On test pictures the mean absolute difference is {times} that of the network that learned by"
            f" reconstruction alone (more than {MOST_LOSS} counts as failed)."
            if ours > MOST_LOSS * theirs
            else ""
        )
    return said
