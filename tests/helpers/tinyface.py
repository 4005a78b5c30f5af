"""A small TinyFace in its official layout."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy.io import savemat

TEST = "tinyface/Testing_Set"
MATS = {
    "gallery_match_img_ID_pairs.mat": ("gallery_set", "gallery_ids"),
    "probe_img_ID_pairs.mat": ("probe_set", "probe_ids"),
}


def mat(names, ids, keys):
    """A list as MATLAB writes it: a column of cells and a column of numbers."""
    cells = np.empty((len(names), 1), dtype=object)
    cells[:, 0] = names
    buffer = io.BytesIO()
    savemat(buffer, {keys[0]: cells, keys[1]: np.array(ids, dtype=np.uint16)[:, None]}, do_compression=True)
    return buffer.getvalue()


def jpeg(seed, width, height):
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


GALLERY = [("1_1.jpg", 1), ("1_4.jpg", 1), ("7_1.jpg", 7), ("9_2.jpg", 9)]
PROBES = [("7_2.jpg", 7), ("1_2.jpg", 1), ("1_3.jpg", 1)]


def layout(gallery=GALLERY, probes=PROBES):
    """A small TinyFace: people 2, 3 and 5 to learn from, 1, 7 and 9 to look for, four distractors."""
    files = {"tinyface/readme.txt": b"TinyFace"}
    sizes = iter(range(1000))
    for person, count in ((2, 3), (3, 2), (5, 1)):
        files |= {
            f"tinyface/Training_Set/{person}/{person}_{k}.jpg": jpeg(next(sizes), 20 + k, 16) for k in range(count)
        }
    for where, listed in (("Gallery_Match", GALLERY), ("Probe", PROBES)):
        files |= {f"{TEST}/{where}/{name}": jpeg(next(sizes), 6, 5 + person) for name, person in listed}
    files |= {f"{TEST}/Gallery_Distractor/{k}_0_1_2_age{k}.jpg": jpeg(next(sizes), 12, 13) for k in range(4)}
    files["__MACOSX/tinyface/Testing_Set/Probe/._7_2.jpg"] = b"a mark of macOS"
    for (name, keys), listed in zip(MATS.items(), (gallery, probes)):
        content = mat([picture for picture, _ in listed], [person for _, person in listed], keys)
        files[f"{TEST}/{name}"] = files[f"tinyface/Face_Identification_Evaluation/{name}"] = content
    return files
