"""Both engines hold the same graph: read through their own programming interfaces and compared step by step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines import code, graph
from engines.graph import modules, names
from graph import stages
from graph.rules import directives
from graph.step import Step, below, rules
from graph.tables import all_rules
from pipeline.document import check
from pipeline.params.loading import SETTINGS_FILE, read_document
from pipeline.steps import step_names, step_place
from tests.helpers.both_graphs import by_dvc, by_snakemake, compare
from tests.helpers.tiny_project import copy_project


@pytest.fixture
def project(tmp_path, root, monkeypatch) -> Path:
    folder = copy_project(root, tmp_path / "project", **{"seeds: [0]": "seeds: [0, 2]", "seeds: [1]": "seeds: [1, 4]"})
    monkeypatch.chdir(folder)
    return folder


def test_both_engines_hold_the_same_graph(project, capsys):
    ours = by_snakemake(capsys)
    recognition = 8 + 2 * 2 + 4 + 2 + 8  # two teachers, two baselines and one student, two seeds
    super_resolution = 5 + 1 + 2 * (2 + 2) + 2  # a floor, a teacher, two variants
    synthesis = 3 + 3 + 2 * 3 + 1 + 2 * 3 + 2  # three teachers, three variants, a floor
    classification = 4 + 2 + 2 * (3 + 3)  # a teacher, three variants
    assert len(ours) == recognition + super_resolution + synthesis + classification
    compare(ours, by_dvc())


def test_values_that_both_engines_compare_are_those_of_the_file(project, capsys):
    theirs = by_dvc()
    for command, job in by_snakemake(capsys).items():
        stage = theirs[command]
        for key, value in job["params"].items():
            assert without_defaults(value, stage["params"][key]) == stage["params"][key], f"{command}: {key}"


def without_defaults(value, written):
    """``value`` as validated, less the settings that params.yaml leaves to their defaults."""
    if isinstance(value, dict) and isinstance(written, dict):
        return {key: without_defaults(value[key], written[key]) for key in written}
    return value


def test_every_step_stands_in_the_graph_and_nothing_else(root):
    assert {rule.step.name for rule in all_rules()} == set(step_names())
    names = [rule.name for rule in all_rules()]
    assert len(set(names)) == len(names)


def test_a_cluster_gives_more_at_each_attempt_but_to_what_resumes(root):
    """A training goes on where it stopped, so it gets more memory and no more time than a queue allows."""
    for rule in directives(read_document(root / "tests/settings/params.yaml")):
        memory, time = rule.resources["mem_mb"], rule.resources["runtime"]
        assert [memory(None, attempt) / memory(None, 1) for attempt in (1, 2, 4, 9)] == [1, 2, 4, 4]
        trains = "train" in rule.name and "evaluate" not in rule.name
        assert time == 1440 if trains else time(None, 2) == 2 * time(None, 1)


def test_stages_for_dvc_are_written_from_the_graph(root):
    assert (root / "dvc.yaml").read_text() == stages.text(), "out of date: python -m graph.stages"


def test_a_text_that_names_nothing_is_an_error():
    with pytest.raises(ValueError, match="check: {nowhere} is neither a file of the table nor a wildcard"):
        rules([Step("check", reads="nowhere", writes="out=note")], {"note": "note.txt"})
    with pytest.raises(ValueError, match="data/nothing is read, and no step writes it"):
        below("data/nothing", all_rules())


@pytest.fixture
def forget(project, monkeypatch) -> Iterator[Callable[[], None]]:
    """Modules are looked for in the project's copy; the call makes this process as new, with nothing remembered."""
    monkeypatch.setattr(graph, "ROOT", project)
    monkeypatch.setattr(code, "ROOT", project)

    def clear() -> None:
        for function in (*vars(graph).values(), *vars(code).values()):
            getattr(function, "cache_clear", lambda: None)()

    yield clear
    clear()


def test_what_the_code_is_follows_every_module_and_nothing_else(project, forget):
    """The file that both engines compare changes with a module of the step, and only then."""
    for module in ("resolved", "code"):
        subprocess.run([sys.executable, "-m", f"engines.{module}"], check=True)
    settings = read_document(SETTINGS_FILE)

    def after(edit=None) -> dict[str, str]:
        if edit:
            edit()
        forget()
        code.refresh(settings)
        files = [file for file in Path("data/code").rglob("*") if file.is_file()]
        return {str(file.relative_to("data/code").with_suffix("")): file.read_text() for file in files}

    def changed(edit) -> set[str]:
        before, now = dict(last), after(edit)
        last.clear()
        last.update(now)
        return {step for step in before.keys() | now.keys() if before.get(step) != now.get(step)}

    def append(file: str):
        return lambda: Path(file).write_text(Path(file).read_text() + "# more\n")

    by_command = {file: file.stat().st_mtime_ns for file in Path("data/code").rglob("*")}
    last = after()
    assert by_command == {file: file.stat().st_mtime_ns for file in Path("data/code").rglob("*")}, "left alone"
    lists = set(last)
    no_archives = {"super_resolution_download", "super_resolution_prepare"}
    assert {name.partition("/")[0] for name in lists} == {rule.step.name for rule in all_rules()} - no_archives
    assert changed(append("pipeline/report/page.html.j2")) == {"report"}
    students = {name for name in lists if "recognition_train_student/" in name}
    assert changed(append("pipeline/errors.py")) == lists
    assert changed(append("pipeline/distill/attention.py")) & students == {
        "recognition_train_student/logit_attention_kd"
    }
    assert "check" in changed(append("pipeline/distill/logit.py"))
    assert changed(lambda: Path("pipeline/distill/new.py").write_text("")) == set(), "nothing names it"
    mobile = Path("pipeline/face_networks/mobilefacenet.py")
    new = mobile.read_text().replace('Literal["mobilefacenet"]', 'Literal["new"]')
    assert changed(lambda: mobile.with_name("new.py").write_text(new)) == set()
    networks = changed(append("pipeline/face_networks/resnext_cbam.py"))
    assert {
        "recognition_train_teacher",
        "recognition_train_baseline/basicnet",
        "recognition_evaluate",
        "recognition_evaluate/basicnet",
    } <= networks
    assert not [name for name in networks if name.startswith(("classification_", "recognition_prepare"))]
    written = {file: file.stat().st_mtime_ns for file in Path("data/code").rglob("*")}
    after()
    assert written == {file: file.stat().st_mtime_ns for file in Path("data/code").rglob("*")}, "left alone"


def test_what_a_checkpoint_of_the_users_own_needs_is_not_known():
    """Its architecture stands in its card: any network may be meant."""
    named = names({"network": {"architecture": "own", "file": "mine.safetensors"}})
    assert "pipeline/face_networks/mobilefacenet.py" in modules("recognition_train_teacher", named)
    named = names({"network": {"architecture": "resnext_cbam"}})
    assert "pipeline/face_networks/mobilefacenet.py" not in modules("recognition_train_teacher", named)


IMPORTED = """
import os, sys, argparse
import numpy, pandas, pydantic, ruamel.yaml  # which every step does
import pipeline.__main__
from pipeline.command_line import add_options
for step, place in {places}.items():
    if not os.fork():
        __import__(place)
        add_options(argparse.ArgumentParser(), sys.modules[place].run)
        print(step, *sorted(sys.modules), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, step
"""


@pytest.fixture(scope="module")
def imported(root) -> dict[str, set[str]]:
    """What is in ``sys.modules`` when a step has been imported, and its command line made: each step in its own fork."""
    program = IMPORTED.replace("{places}", repr({step: step_place(step) for step in step_names()}))
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {step: set(loaded) for step, *loaded in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("step", step_names())
def test_modules_are_those_really_imported(step, imported):
    """What is loaded for the step is among the modules derived for it, and nothing slow is."""
    loaded = imported[step]
    files = {name.replace(".", "/") for name in loaded if name.split(".")[0] == "pipeline"}
    derived = {path.removesuffix(".py").removesuffix("/__init__") for path in modules(step)}
    assert files <= derived, f"derived for {step} lacks {files - derived}"
    assert not loaded & {"torch", "snakemake", "dvc", "matplotlib"}, f"importing the step {step} is slow"


def test_report_code_is_no_input_of_training():
    for step in (
        "recognition_prepare",
        "recognition_degrade",
        "recognition_train_teacher",
        "recognition_train_baseline",
        "recognition_train_student",
        "recognition_evaluate",
    ):
        assert not [path for path in modules(step) if "/report" in path], step
    assert "pipeline/distill/logit.py" in modules("recognition_train_student")
    assert "pipeline/distill/logit.py" not in modules("recognition_train_baseline")
    assert "pipeline/data/rendering/draw.py" not in modules("recognition_train_teacher")


@pytest.mark.parametrize("name", ["lfw", "methods", "folder", "paper", "tinyface", "ffkd", "ffkd_cifar100"])
def test_every_example_makes_a_graph(name, root, tmp_path, monkeypatch, capsys):
    """A dry run of each parameter file: as many jobs as teachers, variants and seeds ask for."""
    folder = copy_project(root, tmp_path / "project")
    (folder / "params.yaml").write_text((root / f"examples/{name}.yaml").read_text())
    monkeypatch.chdir(folder)
    settings = check()
    variants = {**settings.recognition.baselines, **settings.recognition.students}
    teachers, trained = len(settings.recognition.teacher.seeds), len(variants) * len(settings.seeds)
    expected = 8 + 3 * teachers + 2 * trained
    if group := settings.super_resolution:
        upscalers = 1 + len({**group.baselines, **group.students}) * len(settings.seeds)
        sets = 2 * len(group.pictures) + len(group.faces)
        expected += sets + len(group.scales) * (1 + 2 * upscalers + 1 + 2)
    if group := settings.classification:
        trained = len({**group.baselines, **group.students}) * len(settings.seeds)
        expected += len(group.sets) * (4 + 2 + 2 * trained)
    assert len(by_snakemake(capsys)) == expected
