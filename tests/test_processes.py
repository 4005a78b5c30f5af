"""Several processes learn what one does, stop and resume together, and one alone writes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from pipeline import processes, together
from pipeline.__main__ import main
from pipeline.data.degradation import degrade_folder
from pipeline.data.degradations.bicubic import Settings as Bicubic
from pipeline.data.patch_batches import PatchArrays
from pipeline.data.pixels import QualityArrays
from pipeline.device import select_device
from pipeline.distill import method
from pipeline.errors import InputError
from pipeline.face_losses import arcface, center, triplet
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.models.rcan import RCAN
from pipeline.models.synchronised import synchronise
from pipeline.params.networks import AdamTraining, Training
from pipeline.resume import ResumeFile
from pipeline.tasks.recognition import knowledge, networks
from pipeline.tasks.recognition.faces import training_faces
from pipeline.tasks.recognition.learning import Identities, ShownFaces
from pipeline.tasks.recognition.student import Distilling
from pipeline.tasks.super_resolution.learning import Upscaling
from pipeline.training import Task, sgd, train
from tests.helpers.several import in_processes

CPU = torch.device("cpu")
LOOP = {"epochs": 2, "batch_size": 8, "learning_rate": 0.02, "schedule": {"kind": "cosine"}, "gradient_clip": 1.0}
TRAINING = Training(**LOOP, precision="float32", momentum=0.9, weight_decay=1e-3)
MARGIN = arcface.Settings(kind="arcface", scale=8.0, margin=0.2)


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Forty faces of five people, eight of them without a label, at x1 and x2; a teacher's answers; patches."""
    folder = tmp_path_factory.mktemp("several")
    numbers = np.random.default_rng(0)
    np.save(folder / "faces.npy", numbers.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8))
    degrade_folder(folder / "faces.npy", folder, Bicubic(method="bicubic", qualities=[1, 2]))
    names = [f"p{i % 5}" if i < 32 else "" for i in range(40)]
    splits = ["train"] * 32 + ["unlabelled"] * 8
    index = {"face": range(40), "file": [f"{i}.png" for i in range(40)], "identity": names, "split": splits}
    pd.DataFrame(index).to_csv(folder / "index.csv", index=False)
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1], CPU)
    teacher = classifier(people, MARGIN, seed=1)
    knowledge.store(teacher, arrays, people, folder / "answers", keep_maps=True, batch_size=16, dtype=torch.float32)
    return folder


def classifier(people, loss, seed):
    network = ResNeXt(
        architecture="resnext_cbam", stem_width=4, stem_stride=2, depths=[1, 1], widths=[8, 8], cardinality=2,
        group_widths=[2, 2], reduction=4, attention_kernel=3, embedding=6, dropout=0.5,
    )  # fmt: skip
    return networks.build(network, loss, image_size=16, channels=3, identities=people.identities, seed=seed)


def recognition(folder, loss, **more):
    """Qualities and mirroring are drawn, and the network has dropout: none may depend on the number of processes."""
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    task = Distilling if more else Identities
    shown = ShownFaces(arrays, people, [1, 2])
    return task(classifier(people, loss, 0), shown, TRAINING, torch.float32, **more), TRAINING


def student(folder, loss=MARGIN, unlabelled=0.0):
    """Methods that compare faces of a batch, and that do not; unlabelled faces have no recognition loss."""
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1], CPU)
    teacher = classifier(people, MARGIN, seed=1)
    known = knowledge.TeacherKnowledge(teacher, folder / "answers", arrays, people, torch.float32)
    weights = {"attention": {"weight": 5.0}, "rkd": {"weight": 1.0}, "sp": {"weight": 3.0}}
    weights["logit" if unlabelled else "dkd"] = {"weight": 1.0, "temperature": 4.0}
    methods = {name: method(name).Settings(**values) for name, values in weights.items()}
    return recognition(folder, loss, teachers=[known], methods=methods, unlabelled=unlabelled)


def upscaler(_):
    """From patches that are all in one file, turned at random."""
    training = AdamTraining(**LOOP | {"learning_rate": 1e-3}, precision="float32")
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        nets.append(RCAN(channels=3, scale=2, groups=1, blocks=1, width=8, reduction=2, skip="bicubic"))
        nn.init.normal_(nets[-1].tail.weight, std=0.01)  # zeros would be the same picture for both
    methods = {name: method(name).Settings(weight=1.0) for name in ("spatial_affinity", "instance_affinity")}
    patches = object.__new__(PatchArrays)
    pixels = np.random.default_rng(1)
    patches.count, patches.device = 16, CPU
    patches.arrays = tuple(pixels.integers(0, 256, (16, side, side, 3), dtype=np.uint8) for side in (6, 12))
    task = Upscaling(
        nets[0], patches, training, torch.float32, taps=[1], teacher=nets[1], teacher_taps=[1], methods=methods
    )
    return task, training


class Pair(Task):
    """Two networks that learn in turn; the loss of the second sees the first updated."""

    samples = 20

    def __init__(self) -> None:
        torch.manual_seed(0)
        first = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.modules = {"a": first, "b": nn.Linear(3, 1)}
        self.optimisers = {name: sgd([module], TRAINING) for name, module in self.modules.items()}
        self.data = torch.randn(self.samples, 3)
        self.steps, self.stop_at, self.bad_at = 0, None, None

    def step(self, rows, rng):
        noise = torch.randn(len(rows), 3, generator=rng)
        own = together.share(len(rows))
        x = self.data[rows[own]] + noise[own]
        bad = float("nan") if self.steps == self.bad_at else 1.0
        yield (
            "a",
            {"fit": bad * (self.modules["a"](x) - 1).square().mean(), "of_b": self.modules["b"](x).square().mean()},
        )
        yield "b", {"match": (self.modules["b"](x) - self.modules["a"](x).detach()).square().mean()}
        self.steps += 1
        if self.steps == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)


CASES = {
    "two networks in turn": lambda _: (Pair(), TRAINING),
    "student, with unlabelled faces": lambda f: student(f, unlabelled=0.5),
    "student, softmax over a share of the identities": lambda f: student(f, MARGIN.model_copy(update={"sampled": 0.6})),
    "triplet": lambda f: recognition(f, triplet.Settings(kind="triplet", images=4)),
    "center": lambda f: recognition(f, center.Settings(kind="center", weight=1.0)),
    "super-resolution": upscaler,
}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "1000")
    for name in ("RANK", "WORLD_SIZE", "PIPELINE_PROCESSES", "PIPELINE_LAUNCH"):
        monkeypatch.delenv(name, raising=False)


def learn(make, folder, *, stop_at=None):
    """The log, and every weight, moment and statistic in the end."""
    torch.set_num_threads(1)
    task, training = make(folder)
    if stop_at is not None:
        task.stop_at = stop_at
    history = train(task, training, seed=5, device=CPU, resume=ResumeFile(Path("out/model"), []), label="t")
    values = {f"{n}.{k}": v for n, module in task.modules.items() for k, v in module.state_dict().items()}
    for name, optimiser in task.optimisers.items():
        for number, state in optimiser.state_dict()["state"].items():
            values |= {f"{name}.{number}.{k}": torch.as_tensor(v) for k, v in state.items() if v is not None}
    return history, {name: value.tolist() for name, value in values.items()}


@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_does(case, faces):
    history, values = learn(CASES[case], faces)
    both = in_processes(2, lambda rank: learn(CASES[case], faces))
    assert both[0] == both[1], "they must not drift apart by a single bit"
    for row, expected in zip(both[0][0], history, strict=True):
        assert row == pytest.approx(expected, rel=2e-4, abs=1e-6)
    assert set(both[0][1]) == set(values)
    for name, value in values.items():
        np.testing.assert_allclose(both[0][1][name], value, rtol=5e-3, atol=5e-4, err_msg=name)


@pytest.mark.parametrize("count", [2, 4])
def test_stopped_by_a_signal_to_one_they_stop_together_and_resume_to_the_same_bytes(count, monkeypatch):
    whole = in_processes(count, lambda rank: learn(CASES["two networks in turn"], None))
    written = Path("written.txt")
    save = ResumeFile.save

    def note(self, *args):
        with written.open("a") as file:
            file.write(os.environ["RANK"])
        save(self, *args)

    monkeypatch.setattr(ResumeFile, "save", note)
    make = CASES["two networks in turn"]
    stopped = in_processes(count, lambda rank: learn(make, None, stop_at=3 if rank == 1 else None))
    assert stopped == [128 + signal.SIGTERM] * count
    assert written.read_text() == "0", "the first alone writes, once"
    assert ResumeFile(Path("out/model"), []).load()[1]["position"] == 3
    assert in_processes(count, lambda rank: learn(make, None)) == whole


def test_a_loss_that_is_not_finite_on_one_stops_all():
    def work(rank):
        task = Pair()
        task.bad_at = 2 if rank == 1 else None
        with pytest.raises(InputError, match="t: fit is nan in epoch 2, step 1"):
            train(task, TRAINING, seed=5, device=CPU, resume=ResumeFile(Path("out/model"), []), label="t")

    in_processes(2, work)


def test_a_state_that_only_some_find_is_refused():
    in_processes(2, lambda rank: learn(CASES["two networks in turn"], None, stop_at=2))

    def work(rank):
        Path(f"host{rank}").mkdir()
        if rank:
            os.chdir(f"host{rank}")
        with pytest.raises(InputError, match=r"out/model.safetensors: steps done: found 0 to 2, expected the same"):
            learn(CASES["two networks in turn"], None)

    in_processes(2, work)


def test_batches_that_cannot_be_shared_equally_are_refused(faces):
    def work(rank):
        with pytest.raises(InputError, match="a batch of 8 samples for 3 processes: expected a multiple"):
            learn(CASES["super-resolution"], faces)

    in_processes(3, work)


@pytest.mark.parametrize("shape", [(7, 3), (7, 3, 4, 5)])
def test_layers_see_the_whole_batch(shape):
    """Values, gradients, statistics and masks of torch's own layers over the whole batch; shares of 4 and 3."""
    layer = {2: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)]
    torch.manual_seed(0)
    values, weights = 3 + 5 * torch.randn(shape), torch.randn(shape)
    if len(shape) == 4:
        values = values.contiguous(memory_format=torch.channels_last)

    def network():
        torch.manual_seed(1)
        made = nn.Sequential(layer(3), nn.Dropout(0.4))
        nn.init.normal_(made[0].weight)
        nn.init.normal_(made[0].bias)
        return made

    def run(made, x, w):
        x = x.clone().requires_grad_()
        torch.manual_seed(2)
        result = made(x)
        (result * w).sum().backward()
        statistics = [made[0].running_mean, made[0].running_var, made[0].num_batches_tracked.float()]
        return [t.detach().clone() for t in (result, x.grad, made[0].weight.grad, made[0].bias.grad, *statistics)]

    expected = run(network(), values, weights)

    def work(rank):
        together.join(CPU)
        made = network()
        synchronise(made, CPU)
        assert [type(m).__module__ for m in made] == ["pipeline.models.synchronised"] * 2
        own = together.share(7, even=False)
        outcome = run(made, values[own], weights[own])
        sums = [together.total(t) for t in outcome[2:4]]
        return [t.tolist() for t in [*map(together.whole_batch, outcome[:2]), *sums, *outcome[4:]]]

    for outcome in in_processes(2, work):
        for value, wanted in zip(outcome, expected, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-4)


def test_shares_keep_parts_together_and_gathering_is_their_inverse():
    def work(rank):
        together.join(CPU)
        own = together.share(5, 3, even=False)
        x = (10.0 * own).requires_grad_()
        whole = together.whole_batch(x)
        (whole * torch.arange(8.0) * (rank + 1)).sum().backward()  # the sum over processes has three times the weight
        return own.tolist(), whole.tolist(), x.grad.tolist(), together.largest(rank, 5 - rank)

    (first, whole, gradient, largest), (second, other, *_) = in_processes(2, work)
    assert first == [0, 1, 2, 5, 6] and second == [3, 4, 7]
    assert whole == other == [10.0 * i for i in range(8)]
    assert gradient == [3.0 * i for i in first] and largest == [1, 5]


CHILD = "import os, sys, time, signal; rank = int(os.environ['RANK']); "


def start(code: str, count: int = 2) -> subprocess.Popen[str]:
    """The launcher with stand-ins for the processes, which need no torch."""
    program = (
        "from pipeline import processes; import sys; processes.PATIENCE = 1.0;"
        f"sys.exit(processes._run('a_step', [sys.executable, '-c', {CHILD + code!r}], {count}))"
    )
    root = str(Path(processes.__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": root}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("print('hi', rank, file=sys.stderr)", 0, ["hi 0"]),
        ("print('bad', rank, file=sys.stderr); sys.exit(1)", 1, ["bad 0"]),
        ("print('bad', rank, file=sys.stderr); sys.exit(rank or 75)", 1,
         ["bad 0", "bad 1", "a_step: process 2 of 2 ended with status 1; the same command resumes"]),
        ("os.kill(os.getpid(), 9) if rank else sys.exit(75)", 137,
         ["a_step: process 2 of 2 ended by SIGKILL; the same command resumes"]),
        ("os.kill(os.getpid(), 9) if not rank else time.sleep(99)", 137,
         ["a_step: process 1 of 2 ended by SIGKILL; the same command resumes"]),
    ],
)  # fmt: skip
def test_one_line_says_what_failed(code, status, said):
    run = start(code)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err.splitlines()) == (status, said)


def test_a_signal_reaches_all_and_their_status_comes_back():
    run = start("signal.signal(15, lambda *_: sys.exit(143)); os.write(1, b'ready\\n'); time.sleep(99)")
    assert [run.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
    run.terminate()
    assert run.wait(timeout=60) == 143 and run.stderr.read() == ""


def test_processes_end_when_what_started_them_was_killed():
    code = "from pipeline import processes; processes.end_with_parent(); os.write(1, b'%d\\n' % os.getpid()); time.sleep(99)"
    run = start(code)
    children = [int(run.stdout.readline()) for _ in range(2)]
    run.kill()
    run.wait()
    deadline = time.monotonic() + 30
    while any(
        Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes() for child in children
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"PIPELINE_PROCESSES": "0"}, "PIPELINE_PROCESSES = '0': expected a whole number from 1"),
        ({"PIPELINE_PROCESSES": "two"}, "PIPELINE_PROCESSES = 'two'"),
        ({"PIPELINE_PROCESSES": "2", "PIPELINE_LAUNCH": "torchrun"}, "found both"),
        ({"PIPELINE_LAUNCH": "no-such-program --x"}, "found no program 'no-such-program'"),
    ],
)
def test_what_cannot_be_started_is_said(values, words, monkeypatch):
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=words):
        processes.launch("recognition_train_teacher", ["recognition_train_teacher"])


def test_places_that_make_no_sense_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "2")
    with pytest.raises(InputError, match="RANK = 2, WORLD_SIZE = 2"):
        processes.place()
    monkeypatch.setenv("RANK", "x")
    with pytest.raises(InputError, match="RANK = 'x': expected a whole number"):
        processes.place()


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("PIPELINE_DEVICE", "cuda")
    place = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}  # two on each of two hosts
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    assert select_device() == torch.device("cuda", 1) and chosen == [torch.device("cuda", 1)]
    monkeypatch.setenv("PIPELINE_DEVICE", "cuda:0")
    with pytest.raises(InputError, match="PIPELINE_DEVICE = 'cuda:0' for 2 processes on this machine: found 2 GPUs"):
        select_device()
    monkeypatch.setenv("PIPELINE_DEVICE", "cuda")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(InputError, match="for 3 processes on this machine: found 2 GPUs"):
        select_device()


def test_what_is_no_training_is_done_by_the_first_alone(tmp_path, monkeypatch, root):
    (tmp_path / "params.yaml").write_text((root / "tests/settings/tiny.yaml").read_text())
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, made in (("1", False), ("0", True)):
        monkeypatch.setenv("RANK", rank)
        assert main(["check", "--out", "checked.txt"]) == 0
        assert Path("checked.txt").exists() == made


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """Prepared faces of the tiny configuration, as three lines would make them; and the command that trains a teacher."""
    (tmp_path / "params.yaml").write_text((root / "tests/settings/tiny.yaml").read_text())
    tables = "--index index.csv --pairs pairs.csv --searches searches.csv --notes notes.json --contact-sheet sheet.png"
    assert main(f"recognition_prepare --raw raw --faces faces.npy {tables}".split()) == 0
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "0")
    words = (
        "recognition_train_teacher --seed 1 --own own --faces faces.npy --index index.csv --model new/model.safetensors"
    )
    return [sys.executable, "-m", "pipeline", *words.split(), "--losses", "new/losses.csv"]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_command_line(project, monkeypatch):
    """Interrupted and resumed, or started by torchrun: the same bytes, and one process speaks."""

    def results():
        return {file.name: file.read_bytes() for file in Path("new").iterdir()}

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    monkeypatch.setenv("PIPELINE_LAUNCH", " ".join(launcher))
    subprocess.run(project, check=True, capture_output=True)
    monkeypatch.delenv("PIPELINE_LAUNCH")
    by_torchrun = results()
    shutil.rmtree("new")

    monkeypatch.setenv("PIPELINE_PROCESSES", "2")
    run = subprocess.Popen(project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not Path(".resume/new/model.safetensors").exists():
        assert run.poll() is None
        time.sleep(0.005)
    run.terminate()
    out, err = run.communicate()
    assert run.returncode == 143 and out.count("the next start resumes there") == 1 and err == ""
    assert not Path("new").exists()
    again = subprocess.run(project, check=True, capture_output=True, text=True)
    assert again.stdout.count("resuming after step") == 1 and again.stderr.count("\n") == 1
    assert results() == by_torchrun and b'"processes": 2' in results()["model.json"]
    assert not Path(".resume").exists()
