"""What RCAN, EDSR and SAN share: a convolution in, a deep body with one long skip, pixel shuffle, a convolution out.

The published networks see pixels of 0..255 less the mean colour of DIV2K. Here every picture passes one fixed affine
map, 0..255 to -1..1: it asks nothing of the data set, takes grey as well as colour, and puts features where the usual
initial weights and learning rates belong. Losses and learning rates of the papers keep their meaning, since what
comes out is in pixels again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

HALF_RANGE = 127.5  # pixels 0..255 are 127.5 +- 127.5


class Inside(NamedTuple):
    """What a network made of pictures: the output in pixels, and the features at the taps and at the body's end."""

    output: Tensor  # (B, C, s h, s w), float32, 0..255 and perhaps a little beyond: nothing is clamped
    features: list[Tensor]  # (B, width, h, w) each


def convolution(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """A convolution that keeps the sides; initial weights are torch's own, as in the authors' codes."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def shuffle_up(scale: int, width: int) -> nn.Sequential:
    """Sides times ``scale`` by pixel shuffle (Shi et al., CVPR 2016): x2, x3, and x4 and x8 as two and three of x2.

    Raises ValueError for another scale.
    """
    if scale not in (2, 3, 4, 8):
        raise ValueError(f"scale = {scale}: expected 2, 3, 4 or 8")
    steps = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
    return nn.Sequential(
        *(layer for step in steps for layer in (convolution(width, step**2 * width), nn.PixelShuffle(step)))
    )


def enlarge(pictures: Tensor, scale: int) -> Tensor:
    """Bicubic, (B, C, h, w) to (B, C, s h, s w) in float32; antialias=True selects the kernel of Pillow and MATLAB."""
    sides = [scale * side for side in pictures.shape[2:]]
    return functional.interpolate(pictures.float(), sides, mode="bicubic", antialias=True)


class Upscaler(nn.Module, ABC):
    """Pictures (B, channels, h, w), float pixels 0..255, to (B, channels, s h, s w), float32 pixels.

    A network says by ``body`` what happens between the first convolution and the pixel shuffle.
    """

    def __init__(self, scale: int, channels: int, *, width: int, skip: str) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise ValueError(f"channels = {channels}: expected 1 (grey) or 3 (colour)")
        self.scale, self.channels, self.skip = scale, channels, skip
        self.head = convolution(channels, width)
        self.shuffle = shuffle_up(scale, width)
        self.tail = convolution(width, channels)
        if skip == "bicubic":  # the first output is the bicubic enlargement itself, not that and noise
            nn.init.zeros_(self.tail.weight)
            nn.init.zeros_(self.tail.bias)

    @property
    def places(self) -> int:
        """How many outputs may be tapped."""
        return len(self.groups)

    @abstractmethod
    def body(self, shallow: Tensor) -> Iterator[Tensor]:
        """(B, width, h, w) -> the output of every group in turn, then that of the body's last layer, same shapes."""

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, channels, h, w) in 0..255 -> (B, channels, s h, s w), float32."""
        return self.look_inside(pictures, ()).output

    def look_inside(self, pictures: Tensor, taps: Sequence[int]) -> Inside:
        """As forward, with the features of the groups ``taps``, counted from 1, and always those of the body's end,
        before the long skip: len(taps) + 1 of them, in order of depth. Raises ValueError for a tap beyond the groups."""
        if outside := [tap for tap in taps if not 1 <= tap <= self.places]:
            raise ValueError(f"taps = {list(taps)}: found {outside[0]}, expected 1 to {self.places}")
        shallow = self.head(pictures / HALF_RANGE - 1)
        features: list[Tensor] = []
        for place, deep in enumerate(self.body(shallow), start=1):
            if place in taps or place > self.places:
                features.append(deep)
        output = self.tail(self.shuffle(deep + shallow))
        # bfloat16 has 8 bits for a number: between 128 and 255 it counts whole grey levels, and every finer difference
        # from the bicubic enlargement or the sharp picture would be rounded away. So the way back is in float32.
        output = output.float()
        if self.skip == "bicubic":
            return Inside(enlarge(pictures, self.scale) + HALF_RANGE * output, features)
        return Inside(HALF_RANGE * (output + 1), features)
