"""Whether the teacher knows anything: what it knows of sharp faces, against guessing, before anything else is said."""

from __future__ import annotations

from pipeline.report.guessing import cannot_be_told
from pipeline.tasks.recognition.report.data import Data


def chance(data: Data, protocol: str) -> float:
    """Percent that one reaches by always giving the commoner answer."""
    same = data.same[protocol].mean()
    return 100 * float(max(same, 1 - same))


def no_better_than_guessing(data: Data) -> list[str]:
    """A sentence for each teacher and protocol whose accuracy on sharp faces is not above guessing; mostly none."""
    inputs = data.inputs
    sharp = inputs.conditions[0]
    found = []
    for protocol in data.protocols:
        for seed, right in zip(inputs.teacher_seeds, data.correct[protocol, inputs.teacher, sharp], strict=True):
            if (doubt := cannot_be_told(right, chance(data, protocol), "pair")) is not None:
                who = "The teacher" if len(inputs.teacher_seeds) == 1 else f"The teacher of seed {seed}"
                found.append(
                    f"{who} cannot be told from guessing on {protocol}, on sharp faces ({sharp}): {doubt}. What"
                    " students take over from it is no knowledge of faces, and the comparisons below say nothing"
                    f" about distillation. {_remedy(inputs.own_teacher)}"
                )
    return found


def _remedy(own_teacher: str | None) -> str:
    if own_teacher is not None:
        return (
            f"{own_teacher} may be fed otherwise than it was trained: look at mean, std, channel_order, image_size, and"
            " at how the faces are cut."
        )
    return "It may have been trained for too short a time or on too few people, or be judged on too few pairs."
