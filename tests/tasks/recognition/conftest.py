"""What several test files of recognition need."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.helpers.user_teacher import parameters, step, write


@pytest.fixture(scope="module")
def teacher_faces(root, tmp_path_factory):
    """Rendered faces, prepared and degraded; three of them are nobody's."""
    folder = tmp_path_factory.mktemp("faces")
    write(parameters(root, "onnx"), folder / "params.yaml")
    (folder / "raw").mkdir()
    files = {"faces": "faces.npy", "index": "index.csv", "pairs": "pairs.csv", "notes": "notes.json"}
    files["searches"] = "searches.csv"
    written = {key: folder / name for key, name in files.items()}
    assert step(folder, "recognition_prepare", raw=folder / "raw", contact_sheet=folder / "sheet.png", **written) == 0
    assert step(folder, "recognition_degrade", faces=folder / "faces.npy", out=folder / "degraded") == 0
    index = pd.read_csv(folder / "index.csv")
    index.loc[index.query("split == 'train'").index[-3:], ["split", "identity"]] = ["unlabelled", ""]
    index.to_csv(folder / "index.csv", index=False)
    return folder


@pytest.fixture
def teacher_project(teacher_faces, tmp_path, monkeypatch):
    """A folder for one teacher, with the faces."""
    monkeypatch.chdir(tmp_path)
    for name in ("faces.npy", "index.csv", "pairs.csv", "searches.csv", "notes.json", "sheet.png", "degraded"):
        (tmp_path / name).symlink_to(teacher_faces / name)
    (tmp_path / "dropped").mkdir()
    return tmp_path
