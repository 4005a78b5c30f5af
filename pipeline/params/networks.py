"""How networks are trained, and the kinds of numbers that settings of networks have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.params.loading import Settings

Positive = Annotated[float, Field(gt=0, le=1e30)]  # float32 ends not far above
Fraction = Annotated[float, Field(ge=0, lt=1)]
Embedding = Annotated[int, Field(ge=2, le=8192)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=8192)]
Precision = Literal["auto", "bf16", "float32"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _each_once(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"found {seeds}, expected each seed once")
    return seeds


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_each_once)]


class Schedule(Settings):
    """Learning rate over the run: linear warm-up, then cosine to zero or drops at milestones."""

    kind: Literal["cosine", "steps"]
    warmup_epochs: Annotated[float, Field(ge=0)] = 0
    milestones: list[Count] = []  # epochs at which the rate drops (steps only)
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1  # by which it drops

    @model_validator(mode="after")
    def _milestones_fit(self) -> Schedule:
        if self.kind == "cosine" and self.milestones:
            raise ValueError(f"milestones = {self.milestones}: expected none with kind = cosine")
        if self.milestones != sorted(set(self.milestones)):
            raise ValueError(f"milestones = {self.milestones}: expected growing epochs")
        return self


class Loop(Settings):
    """One run of the loop (pipeline.training), with any optimiser."""

    epochs: Count
    batch_size: Annotated[int, Field(ge=2, le=1_000_000)]
    learning_rate: Positive
    schedule: Schedule
    gradient_clip: Annotated[float, Field(ge=0)]  # largest norm of the gradient, 0: no limit
    precision: Precision  # auto: bf16 where the processor or GPU has it

    @model_validator(mode="after")
    def _schedule_fits(self) -> Loop:
        late = [epoch for epoch in self.schedule.milestones if epoch >= self.epochs]
        if late:
            raise ValueError(f"schedule.milestones = {late}: expected below epochs = {self.epochs}")
        if self.schedule.warmup_epochs > self.epochs:
            raise ValueError(
                f"schedule.warmup_epochs = {self.schedule.warmup_epochs}: expected at most epochs = {self.epochs}"
            )
        return self


class Training(Loop):
    """SGD with momentum."""

    momentum: Fraction
    weight_decay: Annotated[float, Field(ge=0, le=1e30)]
    nesterov: bool = True  # as A-SKD has it


class AdamTraining(Loop):
    """Adam (Kingma, Ba, ICLR 2015); the defaults are the paper's."""

    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
