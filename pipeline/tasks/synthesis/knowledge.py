"""What teachers know of a batch of photos and sketches, and how the students take it over."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import InputError
from pipeline.models.adaptors import Adaptors
from pipeline.models.freezing import freeze
from pipeline.models.translator import Inside
from pipeline.models.vgg import VGG
from pipeline.models.vgg19 import VGG19
from pipeline.tasks.synthesis.losses import direction, knowledge_transfer

Teacher = VGG | VGG19
Directions = dict[int, Tensor]  # by tap, (B, C, H, W)
# Which domain's knowledge a student's encoder and decoder take over: what goes in, and what comes out.
SIDES = {
    "photo_to_sketch": {"encoder": "photo", "decoder": "sketch"},
    "sketch_to_photo": {"encoder": "sketch", "decoder": "photo"},
}


class Teachers:
    """A teacher of photos and a teacher of sketches (KT), or a single network as both (KD); never changed."""

    def __init__(self, photo: Teacher, sketch: Teacher, device: torch.device) -> None:
        self.photo, self.sketch = freeze(photo.to(device)), freeze(sketch.to(device))

    @torch.no_grad()
    def ask(self, photos: Tensor, sketches: Tensor, taps: Sequence[int]) -> dict[str, Directions]:
        """Pictures (B, C, S, S) in 0..1 -> "photo" and "sketch": the directions of the stages ``taps``."""
        stages = max(taps)
        photo = self.photo.features(photos, stages)
        sketch = self.sketch.features(sketches, stages)
        return {
            domain: {tap: direction(features[tap - 1]) for tap in taps}
            for domain, features in (("photo", photo), ("sketch", sketch))
        }

    def check(self, photo_channels: int, sketch_channels: int) -> None:
        """Raise InputError where a teacher takes neither such pictures nor grey pictures repeated in three channels."""
        for domain, channels in (("photo", photo_channels), ("sketch", sketch_channels)):
            if channels not in (1, expected := getattr(self, domain).channels):
                raise InputError(f"{domain} teacher: found {channels} channels, expected {expected}, or grey")


def adaptors(teachers: Teachers, widths: Sequence[int], taps: Sequence[int]) -> Adaptors:
    """An adaptor for each student, side and tap; ``widths`` are the students', level by level from the finest."""
    return Adaptors(
        {
            f"{student}-{side}-{tap}": (widths[tap - 1], getattr(teachers, domain).widths[tap - 1])
            for student, sides in SIDES.items()
            for side, domain in sides.items()
            for tap in taps
        }
    )


def transfer_to(student: str, inside: Inside, known: dict[str, Directions], adapt: Adaptors) -> Tensor:
    """What teachers know of the true photo and sketch, taken over by a student's encoder and decoder -> scalar."""
    terms = []
    for side, domain in SIDES[student].items():
        levels = inside.encoder if side == "encoder" else inside.decoder[::-1]
        made = {tap: levels[tap - 1] for tap in known[domain]}

        def adapted(tap: int, features: Tensor, side: str = side) -> Tensor:
            return adapt(f"{student}-{side}-{tap}", features)

        terms.append(knowledge_transfer(made, known[domain], adapted))
    return torch.stack(terms).sum()
