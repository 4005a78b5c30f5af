"""The steps of super-resolution, from pictures to a section of the report for each scale."""

from __future__ import annotations

from graph import recognition
from graph.recognition import LOSSES
from graph.step import NAMED_BY, Each, Step, of_networks, rules, variants

FACES = {name: recognition.FILES[name] for name in ("cache", "drop_in", "faces", "degraded", "index", "pairs", "notes")}
DATA, MODELS, RESULTS = "data/superresolution", "models/superresolution/{scale}", "reports/superresolution/{scale}"
FILES = FACES | {
    "recognised": recognition.FILES["evaluations"],
    "recogniser": "models/recognition/teacher/{recognition.teacher.seeds[0]}/model.safetensors",
    "recogniser_card": "models/recognition/teacher/{recognition.teacher.seeds[0]}/model.json",
    "raw": f"{DATA}/raw/{{set}}",
    "all_pictures": f"{DATA}/pictures",
    "pictures_of_set": "{all_pictures}/{set}",
    "patches": f"{DATA}/degraded/{{scale}}/patches",
    "small_and_large": f"{DATA}/degraded/{{scale}}/pairs",
    "teacher": f"{MODELS}/teacher/{{superresolution.teacher.seed}}/model.safetensors",
    "teacher_card": f"{MODELS}/teacher/{{superresolution.teacher.seed}}/model.json",
    **of_networks(RESULTS, "metrics.csv", "pictures.csv", "scores.csv", "samples.npz", "run.json"),
    "section": "reports/sections/superresolution_{scale}",
}
ARCHIVES, FACE_SETS = {"set": Each("superresolution.pictures")}, {"set": Each("superresolution.faces")}
SCALE = {"scale": Each("superresolution.scales")}
RECOGNISER = {NAMED_BY: "recognition.teacher.network"}
FLOOR = SCALE | RECOGNISER | {"variant": "bicubic", "seed": "0"}  # no network
TEACHER = (
    SCALE
    | RECOGNISER
    | {
        "variant": "teacher",
        "seed": "{superresolution.teacher.seed}",
        "network": f"{MODELS}/teacher/{{seed}}/model",
    }
)
BASELINE = variants("superresolution.baselines", MODELS, **SCALE, **RECOGNISER)
STUDENT = variants("superresolution.students", MODELS, **SCALE, **RECOGNISER)

STEPS = [
    Step("download_pictures", writes="out=raw", cases={"": ARCHIVES}, memory=500, minutes=240),
    Step("prepare_pictures", reads="raw", writes="out=pictures_of_set", cases={"": ARCHIVES}),
    Step(
        "prepare_face_pictures",
        reads="faces index",
        writes="out=pictures_of_set",
        cases={"": FACE_SETS},
        memory=1000,
    ),
    Step(
        "degrade_pictures",
        reads="pictures=all_pictures",
        writes="patches pairs=small_and_large",
        cases={"": SCALE},
        minutes=120,
    ),
    Step(
        "sr_train_teacher",
        reads="patches",
        writes="model card losses",
        cases={"": TEACHER},
        memory=3000, resumes=True, gpu=True, priority=10, plots=LOSSES,
    ),
    Step(
        "sr_train_baseline",
        reads="patches",
        writes="model card losses",
        cases={"": BASELINE},
        memory=3000, resumes=True, gpu=True, plots=LOSSES,
    ),
    Step(
        "sr_train_student",
        reads="patches teacher teacher_card",
        writes="model card losses",
        cases={"": STUDENT},
        memory=3000, resumes=True, gpu=True, priority=5, plots=LOSSES,
    ),
    Step(
        "sr_evaluate",
        reads="model card small_and_large recogniser recogniser_card faces degraded index pairs notes",
        writes="metrics pictures scores samples run",
        cases={"floor": FLOOR, "teacher": TEACHER, "baseline": BASELINE, "student": STUDENT},
        memory=3000, minutes=240, gpu=True,
    ),
    Step(
        "sr_efficiency",
        reads="patches",
        writes="out=efficiency",
        cases={"": SCALE},
        minutes=10, gpu=True, alone=True,
    ),
    Step(
        "report_superresolution",
        reads="evaluations losses=all_losses efficiency recognition_evaluations=recognised pictures=all_pictures",
        writes="out=section",
        cases={"": SCALE},
        minutes=10,
    ),
]  # fmt: skip
RULES = rules(STEPS, FILES)
