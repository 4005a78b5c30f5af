"""Photos of people, and how they are brought: an archive of either kind, a folder."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image

SIDE = 24


def photo(seed, side=SIDE, kind="PNG"):
    """A picture that no other seed gives."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return buffer.getvalue()


def people(*counts):
    """Files of person 0, 1, ...: so many of each."""
    names = [f"p{person:02d}/{number}.png" for person, count in enumerate(counts) for number in range(count)]
    return {name: photo(seed) for seed, name in enumerate(names)}


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def write_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


DEFAULT = people(*[4] * 12)  # 12 people, 4 photos each


def pixels(faces):
    return np.concatenate(list(faces.chunks()))
