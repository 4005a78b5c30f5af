"""Snakemake and DVC agree on what is up to date, whichever of them ran, with no command for it.

The graph, the rules and the stages are the real ones; the work of the steps is a stand-in, see standin.py.
"""

from __future__ import annotations

import pytest
from graph_project import ALL, MODEL, RUN, STUDENT, Project
from standin import make_project

pytestmark = pytest.mark.slow


def test_snakemake_on_a_fresh_clone_then_dvc(project):
    assert sorted(project.first) == sorted(ALL)
    project.clean()
    project("dvc", "repro", "--quiet")
    project.clean()
    assert project("git", "status", "--short") == ""


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
    assert {"train_student-kd-0", "train_teacher-2", "train_student-logit_attention_kd-0"} <= set(project.ran())
    project.commit()
    new = project("git", "rev-parse", "HEAD").strip()
    project.edit(kd, "")
    project.edit("seeds: [1, 2]", "seeds: [1]")
    project(*RUN)
    assert not losses.exists() and not answers.exists() and set(project.ran()) <= {"check", "report_recognition", "report"}
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
    # root may write into any file; without that right it is as anybody else
    project("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", *RUN)
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    if link == "hardlink":  # what is touched must be replaceable too
        project.edit("weight: 4.0", "weight: 5.0")
        project("dvc", "repro", "--quiet")
        assert project.ran() == []
        project.clean()
    now = cache_of(project)
    assert {name: now[name] for name in kept} == kept


def cache_of(project: Project) -> dict[str, bytes]:
    """All contents in DVC's cache by name."""
    files = (project.folder / ".dvc/cache/files").rglob("*")
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def test_what_only_one_engine_would_see_is_refused(project):
    for words, line in {
        ("--config", "weight=1"): "--config and --configfile reach only Snakemake: edit params.yaml",
        ("--configfile", "params.yaml"): "--config and --configfile reach only Snakemake: edit params.yaml",
        ("--touch",): "--touch calls results good without a look",
        ("--no-hooks",): "--no-hooks keeps DVC from seeing the results",
    }.items():
        last = project("snakemake", "--cores", "1", *words, ok=False).strip().splitlines()[-1]
        assert last.startswith(line)
    assert project.ran() == []


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
