"""Whether the teacher knows anything: what it knows of sharp faces, against guessing, before anything else is said."""

from __future__ import annotations

from pipeline.metrics import statistics
from pipeline.report.recognition_data import Data
from pipeline.report.words import between, count


def chance(data: Data, protocol: str) -> float:
    """Percent that one reaches by always giving the commoner answer."""
    same = data.same[protocol].mean()
    return 100 * float(max(same, 1 - same))


def no_better_than_guessing(data: Data) -> list[str]:
    """A sentence for each teacher and protocol whose accuracy on sharp faces is not above guessing; mostly none.

    Above it is an accuracy whose 95 % interval (Wilson) lies above that of guessing. Few pairs show little: then the
    sentence says that the teacher cannot be told from guessing, which is all that is known.
    """
    inputs = data.inputs
    sharp = inputs.conditions[0]
    found = []
    for protocol in data.protocols:
        for seed, right in zip(inputs.teacher_seeds, data.correct[protocol, inputs.teacher, sharp], strict=True):
            low, high = statistics.wilson_interval(int(right.sum()), len(right))
            if 100 * low > chance(data, protocol):
                continue
            who = "The teacher" if len(inputs.teacher_seeds) == 1 else f"The teacher of seed {seed}"
            interval = f"95 % interval {between(100 * low, 100 * high)}"
            found.append(
                f"{who} cannot be told from guessing on {protocol}, on sharp faces: {100 * right.mean():.1f} % of"
                f" {count(len(right), 'pair')} at {sharp} ({interval}), where guessing gives"
                f" {chance(data, protocol):.0f} %. What students take over from it is no knowledge of faces, and the"
                f" comparisons below say nothing about distillation. {_remedy(data)}"
            )
    return found


def _remedy(data: Data) -> str:
    if data.inputs.own_teacher is not None:
        return (
            f"{data.inputs.own_teacher} may be fed otherwise than it was trained: look at mean, std, channel_order,"
            " image_size, and at how the faces are cut."
        )
    return "It may have been trained for too short a time or on too few people, or be judged on too few pairs."
