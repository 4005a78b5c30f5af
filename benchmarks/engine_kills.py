"""Kill whole runs of an engine at random moments and compare; see benchmarks/kills.py, which calls this.

The graph, the rules, the stages and both engines are the real ones; the work of the steps is a stand-in
(tests/helpers/standin.py). Each kill is a SIGKILL of the process group, and what follows it is what docs/engines.md says to do.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"snakemake": "snakemake --cores 2 --quiet all", "dvc": "dvc repro"}
AFTER_KILL = {"dvc": "python -m engines.repair"}  # what docs/engines.md says to do before the next start
MADE = ("data", "models", "reports")
FORGOTTEN = (*MADE, "dvc.lock", ".snakemake", ".resume", ".at-work", "logs", ".dvc/tmp", ".dvc/cache")
TIMESTAMP = ".snakemake_timestamp"


class Folder:
    """A project with stand-ins, and what runs in it."""

    def __init__(self, folder: Path):
        from tests.helpers.standin import make_project

        self.folder = make_project(ROOT, folder)
        self.log = folder.with_name("log.txt")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        site = folder.with_name("dvc")  # what DVC keeps outside the folder: hashes by name and time
        self.environment = os.environ | {"PATH": path, "RAN": str(folder.with_name("ran.txt"))}
        self.environment |= {"DVC_SITE_CACHE_DIR": str(site), "OMP_NUM_THREADS": "1"}
        person = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        for words in (["add", "-A"], [*person, "commit", "-qm", "state"]):
            subprocess.run(["git", *words], cwd=self.folder, check=True)

    def run(self, command: str, kill_after: float = 3600.0) -> int | None:
        """Exit status; None where it was killed, with all that it had started."""
        with open(self.log, "a") as log:
            log.write(f"$ {command}\n")
            log.flush()
            running = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            return running.wait(kill_after)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return None

    def said(self, command: str) -> str:
        """All that a command prints."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.stdout + f"\nexit status {done.returncode}"

    def forget(self) -> None:
        """As before the first run."""
        for name in FORGOTTEN:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def made(self) -> dict[str, bytes | None]:
        """The bytes of every result, and what dvc.lock says of them."""
        files = [file for top in MADE for file in (self.folder / top).rglob("*") if file.is_file()]
        lock = self.folder / "dvc.lock"
        entries = repr(sorted(YAML(typ="safe").load(lock)["stages"].items())) if lock.exists() else ""
        return {str(f.relative_to(self.folder)): f.read_bytes() for f in files if f.name != TIMESTAMP} | {
            "dvc.lock": entries.encode()
        }

    def broken(self) -> list[str]:
        """What the kill left of DVC's files that DVC could not start with."""
        left = []
        for name in ("dvc.lock", ".dvc/tmp/rwlock"):
            path = self.folder / name
            if path.exists() and not path.read_bytes().endswith((b"\n", b"}")):
                left.append(name)
        return left


def main(engine: str, kills: int, seed: int) -> int:
    """Print the figures; 1 when anything differs."""
    moments, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place, "project"))
        whole = time.monotonic()
        if folder.run(command := COMMANDS[engine]):
            sys.exit(folder.log.read_text())
        whole = time.monotonic() - whole
        expected, differences = folder.made(), []
        done = completions = attempts = 0
        broken: list[str] = []
        folder.forget()
        while done < kills or attempts:
            attempts += 1
            repair = AFTER_KILL.get(engine) if attempts > 1 else None
            together = moments.random() < 0.25  # the kill may strike the repair as well
            if repair and not together and folder.run(repair):
                differences.append(f"kill {done}: {repair} failed")
                break
            words = f"{repair} && {command}" if repair and together else command
            # What was finished stays, so this strikes all parts of a run.
            status = folder.run(words, moments.uniform(0, whole / 2) if done < kills else 3600.0)
            if status is None:
                done += 1
                broken += folder.broken()
                print(f"kill {done}", end="\r", flush=True, file=sys.stderr)
                continue
            completions += 1
            made = folder.made()
            named = f"completion {completions}"
            changed = [name for name in {*made, *expected} if made.get(name) != expected.get(name)]
            differences += [f"{named}: {name}" for name in sorted(changed)] + [f"{named}: status {status}"] * (
                status != 0
            )
            for look, clean in {"dvc status": "up to date", "snakemake -n": "Nothing to be done"}.items():
                said = folder.said(look)
                if clean not in said or not said.endswith("status 0"):
                    differences.append(f"{named}: {look}: {said[-2000:]}")
            if differences:
                break
            attempts = 0
            folder.forget()
        text = folder.log.read_text()
    print(f"`{command}`: a run that nobody kills takes {whole:.1f} s; seed {seed}")
    print(f"{done} kills of its process group: {broken.count('dvc.lock')} left dvc.lock cut short or empty,")
    print(f"{broken.count('.dvc/tmp/rwlock')} DVC's note of who is at work")
    print(f"{completions} completions; {len(differences)} differences; {time.monotonic() - began:.0f} s")
    print(*differences, sep="\n", end="" if not differences else "\n")
    if differences or "Traceback" in text:
        print(text[-6000:])
        return 1
    return 0
