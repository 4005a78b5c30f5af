"""Whether a training by adversaries went wrong: sound runs and each thing that can go wrong, made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.tasks.synthesis.health import symptoms, variety


def log(epochs=9, **columns):
    terms = [f"photo_to_sketch_{term}" for term in ("reconstruction", "real", "made")]
    table = pd.DataFrame({"total": np.ones(epochs)} | {name: np.full(epochs, 0.1) for name in terms})
    return table.assign(**columns)


def looks(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)


def test_variety_is_the_root_mean_square_over_all_pairs():
    pictures = looks().astype(float)
    squares = [((pictures[i] - pictures[j]) ** 2).mean() for i in range(6) for j in range(6) if i != j]
    assert variety(pictures) == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-12)


def test_a_sound_run_has_no_symptoms():
    targets = looks()
    near = np.clip(targets.astype(int) + 20, 0, 255).astype(np.uint8)
    assert symptoms(log(), "photo_to_sketch", near, targets, control=near) == []
    falling = log(photo_to_sketch_reconstruction=np.linspace(1, 0.1, 9))
    # won in the middle of the run, but not for the last third of it
    judged = log(photo_to_sketch_real=np.r_[np.zeros(8), 0.1], photo_to_sketch_made=0.0)
    other = log(sketch_to_photo_reconstruction=np.linspace(0.1, 1, 9), sketch_to_photo_real=np.nan)
    plain = log()[["total", "photo_to_sketch_reconstruction"]]
    for table in (falling, judged, other, plain):
        assert symptoms(table, "photo_to_sketch", near, targets) == []
    assert symptoms(plain, "photo_to_sketch", np.repeat(looks()[:1], 6, 0), np.repeat(looks()[:1], 6, 0)) == []


def test_each_symptom_is_found_and_said_in_words():
    targets = looks()
    mean = targets.mean(axis=0, keepdims=True)
    alike = (mean + 0.1 * (targets - mean)).round().astype(np.uint8)
    (symptom,) = symptoms(log(), "photo_to_sketch", alike, targets)
    assert "nearly alike: they differ 10% as much" in symptom and "less than 25%" in symptom
    losing = [np.r_[np.full(6, 0.1), np.full(3, last)] for last in (0.0, 0.005)]
    won = log(photo_to_sketch_real=losing[0], photo_to_sketch_made=losing[1])
    (symptom,) = symptoms(won, "photo_to_sketch", targets, targets)
    assert "discriminator's loss stayed below 0.01 for the last 3 epochs" in symptom
    adrift = log(photo_to_sketch_reconstruction=[0.5, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3])
    (symptom,) = symptoms(adrift, "photo_to_sketch", targets, targets)
    assert "rose to 3.0 times that of epoch 3" in symptom
    control = np.clip(targets.astype(int) + 5, 0, 255).astype(np.uint8)
    (symptom,) = symptoms(log(), "photo_to_sketch", looks(1), targets, control)
    assert "times that of the network that learned by reconstruction alone" in symptom
    assert float(symptom.split(" times")[0].split()[-1]) > 10
    (symptom,) = symptoms(log(), "photo_to_sketch", control, targets, targets)
    assert "is more, against zero, that of" in symptom
    (symptom,) = symptoms(log(photo_to_sketch_made=[0.1] * 8 + [np.nan]), "photo_to_sketch", targets, targets)
    assert "photo_to_sketch_made is not a finite number" in symptom
    (symptom,) = symptoms(log(), "photo_to_sketch", np.full(targets.shape, np.nan), targets)
    assert "not finite numbers" in symptom
