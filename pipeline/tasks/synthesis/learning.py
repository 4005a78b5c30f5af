"""How students learn to draw a photo and to see a sketch: both in the same step, from teachers and from each other.

After KT (Zhu et al., "Face Photo-Sketch Synthesis via Knowledge Transfer", IJCAI 2019) and KD, KD+ ("Knowledge
Distillation for Face Photo-Sketch Synthesis", TNNLS 2020), whose formulas are not public; what stands here is [ours].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.data import sketch_pairs
from pipeline.device import autocast
from pipeline.errors import InputError
from pipeline.models import patch_discriminator
from pipeline.models.adversarial import discriminator_losses, generator_loss
from pipeline.models.patch_discriminator import PatchDiscriminator
from pipeline.models.translator import Inside
from pipeline.params.networks import AdamTraining
from pipeline.params.translators import PatchDiscriminator as DiscriminatorSettings
from pipeline.params.translators import Translator, check_discriminator
from pipeline.randomness import derive
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.adopting import load_teacher
from pipeline.tasks.synthesis.knowledge import Teachers, adaptors, transfer_to
from pipeline.tasks.synthesis.losses import mutual_transfer
from pipeline.tasks.synthesis.networks import DIRECTIONS, Students
from pipeline.tasks.synthesis.pairs import Pictures, draw_places, numbers_of
from pipeline.tasks.synthesis.params.group import ASKED
from pipeline.tasks.synthesis.params.variants import Augmentation, SynthesisVariant
from pipeline.trained import Recipe, Run
from pipeline.training import Task, adam

OTHER = dict(zip(DIRECTIONS, reversed(DIRECTIONS), strict=True))


class Translation(Task):
    """For photo-to-sketch, and the other way round,

    ``reconstruction * mean |S' - S|
    + transfer * sum over taps [d(a(E), phi(P)) + d(a(D), phi(S))]
    + mutual * sum over taps d(D, sg(E of the other student on S))
    + adversarial * mean (C(P, S') - 1)^2``

    with E, D the student's features, phi a teacher's, a the adaptors, d the distance of
    pipeline.tasks.synthesis.losses, C the discriminator. A term of weight 0 is not computed; all are logged by name,
    weights included. With discriminators each step first updates them, by the pictures that the students then learn
    from: what they log (``..._real``, ``..._made``, 1/8 each where they cannot tell) is in the row's total as well.
    """

    def __init__(
        self,
        students: Students,
        pictures: Pictures,
        variant: SynthesisVariant,
        settings: AdamTraining,
        augmentation: Augmentation,
        dtype: torch.dtype,
        *,
        chosen: Sequence[int] | None = None,
        teachers: Teachers | None = None,
        discriminator: DiscriminatorSettings | None = None,
        seed: int = 0,
    ) -> None:
        """``pictures`` holds "photos" and "sketches"; ``chosen`` are the pairs to learn from, by number.

        ``seed`` initialises what only learning needs. Raises InputError where pictures and students do not fit, and
        ValueError where the variant needs teachers or a discriminator that are not given.
        """
        if variant.transfer is not None and teachers is None:
            raise ValueError("the variant transfers knowledge, expected teachers")
        if variant.adversarial and discriminator is None:
            raise ValueError("the variant is adversarial, expected settings of a discriminator")
        _check_pictures(pictures, students)
        device = pictures.device
        self.students = {name: getattr(students, name).to(device) for name in DIRECTIONS}
        self.modules: dict[str, nn.Module] = dict(self.students)
        self.teachers = teachers if variant.transfer is not None else None
        if self.teachers is not None:
            self.teachers.check(pictures.channels["photos"], pictures.channels["sketches"])
            torch.manual_seed(derive(seed, "adaptors"))
            self.modules["adaptors"] = adaptors(self.teachers, students.photo_to_sketch.widths, variant.taps).to(device)
        self.optimisers = {"students": adam(list(self.modules.values()), settings)}
        self.judges: dict[str, PatchDiscriminator] = {}
        if variant.adversarial:
            check_discriminator(discriminator, pictures.side)
            torch.manual_seed(derive(seed, "discriminators"))
            for name in DIRECTIONS:
                judge = patch_discriminator.build(discriminator, sum(pictures.channels.values())).to(device)
                self.judges[name] = self.modules[f"{name}_discriminator"] = judge
            self.optimisers["discriminators"] = adam(list(self.judges.values()), settings)
        self.pictures, self.numbers = pictures, numbers_of(pictures.count, chosen, "pairs")
        self.samples = len(self.numbers)
        self.variant, self.augmentation, self.device, self.dtype = variant, augmentation, device, dtype

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        places = draw_places(len(rows), self.pictures.side, self.augmentation, rng)
        photos, sketches = (self.pictures.draw(name, self.numbers[rows], places) for name in ("photos", "sketches"))
        given = dict(zip(DIRECTIONS, (photos, sketches), strict=True))
        wanted = dict(zip(DIRECTIONS, (sketches, photos), strict=True))
        with autocast(self.device, self.dtype):
            insides = {name: student.look_inside(given[name]) for name, student in self.students.items()}
        if self.judges:
            yield "discriminators", self._judge(given, wanted, insides)
        yield "students", self._learn(given, wanted, insides)

    def _judge(
        self, given: dict[str, Tensor], wanted: dict[str, Tensor], insides: dict[str, Inside]
    ) -> dict[str, Tensor]:
        terms = {}
        for name, judge in self.judges.items():
            judge.requires_grad_(True)
            with autocast(self.device, self.dtype):
                real, made = judge(given[name], wanted[name]), judge(given[name], insides[name].output.detach())
            terms[f"{name}_real"], terms[f"{name}_made"] = discriminator_losses(real, made)
        return terms

    def _learn(
        self, given: dict[str, Tensor], wanted: dict[str, Tensor], insides: dict[str, Inside]
    ) -> dict[str, Tensor]:
        variant, terms = self.variant, {}
        with autocast(self.device, self.dtype):
            known = self.teachers and self.teachers.ask(*given.values(), variant.taps)
            for name, inside in insides.items():
                if variant.reconstruction:
                    distance = functional.l1_loss(inside.output, wanted[name])
                    terms[f"{name}_reconstruction"] = variant.reconstruction * distance
                if known:
                    taken = transfer_to(name, inside, known, self.modules["adaptors"])
                    terms[f"{name}_transfer"] = variant.transfer * taken
                if variant.mutual:
                    decoded = {tap: inside.decoded(tap) for tap in variant.taps}
                    encoded = {tap: insides[OTHER[name]].encoder[tap - 1] for tap in variant.taps}
                    terms[f"{name}_mutual"] = variant.mutual * mutual_transfer(decoded, encoded)
                if name in self.judges:
                    judge = self.judges[name].requires_grad_(False)  # it learned already; its gradients cost a third
                    seen_through = generator_loss(judge(given[name], inside.output))
                    terms[f"{name}_adversarial"] = variant.adversarial * seen_through
        return terms


@dataclass(kw_only=True)
class TranslationRecipe(Recipe):
    """The training of both students on the pairs in a folder."""

    pairs: Path
    variant: SynthesisVariant
    network: Translator
    discriminator: DiscriminatorSettings
    training: AdamTraining
    augmentation: Augmentation
    teachers: Path | None = None  # a folder with one folder per domain; the variant names the domains that it asks
    trained: Students = field(init=False)

    def reads(self) -> list[Path]:
        return [self.pairs, *self._asked()]

    def settings(self) -> dict[str, Any]:
        return {
            "variant": self.variant.model_dump(),
            "network": self.network.model_dump(),
            "discriminator": self.discriminator.model_dump() if self.variant.adversarial else None,
            "training": self.training.model_dump(),
            "augmentation": self.augmentation.model_dump(),
        }

    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        pairs = sketch_pairs.load(self.pairs)
        asked = self._asked()
        teachers = Teachers(*(load_teacher(path) for path in asked), device) if asked else None
        size, channels = pairs.photos.shape[1], pairs.photos.shape[3]
        self.trained = networks.build(
            self.network, image_size=size, photo_channels=channels, sketch_channels=1, seed=self.seed
        )
        task = Translation(
            self.trained, Pictures(device, photos=pairs.photos, sketches=pairs.sketches), self.variant, self.training,
            self.augmentation, dtype,
            chosen=pairs.rows("train"), teachers=teachers, discriminator=self.discriminator, seed=self.seed,
        )  # fmt: skip
        yield Run(task, self.training, self.seed)

    def _asked(self) -> list[Path]:
        domains = () if self.variant.teachers is None else ASKED[self.variant.teachers]
        return [self.teachers / domain / "model.safetensors" for domain in domains]


def _check_pictures(pictures: Pictures, students: Students) -> None:
    keys = ("image_size", "photo_channels", "sketch_channels")
    given = (pictures.side, *(pictures.channels[name] for name in ("photos", "sketches")))
    expected = tuple(students.card[key] for key in keys)
    if given != expected:
        raise InputError(f"pictures: size and channels of photos and sketches {given} found, expected {expected}")
