"""How a network learns to enlarge: the distance to the original, and what a teacher makes of the same small picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline import together
from pipeline.data.patch_batches import PatchArrays
from pipeline.device import autocast
from pipeline.distill import Knowledge
from pipeline.distilling import Lessons
from pipeline.errors import InputError
from pipeline.models.freezing import freeze
from pipeline.models.super_resolution import Upscaler
from pipeline.params.loading import Settings
from pipeline.params.networks import AdamTraining
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.tasks.super_resolution import networks
from pipeline.trained import Recipe, Run
from pipeline.training import Task, adam


class Upscaling(Task):
    """``reconstruction * mean |SR - HR|`` in grey levels, as FAKD's (1 - alpha) L1; with a teacher, each method's loss.

    The teacher sees the same patches, in the same position, and is asked in every step: of eight positions a patch none
    could be stored.
    """

    def __init__(
        self,
        network: Upscaler,
        patches: PatchArrays,
        settings: AdamTraining,
        dtype: torch.dtype,
        *,
        reconstruction: float = 1.0,
        taps: Sequence[int] = (),
        teacher: Upscaler | None = None,
        teacher_taps: Sequence[int] = (),
        methods: Mapping[str, Settings] | None = None,
    ) -> None:
        device = patches.device
        self.network = network.to(device)
        self.teacher = None if teacher is None else freeze(teacher.to(device))
        self.modules = {"network": self.network}
        self.optimisers = {"adam": adam([self.network], settings)}
        self.patches, self.samples = patches, patches.count
        self.device, self.dtype, self.reconstruction = device, dtype, reconstruction
        self.lessons = Lessons(methods or {})
        self.taps, self.teacher_taps = (taps, teacher_taps) if "features" in self.lessons.needs else ((), ())

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        small, large = self.patches.batch(rows, rng, together.share(len(rows)))
        small = small.contiguous(memory_format=torch.channels_last)
        inside = self._look_inside(self.network, small, self.taps)
        terms = {}
        if self.reconstruction:
            terms["reconstruction"] = self.reconstruction * functional.l1_loss(inside.output, large)
        asked = [] if self.teacher is None else [lambda needs: self._ask(small)]
        yield "adam", terms | self.lessons.losses(inside, asked, self.epoch)

    def _look_inside(self, network: Upscaler, small: Tensor, taps: Sequence[int]) -> Knowledge:
        with autocast(self.device, self.dtype):
            return Knowledge(**network.look_inside(small, taps)._asdict())

    @torch.no_grad()
    def _ask(self, small: Tensor) -> Knowledge:
        return self._look_inside(self.teacher, small, self.teacher_taps)


@dataclass(kw_only=True)
class UpscalerRecipe(Recipe):
    """The training of a network that enlarges; ``teacher`` is the checkpoint that ``methods`` learn from, if any."""

    patches: Path  # the folder with lr.npy and hr.npy
    network: SuperResolutionNetwork
    training: AdamTraining
    reconstruction: float = 1.0
    taps: Sequence[int] = ()
    teacher: Path | None = None
    teacher_taps: Sequence[int] = ()
    methods: Mapping[str, Settings] = field(default_factory=dict)
    trained: networks.Trained = field(init=False)

    def reads(self) -> list[Path]:
        return [self.patches, *([self.teacher] if self.teacher else [])]

    def settings(self) -> dict[str, Any]:
        return {
            "network": self.network.model_dump(),
            "training": self.training.model_dump(),
            "reconstruction": self.reconstruction,
            "taps": list(self.taps),
            "teacher_taps": list(self.teacher_taps),
            "distill": {name: settings.model_dump() for name, settings in self.methods.items()},
        }

    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        """Raises InputError where the teacher was made for other pictures."""
        arrays = PatchArrays(self.patches, device)
        self.trained = networks.build(self.network, scale=arrays.scale, channels=arrays.channels, seed=self.seed)
        task = Upscaling(
            self.trained.network, arrays, self.training, dtype,
            reconstruction=self.reconstruction, taps=self.taps, teacher=self._teacher(arrays),
            teacher_taps=self.teacher_taps, methods=self.methods,
        )  # fmt: skip
        yield Run(task, self.training, self.seed)

    def _teacher(self, arrays: PatchArrays) -> Upscaler | None:
        if self.teacher is None:
            return None
        teacher = networks.load(self.teacher)
        made_for, expected = (teacher.card["scale"], teacher.card["channels"]), (arrays.scale, arrays.channels)
        if made_for != expected:
            raise InputError(
                f"{self.teacher}: scale and channels {made_for}, expected {expected}, as {self.patches} has"
            )
        return teacher.network
