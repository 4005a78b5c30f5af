"""Architectures and how they are trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.params.loading import Settings

Positive = Annotated[float, Field(gt=0, le=1e30)]  # float32 ends not far above
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=8192)]
Precision = Literal["auto", "bf16", "float32"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _each_once(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"found {seeds}, expected each seed once")
    return seeds


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_each_once)]


class ResNeXt(Settings):
    """ResNeXt with CBAM (pipeline.models.resnext)."""

    architecture: Literal["resnext_cbam"]
    stem_width: Width
    stem_stride: Literal[1, 2]
    depths: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(min_length=1, max_length=6)]  # blocks a stage
    widths: Annotated[list[Width], Field(min_length=1, max_length=6)]  # channels a stage
    cardinality: Width
    group_widths: Annotated[list[Width], Field(min_length=1, max_length=6)]  # inner channels a group, by stage
    reduction: Count  # of CBAM's channel attention
    attention_kernel: Literal[3, 5, 7]  # of CBAM's spatial attention
    embedding: Annotated[int, Field(ge=2, le=8192)]
    dropout: Fraction

    @model_validator(mode="after")
    def _same_stages(self) -> ResNeXt:
        lengths = {name: len(getattr(self, name)) for name in ("depths", "widths", "group_widths")}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"found stages: {found}; expected the same number of each")
        return self

    @property
    def stages(self) -> int:
        """How many features look_inside gives."""
        return len(self.depths)


class MobileFaceNet(Settings):
    """A small network of another kind (pipeline.models.mobilefacenet)."""

    architecture: Literal["mobilefacenet"]
    stem_stride: Literal[1, 2]
    width: Annotated[float, Field(ge=0.125, le=4)]  # of the paper's channels
    embedding: Annotated[int, Field(ge=2, le=8192)]

    @property
    def stages(self) -> int:
        """How many features look_inside gives: the rows 3 to 7 of the paper's table."""
        return 5


Network = Annotated[ResNeXt | MobileFaceNet, Field(discriminator="architecture")]


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
        if self.schedule.warmup_epochs >= self.epochs:
            raise ValueError(f"schedule.warmup_epochs = {self.schedule.warmup_epochs}: expected below epochs")
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
