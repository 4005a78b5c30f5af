"""Labelled images from every source, written here in its official layout, prepared, and read back."""

import functools
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.class_set import ClassSet, check
from pipeline.data.class_sources import ImageClasses, remote_files, source_names
from pipeline.data.class_sources.cifar import _pickled
from pipeline.data.classes import classification_prepare, fit, open_classes, sample_sheet
from pipeline.data.fetch_folder import fetch_folder
from pipeline.errors import InputError
from pipeline.params.loading import validate

NONE = {"archive": {"address": None, "sha256": None}}
FEW = {"train_people": 2, "test_people": 2}  # of rendered faces
TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def settings(source, **changes):
    given = {"source": source, "image_size": 32, "channels": 3} | ({} if source == "rendered" else {"files": NONE})
    return validate(ImageClasses, given | changes, "classification.data", "params.yaml")


def cifar(classes=10, version="binary", **changes):
    return settings("cifar", classes=classes, version=version, **changes)


def pictures(n, side=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def archive(path, files):
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name, data in files.items():
                file.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz", compresslevel=1) as file:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return path


def encoded(pixels, form="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, form)
    return buffer.getvalue()


def prepared(chosen, raw, tmp_path):
    classification_prepare(chosen, raw, tmp_path / "out")
    return open_classes(tmp_path / "out")


def refused(action, *expected):
    """The action must fail with one line that holds the expected texts."""
    with pytest.raises(InputError) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line and len(line) < 700
    for text in expected:
        assert str(text) in line
    return line


# --- CIFAR -----------------------------------------------------------------------------------------------------------

IMAGES = pictures(72)  # 5 batches of 12 and a test batch of 12
LABELS = np.random.default_rng(1).permutation(np.arange(72) % 10)
LABELS[60:70] = range(10)


def planes(images):
    """One image after another: red, green and blue, row by row."""
    return b"".join(image[:, :, channel].tobytes() for image in images for channel in range(3))


def batches(ending=""):
    names = [f"data_batch_{number}{ending}" for number in range(1, 6)] + [f"test_batch{ending}"]
    return {name: slice(12 * number, 12 * number + 12) for number, name in enumerate(names)}


@functools.cache
def ten_binary():
    records = {
        name: b"".join(bytes([label]) + planes([image]) for label, image in zip(LABELS[rows], IMAGES[rows]))
        for name, rows in batches(".bin").items()
    }
    return {"batches.meta.txt": "\n".join(TEN).encode() + b"\n\n", "readme.html": b"<html>", **records}


class Python2:
    """Writes as Python 2.7's cPickle does at protocol 2: str is BINSTRING, an array is numpy's _reconstruct."""

    def __init__(self, columns_first=False):
        self.columns_first = columns_first

    def dump(self, value):
        return b"\x80\x02" + self.put(value) + b"."

    def put(self, value):
        if isinstance(value, dict):
            items = b"".join(self.put(key) + self.put(item) for key, item in value.items())
            return b"}(" + items + b"u"
        if isinstance(value, list):
            return b"](" + b"".join(self.put(item) for item in value) + b"e"
        if isinstance(value, str):
            data = value.encode()
            return b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data
        if isinstance(value, int):
            return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)
        data = value.tobytes("F" if self.columns_first else "C")
        rows, columns = value.shape
        kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
            + self.put(rows) + self.put(columns) + b"\x86" + kind + (b"\x88" if self.columns_first else b"\x89")
            + b"T" + struct.pack("<i", len(data)) + data + b"tb"
        )  # fmt: skip


def rows_of(images):
    return np.frombuffer(planes(images), np.uint8).reshape(len(images), -1)


def by_python3(protocol):
    return lambda value: pickle.dumps(value, protocol)


WRITERS = {
    "python 2": Python2().dump,
    "python 2, columns first": Python2(columns_first=True).dump,
    "protocol 0": by_python3(0), "protocol 2": by_python3(2), "protocol 4": by_python3(4), "protocol 5": by_python3(5),
}  # fmt: skip


@functools.cache
def ten_python(write=Python2().dump):  # noqa: B008
    files = {
        name: write({
            "batch_label": "a batch", "labels": LABELS[rows].tolist(), "data": rows_of(IMAGES[rows]),
            "filenames": [f"a_s_{number}.png" for number in range(12)],
        })
        for name, rows in batches().items()
    }  # fmt: skip
    return {**files, "batches.meta": write({"num_cases_per_batch": 10000, "label_names": TEN, "num_vis": 3072})}


def check_ten(result):
    order = np.argsort(np.arange(72) >= 60, kind="stable")
    np.testing.assert_array_equal(result.images, IMAGES[order])
    np.testing.assert_array_equal(result.labels, LABELS[order])
    assert (
        result.names == TEN and result.notes.name == "CIFAR-10" and result.notes.as_given and not result.notes.rendered
    )
    assert (result.index["part"] == ["train"] * 60 + ["test"] * 12).all()
    assert result.notes.images.model_dump() == {"train": 60, "test": 12}


@pytest.mark.parametrize("folder", ["cifar-10-batches-bin/", "./", ""])
def test_cifar_10_binary(folder, tmp_path):
    # Archive order is not that of the batches: the official archive's is not.
    files = {folder + name: data for name, data in reversed(ten_binary().items())}
    archive(tmp_path / "cifar-10-binary.tar.gz", files)
    classes = prepared(cifar(), tmp_path, tmp_path)
    check_ten(classes)
    expected = ["data_batch_1.bin/0", "data_batch_2.bin/1", "test_batch.bin/11"]
    assert classes.index["file"][[0, 13, 71]].tolist() == expected


@pytest.mark.parametrize("writer", WRITERS)
def test_cifar_10_python(writer, tmp_path):
    files = {f"cifar-10-batches-py/{name}": data for name, data in ten_python(WRITERS[writer]).items()}
    if "2" in writer:  # what is written is what pickle means
        meant = pickle.loads(files["cifar-10-batches-py/test_batch"], encoding="bytes")
        data = meant.get("data", meant.get(b"data"))
        np.testing.assert_array_equal(data, rows_of(IMAGES[60:]))
    archive(tmp_path / "cifar-10-python.tar.gz", files)
    check_ten(prepared(cifar(version="python"), tmp_path, tmp_path))


def hundred():
    """Images, fine labels and their names: 100 to train on, 100 to test."""
    images = pictures(200, seed=2)
    fine = np.concatenate([np.random.default_rng(3).permutation(100), np.arange(100)])
    return images, fine, [f"class {number}" for number in range(100)]


@pytest.mark.parametrize("version", ["binary", "python"])
def test_cifar_100_by_its_fine_labels(version, tmp_path):
    images, fine, names = hundred()
    if version == "binary":
        records = [bytes([label // 5, label]) + planes([image]) for label, image in zip(fine, images)]
        files = {
            "cifar-100-binary/train.bin": b"".join(records[:100]), "cifar-100-binary/test.bin": b"".join(records[100:]),
            "cifar-100-binary/fine_label_names.txt": "\n".join(names).encode(),
            "cifar-100-binary/coarse_label_names.txt": b"coarse",
        }  # fmt: skip
    else:
        write = Python2().dump
        files = {
            f"cifar-100-python/{part}": write({
                "fine_labels": fine[rows].tolist(), "coarse_labels": (fine[rows] // 5).tolist(),
                "data": rows_of(images[rows]),
            })
            for part, rows in (("train", slice(100)), ("test", slice(100, None)))
        }  # fmt: skip
        files["cifar-100-python/meta"] = write({"coarse_label_names": ["coarse"], "fine_label_names": names})
    archive(tmp_path / f"cifar-100-{version}.tar.gz", files)
    classes = prepared(cifar(100, version), tmp_path, tmp_path)
    np.testing.assert_array_equal(classes.images, images)
    np.testing.assert_array_equal(classes.labels, fine)
    assert classes.names == names and classes.notes.name == "CIFAR-100"


def changed(files, name, change):
    return {key: change(data) if key == name else data for key, data in files.items()}


def relabelled(place, label):
    return lambda data: data[:place] + bytes([label]) + data[place + 1 :]


BAD_BINARY = {
    "truncated": (lambda f: changed(f, "data_batch_3.bin", lambda d: d[:-1]),
                  "data_batch_3.bin: 36875 bytes, expected a multiple of 3073"),
    "empty": (lambda f: changed(f, "test_batch.bin", lambda d: b""), "test_batch.bin: 0 bytes"),
    "label": (lambda f: changed(f, "data_batch_2.bin", relabelled(3073, 10)),
              "data_batch_2.bin: image 1: label 10, expected 0 to 9"),
    "absent": (lambda f: {k: v for k, v in f.items() if k != "data_batch_4.bin"}, "holds no data_batch_4.bin"),
    "no names": (lambda f: {k: v for k, v in f.items() if k != "batches.meta.txt"}, "holds no batches.meta.txt"),
    "few names": (lambda f: changed(f, "batches.meta.txt", lambda d: b"cat\ndog\n"), "names of 2 classes, expected 10"),
    "one name twice": (lambda f: changed(f, "batches.meta.txt", lambda d: d.replace(b"dog", b"cat")),
                       "class 'cat' is nameless or there twice"),
    "twice": (lambda f: f | {"copy/test_batch.bin": f["test_batch.bin"]}, "test_batch.bin is in it twice"),
    "nothing": (lambda f: {"readme": b"x"}, "holds no files of the names asked for"),
    "no test image of a class": (lambda f: changed(f, "test_batch.bin", lambda d: d[3073:-2 * 3073]),
                                 "class 'airplane' has "),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_BINARY)
def test_bad_binary_archives(case, tmp_path):
    change, expected = BAD_BINARY[case]
    path = archive(tmp_path / "cifar-10-binary.tar.gz", change(ten_binary()))
    refused(lambda: prepared(cifar(), tmp_path, tmp_path), path, expected)
    assert not (tmp_path / "out").exists()


def test_a_truncated_archive(tmp_path):
    path = archive(tmp_path / "cifar-10-binary.tar.gz", ten_binary())
    path.write_bytes(path.read_bytes()[:-2000])
    refused(lambda: prepared(cifar(), tmp_path, tmp_path), path, "truncated or corrupt archive")


class Runs:
    """Pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def batch(**changes):
    """A python batch with changes: of 12 images."""
    content = {"labels": LABELS[60:].tolist(), "data": rows_of(IMAGES[60:])} | changes
    return pickle.dumps({key: value for key, value in content.items() if value is not None}, 2)


BAD_PYTHON = {
    "no pickle": (b"PK", "test_batch: truncated or not a pickle"),
    "truncated": (batch()[:-100], "test_batch: truncated or not a pickle"),
    "a list": (pickle.dumps([1]), "test_batch: holds list, expected a pickle of a dictionary"),
    "no data": (batch(data=None), "no array data of 3072 values per image"),
    "data of no image": (batch(data=np.zeros((12, 3000), np.uint8)), "no array data of 3072 values"),
    "data of three sides": (batch(data=np.zeros((12, 3, 1024), np.uint8)), "expected u1 of at most 2 dimensions"),
    "data of floats": (batch(data=np.zeros((12, 3072))), "makes an array of f8"),
    "data of text": (batch(data="abc"), "no array data"),
    "no labels": (batch(labels=None), "no list labels of whole numbers"),
    "labels of text": (batch(labels=["cat"] * 12), "no list labels of whole numbers"),
    "labels that are true": (batch(labels=[True] * 12), "no list labels of whole numbers"),
    "few labels": (batch(labels=[0] * 11), "11 labels for 12 images"),
    "label": (batch(labels=[0] * 11 + [10]), "image 11: a label out of range, expected 0 to 9"),
    "negative label": (batch(labels=[-1] + [0] * 11), "image 0: a label out of range"),
    "absurd label": (batch(labels=[2**5000] + [0] * 11), "image 0: a label out of range"),
    "a key that is no text": (pickle.dumps({1: 2}, 2), "sets items whose keys are not all text"),
    "half an item": (b"\x80\x02}(U\x01au.", "sets items whose keys are not all text"),
    "items of a list": (b"\x80\x02](U\x01aK\x01u.", "sets items of list"),
    "of its own": (b"\x80\x02}q\x00U\x01ah\x00s.", "no array data"),
    "unfilled": (b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Rs.",
                 "no array data"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PYTHON)
def test_bad_python_batches(case, tmp_path):
    data, expected = BAD_PYTHON[case]
    path = archive(tmp_path / "cifar-10-python.tar.gz", ten_python() | {"test_batch": data})
    refused(lambda: prepared(cifar(version="python"), tmp_path, tmp_path), path, expected)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("place", ["whole", "data", "key", "meta"])
def test_a_batch_that_would_run_a_command(place, protocol, tmp_path):
    ran = tmp_path / "ran"
    bomb = Runs(os.system, f"touch {ran}")
    value = {"whole": bomb, "data": {"data": bomb}, "key": {bomb: 1}, "meta": {"label_names": bomb}}[place]
    file = "batches.meta" if place == "meta" else "data_batch_1"
    archive(tmp_path / "cifar-10-python.tar.gz", ten_python() | {file: (data := pickle.dumps(value, protocol))})
    line = refused(lambda: prepared(cifar(version="python"), tmp_path, tmp_path), file, "posix.system")
    assert "nothing that runs" in line and "GLOBAL at position" in line and not ran.exists()
    if protocol == 4 and place == "data":  # the very bytes do run where they are unpickled
        pickle.loads(data)
        assert ran.exists()


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_damaged_bytes_of_a_python_batch_are_read_or_refused():
    """Of the dictionary's beginning, each byte in turn, and of what describes the array."""
    data, random, outcomes = ten_python()["test_batch"], np.random.default_rng(5), {"read": 0, "refused": 0}
    array = data.index(b"cnumpy")
    for place in [*range(80), *range(array - 10, array + 160)]:
        wrong = bytearray(data)
        wrong[place] ^= int(random.integers(1, 256))
        try:
            labels, images = _pickled("test_batch", bytes(wrong), 10)
            assert len(labels) == len(images) == 12 and images.shape[1:] == (32, 32, 3)
            outcomes["read"] += 1
        except InputError as error:
            assert str(error).startswith("test_batch: ")
            outcomes["refused"] += 1
    assert outcomes["refused"] > 100 and outcomes["read"]


# --- STL-10 ----------------------------------------------------------------------------------------------------------


def stl10(images, labels, cut):
    def part(name, rows):
        columns = b"".join(image[:, :, channel].T.tobytes() for image in images[rows] for channel in range(3))
        return {f"stl10_binary/{name}_X.bin": columns, f"stl10_binary/{name}_y.bin": bytes((labels[rows] + 1).tolist())}

    names = {"stl10_binary/class_names.txt": "\n".join(TEN).encode() + b"\n", "stl10_binary/fold_indices.txt": b"0 1"}
    unlabelled = {"stl10_binary/unlabeled_X.bin": bytes(1000)}
    return names | unlabelled | part("train", slice(cut)) | part("test", slice(cut, None))


STL_LABELS = np.concatenate([np.random.default_rng(4).permutation(np.arange(12) % 10), np.arange(10)])


def test_stl10_is_column_by_column(tmp_path):
    images = pictures(22, 96)
    archive(tmp_path / "stl10_binary.tar.gz", stl10(images, STL_LABELS, 12))
    classes = prepared(settings("stl10", image_size=96), tmp_path, tmp_path)
    np.testing.assert_array_equal(classes.images, images)
    np.testing.assert_array_equal(classes.labels, STL_LABELS)
    assert classes.names == TEN and classes.notes.images.train == 12 and classes.notes.name == "STL-10"


BAD_STL = {
    "truncated": ("train_X.bin", lambda d: d[:-5], "train_X.bin: 331771 bytes, expected a multiple of 27648"),
    "fewer labels": ("test_y.bin", lambda d: d[:-1], "test_y.bin: 9 labels for 10 images"),
    "label 0": ("train_y.bin", relabelled(3, 0), "train_y.bin: image 3: label 0, expected 1 to 10"),
    "label 11": ("train_y.bin", relabelled(11, 11), "image 11: label 11"),
    "names": ("class_names.txt", lambda d: d + b"eleven\n", "names of 11 classes, expected 10"),
}


@pytest.mark.parametrize("case", BAD_STL)
def test_bad_stl10(case, tmp_path):
    name, change, expected = BAD_STL[case]
    files = changed(stl10(pictures(22, 96), STL_LABELS, 12), f"stl10_binary/{name}", change)
    archive(tmp_path / "stl10_binary.tar.gz", files)
    refused(lambda: prepared(settings("stl10"), tmp_path, tmp_path), "stl10_binary.tar.gz", expected)


# --- Tiny-ImageNet ---------------------------------------------------------------------------------------------------

TINY = [encoded(picture) for picture in pictures(9, 64, seed=6)]
GREY = encoded(pictures(1, 64, seed=7)[0][..., :1])
BOX = "\t0\t0\t63\t63\n"


def tiny(top="tiny-imagenet-200/"):
    files = {"train/n02/images/n02_0.JPEG": TINY[0], "train/n02/n02_boxes.txt": b"n02_0.JPEG\t0\t0\t1\t1\n"}
    files |= {f"train/n01/images/n01_{number}.JPEG": TINY[number] for number in (1, 2)}
    files |= {"val/images/val_0.JPEG": TINY[3], "val/images/val_1.JPEG": GREY, "val/images/val_10.JPEG": TINY[5]}
    files["val/val_annotations.txt"] = f"val_1.JPEG\tn02{BOX}val_0.JPEG\tn01{BOX}val_10.JPEG\tn02{BOX}".encode()
    files |= {"test/images/test_0.JPEG": TINY[6], "wnids.txt": b"n02\nn01\n"}
    files["words.txt"] = b"n01\tgoldfish, Carassius auratus\nn02\ttailed frog, bell toad\nn03\tcat\n"
    return {top + name: data for name, data in files.items()}


def plain(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("top", ["tiny-imagenet-200/", ""])
def test_tiny_imagenet(top, tmp_path):
    archive(tmp_path / "tiny-imagenet-200.zip", dict(reversed(tiny(top).items())))
    classes = prepared(settings("tiny_imagenet", image_size=64), tmp_path, tmp_path)
    assert classes.names == ["n01 goldfish", "n02 tailed frog"] and classes.notes.name == "Tiny-ImageNet-200"
    assert classes.labels.tolist() == [0, 0, 1, 0, 1, 1]
    expected = [TINY[1], TINY[2], TINY[0], TINY[3], GREY, TINY[5]]
    np.testing.assert_array_equal(classes.images, np.stack([plain(data) for data in expected]))
    assert (
        classes.index["file"][0] == "train/n01/images/n01_1.JPEG"
        and classes.index["file"][4] == "val/images/val_1.JPEG"
    )


def test_tiny_imagenet_without_words(tmp_path):
    files = {name: data for name, data in tiny().items() if not name.endswith("words.txt")}
    archive(tmp_path / "tiny-imagenet-200.zip", files)
    assert prepared(settings("tiny_imagenet"), tmp_path, tmp_path).names == ["n01", "n02"]


ANNOTATIONS = "tiny-imagenet-200/val/val_annotations.txt"
BAD_TINY = {
    "an image without annotation": (lambda f: f | {"tiny-imagenet-200/val/images/val_2.JPEG": TINY[7]},
                                    "says nothing of val_2.JPEG"),
    "an annotation without image": (lambda f: changed(f, ANNOTATIONS, lambda d: d + f"val_9.JPEG\tn01{BOX}".encode()),
                                    "names val_9.JPEG"),
    "twice": (lambda f: changed(f, ANNOTATIONS, lambda d: d + f"val_0.JPEG\tn01{BOX}".encode()),
              "line 4: image 'val_0.JPEG' occurs twice"),
    "unknown class": (lambda f: changed(f, ANNOTATIONS, lambda d: d.replace(b"n01", b"n03")),
                      "line 2: class 'n03' has no images to train on"),
    "no tabs": (lambda f: changed(f, ANNOTATIONS, lambda d: b"val_0.JPEG n01"), "line 1: 'val_0.JPEG n01'"),
    "no annotations": (lambda f: {k: v for k, v in f.items() if k != ANNOTATIONS}, "holds no files of the names"),
    "no training images": (lambda f: {k: v for k, v in f.items() if "train" not in k}, "holds 0 images as train/"),
    "broken": (lambda f: changed(f, "tiny-imagenet-200/train/n01/images/n01_2.JPEG", lambda d: d[: len(d) // 2]),
               "n01_2.JPEG: a truncated or corrupt image"),
    "no image": (lambda f: changed(f, "tiny-imagenet-200/val/images/val_0.JPEG", lambda d: b"text"),
                 "val_0.JPEG: not an image"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TINY)
def test_bad_tiny_imagenet(case, tmp_path):
    change, expected = BAD_TINY[case]
    path = archive(tmp_path / "tiny-imagenet-200.zip", change(tiny()))
    refused(lambda: prepared(settings("tiny_imagenet", image_size=64), tmp_path, tmp_path), path, expected)
    assert not (tmp_path / "out").exists()


# --- folders ---------------------------------------------------------------------------------------------------------

BIRDS = pictures(8, 40, seed=8)
FOLDERS = {
    "birds/train/wren/b.png": encoded(BIRDS[0]), "birds/train/wren/a.png": encoded(BIRDS[1]),
    "birds/train/owl/7.bmp": encoded(BIRDS[2], "BMP"), "birds/test/owl/1.PNG": encoded(BIRDS[3]),
    "birds/test/wren/2.png": encoded(BIRDS[4]), "birds/test/wren/list.txt": b"no image",
    "birds/README": b"no image", "__MACOSX/birds/train/wren/._a.png": b"no image", "birds/train/owl/.hidden.png": b"x",
}  # fmt: skip


def folder(**changes):
    return settings("folder", **{"label": "birds", "name": "birds.zip", "image_size": 40} | changes)


@pytest.mark.parametrize(("name", "top"), [("birds.zip", 0), ("birds.tar.gz", 0), ("birds.zip", 1)])
def test_folders(name, top, tmp_path):
    """As they are given out, or packed without their own top folder."""
    files = {key.removeprefix("birds/" if top else ""): data for key, data in FOLDERS.items()}
    archive(tmp_path / name, dict(reversed(files.items())))
    classes = prepared(folder(name=name), tmp_path, tmp_path)
    np.testing.assert_array_equal(classes.images, BIRDS[[2, 1, 0, 3, 4]])
    assert classes.names == ["owl", "wren"] and classes.labels.tolist() == [0, 1, 1, 0, 1]
    assert classes.index["file"].tolist()[:2] == ["train/owl/7.bmp", "train/wren/a.png"]
    assert classes.notes.as_given and classes.notes.name == "birds"


def test_other_names_of_parts_and_images_elsewhere(tmp_path, capsys):
    files = {key.replace("/test/", "/val/"): data for key, data in FOLDERS.items()}
    archive(tmp_path / "birds.zip", files | {"birds/extra/owl/1.png": encoded(BIRDS[5])})
    classes = prepared(folder(test="val"), tmp_path, tmp_path)
    assert len(classes.images) == 5 and "1 images left out" in capsys.readouterr().err
    refused(lambda: prepared(folder(), tmp_path, tmp_path), "class 'owl' has 1 images to train on and 0 to test")
    refused(lambda: folder(test="train"), "train and test = 'train': expected two folders")


def test_a_class_may_be_called_as_a_part(tmp_path):
    archive(tmp_path / "birds.zip", {key.replace("owl", "train"): data for key, data in FOLDERS.items()})
    assert prepared(folder(), tmp_path, tmp_path).names == ["train", "wren"]


BAD_FOLDERS = {
    "test alone": (lambda f: f | {"birds/test/rook/1.png": f["birds/test/owl/1.PNG"]},
                   "class 'rook' has 0 images to train on and 1 to test"),
    "train alone": (lambda f: {k: v for k, v in f.items() if k != "birds/test/owl/1.PNG"},
                    "class 'owl' has 1 images to train on and 0 to test"),
    "empty class": (lambda f: f | {"birds/train/rook/notes.txt": b"soon"}, "class 'rook' has no images"),
    "no parts": (lambda f: {k.replace("train", "a").replace("test", "b"): v for k, v in f.items()},
                 "holds no images as train/<class>/<image> and test/<class>/<image>"),
    "two places": (lambda f: f | {"more/train/wren/1.png": f["birds/test/owl/1.PNG"]},
                   "has parts in 'birds' and 'more'"),
    "without class": (lambda f: f | {"birds/train/1.png": f["birds/test/owl/1.PNG"]},
                      "'birds/train/1.png': expected images as"),
    "deeper": (lambda f: f | {"birds/train/wren/more/1.png": f["birds/test/owl/1.PNG"]},
               "wren/more/1.png': expected images as"),
    "one class": (lambda f: {k: v for k, v in f.items() if "owl" not in k}, "1 classes, expected two or more"),
    "broken": (lambda f: changed(f, "birds/test/wren/2.png", lambda d: d[:200]), "birds/test/wren/2.png: a truncated"),
    "empty file": (lambda f: changed(f, "birds/train/wren/a.png", lambda d: b""), "wren/a.png: an empty file"),
    "outside": (lambda f: f | {"../birds/train/owl/2.png": b"x"}, "points outside the archive"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folders(case, tmp_path):
    change, expected = BAD_FOLDERS[case]
    path = archive(tmp_path / "birds.zip", change(FOLDERS))
    refused(lambda: prepared(folder(), tmp_path, tmp_path), path, expected)
    assert not (tmp_path / "out").exists()


# --- what all share --------------------------------------------------------------------------------------------------


def test_first_so_many_of_each_class(tmp_path):
    archive(tmp_path / "cifar-10-binary.tar.gz", ten_binary())
    classes = prepared(cifar(per_class={"train": 2, "test": None}), tmp_path, tmp_path)
    expected = [row for row in range(60) if (LABELS[:row] == LABELS[row]).sum() < 2] + list(range(60, 72))
    np.testing.assert_array_equal(classes.images, IMAGES[expected])
    np.testing.assert_array_equal(classes.labels, LABELS[expected])
    assert classes.notes.name == "CIFAR-10, first 2 train images a class" and not classes.notes.as_given
    both = prepared(cifar(per_class={"train": 3, "test": 1}), tmp_path, tmp_path)
    assert both.notes.name == "CIFAR-10, first 3 train and 1 test images a class"
    assert both.part("test")[1].tolist() == LABELS[60:70].tolist() and len(both.images) == 40
    more = prepared(cifar(per_class={"train": 1000}), tmp_path, tmp_path)
    assert len(more.images) == 72 and more.notes.per_class.train == 1000


def test_mean_and_spread_of_the_training_part(tmp_path):
    archive(tmp_path / "cifar-10-binary.tar.gz", ten_binary())
    classes = prepared(cifar(), tmp_path, tmp_path)
    pixels = IMAGES[:60].reshape(-1, 3) / 255
    np.testing.assert_allclose(classes.notes.mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(classes.notes.std, pixels.std(axis=0), rtol=1e-12)
    train, labels = classes.part("train")
    assert len(train) == len(labels) == 60 and np.shares_memory(train, classes.images) and not train.flags.writeable
    np.testing.assert_array_equal(classes.part("test")[0], IMAGES[60:])
    grey = prepared(cifar(channels=1), tmp_path, tmp_path)
    assert grey.images.shape == (72, 32, 32, 1) and len(grey.notes.mean) == 1 and not grey.notes.as_given
    luma = IMAGES @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey.images[..., 0] - luma).max() < 0.51


def test_written_twice_gives_the_same_bytes(tmp_path):
    archive(tmp_path / "birds.zip", FOLDERS)
    for name in "ab":
        classification_prepare(folder(image_size=24), tmp_path, tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert len(list((tmp_path / "a").iterdir())) == 4


def test_fit_is_pillows_resampling_of_the_middle_square():
    picture = pictures(1, 50)[0][:, 4:34]  # 50 high, 30 wide
    expected = Image.fromarray(picture[10:40]).resize((16, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(fit(picture, 16, 3), np.asarray(expected))
    wide = np.ascontiguousarray(picture.transpose(1, 0, 2))
    np.testing.assert_array_equal(fit(wide, 30, 3), wide[:, 10:40])
    grey = picture[..., :1]
    np.testing.assert_array_equal(fit(grey, 30, 3), np.repeat(grey[10:40], 3, axis=2))
    np.testing.assert_array_equal(fit(grey[:30], 30, 1), grey[:30])


def test_resizing_is_antialiased():
    """A grating finer than the small image's pixels becomes grey, not another grating."""
    stripes = np.repeat(np.tile(np.array([0, 255], np.uint8), 32)[None, :, None], 64, axis=0).repeat(3, axis=2)
    small = fit(stripes, 16, 3)
    assert np.abs(small[:, 2:-2].astype(int) - 127).max() < 12


def test_sheet(tmp_path):
    archive(tmp_path / "cifar-10-binary.tar.gz", ten_binary())
    classes = prepared(cifar(), tmp_path, tmp_path)
    most = np.bincount(LABELS[:60]).min()
    sheet = sample_sheet(classes)
    assert sheet.shape == (320, 32 * most, 3)
    for label in range(10):
        own = np.flatnonzero(LABELS[:60] == label)[:most]
        np.testing.assert_array_equal(sheet[32 * label : 32 * label + 32], np.concatenate(list(IMAGES[own]), axis=1))
    assert sample_sheet(classes, part="test", rows=4, photos=1).shape == (128, 32, 3)


def test_training_images_of_one_colour(tmp_path):
    one = encoded(np.full((40, 40, 3), 9, np.uint8))
    flat = {key: one if "train" in key else data for key, data in FOLDERS.items()}
    path = archive(tmp_path / "birds.zip", flat)
    refused(lambda: prepared(folder(), tmp_path, tmp_path), path, "channel 0 of all training images is one value")
    assert not (tmp_path / "out").exists()


def test_another_folder_is_replaced_whole_or_stays(tmp_path):
    archive(tmp_path / "birds.zip", FOLDERS)
    classification_prepare(folder(), tmp_path, tmp_path / "out")
    before = (tmp_path / "out/images.npy").read_bytes()
    archive(tmp_path / "birds.zip", BAD_FOLDERS["broken"][0](FOLDERS))
    refused(lambda: classification_prepare(folder(), tmp_path, tmp_path / "out"), "truncated")
    assert (tmp_path / "out/images.npy").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["birds.zip", "out"]


def rows(*given):
    return pd.DataFrame(given, columns=["file", "label", "part"])


def test_what_a_source_of_ones_own_may_not_give():
    def given(index, names=("a", "b")):
        return ClassSet("x", list(names), index, lambda wanted: iter(()))

    good = rows(("1", 0, "train"), ("2", 1, "train"), ("3", 0, "test"), ("4", 1, "test"))
    check(given(good), "x")
    for label, expected in ((2, "x: 1: label 2, expected 0 to 1"), (-1, "label -1")):
        refused(lambda: check(given(good.assign(label=[label, 1, 0, 1])), "x"), expected)
    refused(lambda: check(given(good.assign(file=list("1233"))), "x"), "x: 3 occurs twice")
    refused(lambda: check(given(good, ("a", " ")), "x"), "class ' ' is nameless")


OPENED = {
    "no images": (lambda out: (out / "images.npy").unlink(), "images.npy: no such file"),
    "fewer images": (lambda out: np.save(out / "images.npy", np.zeros((3, 40, 40, 3), np.uint8)),
                     "3 images, 5 rows of index.csv, and 5 after notes.json"),
    "grey images": (lambda out: np.save(out / "images.npy", np.zeros((5, 40, 40, 1), np.uint8)),
                    "of 3 channels, expected 1"),
    "floats": (lambda out: np.save(out / "images.npy", np.zeros((5, 40, 40, 3))), "images.npy: float64"),
    "a label": (lambda out: edit(out / "index.csv", "owl/7.bmp,0", "owl/7.bmp,2"),
                "index.csv: row 1: label 2, expected 0 to 1"),
    "half a label": (lambda out: edit(out / "index.csv", "owl/7.bmp,0", "owl/7.bmp,0.5"), "row 1: label 0.5"),
    "a part": (lambda out: edit(out / "index.csv", "a.png,1,train", "a.png,1,test"),
               "row 2: part 'test', expected 'train'"),
    "an order": (lambda out: edit(out / "index.csv", "\n1,train", "\n2,train"), "row 2: image 2, expected 1"),
    "a column": (lambda out: edit(out / "index.csv", "part", "parts"), "index.csv: no column part"),
    "classes": (lambda out: edit(out / "classes.csv", "1,wren", "3,wren"), "classes.csv: row 2: label 3, expected 1"),
    "a class": (lambda out: edit(out / "classes.csv", "1,wren\n", ""), "label 1, expected 0 to 0"),
    "notes": (lambda out: edit(out / "notes.json", "rendered", "drawn"), "notes.json: "),
    "no spread": (lambda out: edit_spread(out), "notes.json: std.0 = 0.0"),
}  # fmt: skip


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_spread(out):
    notes = json.loads((out / "notes.json").read_text())
    notes["std"][0] = 0.0
    (out / "notes.json").write_text(json.dumps(notes))


@pytest.mark.parametrize("case", OPENED)
def test_damaged_folders_are_refused(case, tmp_path):
    archive(tmp_path / "birds.zip", FOLDERS)
    classification_prepare(folder(), tmp_path, tmp_path / "out")
    damage, expected = OPENED[case]
    damage(tmp_path / "out")
    refused(lambda: open_classes(tmp_path / "out"), tmp_path / "out", expected)


# --- where archives come from ----------------------------------------------------------------------------------------


def test_each_source_names_its_archive():
    assert source_names() == ["cifar", "folder", "rendered", "stl10", "tiny_imagenet"]
    chosen = [cifar(), cifar(100, "python"), settings("stl10"), settings("tiny_imagenet"), folder()]
    names = [file.name for one in chosen for file in remote_files(one)]
    assert names == [
        "cifar-10-binary.tar.gz", "cifar-100-python.tar.gz", "stl10_binary.tar.gz", "tiny-imagenet-200.zip", "birds.zip"
    ]  # fmt: skip
    assert remote_files(settings("rendered", seed=0, train_people=2, test_people=2)) == []


@pytest.mark.parametrize(
    "chosen", [cifar(), settings("stl10"), settings("tiny_imagenet"), folder()], ids=lambda chosen: chosen.source
)
def test_what_is_missing_is_asked_for_by_name_and_place(chosen, tmp_path):
    files = remote_files(chosen)
    refused(lambda: fetch_folder(files, tmp_path / "raw", tmp_path / "cache", tmp_path / "drop_in"),
            "cannot be downloaded freely", tmp_path / "drop_in" / files[0].name, files[0].provider)  # fmt: skip
    refused(
        lambda: classification_prepare(chosen, tmp_path, tmp_path / "out"), tmp_path / files[0].name, files[0].provider
    )


def test_from_a_dropped_folder(tmp_path):
    for name, data in FOLDERS.items():
        place = tmp_path / "drop_in" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    fetch_folder(remote_files(folder()), tmp_path / "raw", tmp_path / "cache", tmp_path / "drop_in")
    classes = prepared(folder(), tmp_path / "raw", tmp_path)
    np.testing.assert_array_equal(classes.images, BIRDS[[2, 1, 0, 3, 4]])


BAD_SETTINGS = {
    "classes": (lambda: cifar(classes=20), "classes = 20"),
    "version": (lambda: cifar(version="matlab"), "version = 'matlab'"),
    "size": (lambda: cifar(image_size=8), "image_size = 8"),
    "channels": (lambda: cifar(channels=4), "channels = 4"),
    "limit": (lambda: cifar(per_class={"train": 0}), "per_class.train = 0"),
    "other limit": (lambda: cifar(per_class={"val": 1}), "per_class.val is not a known setting"),
    "source": (lambda: settings("imagenet"), "imagenet"),
    "small faces": (lambda: settings("rendered", image_size=16, seed=0, **FEW), "image_size = 16"),
    "archive": (lambda: folder(name="../birds.zip"), "name = '../birds.zip'"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings(case):
    action, expected = BAD_SETTINGS[case]
    refused(action, "params.yaml", "classification.data", expected)


# --- rendered faces --------------------------------------------------------------------------------------------------


def rendered(tmp_path, **changes):
    given = {"seed": 3, "train_people": 6, "test_people": 4} | changes
    return prepared(settings("rendered", **given), tmp_path, tmp_path)


def test_rendered_expressions(tmp_path):
    classes = rendered(tmp_path)
    assert classes.names == ["neutral", "happy", "laughing", "sad", "angry", "surprised", "asleep"]
    assert classes.notes.rendered and classes.notes.name == "rendered expressions" and classes.notes.as_given
    for part, people in (("train", 6), ("test", 4)):
        own = classes.index[classes.index["part"] == part]
        assert own.groupby("identity")["label"].apply(sorted).tolist() == [list(range(7))] * people
        assert own["yaw"].std() > 8 and own["age"].std() > 8 and set(own["sex"]) == {"male", "female"}
    people = classes.index.groupby("part")["identity"].agg(set)
    assert not people["train"] & people["test"]
    # Even where numbers are the same people look different in both parts, and an image differs from all others.
    assert len(np.unique(classes.index["skin"])) == 10
    assert len(np.unique(classes.images.reshape(len(classes.images), -1), axis=0)) == 70


def test_rendered_images_depend_on_the_seed_and_their_own_numbers_alone(tmp_path):
    few, more = rendered(tmp_path, **FEW), rendered(tmp_path, train_people=3, test_people=2, images=2)
    other = rendered(tmp_path, **FEW, seed=4)
    where = {file: row for row, file in enumerate(more.index["file"])}
    shared = [where[file] for file in few.index["file"]]
    np.testing.assert_array_equal(more.images[shared], few.images)
    np.testing.assert_array_equal(rendered(tmp_path, **FEW).images, few.images)
    assert (other.images != few.images).mean() > 0.5
    limited = rendered(tmp_path, **FEW, per_class={"train": 1})
    np.testing.assert_array_equal(limited.part("train")[0], few.part("train")[0][:7])


def test_expressions_move_what_they_should():
    """Mean over people of the same face in two expressions: mouths open, lids and brows move, walls do not."""
    from pipeline.data.rendering.expressions import EXPRESSIONS, render_classes

    drawn = render_classes(seed=0, image_size=32, labels="expression", train_people=30, test_people=2, images=1).drawn
    label = np.tile(np.arange(7), 30)
    names = list(EXPRESSIONS)
    scene = drawn.scene(np.arange(210)).value
    moved = ("eye_open", "corner_lift", "brow_tilt", "brow_gap")
    mean = {key: [scene[key][label == k].mean() for k in range(7)] for key in moved}
    assert int(np.argmax(mean["eye_open"])) == names.index("surprised")
    assert int(np.argmin(mean["eye_open"])) == names.index("asleep")
    assert int(np.argmin(mean["corner_lift"])) == names.index("sad")
    assert {names[k] for k in np.argsort(mean["corner_lift"])[-2:]} == {"happy", "laughing"}
    assert int(np.argmax(mean["brow_tilt"])) == names.index("angry")
    assert int(np.argmin(mean["brow_tilt"])) == names.index("sad")
    assert int(np.argmax(mean["brow_gap"])) == names.index("surprised")
    # Pose and light say nothing of the class.
    for key in ("yaw", "light_side", "exposure"):
        assert np.abs([np.corrcoef(scene[key], label == k)[0, 1] for k in range(7)]).max() < 0.25


def test_rendered_groups_of_sex_and_age(tmp_path):
    classes = rendered(tmp_path, labels="group")
    assert classes.names[0] == "young woman" and len(classes.names) == 6 and len(classes.images) == 30
    names = np.array(classes.names)[classes.labels]
    assert [name.endswith(" man") for name in names] == (classes.index["sex"] == "male").tolist()
    old, young = (np.char.startswith(names, age) for age in ("old", "young"))
    assert classes.index["age"][old].min() >= 68 and classes.index["age"][young].max() <= 24


# --- the real files --------------------------------------------------------------------------------------------------


@pytest.mark.skipif("FACES_DATASETS" not in os.environ, reason="FACES_DATASETS is unset")
def test_real_cifar10_small(tmp_path):
    raw = Path(os.environ["FACES_DATASETS"])
    if not (raw / "cifar10_small.zip").is_file():
        pytest.skip("cifar10_small.zip is not in FACES_DATASETS")
    limits = {"train": 50, "test": 20}
    chosen = folder(label="CIFAR-10 subset", name="cifar10_small.zip", image_size=32, per_class=limits)
    classes = prepared(chosen, raw, tmp_path)
    assert classes.names == TEN and classes.images.shape == (700, 32, 32, 3)
    assert np.bincount(classes.part("train")[1]).tolist() == [50] * 10
    np.testing.assert_allclose(classes.notes.mean, [0.49, 0.48, 0.45], atol=0.03)  # the whole set's, as published
