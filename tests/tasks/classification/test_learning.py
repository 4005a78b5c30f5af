"""Each way to learn classes, on toy pictures that can be told apart: who changes, who does not, resuming, costs."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.checkpoints import load_tensors
from pipeline.data.class_batches import ClassBatches, normalise
from pipeline.errors import InputError
from pipeline.metrics.efficiency import multiply_adds
from pipeline.params.classes import Pictures
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.loading import validate
from pipeline.params.networks import Schedule, Training
from pipeline.randomness import generator
from pipeline.tasks.classification import networks
from pipeline.tasks.classification.distillation import Distilled
from pipeline.tasks.classification.feedback import ForwardAndFeedback
from pipeline.tasks.classification.learning import ClassifierRecipe
from pipeline.tasks.classification.mutual import MutualLearning
from pipeline.tasks.classification.params.group import Augmentation
from pipeline.tasks.classification.params.learning import Feedback, Learning, Mutual
from pipeline.tasks.classification.supervised import Classes, asked, knowledge
from pipeline.trained import train_and_save
from pipeline.training import Interrupted

CPU, F32 = torch.device("cpu"), torch.float32
CLASSES, SIDE, COUNT = 3, 8, 48
SHOWN = Pictures(mean=[0.5], std=[0.25], padding=1)
SMALL = {"architecture": "cifar_resnet", "depth": 8, "stem_width": 8, "widths": [8, 8, 16]}
LARGE = {"architecture": "wide_resnet", "depth": 10, "width": 1}
TEACHER = "teacher/model.safetensors"


def training(**changes) -> Training:
    values = {"epochs": 4, "batch_size": 8, "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
    values |= {"nesterov": False, "gradient_clip": 0.0, "precision": "float32"}
    values |= {"schedule": Schedule(kind="steps", milestones=[3])}
    return Training(**values | changes)


TWICE = training(epochs=2, schedule=Schedule(kind="steps")).model_dump()
LESSONS = {
    "supervised": {"kind": "supervised"},
    "kd": {"kind": "distillation", "cross_entropy": 0.1, "distill": {"logit": {"weight": 0.9, "temperature": 4.0}}},
    "all": {
        "kind": "distillation",
        "distill": {
            "at": {"weight": 10.0},
            "sp_features": {"weight": 1.0},
            "rkd": {"weight": 0.02, "distance": 25.0, "angle": 50.0},
            "dkd": {"weight": 1.0, "temperature": 4.0, "beta": 2.0, "warmup_epochs": 3},
            "fitnet": {"weight": 0.1},
            "crd": {"weight": 0.05, "negatives": 16, "width": 8},
        },
    },
    "dml": {"kind": "mutual", "students": 2},
    "dml_teacher": {"kind": "mutual", "students": 1, "with_teacher": True},
    "one": {"kind": "native_ensemble", "branches": 2, "ramp_epochs": 2},
    "ffkd": {"kind": "feedback", "students": 2, "forward_training": TWICE, "feedback_training": TWICE},
    "frozen": {"kind": "feedback", "feedback": "none", "forward_training": TWICE, "feedback_training": TWICE},
    "constant": {
        "kind": "feedback",
        "weighting": "constant",
        "forward_training": TWICE,
        "feedback_training": TWICE,
    },
}


def data():
    """Noisy pictures; their class is how bright they are."""
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) % CLASSES
    pictures = rng.integers(0, 40, (COUNT, SIDE, SIDE, 1))
    for picture, label in zip(pictures, labels, strict=True):
        picture += 90 * label
    return pictures.astype(np.uint8), labels


def batches():
    return ClassBatches(*data(), CLASSES, SHOWN, CPU, "toy")


def build(settings=SMALL, seed=0):
    options = {"image_size": SIDE, "channels": 1, "classes": CLASSES, "pictures": SHOWN}
    return networks.build(validate(ClassifierNetwork, settings, "network"), **options, seed=seed)


def learn(name, folder, *, network=SMALL, others=(), lesson=None, **more):
    recipe = ClassifierRecipe(
        name=name,
        seed=1,
        data=Path("images"),
        augmentation=Augmentation(padding=SHOWN.padding, flip=SHOWN.flip),
        model=folder / "model.safetensors",
        losses=folder / "losses.csv",
        network=validate(ClassifierNetwork, network, "network"),
        training=training(),
        learning=validate(Learning, lesson or LESSONS[name], "learning"),
        **more,
    )
    train_and_save(recipe)
    for other in others:
        recipe.networks[other].save(folder / f"{other}.safetensors", {})


def prepare(folder):
    """The toy pictures as a prepared set: all are to learn from, and the first is the test part too."""
    folder.mkdir()
    pictures, labels = data()
    np.save(folder / "images.npy", np.concatenate([pictures, pictures[:1]]))
    index = pd.DataFrame({"image": range(COUNT + 1), "label": [*labels, labels[0]], "part": "train"})
    index["file"] = [f"f{n}" for n in index["image"]]
    index.loc[COUNT, "part"] = "test"
    index.to_csv(folder / "index.csv", index=False)
    pd.DataFrame({"label": range(CLASSES), "name": list("abc")}).to_csv(folder / "classes.csv", index=False)
    notes = {"name": "toys", "rendered": False, "mean": SHOWN.mean, "std": SHOWN.std, "per_class": {}, "as_given": True}
    (folder / "notes.json").write_text(json.dumps(notes | {"images": {"train": COUNT, "test": 1}}))


def accuracy(path):
    """With the statistics of these pictures: running means need more steps than a test has."""
    pictures, labels = data()
    logits = networks.load(path).network.train()(normalise(torch.from_numpy(pictures), SHOWN))
    return (logits.argmax(dim=1).numpy() == labels).mean()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the toy pictures and a teacher who knows them."""
    folder = tmp_path_factory.mktemp("classes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PIPELINE_SAVE_SECONDS", "1000")
        prepare(Path("images"))
        learn("supervised", folder / "teacher", network=LARGE)
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "1000")
    return place


OTHERS = {
    "dml": ["student_2"], "dml_teacher": ["teacher"], "one": ["ensemble"], "ffkd": ["student_2", "teacher"],
    "frozen": ["teacher"], "constant": ["teacher"],
}  # fmt: skip


@pytest.mark.parametrize("name", LESSONS)
def test_every_way_learns_what_can_be_told_apart(name, here):
    folder = here / name
    before = (here / TEACHER).read_bytes()
    learn(name, folder, others=OTHERS.get(name, []), teacher=here / TEACHER)
    assert (here / TEACHER).read_bytes() == before
    for network in ("model", *OTHERS.get(name, [])):
        assert accuracy(folder / f"{network}.safetensors") > 0.9, network
    log = pd.read_csv(folder / "losses.csv")
    assert len(log) == 4 and np.isfinite(log["total"]).all()
    terms = log.drop(columns=["stage", "epoch", "learning_rate", "total", *(c for c in log if c.startswith("weight_"))])
    np.testing.assert_allclose(terms.sum(axis=1), log["total"], rtol=1e-9)
    about = json.loads((folder / "model.json").read_text())["provenance"]
    assert [part["steps"] for part in about["work"]] == ([12, 12] if "forward_training" in LESSONS[name] else [24])
    assert not (here / ".resume").exists()


def test_teachers_change_by_feedback_and_among_peers_alone(here):
    changed = {}
    for name in ("ffkd", "dml_teacher", "constant", "frozen"):
        if not (here / name).exists():
            learn(name, here / name, others=OTHERS[name], teacher=here / TEACHER)
        changed[name] = (here / name / "teacher.safetensors").read_bytes() != (here / TEACHER).read_bytes()
    assert changed == {"ffkd": True, "dml_teacher": True, "constant": True, "frozen": False}
    log = pd.read_csv(here / "ffkd/losses.csv").set_index("stage")
    assert log.loc["forward", "teacher_feedback"].isna().all() and log.loc["feedback", "teacher_feedback"].notna().all()
    spread = log.loc["feedback", ["weight_p10", "weight_p50", "weight_p90"]].to_numpy()
    assert (np.diff(spread, axis=1) >= 0).all() and (spread > 0).all() and (spread <= 1).all() and spread.std() > 0
    constant = pd.read_csv(here / "constant/losses.csv").set_index("stage").loc["feedback"]
    assert (constant[["weight_mean", "weight_p10", "weight_p50", "weight_p90"]] == 1).all(axis=None)


def test_the_first_stage_may_be_left_out(here, tmp_path):
    lesson = LESSONS["ffkd"] | {"students": 1, "forward_training": None}
    learn("alone", tmp_path, lesson=lesson, teacher=here / TEACHER)
    assert pd.read_csv(tmp_path / "losses.csv")["stage"].tolist() == ["feedback"] * 2


class Stopping:
    """Counts the steps of all tasks of a kind; after ``at`` of them it stops the process, as a user would."""

    def __init__(self, monkeypatch, kind, at=None):
        self.steps, step = 0, kind.step

        def stopping(task, rows, rng):
            yield from step(task, rows, rng)
            self.steps += 1
            if self.steps == at:
                signal.raise_signal(signal.SIGTERM)

        monkeypatch.setattr(kind, "step", stopping)


@pytest.mark.parametrize(
    ("name", "kind", "at"),
    [
        ("all", Distilled, 9),
        ("dml", MutualLearning, 4),
        ("ffkd", ForwardAndFeedback, 4),
        ("ffkd", ForwardAndFeedback, 16),
    ],
)
def test_an_interrupted_training_ends_with_the_same_bytes(name, kind, at, here, tmp_path, monkeypatch):
    if not (here / name).exists():
        learn(name, here / name, others=OTHERS.get(name, []), teacher=here / TEACHER)
    with monkeypatch.context() as patch:
        Stopping(patch, kind, at)
        with pytest.raises(Interrupted):
            learn(name, tmp_path, others=OTHERS.get(name, []), teacher=here / TEACHER)
        assert not (tmp_path / "model.safetensors").exists()
    rest = Stopping(monkeypatch, kind)
    learn(name, tmp_path, others=OTHERS.get(name, []), teacher=here / TEACHER)
    assert rest.steps == 24 - at, "nothing is done twice, whole stages neither"
    for file in ["model.safetensors", "losses.csv", *(f"{other}.safetensors" for other in OTHERS.get(name, []))]:
        assert (tmp_path / file).read_bytes() == (here / name / file).read_bytes(), file


def run_a_step(task, rows=None):
    """A step as the loop runs it; the losses by optimiser."""
    rows = torch.arange(16) if rows is None else rows
    found = {}
    for name, losses in task.step(rows, generator("a step")):
        task.optimisers[name].zero_grad()
        sum(losses.values()).backward()
        task.optimisers[name].param_groups[0]["lr"] = 0.05
        task.optimisers[name].step()
        found[name] = {term: value.item() for term, value in losses.items()}
    return found


def weights_of(network):
    return torch.cat([value.flatten().double() for value in network.state_dict().values()])


def test_who_is_asked_is_in_evaluation_mode_and_stays_as_it_was():
    network, pictures = build().network.train(), torch.randn(4, 1, SIDE, SIDE)
    before = weights_of(network)
    found = asked(network, pictures, F32)
    assert network.training and torch.equal(weights_of(network), before) and not found.logits.requires_grad
    assert torch.equal(found.logits, network.eval()(pictures))
    asked(network, pictures, F32)
    assert not network.training


def test_a_student_learns_labels_and_lessons_at_their_weights():
    shown, labels = batches().batch(torch.arange(16), generator("a step"))
    student, teacher = build().network, build(LARGE, 5).network.eval()
    methods = validate(Learning, LESSONS["kd"], "learning").distill
    task = Distilled(student, batches(), training(), F32, teacher=teacher, methods=methods, cross_entropy=0.1, seed=0)
    log_s, log_t = student(shown).log_softmax(1), teacher(shown)
    soft_s, soft_t = (student(shown) / 4).log_softmax(1), (log_t / 4).log_softmax(1)
    expected = {
        "cross_entropy": 0.1 * -log_s[torch.arange(16), labels].mean().item(),
        "logit": 0.9 * 16 * (soft_t.exp() * (soft_t - soft_s)).sum(1).mean().item(),
    }
    before = weights_of(teacher)
    assert run_a_step(task)["sgd"] == pytest.approx(expected, rel=1e-4)
    assert torch.equal(weights_of(teacher), before) and not teacher.training
    alone = Distilled(student, batches(), training(), F32, teacher=teacher, methods=methods, cross_entropy=0.0, seed=0)
    assert set(run_a_step(alone)["sgd"]) == {"logit"}


def test_the_weight_of_a_method_follows_the_time():
    methods = validate(Learning, LESSONS["all"], "learning").distill
    found = []
    for epoch in (0.0, 2.5):
        options = {"teacher": build(LARGE, 5).network, "methods": methods, "cross_entropy": 1.0, "seed": 0}
        task = Distilled(build().network, batches(), training(), F32, **options)
        task.at(epoch)
        found.append(run_a_step(task)["sgd"])
    assert found[1]["dkd"] == pytest.approx(3 * found[0]["dkd"]) and found[1]["at"] == found[0]["at"]


def test_parts_of_methods_learn_with_the_student_and_are_in_no_checkpoint(here):
    methods = validate(Learning, LESSONS["all"], "learning").distill
    options = {"teacher": build(LARGE, 5).network, "methods": methods, "cross_entropy": 1.0, "seed": 0}
    task = Distilled(build().network, batches(), training(), F32, **options)
    assert set(task.modules) == {"network", "parts_fitnet", "parts_crd"}
    before = {name: weights_of(part) for name, part in task.modules.items()}
    memory = task.modules["parts_crd"].student_memory.clone()
    run_a_step(task, torch.arange(20, 36))
    assert not any(torch.equal(weights_of(part), before[name]) for name, part in task.modules.items())
    moved = (task.modules["parts_crd"].student_memory != memory).any(dim=1)
    assert moved.nonzero().flatten().tolist() == list(range(20, 36)), "the memories of the samples of the batch"
    if not (here / "all").exists():
        learn("all", here / "all", teacher=here / TEACHER)
    tensors, _ = load_tensors(here / "all/model.safetensors")
    assert {f"network.{name}" for name in build().network.state_dict()} == set(tensors)


def feedback_task(*, teaches_only=False, students=2, **changes):
    lesson = {"kind": "feedback", "students": students, "forward_training": None, "feedback_training": TWICE}
    options = validate(Feedback, lesson | changes, "learning")
    pupils = {f"student_{n}": build(seed=n).network for n in range(1, students + 1)}
    teacher = build(LARGE, 5).network
    return ForwardAndFeedback(teacher, pupils, batches(), options, training(), F32, teaches_only=teaches_only)


def test_in_stage_one_only_students_learn():
    task = feedback_task(teaches_only=True)
    before = weights_of(task.teacher)
    start = [weights_of(student) for student in task.students.values()]
    found = run_a_step(task)
    assert set(found) == {"student_1", "student_2"} == set(task.modules) == set(task.optimisers)
    assert torch.equal(weights_of(task.teacher), before) and not task.teacher.training
    assert not any(torch.equal(weights_of(s), old) for s, old in zip(task.students.values(), start, strict=True))
    assert task.diagnostics() == {}


@pytest.mark.parametrize("understood", ["up", "down"])
def test_feedback_is_what_the_students_say_after_they_have_learned(understood):
    changes = {"understood": understood, "beta": 0.7, "feedback_temperature": 2.0, "tolerance": 0.05}
    task = feedback_task(**changes)
    shown, labels = batches().batch(torch.arange(16), generator("a step"))
    taught = asked(task.teacher, shown, F32).logits
    steps = task.step(torch.arange(16), generator("a step"))
    for name in ("student_1", "student_2"):
        optimiser, losses = next(steps)
        assert optimiser == name and task.students[name].training and not task.teacher.training
        own = knowledge(task.students[name], shown, F32).logits
        soft_t, soft_s = (taught / 4).log_softmax(1), (own / 4).log_softmax(1)
        expected = 16 * (soft_t.exp() * (soft_t - soft_s)).sum(1).mean()
        torch.testing.assert_close(losses[f"{name}_forward"], expected, rtol=1e-4, atol=1e-6)
        sum(losses.values()).backward()
        task.optimisers[name].step()
    task.teacher.train()
    said = [asked(student, shown, F32).logits for student in task.students.values()]
    optimiser, losses = next(steps)
    assert optimiser == "teacher" and task.teacher.training
    own = knowledge(task.teacher, shown, F32).logits
    terms, raw = [], []
    for logits in said:
        log_s, log_t, log_own = ((of.double() / 2).log_softmax(1) for of in (logits, taught, own))
        of_understanding = torch.exp(-(log_t.exp() * (log_t - log_s)).sum(1) / 0.05)
        weights = of_understanding if understood == "up" else 1 - of_understanding
        raw.append(weights)
        terms.append(4 * (weights / weights.mean() * (log_s.exp() * (log_s - log_own)).sum(1)).mean())
    assert losses["teacher_feedback"].item() == pytest.approx(0.7 * sum(terms).item() / 2, rel=1e-3)
    task.seen.values[20:] = math.nan
    torch.testing.assert_close(task.seen.values[:16].double(), torch.stack(raw, dim=1), rtol=1e-3, atol=1e-5)
    assert task.diagnostics()["weight_mean"] == pytest.approx(torch.stack(raw).mean().item(), rel=1e-3)
    # no gradient reaches the students by the teacher's losses
    for student in task.students.values():
        student.zero_grad(set_to_none=True)
    sum(losses.values()).backward()
    assert all(p.grad is None for student in task.students.values() for p in student.parameters())
    assert task.optimisers["teacher"].param_groups[0]["rate_factor"] == 0.1


def test_the_controls_are_settings():
    none, constant, plain = feedback_task(beta=0.0), feedback_task(weighting="constant"), feedback_task()
    found = [run_a_step(task)["teacher"] for task in (none, constant, plain)]
    assert found[0]["teacher_feedback"] == 0 and found[0]["teacher_cross_entropy"] == found[2]["teacher_cross_entropy"]
    assert found[1]["teacher_feedback"] != found[2]["teacher_feedback"] > 0
    # One student, temperatures and weights 1, no weighting: mutual learning, whose peers stand still for each other.
    even = {"temperature": 1.0, "feedback_temperature": 1.0, "weighting": "constant", "teacher_rate": 1.0}
    alike = run_a_step(feedback_task(**even, students=1))["student_1"]
    peers = {"student_1": build(seed=1).network, "teacher": build(LARGE, 5).network.eval()}
    task = MutualLearning(peers, batches(), Mutual(kind="mutual", students=2), training(), F32)
    mutual = run_a_step(task)
    assert mutual["student_1"]["student_1_mutual"] == pytest.approx(alike["student_1_forward"], rel=1e-5)
    assert set(mutual) == {"student_1", "teacher"}


def test_work_is_told_by_every_task():
    small, large = (multiply_adds(build(of).network, (1, SIDE, SIDE)) for of in (SMALL, LARGE))
    options = {"teacher": build(LARGE).network, "methods": {}, "cross_entropy": 1.0, "seed": 0}
    distilled = Distilled(build().network, batches(), training(), F32, **options)
    found = {
        Classes(build().network, batches(), training(), F32).forwards_backwards(16): 16 * 3 * small,
        distilled.forwards_backwards(16): 16 * (3 * small + large),
        feedback_task(teaches_only=True).forwards_backwards(16): 16 * (6 * small + large),
        feedback_task().forwards_backwards(16): 16 * (8 * small + 4 * large),
    }
    assert list(found) == list(found.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"teacher": None}, "learning.kind = distillation: no teacher is given"),
        ({"lesson": {"kind": "distillation", "distill": {"fskd": {"weight": 1.0}}}}, "channel by channel"),
    ],
)
def test_what_does_not_fit_is_refused(change, message, here, tmp_path):
    options = {"teacher": here / TEACHER} | change
    with pytest.raises(InputError, match=message):
        learn("kd", tmp_path, **options)


def test_a_teacher_of_other_pictures_is_refused(here, tmp_path):
    darker = Pictures(mean=[0.1], std=[1.0])
    for change, message in (({"classes": 4}, "classes = 4, expected 3"), ({"pictures": darker}, r"mean \[0.1\]")):
        options = {"image_size": SIDE, "channels": 1, "classes": CLASSES, "pictures": SHOWN} | change
        other = networks.build(validate(ClassifierNetwork, LARGE, "network"), **options, seed=0)
        other.save(tmp_path / "other.safetensors", {})
        with pytest.raises(InputError, match=f"other.safetensors: .*{message}"):
            learn("kd", tmp_path, teacher=tmp_path / "other.safetensors")
