"""Teachers of photo-sketch synthesis learn people from photos, drawings or both, and are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import InputError
from pipeline.face_losses import cosface
from pipeline.params.networks import Training
from pipeline.randomness import generator
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.pairs import Pictures, draw_places
from pipeline.tasks.synthesis.teaching import FaceIdentities
from tests.helpers.synthesis import CPU, STILL, TEACHER, arrays, run, training


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "1000")


def taught(domain, seed=0):
    loss = cosface.Settings(kind="cosface", scale=8.0, margin=0.1)
    return networks.build_teacher(TEACHER, loss, domain=domain, image_size=16, channels=3, identities=3, seed=seed)


def people():
    """Three people, four photos each: a stripe in a place of their own; drawings are the negative."""
    rng = np.random.default_rng(1)
    photos = rng.integers(100, 140, (12, 16, 16, 3), dtype=np.uint8)
    for number in range(12):
        photos[number, 5 * (number % 3) : 5 * (number % 3) + 4] = 250
    return Pictures(CPU, photos=photos, drawings=255 - photos[..., 0]), np.arange(12) % 3


@pytest.mark.parametrize("domain", ["photos", "drawings", "both"])
def test_a_teacher_learns_people_from_its_domain(domain, in_a_folder):
    settings = training(Training, epochs=6, learning_rate=0.05)
    pictures, labels = people()
    made = taught(domain)
    history = run(FaceIdentities(made, pictures, labels, settings, STILL, torch.float32), settings)
    assert history[-1]["recognition"] < 0.5 * history[0]["recognition"]
    made.network.eval()
    for name in ("photos", "drawings") if domain == "both" else (domain,):
        everyone = torch.arange(12)
        faces = pictures.draw(name, everyone, draw_places(12, 16, STILL, generator("x")))
        assert (made.head.cosines(made.network(faces)).argmax(1).numpy() == labels).mean() > 0.9


def test_a_batch_of_both_domains_is_half_photos_half_drawings():
    pictures, labels = people()
    made, seen = taught("both"), []
    learning = FaceIdentities(made, pictures, labels, training(Training), STILL, torch.float32)
    made.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    rows = torch.tensor([4, 0, 7, 2, 9])
    next(learning.step(rows, generator("x")))
    photos = torch.from_numpy(pictures.arrays["photos"][[4, 0]]).permute(0, 3, 1, 2) / 255
    drawings = torch.from_numpy(pictures.arrays["drawings"][[7, 2, 9]]).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(seen[0], torch.cat([photos, drawings.repeat(1, 3, 1, 1)]))


def test_teachers_are_saved_and_loaded_and_ill_fitting_faces_refused(tmp_path):
    made, path = taught("both", seed=2), tmp_path / "teacher.safetensors"
    made.save(path, {"name": "t"})
    again = networks.load_teacher(path)
    assert again.card["domain"] == "both" and again.card["provenance"] == {"name": "t"}
    for part in ("network", "head"):
        ours, theirs = (getattr(t, part).state_dict().values() for t in (made, again))
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    pictures, labels = people()

    def learn(pictures, labels, **options):
        return FaceIdentities(made, pictures, labels, training(Training), STILL, torch.float32, **options)

    with pytest.raises(InputError, match="drawings: nothing found, expected side 16, 3 channels, or grey"):
        learn(Pictures(CPU, photos=arrays()["photos"]), labels)
    with pytest.raises(InputError, match="photos: side 8"):
        small = arrays(12, 8)
        learn(Pictures(CPU, photos=small["photos"], drawings=small["sketches"]), labels)
    for wrong in (labels[:5], labels + 1, labels - 1):
        with pytest.raises(InputError, match=r"labels: .* expected 12 from 0 to 2"):
            learn(pictures, wrong)
    assert learn(pictures, labels[:2], chosen=[3, 4]).samples == 2
