"""The steps of super-resolution, from pictures to a section of the report for each scale."""

from __future__ import annotations

from graph import recognition
from graph.recognition import LOSSES
from graph.step import NAMED_BY, Each, Step, of_networks, rules, variants

FACES = {name: recognition.FILES[name] for name in ("cache", "drop_in", "faces", "degraded", "index", "pairs", "notes")}
DATA, MODELS, RESULTS = "data/super_resolution", "models/super_resolution/{scale}", "reports/super_resolution/{scale}"
FILES = FACES | {
    "recognised": recognition.FILES["evaluations"],
    "recogniser": "models/recognition/teacher/{recognition.teacher.seeds[0]}/model.safetensors",
    "recogniser_card": "models/recognition/teacher/{recognition.teacher.seeds[0]}/model.json",
    "raw": f"{DATA}/raw/{{set}}",
    "all_pictures": f"{DATA}/pictures",
    "pictures_of_set": "{all_pictures}/{set}",
    "patches": f"{DATA}/degraded/{{scale}}/patches",
    "small_and_large": f"{DATA}/degraded/{{scale}}/pairs",
    "teacher": f"{MODELS}/teacher/{{super_resolution.teacher.seed}}/model.safetensors",
    "teacher_card": f"{MODELS}/teacher/{{super_resolution.teacher.seed}}/model.json",
    **of_networks(RESULTS, "metrics.csv", "pictures.csv", "scores.csv", "samples.npz", "run.json"),
    "section": "reports/sections/super_resolution_{scale}",
}
ARCHIVES, FACE_SETS = {"set": Each("super_resolution.pictures")}, {"set": Each("super_resolution.faces")}
SCALE = {"scale": Each("super_resolution.scales")}
RECOGNISER = {NAMED_BY: "recognition.teacher.network recognition.margin"}
FLOOR = SCALE | RECOGNISER | {"variant": "bicubic", "seed": "0"}  # no network
TEACHER = (
    SCALE
    | RECOGNISER
    | {
        "variant": "teacher",
        "seed": "{super_resolution.teacher.seed}",
        "network": f"{MODELS}/teacher/{{seed}}/model",
    }
)
BASELINE = variants("super_resolution.baselines", MODELS, **SCALE, **RECOGNISER)
STUDENT = variants("super_resolution.students", MODELS, **SCALE, **RECOGNISER)

STEPS = [
    Step("download", writes="out=raw", cases={"": ARCHIVES}, memory=500, minutes=240),
    Step("prepare", reads="raw", writes="out=pictures_of_set", cases={"": ARCHIVES}),
    Step(
        "prepare_faces",
        reads="faces index",
        writes="out=pictures_of_set",
        cases={"": FACE_SETS},
        memory=1000,
    ),
    Step(
        "degrade",
        reads="pictures=all_pictures",
        writes="patches pairs=small_and_large",
        cases={"": SCALE},
        minutes=120,
    ),
    Step(
        "train_teacher",
        reads="patches",
        writes="model card losses",
        cases={"": TEACHER},
        memory=3000, resumes=True, gpu=True, priority=10, plots=LOSSES,
    ),
    Step(
        "train_baseline",
        reads="patches",
        writes="model card losses",
        cases={"": BASELINE},
        memory=3000, resumes=True, gpu=True, plots=LOSSES,
    ),
    Step(
        "train_student",
        reads="patches teacher teacher_card",
        writes="model card losses",
        cases={"": STUDENT},
        memory=3000, resumes=True, gpu=True, priority=5, plots=LOSSES,
    ),
    Step(
        "evaluate",
        reads="model card small_and_large recogniser recogniser_card faces degraded index pairs notes",
        writes="metrics pictures scores samples run",
        cases={"floor": FLOOR, "teacher": TEACHER, "baseline": BASELINE, "student": STUDENT},
        memory=3000, minutes=240, gpu=True,
    ),
    Step(
        "efficiency",
        reads="patches",
        writes="out=efficiency",
        cases={"": SCALE},
        minutes=10, gpu=True, alone=True,
    ),
    Step(
        "report",
        reads="evaluations losses=all_losses efficiency recognition_evaluations=recognised pictures=all_pictures",
        writes="out=section",
        cases={"": SCALE},
        minutes=10,
    ),
]  # fmt: skip
RULES = rules(STEPS, FILES, "super_resolution")
