"""From paths and settings to trained networks on disk: teachers that know faces, and the two students."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.data import sketch_pairs
from pipeline.data.arrays import open_faces
from pipeline.device import select_device, select_dtype
from pipeline.errors import InputError
from pipeline.files import write_csv
from pipeline.params.losses import Margin
from pipeline.params.networks import AdamTraining, Training
from pipeline.provenance import provenance
from pipeline.resume import ResumeFile, fingerprint
from pipeline.tasks.recognition.faces import training_faces
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.adopting import load_teacher
from pipeline.tasks.synthesis.knowledge import Teachers
from pipeline.tasks.synthesis.learning import Translation
from pipeline.tasks.synthesis.pairs import Pictures
from pipeline.tasks.synthesis.params.group import ASKED, Domain
from pipeline.tasks.synthesis.params.teachers import VGG
from pipeline.tasks.synthesis.params.translators import PatchDiscriminator, Translator
from pipeline.tasks.synthesis.params.variants import Augmentation, SynthesisVariant
from pipeline.tasks.synthesis.teaching import FaceIdentities
from pipeline.training import train


def train_teacher(
    *,
    domain: Domain,
    seed: int,
    faces: Path,
    drawings: Path,
    index: Path,
    model: Path,
    losses: Path,
    network: VGG,
    margin: Margin,
    training: Training,
    augmentation: Augmentation,
) -> None:
    """Train a teacher on face identities and write its weights, card and losses; resumes what was interrupted."""
    device = select_device()
    dtype = select_dtype(device, training.precision)
    made_with = provenance(device, dtype)
    people, photos = training_faces(index), open_faces(faces)
    if len(photos) != people.indexed:
        raise InputError(f"{index}: {people.indexed} rows, expected {len(photos)}, one a face of {faces}")
    arrays = {"photos": photos}
    if domain != "photos":
        arrays["drawings"] = open_faces(drawings)
    try:
        taught = networks.build_teacher(
            network, margin, domain=domain, image_size=photos.shape[1], channels=photos.shape[3],
            identities=len(people.identities), seed=seed,
        )  # fmt: skip
    except ValueError as error:
        raise InputError(f"synthesis.teacher.network.{error}") from None
    settings = {
        "network": network.model_dump(),
        "margin": margin.model_dump(),
        "training": training.model_dump(),
        "augmentation": augmentation.model_dump(),
    }
    inputs = [faces, index, *([] if domain == "photos" else [drawings])]
    resume = ResumeFile(model, [domain, seed, settings, made_with, fingerprint(inputs)])
    task = FaceIdentities(
        taught, Pictures(device, **arrays), people.labels.numpy(), training, augmentation, device, dtype,
        chosen=people.faces.numpy(),
    )  # fmt: skip
    history = train(task, training, seed=seed, device=device, resume=resume, label=f"teacher, {domain}, seed {seed}")
    write_csv(losses, pd.DataFrame(history))
    networks.save_teacher(taught, model, made_with | {"name": f"teacher, {domain}"} | settings)
    resume.clear()


def train_students(
    *,
    name: str,
    seed: int,
    pairs: Path,
    model: Path,
    losses: Path,
    variant: SynthesisVariant,
    network: Translator,
    discriminator: PatchDiscriminator,
    training: AdamTraining,
    augmentation: Augmentation,
    teachers: Path | None = None,
) -> None:
    """Train both students on the pairs in a folder and write weights, card and losses; resumes what was interrupted.

    ``teachers`` holds one folder per domain, of which the variant names those that it asks.
    """
    device = select_device()
    dtype = select_dtype(device, training.precision)
    made_with = provenance(device, dtype)
    loaded = sketch_pairs.load(pairs)
    asked = (
        []
        if variant.teachers is None
        else [teachers / domain / "model.safetensors" for domain in ASKED[variant.teachers]]
    )
    known = Teachers(*(load_teacher(path) for path in asked), device) if asked else None
    settings = {
        "variant": variant.model_dump(),
        "network": network.model_dump(),
        "discriminator": discriminator.model_dump() if variant.adversarial else None,
        "training": training.model_dump(),
        "augmentation": augmentation.model_dump(),
    }
    resume = ResumeFile(model, [name, seed, settings, made_with, fingerprint([pairs, *asked])])
    students = networks.build(
        network, image_size=loaded.photos.shape[1], photo_channels=loaded.photos.shape[3], sketch_channels=1, seed=seed
    )
    task = Translation(
        students, Pictures(device, photos=loaded.photos, sketches=loaded.sketches), variant, training, augmentation,
        device, dtype, chosen=loaded.rows("train"), teachers=known, discriminator=discriminator, seed=seed,
    )  # fmt: skip
    history = train(task, training, seed=seed, device=device, resume=resume, label=f"{name}, seed {seed}")
    write_csv(losses, pd.DataFrame(history))
    networks.save(students, model, made_with | {"name": name} | settings)
    resume.clear()
