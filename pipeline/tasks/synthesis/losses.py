"""Losses of photo-sketch synthesis on features: [ours], since KT (IJCAI 2019) and KD (TNNLS 2020) publish no formula.

The distance of two feature maps is that of their directions, at each place: ``mean over places of
|f / |f| - g / |g||^2 = 2 - 2 cos``, in 0..4, over the channels. A teacher's stages differ in size by orders of
magnitude, and directions need no scale for each: it counts which features are there, not how bright the picture is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-6  # added to squared lengths: what is zero in all channels has the direction zero, and a gradient


def direction(features: Tensor) -> Tensor:
    """(B, C, H, W) -> float32, at each place of length one over the channels, or zero where all are zero."""
    features = features.float()
    return features * torch.rsqrt(features.square().sum(dim=1, keepdim=True) + EPSILON)


def distance(features: Tensor, target: Tensor) -> Tensor:
    """Features and directions (B, C, H, W) -> scalar in 0..4, ``mean over places of |f / |f| - target|^2``."""
    return (direction(features) - target).square().sum(dim=1).mean()


def match_sides(features: Tensor, sides: Sequence[int]) -> Tensor:
    """(B, C, h, w) -> (B, C, *sides): the mean of what falls into a place, or bilinear where there are fewer."""
    sides = tuple(sides)
    if tuple(features.shape[2:]) == sides:
        return features
    if all(have >= wanted for have, wanted in zip(features.shape[2:], sides, strict=True)):
        return functional.adaptive_avg_pool2d(features, sides)
    return functional.interpolate(features, sides, mode="bilinear", align_corners=False)


def knowledge_transfer(
    student: Mapping[int, Tensor], teacher: Mapping[int, Tensor], adapt: Callable[[int, Tensor], Tensor]
) -> Tensor:
    """``sum over taps l of distance(a_l(F_l), phi_l)`` -> scalar.

    ``student``: features F_l (B, C_l, H_l, W_l) by tap; ``teacher``: directions phi_l (B, C'_l, H'_l, W'_l), without
    gradient; ``adapt(l, F)`` is a_l, (B, C_l, ., .) -> (B, C'_l, ., .), after F took the teacher's sides.
    """
    terms = [distance(adapt(tap, match_sides(student[tap], phi.shape[2:])), phi) for tap, phi in teacher.items()]
    return torch.stack(terms).sum()


def mutual_transfer(decoded: Mapping[int, Tensor], encoded: Mapping[int, Tensor]) -> Tensor:
    """``sum over taps l of distance(D_l, sg(E_l))`` -> scalar: what a student decodes, by what the other encodes of the
    true picture. Both (B, C_l, H_l, W_l) by tap; the other student gets no gradient."""
    return torch.stack([distance(decoded[tap], direction(source.detach())) for tap, source in encoded.items()]).sum()
