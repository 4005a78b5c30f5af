"""Did an adversarial training go wrong? Sentences from its losses and from the pictures that it makes in the test.

The thresholds are [ours]. A run without discriminators is judged too: by its pictures, and by whether its losses
rise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

LEAST_VARIETY = 0.25  # of the targets'; plain regression, which blurs, keeps well over half
DEFEATED = 0.01  # LSGAN's loss of a discriminator, real and made; 0.25 where it cannot tell, 1/8 each
MOST_LOSS = 1.5  # times the control's mean absolute difference
MOST_RISE = 1.5  # times the best epoch's loss of reconstruction
# What a sentence below holds, and the word for it.
FATES = (
    ("diverged", "diverged"),
    ("not finite", "diverged"),
    ("collapsed", "collapsed"),
    ("discriminator", "lost to its discriminator"),
    ("drifted", "drifted away"),
    ("", "failed"),
)


def variety(pictures: np.ndarray) -> float:
    """How much pictures (N, H, W, C), N >= 2, differ from each other: root mean square over all pairs and pixels.

    By ``mean over pairs of (x_i - x_j)^2 = 2 var``, var with N - 1, pixel by pixel, so that no pair need be formed.
    """
    return float(np.sqrt(2 * np.asarray(pictures, np.float64).var(axis=0, ddof=1).mean()))


def symptoms(
    losses: pd.DataFrame, direction: str, made: np.ndarray, targets: np.ndarray, control: np.ndarray | None = None
) -> list[str]:
    """What is wrong with a direction, photo_to_sketch or sketch_to_photo; an empty list where nothing is wrong.

    ``losses``: the log of pipeline.tasks.synthesis.learning.Translation, one row per epoch. ``made``, ``targets``:
    pictures of the same test set (N, H, W, C), N >= 2, uint8 or float in the same unit; ``control``: what the variant
    that learned by reconstruction alone makes of the same inputs.
    """
    sentences = []
    columns = [name for name in losses.columns if name == "total" or name.startswith(f"{direction}_")]
    if unsound := [name for name in columns if not np.isfinite(losses[name].to_numpy(float)).all()]:
        sentences.append(f"The loss {unsound[0]} is not a finite number in some epoch: the training diverged.")
    if not np.isfinite(np.asarray(made, np.float64)).all():
        return [*sentences, "Some of the pictures made hold values that are not finite numbers."]
    made_variety, true = variety(made), variety(targets)
    if true > 0 and made_variety < LEAST_VARIETY * true:
        sentences.append(
            f"Pictures made of different inputs are nearly alike: they differ {made_variety / true:.0%} as much as the true ones"
            f" do (less than {LEAST_VARIETY:.0%} counts as collapsed)."
        )
    if f"{direction}_real" in losses:
        judged = (losses[f"{direction}_real"] + losses[f"{direction}_made"]).to_numpy(float)
        last = judged[-max(len(judged) // 3, 1) :]
        if (last < DEFEATED).all():
            sentences.append(
                f"The discriminator's loss stayed below {DEFEATED} for the last {_epochs(len(last))}: it tells every"
                " made picture from a true one, and the student learns little from it."
            )
    if f"{direction}_reconstruction" in losses:
        distance = losses[f"{direction}_reconstruction"].to_numpy(float)
        if len(distance) > 1 and distance[-1] > MOST_RISE * distance.min():
            sentences.append(
                f"The distance to the true pictures rose to {distance[-1] / distance.min():.1f} times that of epoch"
                f" {int(distance.argmin()) + 1}: the training drifted away."
            )
    if control is not None:
        sentences += far_from_control(_distance(made, targets), _distance(control, targets))
    return sentences


def far_from_control(ours: float, theirs: float) -> list[str]:
    """A sentence where a mean absolute difference is much more than the control's, else none."""
    if not ours > MOST_LOSS * theirs:
        return []
    times = f"{ours / theirs:.1f} times" if theirs else "more, against zero,"
    return [
        f"On test pictures the mean absolute difference is {times} that of the network that learned by"
        f" reconstruction alone (more than {MOST_LOSS} counts as failed)."
    ]


def fate(symptoms: Sequence[str]) -> str:
    """The first symptom in a word or two."""
    return next(word for mark, word in FATES if mark in symptoms[0])


def _distance(pictures: np.ndarray, targets: np.ndarray) -> float:
    return float(np.abs(np.asarray(pictures, np.float64) - np.asarray(targets, np.float64)).mean())


def _epochs(count: int) -> str:
    return "epoch" if count == 1 else f"{count} epochs"
