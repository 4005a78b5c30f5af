"""What stands between our faces and a network of the user's own: size, grey or colour, order, normalisation, batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.data.pixels import normalise, upsample
from pipeline.errors import InputError
from pipeline.luma import LUMA
from pipeline.models.mobilefacenet import MobileFaceNet
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.models.resnext import Inside, ResNeXtCBAM
from pipeline.params.teachers import OwnNetwork


def fit(faces: Tensor, size: int, channels: int) -> Tensor:
    """Our faces (B, C, S, S) in [-1, 1] as pixels (B, channels, size, size) in [0, 255], antialiased bicubic."""
    pixels = (faces.float() + 1) * 127.5
    if pixels.shape[1] == 3 and channels == 1:
        pixels = (pixels * torch.tensor(LUMA, device=pixels.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return upsample(pixels.expand(-1, channels, -1, -1), size)


class AdaptedNetwork(nn.Module):
    """One of our networks, made for faces of another size or another number of channels."""

    def __init__(self, network: ResNeXtCBAM | MobileFaceNet, size: int, channels: int) -> None:
        super().__init__()
        self.network, self.size, self.channels = network, size, channels
        self.stage_ends = network.stage_ends

    def forward(self, faces: Tensor) -> Tensor:
        """Our faces (B, C, S, S) in [-1, 1] -> (B, D)."""
        return self.look_inside(faces).embedding

    def look_inside(self, faces: Tensor) -> Inside:
        """As forward, with maps and features at the sides that the network's own size gives."""
        return self.network.look_inside(normalise(fit(faces, self.size, self.channels)))


def adapt(network: nn.Module, made_for: tuple[int, int], ours: tuple[int, int]) -> nn.Module:
    """The network for our faces; both are (size, channels). Where they are the same, the network itself."""
    return network if made_for == ours else AdaptedNetwork(network, *made_for)


class ProgramNetwork(nn.Module):
    """An ONNX model of the user's own, as a network that shows its embedding alone."""

    stage_ends: tuple[int, ...] = ()  # nothing inside it is seen

    def __init__(self, program: OnnxNetwork, settings: OwnNetwork, content: bytes) -> None:
        """``content`` is that of the file. Raises InputError where it takes other images than the settings say."""
        super().__init__()
        self.program, self.settings, self.content = program, settings, content
        self.packages = ("onnxruntime",)
        expected = (settings.channels, settings.image_size, settings.image_size)
        if program.shape != expected:
            raise InputError(
                f"{settings.file}: takes images (B, {', '.join(map(str, program.shape))}), expected"
                f" (B, {', '.join(map(str, expected))}), as channels and image_size say"
            )
        for name in ("mean", "std"):
            values = torch.tensor(getattr(settings, name), dtype=torch.float32).reshape(1, -1, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Our faces (B, C, S, S) in [-1, 1] -> (B, D) float32, in the program's own precision whatever is around it.

        Raises InputError where it fails, or gives anything but D finite numbers a face.
        """
        with torch.autocast(faces.device.type, enabled=False):
            pixels = fit(faces, self.settings.image_size, self.settings.channels)
            pixels = pixels.flip(1) if self.settings.channel_order == "bgr" else pixels
            images = (pixels - self.mean) / self.std
            embedding = torch.cat([self._run(part) for part in images.split(self.program.batch or len(images))])
        if not embedding.isfinite().all():
            raise InputError(f"{self.settings.file}: gives NaN or infinite embeddings, expected finite ones")
        return embedding

    def look_inside(self, faces: Tensor) -> Inside:
        """As forward; the lists of maps and features are empty."""
        return Inside(self(faces), [], [], [])

    def _run(self, images: Tensor) -> Tensor:
        """At most as many images as the program takes; a smaller batch is filled up with its first image."""
        count, size = len(images), self.program.batch or len(images)
        if count < size:
            images = torch.cat([images, images[:1].expand(size - count, -1, -1, -1)])
        result = self.program(images)
        expected = (size, self.settings.embedding)
        if tuple(result.shape) != expected or not result.is_floating_point():
            found = f"{str(result.dtype).removeprefix('torch.')} {tuple(result.shape)}"
            raise InputError(
                f"{self.settings.file}: gives {found} for {size} images, expected floats {expected}, as embedding says"
            )
        return result[:count].float()


def program_network(settings: OwnNetwork, content: bytes) -> ProgramNetwork:
    """The network in the content of an .onnx. Raises InputError naming the file where it does not do."""
    return ProgramNetwork(OnnxNetwork(content, settings.file), settings, content)
