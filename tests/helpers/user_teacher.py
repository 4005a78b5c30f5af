"""A teacher of the user's in the smallest parameters: dropped in, adopted, asked by the steps of the graph."""

from __future__ import annotations

import json

import numpy as np
import torch
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.params.loading import read_document
from tests.helpers.small_networks import Tiny

DESCRIBED = {
    "embedding": 8, "image_size": 24, "channels": 3, "mean": [120.0, 110.0, 100.0], "std": 64.0, "channel_order": "bgr",
}  # fmt: skip
COMPARED = {
    "onnx": {"logit": {"weight": 1.0, "temperature": 4.0}, "embedding": {"weight": 1.0}, "rkd": {"weight": 1.0}},
    "onnx, unlabelled too": {"sp": {"weight": 1.0}},
    "safetensors": {
        "attention": {"weight": 1.0},
        "fitnet": {"weight": 1.0},
        "at": {"weight": 1.0},
        "fskd": {"weight": 1.0},
    },
}


def parameters(root, kind: str, **more) -> dict:
    """tiny.yaml with a teacher of the user's own, one student, no baseline."""
    document = read_document(root / "tests/settings/tiny.yaml")
    recognition = document["recognition"]
    network = {"architecture": "own", "file": f"mine.{kind}"} | ({} if kind == "safetensors" else DESCRIBED)
    recognition["teacher"] = {"seeds": [0], "network": network | more, "training": None}
    recognition["student"]["training"] |= {"epochs": 1, "schedule": {"kind": "cosine"}}
    recognition["baselines"] = {}
    recognition["students"] = {"kd": {"train_qualities": [1, 4], "distill": COMPARED[kind]}}
    return document


def write(document: dict, path) -> None:
    with open(path, "w") as file:
        YAML(typ="safe").dump(json.loads(json.dumps(document)), file)  # shared values would become anchors


def step(folder, name: str, **options) -> int:
    """A step of the graph on the files in ``folder``, by its command line."""
    words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    return main([name, "--params", str(folder / "params.yaml"), *words])


def adopt(folder) -> int:
    """fetch_teacher, then train_teacher."""
    if code := step(folder, "recognition_fetch_teacher", cache="cache", drop_in="dropped", out="own"):
        return code
    made = {"model": "teacher/0/model.safetensors", "losses": "losses/teacher/0/losses.csv"}
    return step(folder, "recognition_train_teacher", seed=0, own="own", faces="faces.npy", index="index.csv", **made)


def plain(model: Tiny, faces: np.ndarray) -> torch.Tensor:
    """What the network says of faces uint8 (n, 32, 32, 3), computed by hand: Pillow resizes, numpy does the rest."""
    from PIL import Image

    size = (24, 24)
    small = np.stack([np.asarray(Image.fromarray(face).resize(size, Image.Resampling.BICUBIC)) for face in faces])
    images = (small[..., ::-1].astype(np.float32) - np.float32([120, 110, 100])) / 64  # the mean is of b, g, r
    with torch.no_grad():
        return model(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())
