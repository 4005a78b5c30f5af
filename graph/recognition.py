"""The steps of low-quality face recognition, from download to its section of the report."""

from __future__ import annotations

from graph.step import NAMED_BY, Each, Step, of_networks, rules, variants

RESULTS = "reports/recognition"
FILES = {
    "cache": ".resume/downloads",
    "drop_in": "data/drop_in",
    "raw": "data/recognition/raw",
    "faces": "data/recognition/faces.npy",
    "index": "data/recognition/index.csv",
    "pairs": "data/recognition/pairs.csv",
    "searches": "data/recognition/searches.csv",
    "notes": "data/recognition/notes.json",
    "contact_sheet": "data/recognition/contact_sheet.png",
    "degraded": "data/recognition/degraded",
    "own": "data/recognition/teacher",
    "teachers": "models/recognition/teacher",
    "answers": "models/recognition/teacher_outputs",
    "answers_of_seed": "{answers}/{seed}",
    **of_networks(RESULTS, "metrics.csv", "scores.csv", "ranks.csv", "low_rates.npz", "samples.npz", "run.json"),
    "section": "reports/sections/recognition",
}
TEACHER = {
    "variant": "teacher",
    "seed": Each("recognition.teacher.seeds"),
    "network": "{teachers}/{seed}/model",
    NAMED_BY: "recognition.teacher.network recognition.margin",
}
# What else names parts of the code of a training: networks, loss, and how degraded faces come back to full size.
PARTS = "recognition.student.network recognition.teacher.network recognition.margin recognition.degradation"
BASELINE = variants("recognition.baselines", "models/recognition", named_by=PARTS)
STUDENT = variants("recognition.students", "models/recognition", named_by=PARTS)
LOSSES = {"losses": {"x": "epoch", "y": "total"}}

STEPS = [
    Step("download", writes="out=raw", memory=500, minutes=240),
    Step("prepare", reads="raw", writes="faces index pairs searches notes contact_sheet"),
    Step("degrade", reads="faces", writes="out=degraded", memory=1000),
    Step("fetch_teacher", writes="out=own", memory=500),
    Step(
        "train_teacher",
        reads="own faces index",
        writes="model card losses",
        cases={"": TEACHER},
        memory=3000, resumes=True, gpu=True, priority=30, plots=LOSSES,
    ),
    Step(
        "teacher_outputs",
        reads="teacher=model card faces index",
        writes="out=answers_of_seed",
        cases={"": TEACHER},
        memory=3000, minutes=240, gpu=True, priority=30,
    ),
    Step(
        "train_baseline",
        reads="faces degraded index",
        writes="model card losses",
        cases={"": BASELINE},
        memory=3000, resumes=True, gpu=True, priority=20, plots=LOSSES,
    ),
    Step(
        "train_student",
        reads="faces degraded index teachers teacher_outputs=answers",
        writes="model card losses",
        cases={"": STUDENT},
        memory=3000, resumes=True, gpu=True, priority=20, plots=LOSSES,
    ),
    Step(
        "evaluate",
        reads="model card faces degraded index pairs searches notes",
        writes="metrics scores ranks low_rates samples run",
        cases={"teacher": TEACHER, "baseline": BASELINE, "student": STUDENT},
        memory=3000, minutes=120, gpu=True,
    ),
    Step("efficiency", reads="own faces", writes="out=efficiency", minutes=10, gpu=True, alone=True),
    Step(
        "report",
        reads="evaluations losses=all_losses efficiency notes contact_sheet",
        writes="out=section",
        minutes=10,
    ),
]  # fmt: skip
RULES = rules(STEPS, FILES, "recognition")
