"""Random numbers by address: every identity and every image owns a stream, whoever draws first."""

from __future__ import annotations

import numpy as np

# What a stream is for; part of its address, so that no two uses share numbers.
TRAITS = 1  # one identity's looks
NUISANCE = 2  # one image's pose, light, expression, age, ...
PIXELS = 3  # one image's background texture and sensor noise
PEOPLE = 5  # sex and skin of people who are in no group
PLAN = 4  # which images and pairs the test protocols ask for
SKETCH = 6  # one drawing's strokes and grain
HAND = 7  # one drawing's errors of shape
EXPRESSION = 8  # one image's pose and expression where it is of a known class


def generator(seed: int, *address: int) -> np.random.Generator:
    """A generator that depends on ``seed`` and the non-negative integers of ``address`` alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *address))))


def draws(seed: int, addresses: np.ndarray, normals: int, uniforms: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers for many addresses at once: normals (n, normals) and uniforms in 0..1 (n, uniforms).

    ``addresses`` is an integer array (n, k); row i is drawn from its own generator.
    """
    normal = np.empty((len(addresses), normals))
    uniform = np.empty((len(addresses), uniforms))
    for row, address in enumerate(addresses.tolist()):
        stream = generator(seed, *address)
        normal[row] = stream.standard_normal(normals)
        uniform[row] = stream.random(uniforms)
    return normal, uniform


def pick(uniform: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Choice numbers (n,) from uniforms (n,) and the weights of the choices, (choices,) or (n, choices)."""
    edges = np.cumsum(np.broadcast_to(weights, (len(uniform), np.shape(weights)[-1])), axis=1)
    return (uniform[:, None] * edges[:, -1:] >= edges[:, :-1]).sum(axis=1)
