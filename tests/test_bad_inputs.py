"""Bad inputs, each through the command line: one line that names what was found, exit 1, and nothing written.

A small valid project is made once by the steps themselves; a case damages a copy of it and runs one step.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import pickle
import re
import resource
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from pipeline.__main__ import main
from pipeline.data import archives
from pipeline.params import yaml_text
from pipeline.params.loading import read_document

SHARP = "--faces data/faces.npy --index data/index.csv"
MODEL = "--model new/model.safetensors --losses new/losses.csv"
WORDS = {
    "check": "--out new/note.txt",
    "recognition_download": "--cache cache --drop-in dropped --out new/raw",
    "recognition_prepare": "--raw raw --faces new/faces.npy --index new/index.csv --pairs new/pairs.csv"
    " --searches new/searches.csv --notes new/notes.json --contact-sheet new/sheet.png",
    "recognition_degrade": "--faces data/faces.npy --out new/degraded",
    "recognition_train_teacher": f"{SHARP} {MODEL} --seed 1 --own nothing",
    "recognition_teacher_outputs": f"{SHARP} --teacher models/teacher/1/model.safetensors --out new/answers",
    "recognition_train_baseline": f"{SHARP} {MODEL} --variant degraded_only --seed 0 --degraded data/degraded",
    "recognition_train_student": f"{SHARP} {MODEL} --variant logit_attention_kd --seed 0 --degraded data/degraded"
    " --teachers models/teacher --teacher-outputs models/answers",
    "recognition_evaluate": f"{SHARP} --variant teacher --seed 1 --degraded data/degraded --pairs data/pairs.csv"
    " --searches data/searches.csv --notes data/notes.json --model models/teacher/1/model.safetensors"
    " --metrics new/metrics.csv --scores new/scores.csv --ranks new/ranks.csv --low-rates new/low_rates.npz --samples new/samples.npz --run new/run.json",
    "recognition_efficiency": "--own nothing --faces data/faces.npy --out new/efficiency.csv",
    "recognition_report": "--evaluations reports/evaluations --losses reports/losses --efficiency reports/efficiency.csv"
    " --notes data/notes.json --contact-sheet data/sheet.png --out new/section",
    "report": "--sections reports/sections --out new/report",
}

PEOPLE = ("Ann", "Bob", "Cid", "Dan", "Eve", "Fay")
PAIRS = ["2\t1", "Ann\t1\t2", "Ann\t1\tBob\t1", "Cid\t1\t2", "Cid\t1\tDan\t1"]
LFW = {
    "source": "lfw",
    "files": {"archive": {"address": None, "sha256": None}, "pairs": {"address": None, "sha256": None}},
    "image_size": 32,
    "channels": 1,
    "crop": [4, 4, 36, 36],
    "evaluated_folds": [1, 2],
    "min_images": 2,
}


def run(step: str, words: str = "") -> int:
    return main([step, *WORDS[step].split(), *words.split()])


def photo(size: tuple[int, int] = (40, 40), mode: str = "L", kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


PHOTOS = {f"lfw/{name}/{name}_000{number}.jpg": photo() for name in PEOPLE for number in (1, 2)}


def tgz(extra: dict[str, bytes] | None = None, **attributes: object) -> bytes:
    """An archive of all photos and ``extra``, whose entries get the ``attributes`` of a tar header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in (PHOTOS | (extra or {})).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in (attributes if name in (extra or {}) else {}).items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data) if data else None)
    return buffer.getvalue()


def encrypted_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("lfw/Ann/Ann_0001.jpg", photo())
    data = bytearray(buffer.getvalue())
    data[6] |= 1  # the flag in the entry
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    return bytes(data)


def huge_png() -> bytes:
    """A header of 40000 x 40000 pixels: 1.6 gigabytes, were it decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


class Trap:
    """What a pickle may do when it is loaded."""

    def __reduce__(self):
        return Path.touch, (Path("the-pickle-was-run"),)


def npy(array: np.ndarray, **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


TRAP = pickle.dumps(Trap())
OBJECTS = npy(np.array([Trap()], dtype=object), allow_pickle=True)

Damage = Callable[[], None]


def params(key: str, value: object) -> Damage:
    """Set ``key`` of recognition, or remove it where ``value`` is ``...``."""

    def damage() -> None:
        document = json.loads(Path("params.json").read_text())
        *parents, last = key.split(".")
        place = document["recognition"]
        for part in parents:
            place = place[part]
        if value is ...:
            del place[last]
        else:
            place[last] = value
        write_params(document)

    return damage


def write_params(document: dict) -> None:
    Path("params.json").write_text(json.dumps(document))
    with open("params.yaml", "w") as stream:
        YAML(typ="safe").dump(document, stream)


def put(path: str, content: bytes | Callable[[], bytes]) -> Damage:
    return lambda: Path(path).write_bytes(content if isinstance(content, bytes) else content())


def cut(path: str, bytes_off: int = 7) -> Damage:
    return lambda: Path(path).write_bytes(Path(path).read_bytes()[:-bytes_off])


def drop(path: str) -> Damage:
    return lambda: Path(path).unlink()


def lfw(name: str = "", content: bytes = b"", key: str = "", value: object = None) -> Damage:
    """Photos in place of rendered faces, with one raw file replaced and one setting of the data changed."""

    def damage() -> None:
        params("data", LFW)()
        if name:
            Path("raw", name).write_bytes(content)
        if key:
            params(f"data.{key}", value)()

    return damage


def pair_list(line: int, text: str) -> Damage:
    return lfw("pairs.txt", "\n".join([*PAIRS[: line - 1], text, *PAIRS[line:], ""]).encode("latin-1"))


def table(path: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    def damage() -> None:
        change(pd.read_csv(path, keep_default_na=False)).to_csv(path, index=False)

    return damage


def cell(path: str, column: str, value: object, row: int = 0) -> Damage:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows[column] = rows[column].astype(object)
        rows.loc[rows.index[row], column] = value
        return rows

    return table(path, change)


def content(path: str, **changes: object) -> Damage:
    """Change keys of a JSON file; ``...`` removes one."""

    def damage() -> None:
        value = json.loads(Path(path).read_text()) | changes
        Path(path).write_text(json.dumps({k: v for k, v in value.items() if v is not ...}))

    return damage


def both(*damages: Damage) -> Damage:
    return lambda: [damage() for damage in damages] and None


def nothing() -> None:
    pass


def deeper() -> None:
    """The card of a deeper network beside the weights of a shallow one."""
    card = json.loads(Path("models/teacher/1/model.json").read_text())
    card["network"]["depths"] = [2, 1]
    Path("models/teacher/1/model.json").write_text(json.dumps(card))


def poisoned_weights() -> None:
    tensors = load_file("models/teacher/1/model.safetensors")
    tensors["head.weight"] = tensors["head.weight"] * torch.inf
    save_file(tensors, "models/teacher/1/model.safetensors", {"notes": "{}"})


def poisoned_answers() -> None:
    answers = np.load("models/answers/1/embeddings.npy")
    np.save("models/answers/1/embeddings.npy", np.full_like(answers, np.nan))


def one_face_less() -> None:
    for path in ("data/faces.npy", "data/degraded/x4.npy"):
        np.save(path, np.load(path)[:-1])


@dataclass(frozen=True)
class Bad:
    """A case: what is damaged, the step that is run, and the line that it must give (a pattern)."""

    name: str
    step: str
    damage: Damage
    line: str
    words: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    file_bytes: int | None = None  # no file may grow beyond, as on a full disk
    saved: bool = False  # a state to resume from is expected to stay


def parameters(name: str, key: str, value: object, line: str) -> Bad:
    return Bad(f"parameters: {name}", "check", params(key, value), "params.yaml: .*" + line)


def archive(name: str, data: bytes, line: str) -> Bad:
    return Bad(f"archive: {name}", "recognition_prepare", lfw("lfw.tgz", data), "raw/lfw.tgz: .*" + line)


def image(name: str, data: bytes, line: str) -> Bad:
    photos = tgz({"lfw/Gus/Gus_0001.jpg": data})
    return Bad(
        f"image: {name}", "recognition_prepare", lfw("lfw.tgz", photos), "raw/lfw.tgz: lfw/Gus/Gus_0001.jpg: " + line
    )


def judged(name: str, damage: Damage, line: str) -> Bad:
    return Bad(name, "recognition_evaluate", damage, line)


def report(name: str, file: str, damage: Callable[[str], Damage], line: str) -> Bad:
    path = f"reports/{file}"
    return Bad(f"report: {name}", "recognition_report", damage(path), f"{path}: {line}")


ONE = "evaluations/degraded_only/0"
TRAINING = "student.training"
# fmt: off
BAD = [
    parameters("type", f"{TRAINING}.epochs", "many",
        "student.training.epochs = 'many': expected a valid integer"),
    parameters("range", f"{TRAINING}.learning_rate", -1.0, "learning_rate = -1.0: expected greater than 0"),
    parameters("too large for a float32", "margin.scale", 1e39,
        r"margin.scale = 1e\+39: expected less than or eq"),
    parameters("not a number", "margin.scale", float("nan"), "margin.scale = nan: expected a finite number"),
    parameters("unknown key", f"{TRAINING}.epoch", 3,
        "recognition.student.training.epoch is not a known setting"),
    parameters("missing key", "teacher.seeds", ..., "recognition.teacher.seeds is missing"),
    parameters("unknown dataset", "data.source", "celeba", "celeba.*expected.*'lfw', 'rendered'"),
    parameters("unknown loss", "students.logit_attention_kd.distill.magic", {},
        "magic is not a method.*at, attention"),
    parameters("unknown margin", "margin.kind", "sphere",
        "margin.kind = 'sphere': expected one of 'arcface', 'cosface'"),
    parameters("contradiction: stages", "teacher.network.depths", [1], "found stages: depths 1, widths 2"),
    parameters("contradiction: schedule", f"{TRAINING}.schedule.milestones", [9],
        "= .9.: expected below epochs = 2"),
    parameters("contradiction: qualities", "degradation.qualities", [1, 3],
        "expected a multiple of the quality 3"),
    parameters("contradiction: names", "baselines.logit_attention_kd", {"train_qualities": [1]},
        "is also a baseline"),
    parameters("contradiction: seeds", "teacher.seeds", [1, 1], r"teacher.seeds: found \[1, 1\], expected each seed once"),
    parameters("smaller than the renderer draws", "data.image_size", 16,
        "image_size = 16: expected greater than or .* 32"),
    parameters("larger than the renderer draws", "data.image_size", 512,
        "image_size = 512: expected less than or .* 256"),
    parameters("one rendered person", "data.identities", 1,
        "data.identities = 1: expected greater than or equal to 2"),
    parameters("too many to render", "data.identities", 10**12,
        "identities = 10{12}: expected less than or equal"),
    parameters("odd pairs", "data.pairs_per_fold", 5, "pairs_per_fold = 5: expected a multiple of 2"),
    Bad("parameters: absent", "check", drop("params.yaml"), "params.yaml: no such file"),
    Bad("parameters: a folder", "check", nothing, "data: cannot be read: Is a directory", "--params data"),
    Bad("parameters: not YAML", "check", put("params.yaml", b"a: [1"), "params.yaml: not valid YAML"),
    Bad("parameters: bad encoding", "check", put("params.yaml", b"\xff\xfe\x00"),
        "params.yaml: (not valid YAML|found)"),
    Bad("parameters: runs code", "check", put("params.yaml", b"!!python/object/apply:os.abort []"),
        "params.yaml: line 1: the tag"),
    Bad("parameters: endless", "check", put("params.yaml", b"seeds: [0]\nrecognition: &a {data: *a}"),
        "params.yaml: line 2: &a: expected no anchor"),
    Bad("parameters: deep", "check", put("params.yaml", b"[" * 600), "params.yaml: line 1: more than 30"),
    Bad("parameters: number as key", "recognition_prepare", put("params.yaml", b"1: 2"),
        "params.yaml: line 1: the key 1 is read as int, expected a name"),
    Bad("parameters: variant", "recognition_train_student", nothing,
        "students.nope is missing .there: logit_attention_kd", "--variant nope"),

    archive("truncated", tgz()[:-40], "truncated or corrupt archive .*; fetch it again"),
    archive("of another format", b"<!DOCTYPE html>" + b" " * 999, "not an archive: .*expected .tar, .tar.gz"),
    archive("empty file", b"", "not an archive: is an empty file"),
    archive("absolute path", tgz({"/etc/x.jpg": b"x"}),
        "entry '/etc/x.jpg' points outside the archive: not unpacked"),
    archive("parent path", tgz({"../x.jpg": b"x"}),
        "entry '../x.jpg' points outside the archive: not unpacked"),
    archive("symbolic link", tgz({"x.jpg": b""}, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "entry 'x.jpg' is a link"),
    archive("hard link", tgz({"x.jpg": b""}, type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        "entry 'x.jpg' is a link"),
    archive("large entry", tgz({"x.jpg": b""}, size=2**31),
        "entry 'x.jpg' is larger than 268435456 bytes, the limit"),
    archive("bomb", tgz({"zeros.bin": bytes(4 * 2**20)}),
        "decompresses to more than 2097152 bytes, the limit"),
    archive("encrypted", encrypted_zip(), "entry 'lfw/Ann/Ann_0001.jpg' is encrypted"),
    archive("other layout", tgz({"x.jpg": photo()}),
        "entry 'x.jpg', expected <folder>/<Name>/<Name>_<NNNN>.jpg"),
    Bad("archive: absent", "recognition_prepare", both(lfw(), drop("raw/lfw.tgz")), "raw/lfw.tgz: no such file"),
    Bad("archive: wrong checksum", "recognition_download",
        lfw(key="files.archive", value={"address": "raw/lfw.tgz", "sha256": "0" * 64}),
        "lfw.tgz: wrong checksum of raw/lfw.tgz: found sha256 [0-9a-f]{64}, expected 0{64}"),
    Bad("archive: not to be had", "recognition_download", lfw(),
        "lfw.tgz: cannot be downloaded freely: put the file .* at dropped/"),
    Bad("archive: bad address", "recognition_download",
        lfw(key="files.archive", value={"address": "ftp://host/lfw.tgz", "sha256": None}),
        "lfw.tgz: address 'ftp://host/lfw.tgz', expected http://"),

    image("corrupt", photo()[:200], "a truncated or corrupt image"),
    image("zero bytes", b"", "an empty file"),
    image("no image", b"hello", "not an image .expected one of JPEG"),
    image("mode", photo(mode="F", kind="TIFF"), "image mode F is not handled .expected 8-bit grey"),
    image("tiny", photo((4, 40)), "4x40 pixels, the image is too small .expected at least 8 per side"),
    image("huge", huge_png(), "1600000000 pixels, the image is too large .expected at most 67108864"),
    image("smaller than the crop", photo((30, 30)), r"crop \(4, 4, 36, 36\) does not fit an image of 30x30"),

    Bad("pair list: absent photo", "recognition_prepare", pair_list(2, "Ann\t1\t7"),
        "raw/pairs.txt: line 2: photo Ann_0007.jpg is not in raw/lfw.tgz"),
    Bad("pair list: bad encoding", "recognition_prepare", pair_list(2, "\xc4nn\t1\t2"),
        "raw/pairs.txt: line 2: not UTF-8 text"),
    Bad("pair list: uneven folds", "recognition_prepare", pair_list(5, ""),
        "raw/pairs.txt: ends at line 4, expected 5 lines"),
    Bad("pair list: one-sided fold", "recognition_prepare", pair_list(3, "Bob\t1\t2"),
        "line 3: 3 fields .*expected a pair of two"),
    Bad("pair list: unknown fold", "recognition_prepare", lfw(key="evaluated_folds", value=[1, 3]),
        "fold 3 asked for, expected 1 to 2"),

    Bad("nobody to train on", "recognition_prepare", lfw(key="min_images", value=3),
        "raw/lfw.tgz: min_images = 3 leaves 0 people to train on"),

    judged("index: absent", drop("data/index.csv"), "data/index.csv: no such file"),
    judged("index: a folder", both(drop("data/index.csv"), lambda: Path("data/index.csv").mkdir()),
        "data/index.csv: cannot be read: Is a directory"),
    judged("index: bad encoding", put("data/index.csv", b"face,file,identity,split\n0,\xff,a,test\n"),
        "data/index.csv: not UTF-8 text"),
    judged("index: no identity", cell("data/index.csv", "identity", ""),
        "data/index.csv: row 1: .* has no identity"),
    judged("index: no column", table("data/index.csv", lambda rows: rows.drop(columns="split")),
        "data/index.csv: no column split"),
    judged("index: more rows than faces", one_face_less,
        "data/index.csv: 40 rows, expected 39, one per face of data/faces"),
    judged("index: tested and trained on", cell("data/index.csv", "split", "train", row=-1),
        "is in both train and test"),
    Bad("index: one person", "recognition_train_teacher",
        table("data/index.csv", lambda rows: rows.assign(split=["train"] * 4 + ["unlabelled"] * 36)),
        "data/index.csv: 1 identities to train on, expected two or more"),

    judged("pairs: absent face", cell("data/pairs.csv", "a", 99),
        "data/pairs.csv: row 1: face 99 is not in data/index.csv"),
    judged("pairs: no number", cell("data/pairs.csv", "fold", "one"),
        "data/pairs.csv: row 1: fold one, expected a whole"),
    judged("pairs: one-sided fold",
        table("data/pairs.csv", lambda rows: rows[(rows.fold > 0) | (rows.same == 1)]),
        "data/pairs.csv: fold 0 of protocol cross_age has 2 same and 0 different pairs"),
    judged("pairs: lie", table("data/pairs.csv", lambda rows: rows.assign(same=1 - rows.same)),
        r"data/pairs.csv: row \d: a (same pair of two people|different pair of one person)"),
    judged("pairs: none, nor searches", lambda: [table(f"data/{name}.csv", lambda rows: rows[:0])() for name in ("pairs", "searches")],
        "data/pairs.csv and data/searches.csv: no pairs and no searches"),
    judged("searches: absent", drop("data/searches.csv"), "data/searches.csv: no such file"),
    judged("searches: of people trained on", table("data/searches.csv", lambda rows: rows.assign(face=rows["face"] - 9)),
        r"data/searches.csv: row \d+: face \d+ is of split train"),

    judged("notes: absent", drop("data/notes.json"), "data/notes.json: no such file"),
    judged("notes: another file", put("data/notes.json", b'{"name": "x"}'), "data/notes.json: rendered is missing"),
    judged("checkpoint: absent", drop("models/teacher/1/model.safetensors"),
        "models/teacher/1/model.safetensors: no such file"),
    judged("checkpoint: truncated", cut("models/teacher/1/model.safetensors"),
        "model.safetensors: not a whole safetensors file"),
    judged("checkpoint: a pickle", put("models/teacher/1/model.safetensors", TRAP),
        "model.safetensors: not a whole safetensors"),
    judged("checkpoint: other architecture", deeper,
        "model.safetensors: network.blocks.* is .*: another architecture"),
    judged("checkpoint: no card", drop("models/teacher/1/model.json"), "models/teacher/1/model.json: no such file"),
    judged("checkpoint: card cut", cut("models/teacher/1/model.json"), "models/teacher/1/model.json: not valid JSON"),
    judged("checkpoint: card a list", put("models/teacher/1/model.json", b"[]"),
        "model.json: found list, expected the card"),
    judged("checkpoint: card without network", content("models/teacher/1/model.json", network=...),
        "model.json: network = None"),
    judged("checkpoint: card without history", content("models/teacher/1/model.json", provenance={}),
        "model.json: provenance.training is missing"),
    Bad("checkpoint: of other people", "recognition_train_student",
        content("models/teacher/1/model.json", identities=["a", "b", "c", "d", "e", "f"]),
        "models/answers/1: the teacher knows other identities"),
    Bad("checkpoint: for other faces", "recognition_teacher_outputs",
        lambda: np.save("data/faces.npy", np.zeros((40, 64, 64, 3), np.uint8)),
        "model.safetensors: made for faces of 32 pixels per side and 3 channels, expected 64 and 3"),
    Bad("checkpoint: of another student", "recognition_train_student", params("student.network.widths", [8, 16]),
        "model.safetensors: students.logit_attention_kd.distill.attention compares maps block by block"),

    Bad("faces: truncated", "recognition_degrade", cut("data/faces.npy"), "data/faces.npy: not a whole .npy array"),
    Bad("faces: objects", "recognition_degrade", put("data/faces.npy", OBJECTS),
        "data/faces.npy: not a whole .npy array"),
    Bad("faces: a pickle", "recognition_degrade", put("data/faces.npy", TRAP), "data/faces.npy: not a whole .npy array"),
    Bad("faces: an archive", "recognition_degrade", put("data/faces.npy", npz(a=np.zeros(3))),
        "faces.npy: an archive of arrays found"),
    Bad("faces: an archive cut", "recognition_degrade", put("data/faces.npy", npz(a=np.zeros(3))[:-9]),
        "faces.npy: not a whole .npy"),
    Bad("faces: floats", "recognition_efficiency", put("data/faces.npy", npy(np.zeros((2, 32, 32, 3)))),
        "float64 .*expected uint8"),
    Bad("faces: none", "recognition_efficiency", put("data/faces.npy", npy(np.zeros((0, 32, 32, 3), np.uint8))),
        "expected uint8"),
    Bad("faces: no square", "recognition_train_teacher", put("data/faces.npy", npy(np.zeros((40, 32, 16, 3), np.uint8))),
        r"data/faces.npy: x1 holds \(40, 32, 16, 3\), expected \(40, 32, 32, 3\)"),
    Bad("faces: odd size", "recognition_degrade", put("data/faces.npy", npy(np.zeros((2, 30, 30, 3), np.uint8))),
        "data/faces.npy: faces of 30x30 pixels, expected both sides to be divisible by 4"),

    judged("degraded: no note", drop("data/degraded/method.json"), "degraded/method.json: no such file"),
    judged("degraded: absent", drop("data/degraded/x4.npy"), "data/degraded/x4.npy: no such file"),
    judged("degraded: other size", put("data/degraded/x4.npy", npy(np.zeros((40, 4, 4, 3), np.uint8))),
        r"data/degraded/x4.npy: x4 holds \(40, 4, 4, 3\), expected \(40, 8, 8, 3\)"),

    Bad("answers: no notes", "recognition_train_student", drop("models/answers/1/shapes.json"),
        "1/shapes.json: no such file"),
    Bad("answers: notes cut", "recognition_train_student", cut("models/answers/1/shapes.json"),
        "1/shapes.json: not valid JSON"),
    Bad("answers: notes a number", "recognition_train_student", put("models/answers/1/shapes.json", b"5"),
        "1/shapes.json: the file = 5"),
    Bad("answers: of other faces", "recognition_train_student", content("models/answers/1/shapes.json", faces=5),
        "1/shapes.json: answers for 5 faces, expected 24"),
    Bad("answers: of another network", "recognition_train_student",
        content("models/answers/1/shapes.json", shapes={"channel_maps": [[3]]}),
        "1/shapes.json: maps of another network"),
    Bad("answers: no embeddings", "recognition_train_student", drop("models/answers/1/embeddings.npy"),
        "embeddings.npy: no such file"),
    Bad("answers: truncated", "recognition_train_student", cut("models/answers/1/embeddings.npy"),
        "embeddings.npy: not a whole .npy"),
    Bad("answers: objects", "recognition_train_student", put("models/answers/1/embeddings.npy", OBJECTS),
        "embeddings.npy: not a whole"),
    Bad("answers: other shape", "recognition_train_student",
        put("models/answers/1/embeddings.npy", npy(np.zeros((24, 2, 9), np.float32))),
        r"embeddings.npy: float32 \(24, 2, 9\) found, expected the teacher's answers, float \(24, 2, 8\)"),

    Bad("loss: learning rate", "recognition_train_baseline",
        both(params(f"{TRAINING}.learning_rate", 1e30), params(f"{TRAINING}.gradient_clip", 0.0)),
        "degraded_only, seed 0: (recognition|gradient norm) is nan in epoch 1, step 2, expected a finite",
        environment={"PIPELINE_SAVE_SECONDS": "0"}, saved=True),
    Bad("loss: answers", "recognition_train_student", poisoned_answers,
        "logit_attention_kd, seed 0: logit is nan in epoch 1, step 1, expected a finite number"),
    Bad("loss: teacher", "recognition_train_student", poisoned_weights,
        "logit_attention_kd, seed 0: logit is nan in epoch 1, step 1"),
    Bad("loss: scale", "recognition_train_teacher",
        both(params("margin.scale", 1e30), params("teacher.training.learning_rate", 1e30)),
        "teacher, seed 1: (recognition|gradient norm) is (nan|inf) in epoch 1, step [12]"),

    Bad("full disk: note", "check", nothing, "new/note.txt: cannot be written: File too large", file_bytes=1),
    Bad("full disk: download", "recognition_download",
        lfw(key="files.archive", value={"address": "raw/lfw.tgz", "sha256": None}),
        "cache/lfw.tgz: cannot be written: File too large", file_bytes=99),
    Bad("full disk: faces", "recognition_prepare", nothing, "new/faces.npy: cannot be written: File too large",
        file_bytes=9000),
    Bad("full disk: degraded", "recognition_degrade", nothing, "x4.npy: cannot be written: File too large",
        file_bytes=5000),
    Bad("full disk: answers", "recognition_teacher_outputs", nothing, "new/answers: cannot be written: File too large",
        file_bytes=1000),
    Bad("full disk: losses", "recognition_train_teacher", nothing, "new/losses.csv: cannot be written: File too large",
        file_bytes=9),
    Bad("full disk: state", "recognition_train_teacher", nothing,
        ".resume/new/model.safetensors: cannot be written: File too large",
        environment={"PIPELINE_SAVE_SECONDS": "0"}, file_bytes=3000),
    Bad("full disk: metrics", "recognition_evaluate", nothing, "new/metrics.csv: cannot be written: File too large",
        file_bytes=99),

    Bad("read-only: file", "check", nothing, "/sys/note.txt: cannot be written: .*expected a writable folder",
        "--out /sys/note.txt"),
    Bad("read-only: folder", "recognition_degrade", nothing, "/sys/new/degraded: cannot be written",
        "--out /sys/new/degraded"),
    Bad("read-only: model", "recognition_train_teacher", nothing, "/sys/new/losses.csv: cannot be written",
        "--losses /sys/new/losses.csv"),

    Bad("below a file", "recognition_prepare", nothing,
        "params.yaml/f.npy: cannot be written: params.yaml is a file, expected a folder",
        "--faces params.yaml/f.npy"),

    Bad("folder below a file", "recognition_degrade", nothing,
        "params.yaml/a/x: cannot be written: params.yaml is a file", "--out params.yaml/a/x"),

    Bad("a file where a folder goes", "recognition_degrade", nothing, "params.yaml: is a file, expected a folder",
        "--out params.yaml"),
    Bad("a folder where a file goes", "check", nothing, "data: cannot be written: Is a directory",
        "--out data"),

    Bad("device: no GPU", "recognition_train_teacher", nothing, r"PIPELINE_DEVICE = 'cuda': found 0 GPUs \(expected one",
        environment={"PIPELINE_DEVICE": "cuda"}),
    Bad("device: absent GPU", "recognition_evaluate", nothing, r"PIPELINE_DEVICE = 'cuda:99': found \d+ GPUs",
        environment={"PIPELINE_DEVICE": "cuda:99"}),
    Bad("device: unknown", "recognition_evaluate", nothing, "PIPELINE_DEVICE = 'tpu': expected auto, cpu, cuda or cuda:N",
        environment={"PIPELINE_DEVICE": "tpu"}),
    Bad("device: unsupported", "recognition_efficiency", nothing,
        "PIPELINE_DEVICE = 'mps': expected auto, cpu, cuda or cuda:N",
        environment={"PIPELINE_DEVICE": "mps"}),

    Bad("threads: word", "recognition_train_teacher", nothing, "PIPELINE_THREADS = 'two': expected a whole number from 1",
        environment={"PIPELINE_THREADS": "two"}),
    Bad("threads: superscript", "recognition_train_teacher", nothing,
        "PIPELINE_THREADS = '²': expected a whole number from 1", environment={"PIPELINE_THREADS": "²"}),
    Bad("threads: too many", "recognition_train_teacher", nothing, "PIPELINE_THREADS = '9999999999': expected .* to 1024",
        environment={"PIPELINE_THREADS": "9999999999"}),

    Bad("seconds: word", "recognition_train_teacher", nothing, "PIPELINE_SAVE_SECONDS = 'often': expected seconds from 0",
        environment={"PIPELINE_SAVE_SECONDS": "often"}),
    Bad("seconds: negative", "recognition_train_teacher", nothing,
        "PIPELINE_SAVE_SECONDS = '-1': expected seconds from 0", environment={"PIPELINE_SAVE_SECONDS": "-1"}),

    report("absent", f"{ONE}/metrics.csv", drop, "no such file"),
    report("bad encoding", f"{ONE}/metrics.csv", lambda path: put(path, b"task,\xff\n1,2\n"),
        "cannot be read as CSV"),
    report("another variant", f"{ONE}/metrics.csv", lambda path: cell(path, "variant", "x"),
        "variant is x .expected degr"),
    report("infinite seed", f"{ONE}/metrics.csv", lambda path: cell(path, "seed", "inf"),
        "a row has no whole seed or n"),
    report("no accuracy", f"{ONE}/metrics.csv", lambda path: cell(path, "metric", "precision"),
        "0 rows of accuracy for"),
    report("no score", f"{ONE}/scores.csv", lambda path: cell(path, "score", ""), "a score of .* is missing"),
    report("word for a score", f"{ONE}/scores.csv", lambda path: cell(path, "score", "high"),
        "column score holds something"),
    report("other pairs", f"{ONE}/scores.csv", lambda path: cell(path, "pair", 77),
        "the pairs of .* are not those of the"),
    report("description cut", f"{ONE}/run.json", cut, "not valid JSON"),
    report("description empty", f"{ONE}/run.json", lambda path: put(path, b"{}"), "no device, precision"),
    report("samples cut", f"{ONE}/samples.npz", cut, "cannot be read as arrays"),
    report("samples of objects", f"{ONE}/samples.npz",
        lambda path: put(path, npz(x1=np.array([Trap()], dtype=object))),
        "cannot be read as arrays .*pickle"),
    report("samples a pickle", f"{ONE}/samples.npz", lambda path: put(path, TRAP),
        "cannot be read as arrays"),
    report("samples an array", f"{ONE}/samples.npz", lambda path: put(path, npy(np.zeros(3))),
        "cannot be read as arrays .one array found"),
    report("losses without total", "losses/degraded_only/0/losses.csv",
        lambda path: table(path, lambda rows: rows.drop(columns="total")), "no column total"),
    report("no times", "efficiency.csv", lambda path: table(path, lambda rows: rows[:0]), "no rows"),
    Bad("report: contact sheet", "recognition_report", cut("data/sheet.png", 999),
        "data/sheet.png: cannot be read as a picture"),
]
# fmt: on


@pytest.fixture(scope="module", autouse=True)
def parsed_once() -> Iterator[None]:
    """Of some 170 steps most read the same text: it is parsed once."""
    texts = functools.cache(lambda data, parse=yaml_text.parse: pickle.dumps(parse(data)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, "parse", lambda data: pickle.loads(texts(data)))
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory, root) -> Path:
    """A valid project: all that the steps write on six rendered people, and photos in an archive."""
    folder = tmp_path_factory.mktemp("bad") / "project"
    for name in ("raw", "dropped", "data", "models", "reports"):
        (folder / name).mkdir(parents=True)
    document = read_document(root / "tests/settings/tiny.yaml")
    document["recognition"]["baselines"].pop("basicnet")
    with contextlib.chdir(folder):
        write_params(document)
        Path("raw/lfw.tgz").write_bytes(tgz())
        Path("raw/pairs.txt").write_text("\n".join([*PAIRS, ""]))
        outputs = (
            "--index data/index.csv --pairs data/pairs.csv --searches data/searches.csv --notes data/notes.json"
            " --contact-sheet data/sheet.png"
        )
        assert run("recognition_prepare", f"--faces data/faces.npy {outputs}") == 0
        assert run("recognition_degrade", "--out data/degraded") == 0
        for step, variant, seed in (
            ("recognition_train_teacher", "teacher", 1), ("recognition_train_baseline", "degraded_only", 0),
            ("recognition_train_student", "logit_attention_kd", 0),
        ):  # fmt: skip
            if step == "recognition_train_student":
                assert run("recognition_teacher_outputs", "--out models/answers/1") == 0
            model = f"models/{variant}/{seed}/model.safetensors"
            losses, judged = f"reports/losses/{variant}/{seed}", f"reports/evaluations/{variant}/{seed}"
            assert run(step, f"--model {model} --losses {losses}/losses.csv") == 0
            outputs = (
                f"--metrics {judged}/metrics.csv --scores {judged}/scores.csv --ranks {judged}/ranks.csv --low-rates {judged}/low_rates.npz"
                f" --samples {judged}/samples.npz"
            )
            words = f"--variant {variant} --seed {seed} --model {model}"
            assert run("recognition_evaluate", f"{words} {outputs} --run {judged}/run.json") == 0
        assert run("recognition_efficiency", "--out reports/efficiency.csv") == 0
        assert run("recognition_report", "--out reports/sections/recognition") == 0
    return folder


@contextlib.contextmanager
def files_up_to(size: int | None) -> Iterator[None]:
    """Writes beyond ``size`` bytes of a file fail, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_bad_input_is_one_line_and_leaves_nothing(case, project, tmp_path, monkeypatch, capsys):
    if case.environment.get("PIPELINE_DEVICE") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    monkeypatch.chdir(folder)
    for name in ("PIPELINE_DEVICE", "PIPELINE_THREADS", "PIPELINE_SAVE_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    # An archive may give 64 GiB, which no test can afford.
    monkeypatch.setitem(archives.members.__kwdefaults__, "max_bytes", 2 * 2**20)
    case.damage()
    before = files()
    capsys.readouterr()
    with files_up_to(case.file_bytes):
        status = run(case.step, case.words)
    err = capsys.readouterr().err
    last = err.splitlines()[-1]
    assert status == 1, err
    assert re.match(f"{case.step}: .*{case.line}", last), last
    assert len(last) < 700 and "Traceback" not in err and err.endswith("\n")
    after = files()
    states = {path for path in after if path.startswith(".resume")}
    assert bool(states) == case.saved
    for path in states:
        assert all(torch.isfinite(tensor).all() for tensor in load_file(path).values())
    assert {path: data for path, data in after.items() if path not in states} == before
    assert not list(Path().rglob(".writing-*"))
    assert not (folder / "new").exists() or not [path for path in Path("new").rglob("*") if not path.is_dir()]
    assert not Path("/sys/new").exists()


def test_the_table_is_large_and_its_names_are_unique():
    assert len(BAD) >= 50 and len({case.name for case in BAD}) == len(BAD)


def test_the_project_that_the_cases_damage_is_good(project, tmp_path, monkeypatch):
    """Else a case could fail for another reason than its own."""
    shutil.copytree(project, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    lfw()()
    assert run("check") == 0 and run("recognition_prepare") == 0
    assert os.path.getsize("new/faces.npy") > 10_000


def test_no_module_loads_a_pickle(root):
    """numpy is told so each time, and torch to take weights alone; pickle's own loaders do not occur."""
    for path in sorted((root / "pipeline").rglob("*.py")):
        text = path.read_text()
        assert not re.search(
            r"pickle\.(load|Unpickler)|^\s*from pickle\b|^\s*(import|from) (dill|joblib|shelve|marshal)\b|read_pickle",
            text,
            re.M,
        )
        for call in re.findall(r"torch\.load\([^\n]*", text):
            assert "weights_only=True" in call, (path, call)
        for call in re.findall(r"np\.load\([^\n]*", text):
            assert "allow_pickle=False" in call, (path, call)
