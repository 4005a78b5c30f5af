"""PatchGAN, the discriminator of pix2pix (Isola et al., CVPR 2017): is each patch real, given the other picture?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.models.translator import convolution
from pipeline.params.translators import PatchDiscriminator as DiscriminatorSettings


class PatchDiscriminator(nn.Module):
    """``layers`` convolutions of stride 2 and two of stride 1, all 4x4 with padding 1; LeakyReLU(0.2) between.

    The first has no norm, the last gives a number per patch. A patch has 16, 34 or 70 pixels per side for 1, 2 or 3
    layers.
    """

    def __init__(self, channels: int, *, layers: int, width: int, norm: str) -> None:
        super().__init__()
        stages: list[nn.Module] = [convolution(channels, width, 4, 2), nn.LeakyReLU(0.2, inplace=True)]
        inputs = width
        for layer in range(1, layers + 1):
            outputs = min(2**layer, 8) * width
            stride = 2 if layer < layers else 1
            stages += [convolution(inputs, outputs, 4, stride, norm=norm), nn.LeakyReLU(0.2, inplace=True)]
            inputs = outputs
        self.stages = nn.Sequential(*stages, convolution(inputs, 1, 4))

    def forward(self, given: Tensor, judged: Tensor) -> Tensor:
        """Pictures (B, C_in, H, W) and (B, C_out, H, W) in 0..1 -> (B, 1, h, w), float32: near 1 real, near 0 made.

        h = H / 2^layers - 2, w alike.
        """
        pictures = torch.cat([given, judged], dim=1).contiguous(memory_format=torch.channels_last)
        return self.stages(2 * pictures - 1).float()


def build(settings: DiscriminatorSettings, channels: int) -> PatchDiscriminator:
    """With random weights, torch's own, channels last; ``channels`` are those of both pictures together."""
    return PatchDiscriminator(channels, **settings.model_dump()).to(memory_format=torch.channels_last)
