"""torchvision's VGG-19 with its published ImageNet weights, as features: a common judge of how pictures look."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.data.fetch import RemoteFile, fetch
from pipeline.errors import InputError
from pipeline.models.vgg import Inside, repeat_grey
from pipeline.params.vgg import VGG19_DEPTHS, VGG19_WIDTHS

FILE = "vgg19-dcbb9e9d.pth"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which the weights expect


class VGG19(nn.Module):
    """Pictures (B, 1 or 3, H, W) in 0..1 to what VGG-19 has after its ReLUs ``layers``, one per stage: relu1_2, ..."""

    def __init__(self, layers: Sequence[str]) -> None:
        super().__init__()
        from torchvision.models.vgg import cfgs, make_layers  # here: the import takes a second

        self.channels, self.widths = 3, list(VGG19_WIDTHS[: len(layers)])  # of what comes in; of the features
        ends = [_place(name) + 1 for name in layers]
        everything = make_layers(cfgs["E"], batch_norm=False)  # parts of which keep their layers' numbers
        self.stages = nn.ModuleList(everything[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True))
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def look_inside(self, pictures: Tensor) -> Inside:
        """The features of every stage; there is no embedding."""
        return Inside(None, self.features(pictures, len(self.stages)))

    def features(self, pictures: Tensor, stages: int) -> list[Tensor]:
        """(B, 1 or 3, H, W) in 0..1 -> the features of the first ``stages``, sides H, H / 2, ... rounded down."""
        values = ((repeat_grey(pictures, 3) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        made = []
        for layers in self.stages[:stages]:
            values = layers(values)
            made.append(values)
        return made


def _place(name: str) -> int:
    """Where a ReLU such as relu3_4 stands in torchvision's layers: a ReLU after each convolution, a pool per stage."""
    block, number = map(int, re.fullmatch(r"relu(\d)_(\d)", name).groups())
    return 2 * (sum(VGG19_DEPTHS[: block - 1]) + number) + (block - 1) - 1


def fetch_weights(folder: Path, drop_in: Path) -> Path:
    """Put the published weights into ``folder``: what lies there or in ``drop_in``, else from torchvision's address.

    Raises InputError naming the file and where to put it, or that the file is another.
    """
    from torchvision.models import VGG19_Weights

    file = RemoteFile(FILE, VGG19_Weights.IMAGENET1K_V1.url, None, "torchvision", sha256_start=_checksum_start())
    return fetch(file, Path(folder), Path(drop_in))


def _checksum_start() -> str:
    """The first digits of the SHA-256 of the published file: its name carries them."""
    return FILE.removesuffix(".pth").partition("-")[2]


def check_weights(path: Path) -> None:
    """Raise InputError where the file is absent or not the published one."""
    expected = _checksum_start()
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error} (expected torchvision's weights, {FILE})") from error
    if not digest.startswith(expected):
        raise InputError(f"{path}: sha256 {digest} found, expected a sha256 that begins with {expected}: another file")


def load(path: Path, layers: Sequence[str]) -> VGG19:
    """The network with the weights at ``path``, in evaluation mode. Raises InputError naming a file that is wrong."""
    check_weights(path)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)  # a pickle, read without running any of it
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: not a readable file of weights ({error})") from error
    network = VGG19(layers)
    state = {}
    for name, parameter in network.named_parameters():
        source = "features." + name.split(".", 2)[2]  # torchvision's name of it
        state[name] = tensors.get(source) if isinstance(tensors, dict) else None
        shape = tuple(state[name].shape) if isinstance(state[name], Tensor) else "nothing"
        if shape != tuple(parameter.shape):
            raise InputError(f"{path}: {source} is {shape}, expected {tuple(parameter.shape)}: another network")
    network.load_state_dict(state)
    return network.to(memory_format=torch.channels_last).eval()
