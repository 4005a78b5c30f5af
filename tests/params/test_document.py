"""params.yaml: what ships is valid; what is bad is one line that names the key, the value and what is allowed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engines.graph import science
from pipeline.document import check
from pipeline.errors import InputError
from pipeline.params.loading import read_document, validate
from pipeline.params.networks import Training
from tests.helpers.parameters import change, write


def test_what_ships_is_valid(root):
    for file in (root / "params.yaml", *(root / "examples").glob("*.yaml"), *(root / "tests/settings").glob("*.yaml")):
        check(file)


def test_all_that_is_wrong_is_said_at_once(document, tmp_path):
    changed = change(change(document, "typo", 1), R + "margin.scale", 0)
    changed = change(changed, R + "student.training.epochs", "many")
    with pytest.raises(InputError) as refused:
        check(write(changed, tmp_path / "params.yaml"))
    for part in ("typo is not a known", "margin.scale = 0: expected", "student.training.epochs = 'many': expected"):
        assert part in str(refused.value)
    changed = change(document, "seeds", ["x"] * 5000)
    with pytest.raises(InputError, match=r"seeds.9 = 'x': expected a valid integer \(and 4,990 more\)$") as refused:
        check(write(changed, tmp_path / "params.yaml"))
    assert len(str(refused.value)) < 1000


def test_a_run_of_one_epoch_may_warm_up_all_the_time(document):
    """The rate rises from step to step to what is set, at the last."""
    from pipeline.training import learning_rate

    loop = document["recognition"]["teacher"]["training"] | {"epochs": 1}
    settings = validate(Training, loop, "")
    rates = [learning_rate(settings, position, 4) for position in range(4)]
    assert rates == pytest.approx([settings.learning_rate * part for part in (0.25, 0.5, 0.75, 1.0)])


R = "recognition."
MOBILE = {"architecture": "mobilefacenet", "stem_stride": 2, "width": 0.5, "embedding": 128}
BAD = [
    ("typo", 1, r"typo is not a known setting"),
    ("superresolution", {}, r"superresolution is not a known setting .is super_resolution meant.."),
    (R + "student.training.epoch", 3, r"recognition.student.training.epoch is not a known setting"),
    (R + "student.training.epochs", ..., r"recognition.student.training.epochs is missing"),
    (R + "student.training.epochs", 0, r"recognition.student.training.epochs = 0: expected greater than or equal to 1"),
    (R + "student.training.epochs", "many", r"epochs = 'many': expected a valid integer"),
    (R + "student.training.epochs", 2.5, r"epochs = 2.5: expected a valid integer"),
    (R + "student.training.epochs", True, r"epochs = True: expected a valid integer"),
    (R + "student.training.learning_rate", -0.1, r"learning_rate = -0.1: expected greater than 0"),
    (R + "student.training.learning_rate", float("inf"), r"learning_rate = inf: expected a finite number"),
    (R + "student.training.learning_rate", None, r"learning_rate = None: expected a valid number"),
    (R + "student.training.precision", "fp8", r"precision = 'fp8': expected 'auto', 'bf16' or 'float32'"),
    (R + "student.training.schedule.warmup_epochs", 99, r"warmup_epochs = 99.*: expected at most epochs = 13"),
    (R + "student.training.schedule.milestones", [3], r"milestones = \[3\]: expected none with kind = cosine"),
    (R + "teacher.training.schedule", {"kind": "steps", "milestones": [40]}, r"milestones = \[40\]: expected below"),
    (R + "teacher.training.schedule", {"kind": "steps", "milestones": [5, 2]}, r"expected growing epochs"),
    (R + "teacher.seeds", [-1], r"recognition.teacher.seeds.0 = -1: expected greater than or equal to 0"),
    (R + "teacher.seeds", [2, 2], r"teacher.seeds: found \[2, 2\], expected each seed once"),
    (R + "teacher.network.depths", [1, 1], r"found stages: depths 2, widths 4, group_widths 4"),
    (R + "teacher.network.architecture", "vit", r"recognition.teacher.network.*vit.*expected.*'resnext_cbam'"),
    (R + "teacher.network.dropout", 1.0, r"dropout = 1.0: expected less than 1"),
    (R + "teacher.network.widths", [], r"widths = \[\]"),
    (R + "teacher.network.attention_kernel", 4, r"attention_kernel = 4: expected 3, 5 or 7"),
    (R + "margin.kind", "sphereface", r"recognition.margin.kind = 'sphereface': expected one of 'arcface', 'cosface'"),
    (
        R + "baselines.basicnet.loss",
        {"kind": "circle"},
        r"basicnet.loss.*circle.*expected one of 'arcface', 'center', 'cosface'",
    ),
    (R + "baselines.basicnet.loss", {"kind": "triplet", "images": 1}, r"loss.images = 1: expected greater than"),
    (R + "students.logit_kd.loss", {"kind": "triplet"}, r"students.logit_kd.loss is not a known setting"),
    (
        R + "students.logit_kd.distill",
        {"fitnet": {"weight": 1.0, "stage": 5}},
        r"students.logit_kd.distill.fitnet.stage = 5: expected 1 to 4, the stages",
    ),
    (
        R + "students.logit_kd.distill",
        {"logit": {"weight": 1.0, "temperature": 4.0}, "output": {"weight": 0.5}},
        r"students.logit_kd.distill: output compares output, which recognition has not, expected another method",
    ),
    (
        R + "students.logit_kd.one_a_quality",
        True,
        r"students.logit_kd.train_qualities = \[1, 2, 4, 8, 8\]: expected \[1, 2, 4, 8\]",
    ),
    (R + "baselines.basicnet.network", MOBILE, r"baselines.basicnet.network is none of networks"),
    (R + "networks.student", MOBILE, r"networks.student: expected another name"),
    (R + "margin.scale", 0, r"margin.scale = 0: expected greater than 0"),
    (R + "data.source", "celeba", r"recognition.data.*celeba.*expected.*'lfw', 'rendered'"),
    (R + "data.image_size", 8, r"recognition.data.image_size = 8: expected greater than or equal to 32"),
    (R + "data.image_size", 60, r"image_size = 60: expected a multiple of the quality 8"),
    (R + "data.pairs_per_fold", 7, r"recognition.data.pairs_per_fold = 7: expected a multiple of 2"),
    (R + "data.folds", 1, r"recognition.data.folds = 1: expected greater than or equal to 2"),
    (R + "data.files", {"archive": {"address": None, "sha256": None}}, r"rendered faces need no file"),
    (R + "data.crop", [0, 0, 1, 1], r"recognition.data.crop is not a known setting"),
    (R + "degradation.method", "jpeg", r"degradation.method = 'jpeg': expected one of 'bicubic', 'camera'"),
    (
        R + "degradation.qualities",
        [2, 4],
        r"degradation.qualities: found \[2, 4\], expected growing factors that begin",
    ),
    (R + "degradation.qualities", [1, 4, 2], r"expected growing factors"),
    (R + "degradation.qualities", [1, 28], r"train_qualities names x2"),
    (R + "degradation.qualities", [1, 64], r"qualities.1 = 64: expected less than or equal to 32"),
    ("seeds", [], r"seeds = \[\]: expected"),
    ("seeds", [1, 1], r"seeds: found \[1, 1\], expected each seed once"),
    ("seeds", 0, r"seeds = 0: expected a valid list"),
    (R + "baselines.teacher", {"train_qualities": [1]}, r"a variant is named teacher"),
    (R + "baselines.Basic Net", {"train_qualities": [1]}, r"recognition.baselines"),
    (R + "baselines.basicnet.train_qualities", [3], r"baselines.basicnet.train_qualities names x3"),
    (R + "baselines.basicnet.distill", {}, r"recognition.baselines.basicnet.distill is not a known setting"),
    (R + "baselines.logit_kd", {"train_qualities": [1]}, r"students.logit_kd is also a baseline"),
    (R + "students.logit_kd.distill", {}, r"students.logit_kd.distill = \{\}"),
    (
        R + "students.logit_kd.distill.magic",
        {"weight": 1.0},
        r"students.logit_kd.distill: magic is not a method.*logit",
    ),
    (
        R + "students.logit_kd.distill.logit.temperature",
        0.0,
        r"students.logit_kd.distill: logit.temperature = 0.0: exp",
    ),
    (R + "students.logit_kd.distill.logit.wieght", 1.0, r"students.logit_kd.distill: logit.wieght is not a known"),
    (R + "student.network.widths", [64, 96, 128, 200], r"students.attention_kd.distill.attention compares maps"),
    (
        R + "students.logit_kd",
        {"train_qualities": [1], "distill": {"dkd": {"weight": 1.0, "temperature": 4.0}}, "unlabelled": 1.0},
        r"students.logit_kd: distill.dkd needs labels, expected unlabelled = 0",
    ),
    (R + "evaluation.equivalence_margin", 0, r"evaluation.equivalence_margin = 0: expected greater than 0"),
    (R + "evaluation.sample_faces", 99, r"evaluation.sample_faces = 99: expected less than or equal to 16"),
    (R + "teacher_outputs.keep_maps", "yes", r"keep_maps = 'yes': expected a valid boolean"),
]


@pytest.mark.parametrize(("key", "value", "message"), BAD)
def test_bad_values_are_refused_by_name(document, tmp_path, key, value, message):
    path = write(change(document, key, value), tmp_path / "params.json")
    with pytest.raises(InputError, match=message) as refused:
        check(path)
    assert str(refused.value).startswith(str(path)) and "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300 + len(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found NoneType, expected a mapping"),
        (b"- 1\n", "found list, expected a mapping"),
        (b"a: [1\n", "not valid YAML"),
        (b"a: 1\na: 2\n", "not valid YAML.*duplicate key"),
        (b"\xff\xfe\x00", "not valid YAML|found"),
        (b"!!python/object/apply:os.system ['false']\n", "line 1: the tag .*expected plain values"),
        (b"seeds: [0]\nrecognition: 5\n", "recognition = 5: expected"),
    ],
)
def test_a_file_that_is_no_parameter_file_is_refused(tmp_path, content, message):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        check(path)


def test_a_missing_file_and_the_command_line(tmp_path, root):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "check", "--params", tmp_path / "none.yaml", "--out", tmp_path / "note"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not (tmp_path / "note").exists()
    assert done.stderr == f"check: {tmp_path}/none.yaml: no such file (expected the parameters of the run)\n"


def test_the_layout_of_the_file_does_not_matter(document, tmp_path, root):
    """Reformatting, comments, same_as and the order of keys leave every step's values as they are."""
    plain = read_document(write(document, tmp_path / "params.yaml"))
    shipped = read_document(root / "tests/settings/params.yaml")
    for step, options in (
        ("check", {}),
        ("recognition_train_student", {"variant": "logit_kd"}),
        ("recognition_report", {}),
    ):
        assert science(step, plain, **options) == science(step, shipped, **options)


def test_a_weight_of_one_student_reaches_that_student_alone(document):
    changed = change(document, R + "students.logit_kd.distill.logit.weight", 2.0)
    for variant, same in (("logit_kd", False), ("logit_attention_kd", True)):
        before = science("recognition_train_student", document, variant=variant)
        assert (science("recognition_train_student", changed, variant=variant) == before) == same
    for step in (
        "recognition_prepare",
        "recognition_degrade",
        "recognition_train_teacher",
        "recognition_teacher_outputs",
        "recognition_evaluate",
        "recognition_efficiency",
    ):
        assert science(step, changed) == science(step, document)
