"""What Snakemake noted of each result, and whether the result still is what its step wrote.

Snakemake keeps one record per file under .snakemake/metadata: command, parameters, inputs, start and end. A result is
trusted when the record still holds for all that lies in the folder now; without a record nothing is trusted.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from engines.graph import modules, science
from engines.notes import read_mapping

NEEDED = {"shellcmd", "params", "input", "starttime", "endtime"}  # of what a record says
LOCKS = Path(".snakemake/locks")
TIMESTAMP = ".snakemake_timestamp"  # Snakemake's note of when a folder was made


def vouched(cmd: str, outputs: list[str], dependencies: list[str], document: dict[str, Any]) -> bool:
    """Whether a Snakemake job with this command and these parameters made the outputs, from the inputs as they are."""
    return all(_holds(cmd, output, dependencies, document) for output in outputs)


def science_of(cmd: str, document: dict[str, Any]) -> dict[str, Any]:
    """The values in params.yaml that the command reads."""
    words = cmd.split()
    step, rest = words[3], words[4:]
    options = {name.removeprefix("--"): value for name, value in zip(rest[::2], rest[1::2], strict=True)}
    return science(step, document, **options)


def distrust(output: str) -> None:
    """Have Snakemake make the output again: to it, the job that made it was cut short."""
    if Path(output).exists():
        path = _record("incomplete", output)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"external_jobid": null}', encoding="utf-8")


def trust(output: str) -> bool:
    """Take back ``distrust``, or the mark of a job that was killed: the content is good. Whether there was a mark."""
    mark = _record("incomplete", output)
    marked = mark.exists()
    mark.unlink(missing_ok=True)
    return marked


def unlock() -> None:
    """Free what a killed run left locked: whoever runs Snakemake's jobs here holds DVC's lock, as the caller does."""
    for file in LOCKS.glob("*"):
        file.unlink()


def place(output: str) -> str:
    """Where Snakemake keeps its record of the output."""
    return str(_record("metadata", output))


def _holds(cmd: str, output: str, dependencies: list[str], document: dict[str, Any]) -> bool:
    path, record = Path(output), _read(output)
    if not record or not path.exists() or _record("incomplete", output).exists():
        return False
    inputs = [*record["input"], *modules(cmd.split()[3])]  # as they were when the job began
    return (
        record["shellcmd"].partition(" 2>&1 | tee")[0] == cmd
        and repr(science_of(cmd, document)) in record["params"]
        and _own_time(path) == record["endtime"]
        and _last_change(path) <= _record("metadata", output).stat().st_mtime
        and all(Path(file).exists() and _last_change(Path(file)) <= record["starttime"] for file in inputs)
        and all(any(f"{file}/".startswith(f"{dependency}/") for file in inputs) for dependency in dependencies)
    )


def _own_time(path: Path) -> float:
    """The time that Snakemake takes for that of a result."""
    note = path / TIMESTAMP
    return (note if note.exists() else path).stat().st_mtime


def _last_change(path: Path) -> float:
    """When content or place last changed. Unlike the time of content, that of the place cannot be set back."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max(max(s.st_mtime, s.st_ctime) for s in map(os.lstat, files))


def _read(output: str) -> dict[str, Any]:
    record = read_mapping(_record("metadata", output))
    return record if record.keys() >= NEEDED else {}


def _record(kind: str, output: str) -> Path:
    """Where Snakemake keeps what it knows of a file; long names are cut into folders."""
    folder = Path(".snakemake", kind)
    name, most = urlsafe_b64encode(output.encode()).decode(), os.pathconf(".", "PC_NAME_MAX") - 1
    parts = [name[i : i + most] for i in range(0, len(name), most)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
