"""What the tests of photo-sketch synthesis share: settings, a run of the loop, and the distance by loops."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.params.networks import AdamTraining, Schedule
from pipeline.params.vgg import VGG
from pipeline.resume import ResumeFile
from pipeline.tasks.synthesis.params.variants import Augmentation
from pipeline.training import train

CPU = torch.device("cpu")
TEACHER = VGG(architecture="vgg", widths=[4, 6], depths=[1, 1], embedding=4)
STILL = Augmentation(mirror=False, shift=0)


def training(kind=AdamTraining, **changes):
    own = {"beta1": 0.5} if kind is AdamTraining else {"momentum": 0.9, "weight_decay": 0.0}
    values = {
        "epochs": 2, "batch_size": 4, "learning_rate": 0.002, "gradient_clip": 0.0, "precision": "float32",
        "schedule": Schedule(kind="cosine"),
    }  # fmt: skip
    return kind(**own | values | changes)


def arrays(count=10, side=16):
    rng = np.random.default_rng(0)
    return {
        "photos": rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8),
        "sketches": rng.integers(0, 256, (count, side, side), dtype=np.uint8),
    }


def run(made, settings, resume=None):
    return train(made, settings, seed=5, device=CPU, resume=resume or ResumeFile("out/model", []), label="t")


def features(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def plain_distance(ours, theirs):
    """By loops: squared distance of the directions over channels, mean over pictures and places."""
    ours, theirs = ours.double().numpy(), theirs.double().numpy()
    total, places = 0.0, 0
    for b in range(ours.shape[0]):
        for y in range(ours.shape[2]):
            for x in range(ours.shape[3]):
                f, g = (v[b, :, y, x] / np.sqrt((v[b, :, y, x] ** 2).sum() + 1e-6) for v in (ours, theirs))
                total, places = total + ((f - g) ** 2).sum(), places + 1
    return total / places
