"""Odd and hostile ONNX models: each works or is one line, in its time and memory, and no process stays behind."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto

from pipeline.errors import InputError
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.models.onnx_process import OnnxProcess
from pipeline.tasks.recognition.adapting import ProgramNetwork, program_network
from pipeline.tasks.recognition.params.teachers import OwnNetwork
from tests.helpers.odd_onnx import added, constant_loop, either, loop, model, node, scan, stored, with_function

FLOAT = np.float32


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    monkeypatch.setenv("PIPELINE_ONNX_SECONDS", "20")
    monkeypatch.setenv("PIPELINE_ONNX_GIB", "1")


def network(made: ModelProto) -> ProgramNetwork:
    settings = {"embedding": 8, "image_size": 24, "channels": 3, "mean": 127.5, "std": 127.5, "channel_order": "rgb"}
    return program_network(OwnNetwork(architecture="own", file="it.onnx", **settings), made.SerializeToString())


def children() -> set[str]:
    """The processes that this one has started and that are still there."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def identity(**more) -> ModelProto:
    return model([node("Identity", ["b"], ["y"])], **more)


def cast(kind: str, **more) -> ModelProto:
    number = getattr(TensorProto, kind)
    return model([node("Cast", ["b"], ["y"], to=number)], gives=number, **more)


def filled(count: int) -> ModelProto:
    """With numbers that onnxruntime may make when it opens the model, and keep."""
    return added([node("ConstantOfShape", ["s"], ["c"], value=stored("v", [1.0], FLOAT))], [stored("s", [count])])


def batch_shift() -> ModelProto:
    """Less the mean of the batch."""
    return model([node("ReduceMean", ["b"], ["m"], axes=[0], keepdims=1), node("Sub", ["b", "m"], ["y"])])


def turned() -> ModelProto:
    """Embeddings in another order than the images."""
    numbers = [stored(name, [number]) for name, number in (("a", -1), ("e", -(2**40)), ("ax", 0), ("st", -1))]
    return model([node("Slice", ["b", "a", "e", "ax", "st"], ["y"])], numbers)


def dropout() -> ModelProto:
    numbers = [stored("r", 0.5, FLOAT), stored("t", True, bool)]
    return model([node("Dropout", ["b", "r", "t"], ["y"])], numbers)


WORKS = {
    "plain": identity,
    "a loop": lambda: loop(5),
    "a scan": lambda: scan(False),
    "an if": either,
    "a function": lambda: with_function("Add"),
    "half precision": lambda: cast("FLOAT16"),
    "double precision": lambda: cast("DOUBLE"),
    "free sides": lambda: identity(shape=("n", "c", "h", "w")),
    "a fixed batch": lambda: identity(shape=(4, 3, 24, 24)),
    "a batch of one": lambda: identity(shape=(1, 3, 24, 24)),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_a_teacher_may_be_made_of(name):
    """As computed by numpy: means of 8 x 8 pixels times the weights, twice that where the function doubles it."""
    teacher = network(made := WORKS[name]())
    faces = torch.rand(6, 3, 24, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1
    means = faces.numpy().reshape(6, 3, 3, 8, 3, 8).mean((3, 5)).reshape(6, 27)
    expected = means @ np.frombuffer(made.graph.initializer[0].raw_data, FLOAT).reshape(27, 8)
    expected *= 2 if name == "a function" else 1
    assert np.allclose(teacher(faces), expected, atol=2e-3 if name == "half precision" else 1e-5)
    teacher.program.end()


LINES = {
    "bfloat16": (lambda: cast("BFLOAT16"), "cannot be run by onnxruntime: .*bfloat16"),
    "whole numbers": (lambda: cast("INT64"), r"gives int64 \(3, 8\) for 3 images, expected floats"),
    "truths": (lambda: cast("BOOL"), r"gives bool, expected embeddings"),
    "texts": (lambda: cast("STRING"), r"gives object, expected embeddings"),
    "one number": (lambda: model([node("ReduceSum", ["b"], ["y"], keepdims=0)]), r"gives float32 \(\) for 3 images"),
    "one row": (
        lambda: model([node("Reshape", ["b", "s"], ["y"])], [stored("s", [1, -1])]), r"gives float32 \(1, 24\) for 3",
    ),
    "a batch of one inside": (
        lambda: model([node("Reshape", ["b", "s"], ["y"])], [stored("s", [1, 8])]),
        "cannot be run by onnxruntime: .*Reshape",
    ),
    "three sides": (
        lambda: model([node("Flatten", ["x"], ["y"])], shape=("n", 24, 24)), "cannot be run|takes images of 3 sides",
    ),
    "a million at once": (
        lambda: identity(shape=(10**6, 3, 24, 24)), "takes 1000000 images at once, expected at most 155344",
    ),
    "unknown sides": (lambda: identity(shape=None), "takes images of unknown sides, expected four"),
    "too new": (lambda: identity(opset=99), "cannot be run by onnxruntime: .*support for domain ai.onnx is till opset"),
    "a newer format": (lambda: identity(ir=99), "Unsupported model IR version: 99, max supported IR version"),
    "names for a terminal": (
        lambda: model([node("\x1b[31m" + "Q" * 10**6, ["b"], ["y"])]),
        r"cannot be run by onnxruntime: [^\x1b\n]{50,400}$",
    ),
    "over the batch": (batch_shift, "gives another embedding for an image among others than for it alone"),
    "turned": (turned, "gives another embedding for an image among others than for it alone"),
    "summed up": (lambda: scan(True), "gives another embedding for an image among others than for it alone"),
    "dropout": (dropout, "Dropout in training mode, expected evaluation"),
    "itself": (lambda: with_function("Twice"), "cannot be run by onnxruntime"),
    "memory when opened": (lambda: filled(2**27), r"needs more memory than the limit of 1 GiB \(PIPELINE_ONNX_GIB\)"),
    "memory when run": (lambda: filled(2**33), r"needs more memory than the limit of 1 GiB \(PIPELINE_ONNX_GIB\)"),
    "a huge answer": (
        lambda: model([
            node("Shape", ["x"], ["all"]), node("Slice", ["all", "o", "i"], ["n"]),
            node("Concat", ["n", "w8"], ["s"], axis=0), node("ConstantOfShape", ["s"], ["y"]),
        ], [stored("o", [0]), stored("i", [1]), stored("w8", [10_000_000])]),
        r"gives float32 \(3, 10000000\) for 3 images, expected embeddings \(B, D\)",
    ),
    "a crash": (
        lambda: added([node("Div", ["a", "m"], ["d"]), node("Cast", ["d"], ["c"], to=TensorProto.FLOAT)],
                      [stored("a", [-(2**63)]), stored("m", [-1])]),
        "onnxruntime crashed by SIGFPE, expected embeddings",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_what_is_no_teacher_is_one_line(name):
    make, line = LINES[name]
    before = children()
    with pytest.raises(InputError, match=f"^it.onnx: .*({line})") as error:
        network(make())
    assert len(str(error.value)) < 500 and children() <= before


@pytest.mark.parametrize(("make", "what"), [(loop, "done with 3 images"), (constant_loop, "opened|done with 3 images")])
def test_what_does_not_end_is_stopped(make, what, monkeypatch):
    """2^62 trips; of a value that depends on the images, and of one that could be known when the model is opened."""
    monkeypatch.setenv("PIPELINE_ONNX_SECONDS", "1")
    before = children()
    with pytest.raises(InputError, match=rf"it.onnx: not ({what}) after 1 seconds, .*\(PIPELINE_ONNX_SECONDS\)"):
        network(make(2**62))
    assert children() <= before


def test_the_time_grows_with_the_images(monkeypatch):
    """Eight in the time that one has."""
    asked = OnnxProcess(identity().SerializeToString(), "it.onnx", threads=1, gpu=None)
    allowed = []
    answer = {"dtype": "f4", "shape": [0]}
    monkeypatch.setattr(asked, "_ask", lambda request, seconds, what: allowed.append(seconds) or answer)
    for count in (1, 8, 9, 256):
        asked.run(np.zeros((count, 3, 24, 24), FLOAT))
    assert allowed == [20, 20, 40, 640]
    asked.end()


def test_a_process_that_is_killed_is_one_line_and_the_next_question_has_a_new_one(monkeypatch):
    monkeypatch.setenv("PIPELINE_ONNX_SECONDS", "60")
    asked = OnnxNetwork(loop(2**62).SerializeToString(), "it.onnx")

    def kill(number: int) -> None:
        while asked.process is None:
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(asked.process.process.pid, number)

    for number, line in ((signal.SIGSEGV, "SIGSEGV, expected embed"), (signal.SIGKILL, "SIGKILL.* the limit of 1 GiB")):
        threading.Thread(target=kill, args=[number]).start()
        with pytest.raises(InputError, match=f"^it.onnx: onnxruntime crashed by {line}"):
            asked(torch.zeros(1, 3, 24, 24))
        assert asked.process is None


PARENT = """
import sys, threading, numpy
from pipeline.models.onnx_process import OnnxProcess
asked = OnnxProcess(open(sys.argv[1], "rb").read(), "it.onnx", threads=1, gpu=None)
print(asked.process.pid, flush=True)
asked.run(numpy.zeros((1, 3, 24, 24), "f4"))
"""


def test_a_killed_parent_takes_its_process_along(root, tmp_path):
    """At work and not listening; interrupts alone leave it to its parent."""
    (tmp_path / "it.onnx").write_bytes(loop(2**62).SerializeToString())
    words = [sys.executable, "-c", PARENT, tmp_path / "it.onnx"]
    parent = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(child, number)
    time.sleep(0.3)
    assert Path(f"/proc/{child}").exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


def test_a_network_that_is_forgotten_leaves_no_process():
    before = children()
    teacher = network(identity())
    assert len(children() - before) == 1
    del teacher
    assert children() <= before


def test_without_a_gpu_in_the_package_the_processor_computes():
    asked = OnnxProcess(identity().SerializeToString(), "it.onnx", threads=1, gpu=0)
    images = np.ones((2, 3, 24, 24), FLOAT)
    assert asked.opened == {"shape": [None, 3, 24, 24], "parameters": 216, "gpu": False}
    assert np.ptp(asked.run(images), axis=0).max() == 0
    asked.end()


@pytest.mark.parametrize(("name", "text"), [("SECONDS", "0"), ("SECONDS", "soon"), ("GIB", "nan"), ("GIB", "1e9")])
def test_limits_that_are_none_are_refused(name, text, monkeypatch):
    monkeypatch.setenv(f"PIPELINE_ONNX_{name}", text)
    with pytest.raises(InputError, match=rf"^PIPELINE_ONNX_{name} = '{text}': expected a number from 1 to 1,000,000$"):
        OnnxProcess(b"", "it.onnx", threads=1, gpu=None)


def test_a_file_that_no_model_can_be_is_not_read(tmp_path):
    """Refused by what the format can hold, before it is opened."""
    with open(tmp_path / "it.onnx", "wb") as file:
        file.truncate(2**31)
    with (
        open(tmp_path / "it.onnx", "rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content,
        pytest.raises(InputError, match="^it.onnx: 2 GiB or more, expected less"),
    ):
        OnnxProcess(content, "it.onnx", threads=1, gpu=None)


@pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")
@pytest.mark.parametrize(("file", "values"), [("mobileface_v2_112", 256), ("dlib_resnet_v1_150", 128)])
def test_published_recognisers_give_what_they_give_in_this_process(file, values):
    import onnxruntime

    side, content = int(file[-3:]), Path(os.environ["FACES_DATASETS"], f"{file}.onnx").read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.use_deterministic_compute = torch.get_num_threads(), True
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    images = torch.rand(5, 3, side, side, generator=torch.Generator().manual_seed(3)) * 255
    (expected,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    settings = {"embedding": values, "image_size": side, "channels": 3, "mean": 0.0, "std": 1.0, "channel_order": "rgb"}
    teacher = program_network(OwnNetwork(architecture="own", file=f"{file}.onnx", **settings), content)
    assert torch.equal(teacher.program(images), torch.from_numpy(expected))
