"""The photo-sketch sets of the literature as settings: what ``preset:`` fills in, and params.yaml may override.

Sizes are those of the published protocol (X. Gao, N. Wang and others). CUHK's names are those of its release. Of the
others only the sketches come with CUFS; their photos are under other licences and are put beside them by
whoever holds these, so folders and names are a proposal: a sketch's stem is the photo's, with or without "-sz1".
"""

from __future__ import annotations

from typing import Any

CUHK = "the Multimedia Laboratory of the Chinese University of Hong Kong"
CUFS = f"{CUHK} (http://mmlab.ie.cuhk.edu.hk/archive/facesketch.html)"
ANY_NAME = {"photo": r"(.+?)\.\w+", "sketch": r"(.+?)(?:-sz1)?\.\w+"}
# Of pictures of 200 x 250 with the eyes at (75, 125) and (125, 125): all of the face, and the hair but for its ends.
CUFS_BOX = [0, 25, 200, 225]


def _parts(names: dict[str, str], train_names: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        part: {"photos": f"**/{part}/photo/*", "sketches": f"**/{part}/sketch/*", "names": part_names}
        for part, part_names in (("train", train_names or names), ("test", names))
    }


def _set(name: str, label: str, provider: str, train: int, test: int, crop: list[int] | None, parts: dict) -> dict:
    return {
        "label": label,
        "name": f"{name}.zip",
        "provider": provider,
        "files": {"archive": {"address": None, "sha256": None}},
        "parts": parts,
        "counts": {"train": train, "test": test},
        "photo_crop": crop,
        "sketch_crop": crop,
    }


PRESETS: dict[str, dict[str, Any]] = {
    "cuhk_student": _set(
        "cuhk_student", "CUHK student", CUFS, 88, 100, CUFS_BOX,
        # f-005-01.jpg and F2-005-01-sz1.jpg to train on; X-NNN-NN.jpg and X-NNN-NN-sz1.jpg to test on
        _parts(
            {"photo": r"([fm]\d?-\d+-\d+)\.jpg", "sketch": r"([fm]\d?-\d+-\d+)-sz1\.jpg"},
            {"photo": r"([fm])-(\d+-\d+)\.jpg", "sketch": r"([fm])2-(\d+-\d+)-sz1\.jpg"},
        ),
    ),
    "cufs_ar": _set(
        "cufs_ar", "CUFS, AR",
        f"{CUFS}, its photos by A. Martinez (http://www2.ece.ohio-state.edu/~aleix/ARdatabase.html)",
        80, 43, CUFS_BOX, _parts(ANY_NAME),
    ),
    "cufs_xm2vts": _set(
        "cufs_xm2vts", "CUFS, XM2VTS",
        f"{CUFS}, its photos by the University of Surrey (http://www.ee.surrey.ac.uk/CVSSP/xm2vtsdb/)",
        100, 195, CUFS_BOX, _parts(ANY_NAME),
    ),
    "cufsf": _set(
        "cufsf", "CUFSF",
        f"{CUHK} (http://mmlab.ie.cuhk.edu.hk/archive/cufsf/), its photos, of FERET, by NIST",
        250, 944, None, _parts(ANY_NAME),
    ),
}  # fmt: skip
