"""DVC's side of the agreement, in a separate process: ``python -m engines.settle look``, ``run`` or ``finish``.

DVC's verdict by content decides. A result that Snakemake made and vouches for enters dvc.lock, judged step by step;
no other does. Before a look at the graph or a run Snakemake is told what DVC found: what is up to date is touched,
what is not is made again. The caller holds DVC's lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.stage import Stage
from ruamel.yaml import YAML

from engines import child, code, private, records, repair, resolved, state
from engines.links import make_replaceable
from pipeline.params.loading import read_document, read_written

WRITTEN = (code.STAGE, resolved.STAGE)  # by the Snakefile itself, not by a job


def settle(moment: str) -> None:
    """Record what is vouched for; before a look or a run also tell Snakemake what is good and what is not."""
    private.read_each_file_once()
    document, changed = read_document(resolved.FILE), state.changed()
    anew = state.lock_changed() or bool(changed)
    with private.without_lock(Repo()) as repo, lock_repo(repo):
        stages = steps(repo)
        private.hash_anew(repo, changed)
        if moment != "look":
            remove_dangling(stages)
            remove_left_over(repo, stages)
        record(stages, document)
        if moment == "run":
            anew |= restore(repo, stages)
            stages = steps(repo)  # looking for results in the cache leaves marks on what was not found
        bad = {stage for stage in stages if content_differs(status_of(stage))}
        if moment != "finish":
            sound = [stage for stage in stages if not {stage, *ancestors(repo, stage)} & bad]
            tell_snakemake(sound, bad, anew)
        for stage in set(stages) - bad:
            for out in stage.outs:  # `dvc checkout` removes what another commit does not have, if it is noted
                repo.state.save_link(out.fs_path, repo.fs)
    outputs = [out.def_path for stage in stages for out in stage.outs]
    make_replaceable(outputs)  # a status has made them read-only
    written = state.stamps([*outputs, *map(records.place, outputs)])
    state.write(settled=not bad, params=read_written(), stamps=written)
    repair.keep_lock()
    print(json.dumps({"steps": len(stages), "good": len(stages) - len(bad)}))


def steps(repo: Repo) -> list[Stage]:
    """The stages as dvc.lock has them now, each after those that it builds on; none of a larger repository around."""
    import networkx

    private.read_again(repo)
    here = [stage for stage in networkx.dfs_postorder_nodes(repo.index.graph) if stage.cmd]
    return [stage for stage in here if Path(stage.path).parent.samefile(Path())]


def record(stages: list[Stage], document: dict[str, Any]) -> None:
    """Enter into dvc.lock each step that DVC takes for changed and that Snakemake vouches for."""
    # First, because a status protects hard-linked files again, which looks like a change.
    vouched, entered = {stage for stage in stages if vouched_for(stage, document)}, []
    for stage in stages:
        status = status_of(stage)
        if status and not content_differs(status):  # only the cache has lost it
            stage.commit(relink=False)
        elif status and stage in vouched:
            keep(stage)
            entered.append(stage)
    enter(entered)


def keep(stage: Stage) -> None:
    """Put the step as it is into the cache; linking would change the times Snakemake goes by."""
    stage.save()
    stage.commit(relink=False)


def enter(stages: list[Stage]) -> None:
    """Write the steps into dvc.lock, all at once: the file is read and written whole, and grows with the graph."""
    if stages:
        stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


def vouched_for(stage: Stage, document: dict[str, Any]) -> bool:
    """Whether Snakemake made the outputs from what DVC would note now; the Snakefile itself writes what the code is."""
    if stage.addressing == code.STAGE:
        return code.is_current(document)
    if stage.addressing == resolved.STAGE:
        return resolved.are_of_params()
    outputs = [out.def_path for out in stage.outs]
    files = [d.def_path for d in stage.deps if not isinstance(d, ParamsDependency)]
    return records.vouched(stage.cmd, outputs, files, document)


def restore(repo: Repo, stages: list[Stage]) -> bool:
    """Bring back what DVC has in its cache for these inputs and parameters, as `dvc repro` does; whether any was.

    So a parameter changed back costs nothing, nor does a result changed by hand, with all that builds on it.
    """
    restored, entered = False, []
    for stage in stages:
        status = status_of(stage)
        if not content_differs(status):
            continue
        try:
            if all("changed outs" in entry for entry in status[stage.addressing]) and stage.outs_cached():
                stage.checkout(force=True)
            else:
                repo.stage_cache.restore(stage)
                keep(stage)
                entered.append(stage)
            restored = True
        except (DvcException, FileNotFoundError):  # never made before, or what it builds on has yet to be made
            continue
    enter(entered)
    return restored


def remove_dangling(stages: list[Stage]) -> None:
    """Remove results that are links to nowhere, as of a cache that was moved: DVC ends at them, with nothing restored."""
    for out in (out for stage in stages for out in stage.outs):
        if os.path.islink(out.fs_path) and not os.path.exists(out.fs_path):
            os.unlink(out.fs_path)


def remove_left_over(repo: Repo, stages: list[Stage]) -> None:
    """Remove what variants left that params.yaml no longer names, from the folders that other steps read whole.

    DVC counts all that is in such a folder. Only files that are in its cache go, so `restore` can bring them back.
    """
    names = {stage.addressing for stage in stages}
    folders = [d.def_path for stage in stages for d in stage.deps if not isinstance(d, ParamsDependency)]
    before = YAML(typ="safe").load(state.LOCK) if state.LOCK.exists() else {}
    gone = [entry for name, entry in before.get("stages", {}).items() if name not in names]
    for out in (out for entry in gone for out in entry.get("outs", [])):
        path = Path(out["path"])
        if any(path.is_relative_to(folder) for folder in folders) and is_kept(repo, path, out["md5"]):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            for folder in list(path.parents)[:2]:
                if not any(folder.iterdir()):
                    folder.rmdir()


def is_kept(repo: Repo, path: Path, md5: str) -> bool:
    """Whether the file or folder is what DVC's cache has under this hash, to the last byte."""
    if not path.exists() or not repo.cache.local.exists(md5):
        return False
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest() == md5
    noted = json.loads(Path(repo.cache.local.oid_to_path(md5)).read_bytes())
    # Snakemake's note of when a folder was made is no part of it, see .dvcignore.
    files = {str(f.relative_to(path)): f for f in path.rglob("*") if f.is_file() and f.name != records.TIMESTAMP}
    return files.keys() == {entry["relpath"] for entry in noted} and all(
        is_kept(repo, files[entry["relpath"]], entry["md5"]) for entry in noted
    )


def status_of(stage: Stage) -> dict[str, list[Any]]:
    """The stage's status; of an output whose last content the cache lacks DVC says only that, changed, gone or not."""
    status = stage.status()
    for entry in (entry for entry in status.get(stage.addressing, []) if isinstance(entry, dict)):
        changed = entry.get("changed outs", {})
        for out in stage.outs:
            if changed.get(str(out)) == "not in cache":
                changed |= out.workspace_status()
    return status


def content_differs(status: dict[str, list[Any]]) -> bool:
    """Whether DVC found more than an output that is as it should be but missing in the cache."""
    for entry in (entry for entries in status.values() for entry in entries):
        if not isinstance(entry, dict) or "changed deps" in entry:
            return True
        if set(entry.get("changed outs", {}).values()) - {"not in cache"}:
            return True
    return False


def ancestors(repo: Repo, stage: Stage) -> set[Stage]:
    """All steps that the step builds on."""
    import networkx

    return networkx.descendants(repo.index.graph, stage)


def tell_snakemake(sound: list[Stage], bad: set[Stage], anew: bool) -> None:
    """Mark what is to be made again, and touch what is up to date with all that it was made from.

    Its own results Snakemake knows; what DVC wrote (``anew``), or what was marked and is good after all, it does not.
    """
    for out in (out for stage in bad if stage.addressing not in WRITTEN for out in stage.outs):
        records.distrust(out.def_path)
    outputs = [out.def_path for stage in sound if stage.addressing not in WRITTEN for out in stage.outs]
    marked = [output for output in outputs if records.trust(output)]
    if outputs and (anew or marked):
        make_replaceable(outputs)  # a status has made them read-only
        # All, not only what Snakemake would run: a restored file has no record, so no change would ever be seen.
        words = ["--touch", "--forceall", "--cores", "1", "--quiet", "all"]
        words += ["--", *outputs] if bad else []
        records.unlock()
        with child.bound(os.environ.get(child.LOCK, ""), **{state.CHILD: "1"}) as more:
            more |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            done = subprocess.run([sys.executable, "-m", "snakemake", *words], **more)
        if done.returncode:
            sys.exit(f"snakemake --touch: {(done.stdout.strip().splitlines() or [''])[-1]}")


if __name__ == "__main__":
    child.end_with_parent()
    sys.path.insert(0, str(Path.cwd()))
    settle(sys.argv[1])
