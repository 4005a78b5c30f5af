"""What stands between the prepared faces and a user's network: size, grey or colour, order, normalisation, batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pipeline.data.degradations.bicubic import larger
from pipeline.data.pixels import normalise
from pipeline.errors import InputError
from pipeline.luma import LUMA
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.models.resnext import Inside
from pipeline.tasks.recognition.params.teachers import OwnNetwork

LARGEST_BATCH = 2**28  # numbers in the images that a model may take at once; it is given all, filled up if need be
# How much of an embedding's length the order of sums may change, and the images beside an image. Measured on a
# published recogniser: 0.07 where it is computed in 8 bits, whose range is the batch's, and 0.7 or more where batch
# norms are in training.
AGAIN, ALONE = 1e-3, 0.25


def fit(faces: Tensor, size: int, channels: int) -> Tensor:
    """Prepared faces (B, C, S, S) in [-1, 1] as pixels (B, channels, size, size) in [0, 255], antialiased bicubic."""
    pixels = (faces.float() + 1) * 127.5
    if pixels.shape[1] == 3 and channels == 1:
        pixels = (pixels * torch.tensor(LUMA, device=pixels.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return larger(pixels.expand(-1, channels, -1, -1), size)


class AdaptedNetwork(nn.Module):
    """A network of this project that was made for faces of another size or number of channels."""

    def __init__(self, network: nn.Module, size: int, channels: int) -> None:
        super().__init__()
        self.network, self.size, self.channels = network, size, channels
        self.stage_ends = network.stage_ends

    def forward(self, faces: Tensor) -> Tensor:
        """Our faces (B, C, S, S) in [-1, 1] -> (B, D)."""
        return self.look_inside(faces).embedding

    def look_inside(self, faces: Tensor) -> Inside:
        """As forward, with maps and features of the sides that the network's input size gives."""
        return self.network.look_inside(normalise(fit(faces, self.size, self.channels)))


def adapt(network: nn.Module, made_for: tuple[int, int], ours: tuple[int, int]) -> nn.Module:
    """The network for the prepared faces; both are (size, channels). Where they are equal, the network itself."""
    return network if made_for == ours else AdaptedNetwork(network, *made_for)


class ProgramNetwork(nn.Module):
    """A user's ONNX model, as a network that gives embeddings alone."""

    stage_ends: tuple[int, ...] = ()  # nothing inside it is seen

    def __init__(self, program: OnnxNetwork, settings: OwnNetwork, content: bytes) -> None:
        """``content`` is that of the file. Raises InputError where it takes other images than the settings say, gives
        other embeddings than they say, or embeddings that depend on more than the image (see _try).
        """
        super().__init__()
        self.program, self.settings, self.content = program, settings, content
        self.packages = ("onnxruntime",)
        expected = (settings.channels, settings.image_size, settings.image_size)
        if any(given not in (None, side) for given, side in zip(program.shape, expected, strict=True)):
            given = ", ".join("any" if side is None else str(side) for side in program.shape)
            raise InputError(
                f"{settings.file}: takes images (B, {given}), expected"
                f" (B, {', '.join(map(str, expected))}), as channels and image_size say"
            )
        if program.batch is not None and program.batch * math.prod(expected) > LARGEST_BATCH:
            raise InputError(
                f"{settings.file}: takes {program.batch} images at once, expected at most"
                f" {LARGEST_BATCH // math.prod(expected)} of this size, or any number"
            )
        for name in ("mean", "std"):
            values = torch.tensor(getattr(settings, name), dtype=torch.float32).reshape(1, -1, 1, 1)
            self.register_buffer(name, values, persistent=False)
        self._try()

    def forward(self, faces: Tensor) -> Tensor:
        """Prepared faces (B, C, S, S) in [-1, 1] -> (B, D) float32, in the program's precision, even under autocast.

        Raises InputError where it fails, or gives anything but D finite numbers per face.
        """
        with torch.autocast(faces.device.type, enabled=False):
            pixels = fit(faces, self.settings.image_size, self.settings.channels)
            pixels = pixels.flip(1) if self.settings.channel_order == "bgr" else pixels
            images = (pixels - self.mean) / self.std
            embedding = self._answers(images)
        if not embedding.isfinite().all():
            raise InputError(f"{self.settings.file}: gives NaN or infinite embeddings, expected finite numbers")
        return embedding

    def look_inside(self, faces: Tensor) -> Inside:
        """As forward; the lists of maps and features are empty."""
        return Inside(self(faces), [], [], [])

    def _try(self) -> None:
        """Compute three images of noise, from strong to faint: twice together, then each alone.

        Raises InputError where the answers are not the same.
        """
        shape = (3, self.settings.channels, self.settings.image_size, self.settings.image_size)
        noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        noise *= torch.tensor([255.0, 150.0, 75.0]).view(3, 1, 1, 1)
        images = (noise - self.mean) / self.std
        together, again = self._answers(images), self._answers(images)
        if _differ(together, again, AGAIN):
            raise InputError(
                f"{self.settings.file}: gives other embeddings for the same images the second time, expected the same:"
                " eval() before export, and nothing that is drawn at random"
            )
        if _differ(together, torch.cat([self._answers(image[None]) for image in images]), ALONE):
            raise InputError(
                f"{self.settings.file}: gives another embedding for an image among others than for it alone, expected"
                " the same: eval() before export, and nothing that is computed over the batch"
            )

    def _answers(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D), in as many parts as the model needs."""
        return torch.cat([self._run(part) for part in images.split(self.program.batch or len(images))])

    def _run(self, images: Tensor) -> Tensor:
        """At most as many images as the program takes; a smaller batch is filled up with its first image."""
        count, size = len(images), self.program.batch or len(images)
        if count < size:
            images = torch.cat([images, images[:1].expand(size - count, -1, -1, -1)])
        result = self.program(images)
        expected = (size, self.settings.embedding)
        if tuple(result.shape) != expected or not result.is_floating_point():
            kind = f"{str(result.dtype).removeprefix('torch.')} {tuple(result.shape)}"
            raise InputError(
                f"{self.settings.file}: gives {kind} for {size} images, expected floats {expected}, as embedding says"
            )
        return result[:count].float()


def _differ(first: Tensor, second: Tensor, share: float) -> bool:
    """Whether any embedding differs between the two (B, D) by more than ``share`` of its length."""
    return bool(((first - second).norm(dim=1) > share * first.norm(dim=1)).any())


def program_network(settings: OwnNetwork, content: bytes) -> ProgramNetwork:
    """The network in the content of an .onnx. Raises InputError naming the file where the model does not fit."""
    program = OnnxNetwork(content, settings.file)
    try:
        return ProgramNetwork(program, settings, content)
    except InputError:
        program.end()  # or its process would stay for as long as anybody looks at the error
        raise
