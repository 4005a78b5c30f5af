"""A small valid file of each format that a reader takes, how to damage it, and the reader."""

from __future__ import annotations

import io
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks import mutations
from pipeline import checkpoints, resume
from pipeline.data import archives, faceset, images, matlab, photo_lists
from pipeline.data.arrays import open_array, read_arrays
from pipeline.data.class_sources import cifar
from pipeline.data.recordio import Records, read_index, read_property
from pipeline.data.sources import lfw
from pipeline.data.verification_bin import read_bin
from pipeline.document import check
from pipeline.models.onnx_file import checked
from pipeline.report import reading, tidy

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Format:
    """``files`` are valid; that called ``target`` is damaged. ``read`` gets the folder that they lie in."""

    files: dict[str, bytes]
    target: str
    read: Callable[[Path], Any]
    damage: Callable[[bytes, random.Random], bytes] = mutations.damaged


def formats(folder: Path) -> dict[str, Format]:
    """All formats by name; ``folder`` is for what can be written to a path alone."""
    all_formats = {**_archives(), **_arrays(folder), **_pickles(), **_records(), **_tables(), **_images(), **_texts()}
    return all_formats | _checkpoints(folder)


def _picture(kind: str = "PNG", mode: str = "L", **options: Any) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _archives() -> dict[str, Format]:
    files = {"set/p1/1.png": _picture(), "set/p1/ü2.jpg": _picture("JPEG"), "set/p2/1.txt": b"text\n" * 40}
    zips, tars = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zips, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(files.items()):
            archive.writestr(name, data, (0, 8, 12)[number])
    with tarfile.open(fileobj=tars, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x"}) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo("l" * 120 + name)
            info.size, info.pax_headers = len(data), {"mtime": "1.5"}
            tar.addfile(info, io.BytesIO(data))
    packed = mutations.gzip.compress(tars.getvalue())

    def read(name: str) -> Callable[[Path], Any]:
        return lambda folder: (archives.names(folder / name), list(archives.members(folder / name)))

    return {
        "zip": Format({"a.zip": zips.getvalue()}, "a.zip", read("a.zip"), mutations.damaged_zip),
        "tar": Format({"a.tar": tars.getvalue()}, "a.tar", read("a.tar"), mutations.damaged_tar),
        "tgz": Format({"a.tgz": packed}, "a.tgz", read("a.tgz"), mutations.damaged_tgz),
    }


def _arrays(folder: Path) -> dict[str, Format]:
    single, several = io.BytesIO(), io.BytesIO()
    np.save(single, np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3))
    np.savez_compressed(several, a=np.arange(9.0), b=np.zeros((2, 3, 3), np.uint8))
    return {
        "npy": Format(
            {"a.npy": single.getvalue()},
            "a.npy",
            lambda place: (
                open_array(place / "a.npy").sum() if open_array(place / "a.npy").dtype.kind in "biufc" else None
            ),
        ),  # fmt: skip
        "npz": Format(
            {"a.npz": several.getvalue()}, "a.npz", lambda place: read_arrays(place / "a.npz"), mutations.damaged_zip
        ),  # fmt: skip
    }


def _checkpoints(folder: Path) -> dict[str, Format]:
    place = folder / "model.safetensors"
    checkpoints.save_checkpoint(place, {"a.weight": torch.ones(3, 2), "b": torch.tensor(1)}, {"network": {"depth": 3}})
    files = {name: (folder / name).read_bytes() for name in ("model.safetensors", "model.json")}
    state = resume.ResumeFile(Path("model"), {"seed": 0})
    notes = {"position": 1, "sums": {"total": 0.5}, "history": [{"epoch": 1}], "binding": state.binding}
    tensors = {"module.a.weight": torch.ones(2)}
    checkpoints.save_tensors(place, tensors, notes | {"content": resume._digest(tensors, notes)})

    def read_state(place: Path) -> Any:
        state.path = place / "state.safetensors"
        return state.load()

    def load(place: Path) -> Any:
        return checkpoints.load_checkpoint(place / "model.safetensors")

    return {
        "safetensors": Format(files, "model.safetensors", load, mutations.damaged_safetensors),
        "card": Format(files, "model.json", load),
        "resume": Format(
            {"state.safetensors": place.read_bytes()}, "state.safetensors", read_state, mutations.damaged_safetensors
        ),  # fmt: skip
    }


def _pickles() -> dict[str, Format]:
    pictures = [_picture("JPEG")] * 2 + [_picture("PNG"), np.frombuffer(_picture("JPEG"), np.uint8)]
    by_name = {}
    for protocol in (0, 2, 5):
        content = pickle.dumps((pictures, [True, False]), protocol)
        by_name[f"bin {protocol}"] = Format({"a.bin": content}, "a.bin", lambda place: read_bin(place / "a.bin"))
    rows = {b"labels": [1, 2], b"data": np.zeros((2, 3072), np.uint8), b"filenames": [b"a", b"b"]}
    for protocol in (2, 4):
        by_name[f"cifar {protocol}"] = Format(
            {"a": pickle.dumps(rows, protocol)}, "a", lambda place: cifar._pickled("a", (place / "a").read_bytes(), 10)
        )
    return by_name


def _records() -> dict[str, Format]:
    picture, content, index = _picture("JPEG"), b"", ""
    heads = [struct.pack("<IfQQ2f", 2, 0, 0, 0, 2, 3), struct.pack("<IfQQ", 0, 1, 1, 0) + picture,
             struct.pack("<IfQQ3f", 3, 1, 2, 0, 1, 0, 0) + picture]  # fmt: skip
    for key, payload in enumerate(heads):
        index += f"{key}\t{len(content)}\n"
        content += struct.pack("<II", 0xCED7230A, len(payload)) + payload + bytes(-len(payload) % 4)
    files = {"train.rec": content, "train.idx": index.encode(), "property": b"2,24,20\n"}

    def read(place: Path) -> None:
        read_property(place / "property")
        with Records(place / "train.rec") as records:
            for offset in read_index(place / "train.idx").values():
                records.labels(offset)
                records.image(offset)

    return {name: Format(files, name, read) for name in files}


def _tables() -> dict[str, Format]:
    points = ",".join(photo_lists.LANDMARK_COLUMNS)
    texts = {
        "faces.csv": ("file,identity,split\na/1.jpg,a,train\na/2.jpg,\"a\",train\nb/1.jpg,b,test\n", photo_lists.read_photos),
        "pairs.csv": ("file_a,file_b,same,fold\na,b,1,0\na,c,0,1\n", photo_lists.read_pairs),
        "searches.csv": ("file,role\na,probe\nb,gallery\n", photo_lists.read_searches),
        "landmarks.csv": (f"file,{points}\na,30,40,60,40,45,60,35,80,55,80\n", photo_lists.read_landmarks),
        "names.txt": ("# files\na.jpg\nb.jpg\n", photo_lists.read_names),
        "pairs.txt": ("2\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\nCid\t1\t2\nCid\t1\tDan\t1\n", lfw.read_pairs),
        "index.csv": ("face,file,identity,split\n0,a,x,train\n1,b,y,test\n", faceset.read_index),
        "losses.csv": ("epoch,learning_rate,total\n1,0.1,2.5\n2,0.1,1.5\n", reading.losses),
        "metrics.csv": ("seed,value,n\n1,2.5,3\n", lambda path: tidy.read(path, ("seed", "n"))),
    }  # fmt: skip
    return {
        name: Format({name: text.encode()}, name, lambda place, name=name, read=read: read(place / name))
        for name, (text, read) in texts.items()
    }


def _images() -> dict[str, Format]:
    kinds = {
        "JPEG": ("JPEG", "RGB", {}), "progressive JPEG": ("JPEG", "RGB", {"progressive": True}), "PNG": ("PNG", "RGB", {}),
        "palette PNG": ("PNG", "P", {"transparency": 0}), "BMP": ("BMP", "RGB", {}), "GIF": ("GIF", "P", {}),
        "TIFF": ("TIFF", "RGB", {}), "deflated TIFF": ("TIFF", "L", {"compression": "tiff_deflate"}),
        "LZW TIFF": ("TIFF", "L", {"compression": "tiff_lzw"}), "WebP": ("WEBP", "RGB", {}), "PGM": ("PPM", "L", {}),
        "PPM": ("PPM", "RGB", {}),
    }  # fmt: skip

    def read(place: Path) -> Any:
        return images.decode((place / "a").read_bytes(), "a", size=16, channels=1)

    return {
        name: Format(
            {"a": _picture(kind, mode, **options)},
            "a",
            read,
            mutations.damaged_png if kind == "PNG" else mutations.damaged,
        )  # fmt: skip
        for name, (kind, mode, options) in kinds.items()
    }


def _texts() -> dict[str, Format]:
    from scipy.io import savemat

    made = io.BytesIO()
    savemat(made, {"names": np.array(["a.jpg", "b.jpg"], dtype=object), "ids": np.array([1, 2])}, do_compression=True)
    return {
        "params.yaml": Format({"params.yaml": (ROOT / "tests/settings/tiny.yaml").read_bytes()}, "params.yaml",
                              lambda place: check(place / "params.yaml")),
        "notes.json": Format({"notes.json": b'{"name": "LFW", "rendered": false}'}, "notes.json",
                             lambda place: faceset.read_notes(place / "notes.json")),
        "run.json": Format({"run.json": b'{"device": "cpu", "seconds": 1.5, "n": [1, 2, {"a": null}]}'}, "run.json",
                           lambda place: reading.run(place / "run.json", ["device"])),
        "mat": Format({"a.mat": made.getvalue()}, "a.mat",
                      lambda place: matlab.read_named_ids((place / "a.mat").read_bytes(), "a.mat", "names", "ids")),
        "onnx": Format({"a.onnx": _onnx()}, "a.onnx", lambda place: checked((place / "a.onnx").read_bytes())),
    }  # fmt: skip


def _onnx() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    weights = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    graph = helper.make_graph([node], "g", shapes[:1], shapes[1:], [weights])
    return helper.make_model(graph).SerializeToString()
