"""The steps of photo-sketch synthesis, from pairs to a section of the report for each collection."""

from __future__ import annotations

from graph import recognition
from graph.step import NAMED_BY, Each, Step, of_networks, rules, variants

FACES = {name: recognition.FILES[name] for name in ("cache", "drop_in", "faces", "index")}
MODELS, RESULTS = "models/synthesis/{collection}", "reports/synthesis/{collection}"
FILES = FACES | {
    "recogniser": "models/recognition/teacher/{recognition.teacher.seeds[0]}/model.safetensors",
    "recogniser_card": "models/recognition/teacher/{recognition.teacher.seeds[0]}/model.json",
    "raw": "data/synthesis/{collection}/raw",
    "pairs": "data/synthesis/{collection}/pairs",
    "drawings": "data/synthesis/drawings/{method}.npy",
    "xdog": "data/synthesis/drawings/xdog.npy",
    "teachers": "models/synthesis/teachers",
    "teacher": "{teachers}/{domain}/model.safetensors",
    "teacher_card": "{teachers}/{domain}/model.json",
    "all_teacher_losses": "reports/synthesis/teacher_losses",
    "teacher_losses": "{all_teacher_losses}/{domain}/losses.csv",
    **of_networks(RESULTS, "metrics.csv", "pictures.csv", "dimensions.csv", "scores.csv", "samples.npz", "run.json"),
    "training_losses": "{all_losses}/{trained}/losses.csv",
    "section": "reports/sections/synthesis_{collection}",
}
COLLECTION = {"collection": Each("synthesis.collections")}
DOMAIN = {"domain": Each("synthesis.teacher.domains")}
RECOGNISER = {NAMED_BY: "recognition.teacher.network recognition.margin"}
COPY = COLLECTION | RECOGNISER | {"variant": "copy", "seed": "0"}  # the floor: the picture as it is, no network
BASELINE = variants("synthesis.baselines", MODELS, **COLLECTION, **RECOGNISER, trained="{variant}/{seed}")
STUDENT = variants("synthesis.students", MODELS, **COLLECTION, **RECOGNISER, trained="{variant}/{seed}")

STEPS = [
    Step("download", writes="out=raw", cases={"": COLLECTION}, memory=500, minutes=240),
    Step("prepare", reads="raw", writes="out=pairs", cases={"": COLLECTION}),
    Step(
        "draw_faces",
        reads="faces",
        writes="out=drawings",
        cases={"": {"method": Each("synthesis.teacher.drawings")}},
        memory=1000, minutes=240,
    ),
    Step(
        "train_teacher",
        reads="faces index drawings=xdog",
        writes="model=teacher card=teacher_card losses=teacher_losses",
        cases={"": DOMAIN},
        memory=3000, resumes=True, gpu=True, priority=10,
    ),
    Step(
        "train_baseline",
        reads="pairs",
        writes="model card losses",
        cases={"": BASELINE},
        memory=3000, resumes=True, gpu=True,
    ),
    Step(
        "train_student",
        reads="pairs teachers",
        writes="model card losses",
        cases={"": STUDENT},
        memory=3000, resumes=True, gpu=True, priority=5,
    ),
    Step(
        "evaluate",
        reads="model card training_losses photo_sketch_pairs=pairs recogniser recogniser_card",
        writes="metrics pictures dimensions scores samples run",
        cases={"copy": COPY, "baseline": BASELINE, "student": STUDENT},
        memory=3000, minutes=240, gpu=True,
    ),
    Step(
        "efficiency",
        reads="pairs",
        writes="out=efficiency",
        cases={"": COLLECTION},
        minutes=10, gpu=True, alone=True,
    ),
    Step(
        "report",
        reads="evaluations losses=all_losses teacher_losses=all_teacher_losses efficiency",
        writes="out=section",
        cases={"": COLLECTION},
        minutes=10,
    ),
]  # fmt: skip
RULES = rules(STEPS, FILES, "synthesis")
