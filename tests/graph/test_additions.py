"""What an added method, network or measure makes run again: by itself nothing; named in params.yaml, what names it."""

from __future__ import annotations

import pytest

from tests.helpers.graph_project import RUN
from tests.helpers.recipes import PLAIN, recipe

REPORT = {"check", "recognition_report", "report"}
ADDITIONS = {
    "pipeline/distill/gap.py": (
        "A method of distillation",
        {"  students:\n": "  students:\n    gap_kd: {train_qualities: [1, 4], distill: {gap: {weight: 2.0}}}\n"},
        {"recognition_train_student-gap_kd-0", "recognition_evaluate-gap_kd-0"},
    ),
    "pipeline/face_networks/plain.py": (
        "A network of recognition",
        {
            "networks: {}": f"networks: {{plain: {PLAIN}}}",
            "  baselines:\n": f"  baselines:\n    small: {{train_qualities: [1, 4], network: {PLAIN}}}\n",
        },
        {"recognition_train_baseline-small-0", "recognition_evaluate-small-0", "recognition_efficiency"},
    ),
    "pipeline/face_measures/gap.py": (
        "A measure of verification",
        {"measures: {auc: {}": "measures: {gap: {}, auc: {}"},
        {f"recognition_evaluate-{name}" for name in ("teacher-1", "basicnet-0", "logit_attention_kd-0")},
    ),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("file", ADDITIONS)
def test_one_file_and_one_entry_run_what_names_them(project, root, file):
    heading, edits, ran = ADDITIONS[file]
    project.ran()
    (project.folder / file).write_text(recipe(root, heading))
    project(*RUN)
    assert project.ran() == [], "nothing names it"
    params = project.folder / "params.yaml"
    text = before = params.read_text()
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    params.write_text(text)
    project(*RUN)
    assert set(project.ran()) == REPORT | ran
    params.write_text(before)
    (project.folder / file).unlink()
    project(*RUN)
    assert project.ran() == [], "taken out, earlier results are found again"
