"""Which classifier an architecture names, and how to build it from its settings."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.errors import InputError
from pipeline.models.cifar_resnet import CifarResNet
from pipeline.models.cifar_vgg import VGG
from pipeline.models.mobilenet_v2 import MobileNetV2
from pipeline.models.staged import Inside
from pipeline.models.torchvision_classifier import TorchvisionClassifier
from pipeline.models.wide_resnet import WideResNet
from pipeline.params.classification_networks import ClassifierNetwork

NETWORKS: dict[str, type[nn.Module]] = {
    "cifar_resnet": CifarResNet,
    "wide_resnet": WideResNet,
    "vgg": VGG,
    "mobilenet_v2": MobileNetV2,
    "torchvision": TorchvisionClassifier,
}


def build(settings: ClassifierNetwork, image_size: int, channels: int, classes: int) -> nn.Module:
    """The network with random weights, channels last: pictures (B, channels, image_size, image_size) to (B, classes).

    It has ``look_inside(pictures) -> Inside``. Raises InputError where torchvision has no such network.
    """
    if classes < 2:
        raise InputError(f"classes = {classes}: expected at least 2")
    options = settings.model_dump(exclude={"architecture"})
    network = NETWORKS[settings.architecture](image_size, channels, classes, **options)
    return network.to(memory_format=torch.channels_last)


__all__ = ["Inside", "build"]
