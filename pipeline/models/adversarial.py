"""Least Squares Generative Adversarial Networks (Mao et al., ICCV 2017), LSGAN, with labels 1 (real) and 0 (made)."""

from __future__ import annotations

from torch import Tensor


def discriminator_losses(real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Answers of any shape, for real and for generated pictures -> two scalars, ``mean((D(real) - 1)^2) / 2`` and
    ``mean(D(made)^2) / 2`` (equation 2); 1/8 each where it cannot tell them apart."""
    return (real - 1).square().mean() / 2, made.square().mean() / 2


def generator_loss(made: Tensor) -> Tensor:
    """``mean((D(made) - 1)^2)``: 1 where the discriminator recognises every generated picture, 0 where it takes all for real.

    Not halved, as in CycleGAN's and pix2pix's code.
    """
    return (made - 1).square().mean()
