"""Learning to enlarge: the distance to the original, and what a teacher makes of the same small picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from pipeline import distill, together
from pipeline.data.patch_batches import PatchArrays
from pipeline.device import autocast
from pipeline.models.freezing import freeze
from pipeline.models.super_resolution import Upscaler
from pipeline.params.networks import AdamTraining
from pipeline.training import adam


class Upscaling:
    """A task for pipeline.training: ``reconstruction * mean |SR - HR|`` in grey levels, as FAKD's (1 - alpha) L1.

    With a teacher, ``weight * method.loss(student, teacher)`` more for each method; it sees the same patches, in the
    same position, and is asked in every step: of eight positions a patch none could be stored.
    """

    def __init__(
        self,
        network: Upscaler,
        patches: PatchArrays,
        settings: AdamTraining,
        device: torch.device,
        dtype: torch.dtype,
        *,
        reconstruction: float = 1.0,
        taps: Sequence[int] = (),
        teacher: Upscaler | None = None,
        teacher_taps: Sequence[int] = (),
        methods: dict[str, Any] | None = None,
    ) -> None:
        self.network = network.to(device)
        self.teacher = None if teacher is None else freeze(teacher.to(device))
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimisers: dict[str, Optimizer] = {"adam": adam([self.network], settings)}
        self.patches, self.samples = patches, patches.count
        self.device, self.dtype, self.reconstruction = device, dtype, reconstruction
        self.methods = {name: (distill.method(name), settings) for name, settings in (methods or {}).items()}
        needs = {need for module, _ in self.methods.values() for need in module.NEEDS}
        self.taps, self.teacher_taps = (taps, teacher_taps) if "features" in needs else ((), ())

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """See pipeline.training.Task."""
        small, large = self.patches.batch(rows, rng, together.share(len(rows)))
        small = small.contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.dtype):
            inside = self.network.look_inside(small, self.taps)
        terms = {}
        if self.reconstruction:
            terms["reconstruction"] = self.reconstruction * functional.l1_loss(inside.output, large)
        if self.methods:
            student = distill.Knowledge(**inside._asdict())
            known = self._ask(small)
            for name, (module, settings) in self.methods.items():
                seen = together.seen(module, student), together.seen(module, known)
                terms[name] = settings.weight * module.loss(*seen, settings)
        yield "adam", terms

    @torch.no_grad()
    def _ask(self, small: Tensor) -> distill.Knowledge:
        with autocast(self.device, self.dtype):
            return distill.Knowledge(**self.teacher.look_inside(small, self.teacher_taps)._asdict())
