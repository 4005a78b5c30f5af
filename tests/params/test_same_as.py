"""``same_as`` in params.yaml: what it means, what is refused, and that DVC's ``-S`` sets each value by itself."""

from __future__ import annotations

import copy
import json
import re
import shutil
import time

import pytest

from engines.graph import science
from pipeline.errors import InputError
from pipeline.params import same_as
from pipeline.params.loading import read_document, read_written
from pipeline.steps import step_module, step_names
from tests.helpers import ROOT

SHIPPED = ["params.yaml", *sorted(f"examples/{file.name}" for file in (ROOT / "examples").glob("*.yaml"))]


def read(tmp_path, text: str) -> dict:
    """The document as steps read it."""
    (tmp_path / "given.yaml").write_text(text)
    return read_document(tmp_path / "given.yaml")


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("a: {x: 1, y: {z: 2}}\nb: {same_as: a}", "b", {"x": 1, "y": {"z": 2}}),
        ("a: {x: 1, y: 2}\nb: {y: 3, same_as: a, z: 4}", "b", {"x": 1, "y": 3, "z": 4}),
        ("a: {x: {p: 1, q: 2}}\nb: {same_as: a, x: {p: 3}}", "b", {"x": {"p": 3}}),  # replaced whole
        ("a: {x: 1}\nb: {same_as: a, x: null}", "b", {"x": None}),
        ("c: {same_as: b, z: 3}\nb: {same_as: a, y: 2}\na: {x: 1}", "c", {"x": 1, "y": 2, "z": 3}),  # a chain
        ("a: {x: {p: 1}}\nb: {same_as: a}\nc: {same_as: b.x}", "c", {"p": 1}),  # a key that is there by same_as
        ("a: {x: {p: 1}}\nb: {same_as: a, x: {p: 2}}\nc: {same_as: b.x}", "c", {"p": 2}),
        ("a: {x: {p: 1}, y: {same_as: a.x, q: 2}}", "a", {"x": {"p": 1}, "y": {"p": 1, "q": 2}}),  # beside it
        ("a: {x: 1}\nb: [{same_as: a}, 2]", "b", [{"x": 1}, 2]),
        ("a: {}\nb: {same_as: a}", "b", {}),
        ("a: {x: same_as}\nb: same_as", "a", {"x": "same_as"}),  # as a value it is a text
    ],
)
def test_what_it_means(tmp_path, text, key, expected):
    assert read(tmp_path, text)[key] == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: {same_as: b}", "a.same_as = 'b': no such key; .* there are: a"),
        ("a: {x: 1}\nb: {same_as: a.y}", "b.same_as = 'a.y': no such key; where y is looked for there are: x"),
        ("a: {x: 1}\nb: {same_as: a.x.y}", "b.same_as = 'a.x.y': no such key"),
        ("a: {x: 1}\nb: {same_as: a.x}", "b.same_as = 'a.x': found 1 there, expected a mapping"),
        ("a: [{x: 1}]\nb: {same_as: a}", "b.same_as = 'a': found .* there, expected a mapping"),
        ("a: {same_as: 5}", "a.same_as = 5: expected the dotted key"),
        ("a: {same_as: {x: 1}}", "a.same_as = {'x': 1}: expected the dotted key"),
        ("a: {same_as: null}", "a.same_as = None: expected the dotted key"),
        ("a: {same_as: ''}", "a.same_as = '': no such key"),
        ("a: {same_as: a}", "a.same_as = 'a': leads back"),
        ("a: {same_as: b}\nb: {same_as: a}", "b.same_as = 'a': leads back"),
        ("a: {x: {same_as: a}}", "a.x.same_as = 'a': leads back"),
        ("c: {same_as: a.x}\na: {same_as: b}\nb: {same_as: a}", "c.same_as = 'a.x': leads back"),
        ("a: {same_as: a.x}", "a.same_as = 'a.x': leads back"),
        ("same_as: a\na: {x: 1}", "same_as = 'a': "),
        ("a: {x: 1}\nb: &n {x: 1}", "line 2: &n: expected no anchor or alias, but same_as"),
        ("a: {x: 1}\nb: {<<: {x: 1}}", "line 2: a merge key .*expected same_as"),
        ("a: *n", r"line 1: \*n: expected no anchor or alias, but same_as"),
    ],
)
def test_what_leads_nowhere_is_one_line(tmp_path, text, line):
    if line == "same_as = 'a': ":  # the file as a whole may say it too
        assert read(tmp_path, text) == {"x": 1, "a": {"x": 1}}
        return
    with pytest.raises(InputError, match=line) as refused:
        read(tmp_path, text)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        # each level twice that below: 2^60 values
        "a0: {x: 1}\n"
        + "".join(f"a{i}: {{l: {{same_as: a{i - 1}}}, r: {{same_as: a{i - 1}}}}}\n" for i in range(1, 60)),
        "a0: {x: 1}\n" + "".join(f"a{i}: {{same_as: a{i - 1}}}\n" for i in range(3999, 0, -1)),  # a long chain
        "".join(f"a{i}: {{same_as: a{i + 1}.x}}\n" for i in range(3000)) + "a3000: {x: 1}\n",
        "a: {t: '" + "x" * 1900 + "'}\nb: [" + "{same_as: a}, " * 5000 + "]",  # copies of a text
        "a: {same_as: " + ".".join("x" * 999) + "}",
        "a: {same_as: b}\nb: {same_as: a}\n" + "".join(f"c{i}: {{same_as: a.x{i}}}\n" for i in range(3000)),
    ],
)
def test_no_file_stands_for_more_than_a_bound(tmp_path, text):
    began = time.monotonic()
    with pytest.raises(InputError, match="same_as") as refused:
        read(tmp_path, text)
    assert len(str(refused.value)) < 500 + len(str(tmp_path)) and time.monotonic() - began < 30  # a guard, no timing


def test_what_makes_the_graph_is_written_out(root, tmp_path):
    """DVC reads the names of variants, sets and seeds as they stand; the list is that of dvc.yaml."""
    inserted = set(re.findall(r"\$\{([\w.]+)", (root / "dvc.yaml").read_text()))
    groups = read_written(root / "tests/settings/params.yaml").keys()
    taken = {key for key in inserted if key.split(".")[0] in groups}
    assert taken == set(same_as.WRITTEN_OUT)
    document = read_written(root / "tests/settings/params.yaml")
    for key in ("recognition.students", "classification.teacher", "synthesis"):
        changed = copy.deepcopy(document)
        *parents, last = key.split(".")
        place = changed
        for part in parents:
            place = place[part]
        changed["elsewhere"], place[last] = place[last], {"same_as": "elsewhere"}
        with pytest.raises(InputError, match=rf"{key}.* comes by same_as, expected written out"):
            read(tmp_path, json.dumps(changed))


def leaves(node, key=()):
    """Dotted key and value of everything that is no mapping with something in it."""
    if isinstance(node, dict) and node:
        for name, child in node.items():
            yield from leaves(child, (*key, name))
    else:
        yield ".".join(key), node


def put(document, key, value):
    *parents, last = key.split(".")
    for part in parents:
        document = document[part]
    document[last] = value


def followed(document, node):
    """``same_as`` followed with copies, as slowly as it is simple."""
    if isinstance(node, list):
        return [followed(document, child) for child in node]
    if not isinstance(node, dict):
        return node
    base = {}
    if "same_as" in node:
        base = document
        for part in node["same_as"].split("."):
            base = followed(document, base)[part] if part not in base else base[part]
        base = followed(document, base)
    return {**base, **{key: followed(document, child) for key, child in node.items() if key != "same_as"}}


@pytest.mark.parametrize("name", SHIPPED)
def test_dvc_sets_every_value_by_itself(name, root, tmp_path):
    """``dvc exp run -S`` on every leaf, each to a value of its own, in both orders: none is lost, none is tied to
    another; what steps read afterwards is what ``same_as`` says and nothing else."""
    from dvc.utils.hydra import apply_overrides

    before = read_written(root / name)
    keys = [key for key, _ in leaves(before) if key.rpartition(".")[2] != "same_as"]
    expected = copy.deepcopy(before)
    for number, key in enumerate(keys):
        put(expected, key, number)
    for order in (1, -1):
        path = tmp_path / "params.yaml"
        shutil.copy2(root / name, path)
        apply_overrides(path, [f"{key}={number}" for number, key in list(enumerate(keys))[::order]])
        assert dict(leaves(read_written(path))) == dict(leaves(expected))
        assert read_document(path) == followed(expected, expected)


def test_dvc_sets_one_value_and_the_key_that_is_named(root, tmp_path):
    """One leaf at a time, with what it reaches; and another network for the student."""
    from dvc.utils.hydra import apply_overrides

    shipped, path = root / "tests/settings/params.yaml", tmp_path / "params.yaml"

    def changed(*overrides: str) -> set[str]:
        shutil.copy2(shipped, path)
        apply_overrides(path, list(overrides))
        before, after = dict(leaves(read_document(shipped))), dict(leaves(read_document(path)))
        return {key for key in before.keys() | after.keys() if before.get(key, ...) != after.get(key, ...)}

    both = {"recognition.teacher.network.dropout", "recognition.student.network.dropout"}
    assert changed("recognition.teacher.network.dropout=0.4") == both
    assert changed("+recognition.student.network.dropout=0.4") == {"recognition.student.network.dropout"}
    assert changed("recognition.student.training.epochs=5") == {"recognition.student.training.epochs"}
    assert changed("recognition.teacher.training.epochs=5") == {"recognition.teacher.training.epochs"}
    variants = ("ffkd", "ffkd_frozen", "ffkd_constant")
    learning = [f"classification.students.{name}.learning.students" for name in variants]
    assert changed("classification.students.ffkd.learning.students=3") == set(learning)
    assert changed("recognition.student.training.same_as=classification.teacher.training") == {
        f"recognition.student.training.{key}" for key in ("batch_size", "learning_rate", "weight_decay")
    }


def values(document) -> dict[tuple, dict]:
    """What every step of every variant reads: the recognition task's."""
    group = document["recognition"]
    options = {"recognition_train_baseline": group["baselines"], "recognition_train_student": group["students"]}
    collected = {}
    for step in step_names():
        keys = [key for key, _ in step_module(step).SLICES.values()]
        if all(key.startswith(("recognition.", "seeds")) for key in keys):
            for variant in options.get(step, [None]):
                collected[step, variant] = science(step, document, variant=variant)
    return collected


def test_an_edit_reaches_the_steps_whose_settings_it_changes(root, tmp_path):
    text = (root / "tests/settings/params.yaml").read_text()
    same, other = "{same_as: recognition.teacher.network}", "{same_as: recognition.teacher.network, dropout: 0.0}"
    own = text.replace(f"network: {same}", f"network: {other}")
    teacher = {"recognition_fetch_teacher", "recognition_train_teacher", "recognition_efficiency", "recognition_report"}
    student = {"recognition_train_baseline", "recognition_train_student", "recognition_efficiency"}
    for given, old, new, reached in (
        (text, "dropout: 0.0", "dropout: 0.1", teacher | student),
        (own, "      dropout: 0.0", "      dropout: 0.1", teacher),
        (text, "epochs: 13", "epochs: 12", student),
        (text, "epochs: 16", "epochs: 15", {"recognition_train_teacher"}),
        (text, same, other, set()),
    ):
        before, after = values(read(tmp_path, given)), values(read(tmp_path, given.replace(old, new, 1)))
        assert {step for step, variant in before if before[step, variant] != after[step, variant]} == reached, new
