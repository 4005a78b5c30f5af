"""What an artist's eye and hand add: a face's own shape, pushed away from the mean face, and not measured exactly.

After S. Brennan, "Caricature Generator", Leonardo 18(3), 1985: every measure of the face moves away from that of the
mean by one factor. The artists of CUFSF exaggerated so, and sketches of CUFS are not aligned to the pixel either.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering import randomness
from pipeline.data.rendering.traits import LEAST, MEASURES

FACTOR = 1.25  # the artist's, the same for everybody
# Standard deviations by which a drawn measure errs. Exaggeration alone moves features by 0.4% of the picture, a third
# of a pixel of 64; a drawing with neither would lie exactly over the photo. [ours]
HAND = 0.4
# Standard deviations from the mean that a measure may reach: traits are cut off at 2.4, features collide beyond 3.
MOST = 2.9
# Measures that are not the shape of anything: tone, growth of hair, and how a face ages.
NOT_SHAPE = {
    "brow_density", "lip_red", "freckles", "undertone", "ruddiness", "grey_onset", "wrinkling", "sagging", "balding",
    "beard",
}  # fmt: skip
SHAPE = tuple(name for name in MEASURES if name not in NOT_SHAPE)


def errors(seed: int, address: np.ndarray) -> np.ndarray:
    """An artist's errors in drawings with ``address`` (n, k), standard normal: (n, measures of SHAPE)."""
    stream = np.concatenate([np.full((len(address), 1), randomness.HAND), address], axis=1)
    return randomness.draws(seed, stream, len(SHAPE), 0)[0]


def exaggerate(
    traits: dict[str, np.ndarray], factor: float = FACTOR, error: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """``traits`` of n people with the SHAPE measures ``factor`` times as far from the mean of the person's sex.

    ``error`` (n, measures of SHAPE), in standard deviations, is added. What is beyond MOST deviations afterwards,
    or below what the drawer can show, is cut off there. Other traits are passed on as they are.
    """
    sex = np.where(traits["male"] > 0, 0.5, -0.5)
    result = dict(traits)
    for place, name in enumerate(SHAPE):
        mean, spread, difference = MEASURES[name]
        deviation = factor * (traits[name] - mean - difference * sex) / spread
        if error is not None:
            deviation = deviation + error[:, place]
        deviation = np.clip(deviation, -MOST, MOST)
        value = mean + difference * sex + spread * deviation
        result[name] = np.maximum(value, LEAST[name]) if name in LEAST else value
    return result
