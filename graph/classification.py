"""The steps of classification, from labelled images to a section of the report for each set."""

from __future__ import annotations

from graph.recognition import LOSSES
from graph.step import Each, Step, of_networks, rules, variants

MODELS, RESULTS = "models/classification/{set}", "reports/classification/{set}"
FILES = {
    "cache": ".resume/downloads",
    "drop_in": "data/drop_in",
    "raw": "data/classification/{set}/raw",
    "images": "data/classification/{set}/images",
    "teacher": "{teacher_network}.safetensors",
    "teacher_card": "{teacher_network}.json",
    **of_networks(RESULTS, "metrics.csv", "pictures.csv", "reliability.csv", "run.json"),
    "section": "reports/sections/classification_{set}",
}
SET = {"set": Each("classification.sets")}
TEACHER_NETWORK = f"{MODELS}/teacher/{{classification.teacher.seed}}/model"
OTHERS = f"{MODELS}/students/{{variant}}/{{seed}}/others"  # what else a training left
TEACHER = SET | {"variant": "teacher", "seed": "{classification.teacher.seed}", "network": TEACHER_NETWORK}
BASELINE = variants("classification.baselines", MODELS, **SET, teacher_network=TEACHER_NETWORK)
STUDENT = variants("classification.students", MODELS, **SET, teacher_network=TEACHER_NETWORK, others=OTHERS)

STEPS = [
    Step("download", writes="out=raw", cases={"": SET}, memory=500, minutes=240),
    Step("prepare", reads="raw", writes="out=images", cases={"": SET}),
    Step(
        "train_teacher",
        reads="data=images",
        writes="model card losses",
        cases={"": TEACHER},
        memory=4000, resumes=True, gpu=True, priority=10, plots=LOSSES,
    ),
    Step(
        "train_baseline",
        reads="data=images",
        writes="model card losses",
        cases={"": BASELINE},
        memory=4000, resumes=True, gpu=True, plots=LOSSES,
    ),
    Step(
        "train_student",
        reads="data=images teacher teacher_card",
        writes="model card others losses",
        cases={"": STUDENT},
        memory=4000, resumes=True, gpu=True, priority=5, plots=LOSSES,
    ),
    Step(
        "evaluate",
        reads="model card teacher teacher_card others data=images",
        writes="metrics pictures reliability run",
        cases={"teacher": TEACHER, "baseline": BASELINE, "student": STUDENT},
        memory=3000, minutes=240, gpu=True,
    ),
    Step(
        "efficiency",
        reads="data=images",
        writes="out=efficiency",
        cases={"": SET},
        minutes=10, gpu=True, alone=True,
    ),
    Step(
        "report",
        reads="evaluations losses=all_losses efficiency data=images",
        writes="out=section",
        cases={"": SET},
        minutes=10,
    ),
]  # fmt: skip
RULES = rules(STEPS, FILES, "classification")
