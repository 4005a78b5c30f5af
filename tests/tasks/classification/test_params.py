"""The group classification: what is bad is one line that names the key, the value and what is allowed."""

from __future__ import annotations

import pytest

from engines.graph import science
from pipeline.document import check
from pipeline.errors import InputError
from tests.helpers.parameters import change, write

C = "classification."
VGG = {"architecture": "vgg", "depth": 8}
TV = {"architecture": "torchvision", "name": "resnet18"}


def lesson(**distill):
    return {"kind": "distillation", "distill": distill}


BAD = [
    ("sets", {}, r"classification.sets = {}: expected"),
    ("sets.expressions.source", "web", r"classification.sets.expressions.*web.*expected.*'cifar'"),
    ("sets.expressions.image_size", 16, r"expressions.*image_size = 16: expected greater than or equal to 32"),
    ("sets.Bad", {}, r"classification.sets.Bad"),
    ("pictures.flip", 1, r"pictures.flip = 1: expected a valid boolean"),
    ("pictures.padding", -1, r"padding = -1: expected greater"),
    ("pictures.mean", [0.5], r"classification.pictures.mean is not a known setting"),
    ("teacher.network.depth", 9, r"classification.teacher.network.*depth = 9: expected 8, 11, 13 or 16"),
    ("teacher.network", {"architecture": "cifar_resnet", "depth": 9, "stem_width": 4, "widths": [4, 4, 4]},
     r"classification.teacher.network.*depth = 9: expected 6 n \+ 2"),
    ("teacher.seed", None, r"classification.teacher.seed = None"),
    ("networks.student", VGG, r"networks.student: expected another name"),
    ("baselines.teacher", {"learning": {"kind": "supervised"}}, r"a variant is named teacher"),
    ("baselines.kd", {"learning": {"kind": "supervised"}}, r"students.kd is also a baseline"),
    ("baselines.scratch.network", VGG, r"baselines.scratch.network is none of networks, expected same_as"),
    ("baselines.scratch.learning", {"kind": "guessing"}, r"baselines.scratch.learning.*guessing.*expected"),
    ("baselines.scratch.learning", lesson(logit={"weight": 1.0, "temperature": 4.0}),
     r"baselines.scratch.learning.kind = distillation: expected a kind without a teacher"),
    ("baselines.dml.learning.with_teacher", True, r"baselines.dml.learning.kind = mutual: expected a kind without"),
    ("baselines.dml.learning.students", 1, r"baselines.dml.learning.*students = 1: expected at least 2"),
    ("students.kd.learning", {"kind": "supervised"}, r"students.kd.learning.kind = supervised: expected a kind with the"),
    ("students.dml_from_teacher.learning.with_teacher", False, r"dml_from_teacher.learning.*students = 1: expected"),
    ("students.kd.learning.distill", {}, r"students.kd.learning.*distill = {}: expected"),
    ("students.kd.learning.distill", {"magic": {"weight": 1.0}}, r"magic"),
    ("students.kd.learning", lesson(embedding={"weight": 1.0}), r"students.kd.learning.distill.embedding.*found 64, 128"),
    ("students.kd.learning", lesson(fskd={"weight": 1.0}), r"students.kd.learning.distill.fskd compares channel by channel"),
    ("students.kd.learning", lesson(fitnet={"weight": 1.0, "stage": 5}), r"students.kd.learning.distill.fitnet.stage = 5"),
    ("students.ffkd.learning.alpha", -1.0, r"students.ffkd.learning.*alpha = -1.0: expected greater"),
    ("students.ffkd.learning.understood", "sideways", r"understood = 'sideways': expected 'up' or 'down'"),
    ("students.ffkd.learning.feedback_training", ..., r"students.ffkd.learning.*feedback_training is missing"),
    ("evaluation.batch_size", 0, r"evaluation.batch_size = 0: expected greater"),
    ("evaluation.sample_images", 99, r"evaluation.sample_images = 99: expected less"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "message"), BAD)
def test_bad_values_are_refused_by_name(document, tmp_path, key, value, message):
    path = write(change(document, C + key, value), tmp_path / "params.json")
    with pytest.raises(InputError, match=message) as refused:
        check(path)
    assert str(refused.value).startswith(str(path)) and "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400 + len(str(path))


def test_the_group_may_be_left_out_and_a_variant_have_its_own_network(document, tmp_path):
    assert check(write(change(document, "classification", ...), tmp_path / "none.yaml")).classification is None
    document["classification"]["networks"]["wide"] = VGG
    document["classification"]["baselines"]["scratch"]["network"] = VGG
    result = check(write(document, tmp_path / "own.yaml")).classification
    assert result.baselines["scratch"].network == result.networks["wide"]
    # torchvision's layers have to be named before features are compared
    document["classification"]["networks"]["other"] = TV
    document["classification"]["students"]["kd"] = {"network": TV, "learning": lesson(sp_features={"weight": 1.0})}
    with pytest.raises(InputError, match="students.kd.learning.distill.sp_features compares features"):
        check(write(document, tmp_path / "other.yaml"))


def test_a_setting_of_one_variant_reaches_its_training_alone(document):
    changed = change(document, C + "students.ffkd.learning.beta", 2.0)
    options = {"set": "expressions"}
    for variant, same in (("ffkd", False), ("ffkd_frozen", True)):
        before = science("classification_train_student", document, variant=variant, **options)
        assert (science("classification_train_student", changed, variant=variant, **options) == before) == same
    for step in (
        "classification_download",
        "classification_prepare",
        "classification_train_teacher",
        "classification_evaluate",
        "classification_efficiency",
    ):
        assert science(step, changed, **options) == science(step, document, **options)
    assert science("classification_report", changed) != science("classification_report", document)
