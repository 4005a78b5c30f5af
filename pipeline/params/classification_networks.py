"""Architectures of classification: the pairs that papers on distillation compare, and torchvision's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.loading import Settings
from pipeline.params.networks import Fraction, Width

Factor = Annotated[float, Field(ge=0.0625, le=16)]


class CifarResNet(Settings):
    """ResNet for small pictures (pipeline.models.cifar_resnet).

    Widths are 16, 16, 32, 64 in resnet20, 32, 56 and 110, and 32, 64, 128, 256 in resnet8x4 and 32x4.
    """

    architecture: Literal["cifar_resnet"]
    depth: Annotated[int, Field(ge=8, le=1202)]  # 6 n + 2 layers: n blocks per stage
    stem_width: Width
    widths: Annotated[list[Width], Field(min_length=3, max_length=3)]  # channels per stage

    @model_validator(mode="after")
    def _whole_blocks(self) -> CifarResNet:
        if self.depth % 6 != 2:
            raise ValueError(f"depth = {self.depth}: expected 6 n + 2, such as 8, 20, 32, 56, 110")
        return self

    @property
    def stages(self) -> int:
        """How many features look_inside gives."""
        return 3

    @property
    def embedding(self) -> int:
        """Values that the last layer reads."""
        return self.widths[-1]


class WideResNet(Settings):
    """WRN-depth-width (pipeline.models.wide_resnet), such as WRN-40-2."""

    architecture: Literal["wide_resnet"]
    depth: Annotated[int, Field(ge=10, le=1000)]  # 6 n + 4 layers: n blocks per stage
    width: Annotated[int, Field(ge=1, le=64)]  # of 16, 32, 64 channels
    dropout: Fraction = 0.0  # between the two convolutions of a block

    @model_validator(mode="after")
    def _whole_blocks(self) -> WideResNet:
        if self.depth % 6 != 4:
            raise ValueError(f"depth = {self.depth}: expected 6 n + 4, such as 10, 16, 28, 40")
        return self

    @property
    def stages(self) -> int:
        """How many features look_inside gives."""
        return 3

    @property
    def embedding(self) -> int:
        """Values that the last layer reads."""
        return 64 * self.width


class VGG(Settings):
    """VGG with batch norm and one linear layer (pipeline.models.cifar_vgg)."""

    architecture: Literal["vgg"]
    depth: Literal[8, 11, 13, 16]
    width: Factor = 1.0  # of 64 to 512 channels

    @property
    def stages(self) -> int:
        """How many features look_inside gives: the first block, before any pooling, is the stem."""
        return 4

    @property
    def embedding(self) -> int:
        """Values that the last layer reads."""
        return max(1, round(512 * self.width))


class MobileNetV2(Settings):
    """MobileNetV2 for small pictures (pipeline.models.mobilenet_v2); the papers' MV2 has expansion 6 and width 0.5."""

    architecture: Literal["mobilenet_v2"]
    expansion: Annotated[int, Field(ge=1, le=16)]
    width: Factor

    @property
    def stages(self) -> int:
        """How many features look_inside gives."""
        return 4

    @property
    def embedding(self) -> int:
        """Values that the last layer reads: 1280, and more only in a network wider than the published one."""
        return int(1280 * max(self.width, 1.0))


class Torchvision(Settings):
    """A classifier of torchvision by its name there, with random weights (pipeline.models.torchvision_classifier).

    ``features`` names the layers whose outputs (B, C, H, W) methods may compare, in torchvision's own words, such as
    ``[layer1, layer2, layer3, layer4]`` of resnet18.
    """

    architecture: Literal["torchvision"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
    features: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,100}$")]] = []

    @model_validator(mode="after")
    def _each_once(self) -> Torchvision:
        if len(set(self.features)) != len(self.features):
            raise ValueError(f"features = {self.features}: expected each layer once")
        return self

    @property
    def stages(self) -> int:
        """How many features look_inside gives."""
        return len(self.features)

    @property
    def embedding(self) -> int | None:
        """None: not known before the network is built."""
        return None


ClassifierNetwork = Annotated[
    CifarResNet | WideResNet | VGG | MobileNetV2 | Torchvision, Field(discriminator="architecture")
]
