"""Snakemake and DVC agree on what is up to date, whichever of them ran, with no command for it.

The graph, the rules and the stages are the real ones; the work of the steps is a stand-in, see standin.py.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.helpers.graph_project import ALL, MODEL, RUN, STUDENT, Project
from tests.helpers.standin import make_project

pytestmark = pytest.mark.slow
# Root may write where others may not: what is tried as root is tried without that right.
ORDINARY = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if os.geteuid() == 0 else ()


def test_snakemake_on_a_fresh_clone_then_dvc(project):
    assert sorted(project.first) == sorted(ALL)
    project.clean()
    project("dvc", "repro", "--quiet")
    project.clean()
    assert project("git", "status", "--short") == ""


@pytest.mark.exhaustive
def test_dvc_on_a_fresh_clone_then_snakemake(tmp_path, root):
    project = Project(make_project(root, tmp_path / "project"))
    project.commit()
    project("dvc", "repro", "--quiet")
    assert sorted(project.ran()) == sorted(ALL)
    project(*RUN)
    project.clean()
    assert project("git", "status", "--short").split() == ["??", "dvc.lock"]


def test_touched_files_rerun_nothing_whatever_their_size(project):
    """Snakemake alone keeps no checksum of a folder or of a file above a megabyte: it would run on for their time."""
    assert (project.folder / "data/recognition/faces.npy").stat().st_size > 1_000_000
    for thing in ("data", "models", "pipeline", "params.yaml", "Snakefile"):
        for file in [project.folder / thing, *(project.folder / thing).rglob("*")]:
            file.touch()
    project(*RUN)
    project.clean()


@pytest.mark.exhaustive
def test_a_parameter_changed_and_back(project):
    """Each engine runs what the change reaches, once; what was made before comes from the run-cache."""
    project.edit("weight: 5.0", "weight: 4.0")
    project("dvc", "repro", "--quiet")
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    project.edit("weight: 4.0", "weight: 3.0")
    project(*RUN)
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    project.edit("weight: 3.0", "weight: 4.0")  # made by DVC
    project("dvc", "repro", "--quiet")
    project.edit("weight: 4.0", "weight: 5.0")  # made by Snakemake
    project("dvc", "repro", "--quiet")
    assert project.ran() == []
    project.clean()


@pytest.mark.exhaustive
def test_a_variant_put_in_and_taken_out_and_other_commits_checked_out(project):
    """What params.yaml or a commit does not name leaves the folders that other steps read whole, and comes back."""
    answers = project.folder / "models/recognition/teacher_outputs/2"
    losses = project.folder / "reports/recognition/losses/kd/0/losses.csv"
    kd = "    kd: {train_qualities: [4], distill: {attention: {weight: 1.0}}}\n"
    old = project("git", "rev-parse", "HEAD").strip()
    project.edit("  evaluation:", kd + "  evaluation:")
    project.edit("seeds: [1]", "seeds: [1, 2]")  # of the teacher: a folder more
    project(*RUN)
    assert {
        "recognition_train_student-kd-0",
        "recognition_train_teacher-2",
        "recognition_train_student-logit_attention_kd-0",
    } <= set(project.ran())
    project.commit()
    new = project("git", "rev-parse", "HEAD").strip()
    project.edit(kd, "")
    project.edit("seeds: [1, 2]", "seeds: [1]")
    project(*RUN)
    assert (
        not losses.exists() and not answers.exists() and set(project.ran()) <= {"check", "recognition_report", "report"}
    )
    project.clean()
    project.edit("  evaluation:", kd + "  evaluation:")
    project.edit("seeds: [1]", "seeds: [1, 2]")
    project(*RUN)
    assert losses.exists() and answers.exists() and project.ran() == []
    project("git", "checkout", "-q", "--force", old)
    project("dvc", "checkout", "--quiet")
    project.clean()
    assert not losses.exists() and not answers.exists()
    project("git", "checkout", "-q", new)
    project("dvc", "checkout", "--quiet")
    assert losses.exists() and project.changed() == set()


@pytest.mark.exhaustive
def test_a_fresh_clone_with_results_from_a_remote(project, tmp_path):
    project("dvc", "remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    project.commit()
    project("dvc", "push", "--quiet")
    project("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone("dvc", "pull", "--quiet")
    clone.clean()
    clone.edit("weight: 5.0", "weight: 4.0")  # restored files have a record to compare with
    clone(*RUN)
    assert sorted(clone.ran()) == sorted(STUDENT)
    clone.clean()


@pytest.mark.exhaustive
@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_links_into_the_cache(project, link):
    """Results are replaced, never written through a link, though DVC makes linked files read-only."""
    project("dvc", "config", "--local", "cache.type", link)
    project("dvc", "checkout", "--relink", "--quiet")
    model = project.folder / MODEL
    assert model.is_symlink() if link == "symlink" else model.stat().st_nlink == 2
    kept = cache_of(project)
    project.edit("weight: 5.0", "weight: 4.0")
    project(*ORDINARY, *RUN, PATH=project.environment["PATH"])
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    if link == "hardlink":  # what is touched must be replaceable too
        project.edit("weight: 4.0", "weight: 5.0")
        project("dvc", "repro", "--quiet")
        assert project.ran() == []
        project.clean()
    now = cache_of(project)
    assert {name: now[name] for name in kept} == kept


@pytest.mark.exhaustive
def test_a_result_that_is_a_link_to_nowhere_comes_back(project):
    """As links into a cache that was moved: it was neither restored nor made, and the run ended well."""
    model = project.folder / MODEL
    content = model.read_bytes()
    model.unlink()
    model.symlink_to("/nowhere/at/all")
    project(*RUN)
    assert model.read_bytes() == content and project.ran() == []
    project.clean()


def cache_of(project: Project) -> dict[str, bytes]:
    """All contents in DVC's cache by name."""
    files = (project.folder / ".dvc/cache/files").rglob("*")
    return {str(file): file.read_bytes() for file in files if file.is_file()}


TOUCH = "--touch calls results good without a look"
HOOKS = "--no-hooks keeps DVC from seeing the results"


def profile(project: Project, text: str) -> str:
    """A profile of Snakemake beside the project."""
    folder = project.folder.with_name("profile")
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(text)
    return str(folder)


def last_line(said: str) -> str:
    return said.strip().splitlines()[-1]


def test_what_only_one_engine_would_see_is_refused(project):
    """However it is spelled, from wherever Snakemake takes it: a stale result would be called good."""
    project.edit("weight: 5.0", "weight: 4.0")
    assert last_line(project("snakemake", "-tc1", ok=False)).startswith(TOUCH)
    said = project("snakemake", "-c1", ok=False, SNAKEMAKE_PROFILE=profile(project, "touch: true"))
    assert last_line(said).startswith(TOUCH)
    assert last_line(project("snakemake", "-c1", "--no-hook", ok=False)).startswith(HOOKS)
    assert project.ran() == [] and project.changed() == {"settings"}, "whatever follows from what changed there"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("words", "line"),
    {
        "-c1 --config weight=1": "--config and --configfile reach only Snakemake: edit params.yaml",
        "-c1 --configfile params.yaml": "--config and --configfile reach only Snakemake: edit params.yaml",
        "--touch": TOUCH,
        "-t": TOUCH,
        "--touc -c1": TOUCH,
        "-c1 --executor touch": TOUCH,
        "-c1 --mode subprocess -t": TOUCH,
        "-c1 --no-hooks": HOOKS,
        "-c1 --drop-metadata": "--drop-metadata leaves nothing that vouches",
        "-c1 --ignore-incomplete": "--ignore-incomplete believes",
        "-c1 --keep-incomplete": "--keep-incomplete leaves",
        "-n --rerun-triggers mtime": "--rerun-triggers hides changes that DVC sees (code, input, params, software-env)",
        "-c1 --consider-ancient report=sections": "--consider-ancient hides",
        "-c1 --trust-io-cache": "--trust-io-cache believes",
        "-c1 --cache report": "--cache takes results",
        "-c1 --all-temp": "--all-temp removes",
        "-c1 --notemp --immediate-submit": "--immediate-submit ends",
    }.items(),
)
def test_settings_of_snakemake_that_would_have_results_believed(project, words, line):
    assert last_line(project("snakemake", *words.split(), ok=False)).startswith(line)
    assert project.ran() == []


@pytest.mark.exhaustive
def test_a_profile_says_no_hooks(project):
    where = profile(project, "no-hooks: true")
    assert last_line(project("snakemake", "-c1", "--profile", where, ok=False)).startswith(HOOKS)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "words",
    [
        f"--forcerun recognition_train_student --until {MODEL} -c1",
        "--omit-from recognition_report -c1",
        "--batch recognition_report=1/2 -c1",
        "--allowed-rules check report -c1",
        "--rerun-incomplete -c1 --nolock",
        "--max-checksum-file-size 0 -c1",
        "--workflow-profile none -c1",
        f"--cleanup-metadata {MODEL} reports/metrics.csv",
        "--delete-all-output",
        "--allow-ambiguity -c1 --notemp",
        "--set-threads report=1 --set-resources report:mem_mb=1 --default-resources mem_mb=1 -c1 --retries 1",
    ],
)
def test_after_any_other_setting_a_run_makes_what_is_stale_and_both_agree(project, words):
    """With a parameter changed before: whatever the setting left out or took away is made, and nothing stale stays."""
    project.edit("weight: 5.0", "weight: 4.0")
    project("snakemake", *words.split())
    project(*RUN)
    project.ran()
    project.clean()
    project("dvc", "repro", "--quiet", "--force", "--single-item", "recognition_evaluate_student@logit_attention_kd-0")
    assert project.ran() == ["recognition_evaluate-logit_attention_kd-0"]
    assert project.changed() == set(), "its bytes are those that were made from the changed parameter"


@pytest.mark.exhaustive
def test_without_git_or_dvc_snakemake_works_alone(tmp_path, project):
    """As from a downloaded archive; made a repository later, what was made before is taken up."""
    for name in (".git", "dvc.lock", ".dvc/tmp", ".dvc/cache", ".snakemake"):
        project("rm", "-rf", name)
    project("rm", "-rf", "data", "models", "reports")
    project(*RUN)
    assert sorted(project.ran()) == sorted(ALL)
    project("git", "init", "-q")
    project(*RUN)
    assert project.ran() == []
    project.clean()


@pytest.mark.exhaustive
@pytest.mark.parametrize("linked", [False, True])
def test_in_a_folder_of_a_larger_repository(project, tmp_path, linked):
    """As a submodule or a worktree has it too: a .git that is a file, above."""
    project("rm", "-rf", ".git")
    whole = tmp_path / "larger"
    part = whole / "deep" / "in it"
    part.parent.mkdir(parents=True)
    project.folder.rename(part)
    inside = Project(part)
    if linked:
        inside("git", "init", "-q", "--separate-git-dir", str(tmp_path / "git"), str(whole))
        assert (whole / ".git").is_file()
    else:
        inside("git", "init", "-q", str(whole))
    inside.edit("weight: 5.0", "weight: 4.0")
    inside(*RUN)
    assert sorted(inside.ran()) == sorted(STUDENT)
    inside.clean()


@pytest.mark.exhaustive
def test_where_dvc_s_own_folder_lies_above(project, tmp_path):
    """The project as a part of another that is under DVC as a whole, and has stages elsewhere."""
    whole = tmp_path / "larger"
    whole.mkdir()
    project("rm", "-rf", ".git")
    project.folder.rename(whole / "part")
    inside = Project(whole / "part")
    for name in (".dvc", ".dvcignore"):
        inside("mv", name, "..")
    inside("git", "init", "-q", "..")
    (whole / "dvc.yaml").write_text("stages: {other: {cmd: echo 1 > out, outs: [out]}}\n")
    inside.edit("weight: 5.0", "weight: 4.0")
    inside(*RUN)
    assert sorted(inside.ran()) == sorted(STUDENT)
    assert "Nothing to be done" in inside("snakemake", "-n", "--quiet", "reason")
    assert inside.changed() == {"../dvc.yaml:other"}, "which is not this project's"


@pytest.mark.exhaustive
def test_dvc_without_git(project):
    """`core.no_scm`, here in the user's own settings."""
    project("rm", "-rf", ".git")
    user = project.folder.with_name("user")
    user.mkdir()
    (user / "config").write_text("[core]\n    no_scm = true\n")
    project.environment["DVC_GLOBAL_CONFIG_DIR"] = str(user)
    project.edit("weight: 5.0", "weight: 4.0")
    project(*RUN)
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()


@pytest.mark.exhaustive
def test_a_file_in_a_folder_that_an_older_one_replaces_is_noticed(project):
    """As `cp -p` and `rsync -t` bring it; and one of the same size, in place, under the time of the old one."""
    file = project.folder / "data/recognition/degraded/more/b.svg"
    good = file.read_bytes()
    file.write_text("older")
    os.utime(file, (10**9, 10**9))
    assert "recognition_degrade" in project("snakemake", "-n", "--quiet", "rules")
    project(*RUN)
    assert file.read_bytes() == good and project.ran() == []
    before = file.stat()
    file.write_bytes(good[::-1])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "recognition_degrade" in project("snakemake", "-n", "--quiet", "rules")
    project(*RUN)
    assert file.read_bytes() == good
    project.clean()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "pulled", [[], ["reports/metrics.csv"], ["recognition_evaluate_baseline@basicnet-0", "report"]]
)
def test_a_clone_without_all_results(project, tmp_path, pulled):
    """What lies nowhere is to be made, and a result that was changed meanwhile is still noticed."""
    project("dvc", "remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    project.commit()
    project("dvc", "push", "--quiet")
    project("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    if pulled:
        clone("dvc", "pull", "--quiet", *pulled)
        with open(clone.folder / "reports/metrics.csv", "a") as stream:
            stream.write("tampered,1\n")
    said = clone("snakemake", "-n", "--quiet", "rules")
    assert "recognition_train_student" in said and "report" in said and "not brought up to date" not in said
    said = clone("snakemake", "--cores", "1")
    assert "up to date for" in said and "not brought up to date" not in said
    clone.ran()
    clone.clean()
    assert "tampered" not in (clone.folder / "reports/metrics.csv").read_text()


@pytest.mark.exhaustive
def test_results_that_lie_nowhere_beside_one_that_was_changed(project):
    lost = project.folder / "models/recognition/baselines/basicnet/0/model.safetensors"
    project("rm", "-r", ".dvc/cache", str(lost))
    metrics = project.folder / "reports/metrics.csv"
    before = metrics.read_bytes()
    metrics.write_text("tampered,1\n")
    said = project("snakemake", "-n", "--quiet", "rules")
    assert "recognition_train_baseline" in said and "\nreport " in said
    project(*RUN)
    assert metrics.read_bytes() == before and lost.exists()
    project.ran()
    project.clean()


@pytest.mark.exhaustive
@pytest.mark.parametrize("level", ["global", "system"])
def test_links_by_settings_of_the_user_or_the_machine(project, tmp_path, level):
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings/config").write_text("[cache]\n    type = hardlink,copy\n")
    project.environment[f"DVC_{level.upper()}_CONFIG_DIR"] = str(tmp_path / "settings")
    project("dvc", "checkout", "--relink", "--quiet")
    assert (project.folder / MODEL).stat().st_nlink == 2
    project.edit("weight: 5.0", "weight: 4.0")
    alone = {"PATH": project.environment["PATH"]}  # no forks of a process that has root's rights
    project(*ORDINARY, *RUN, **alone)
    assert sorted(project.ran()) == sorted(STUDENT)
    project.edit("weight: 4.0", "weight: 5.0")
    project(*ORDINARY, *RUN, **alone)
    assert "Nothing to be done" in project(*ORDINARY, "snakemake", "-n", "--quiet", "reason", **alone)
    assert project.changed() == set()


@pytest.mark.exhaustive
def test_a_project_that_cannot_be_written(project):
    project("chmod", "-R", "a-w", ".")
    said = project(*ORDINARY, "snakemake", "-n", ok=False, PATH=project.environment["PATH"])
    project("chmod", "-R", "u+w", ".")
    assert last_line(said).startswith(f"{project.folder}: cannot be written, expected a folder that can")


@pytest.mark.exhaustive
def test_without_python_on_the_path(project, tmp_path):
    """As where `.venv/bin/snakemake` is called by its path."""
    project.edit("weight: 5.0", "weight: 4.0")
    (tmp_path / "few").mkdir()
    for name in ("bash", "sh", "tee", "git", "which"):
        (tmp_path / "few" / name).symlink_to(shutil.which(name))
    snakemake = Path(sys.executable).with_name("snakemake")
    project(str(snakemake), "--cores", "1", "--quiet", "all", PATH=str(tmp_path / "few"))
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
