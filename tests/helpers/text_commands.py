"""The commands that README.md and the other texts name, found in the text."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

# What a command in the middle of a sentence or in a table begins with, after settings of the environment.
PROGRAMS = {
    *("python", "python3", "pip", "pytest", "snakemake", "dvc", "git", "torchrun", "srun", "sbatch", "scancel"),
    *(
        "apt-get",
        "cp",
        "mv",
        "rm",
        "mkdir",
        "curl",
        "wget",
        "tar",
        "unzip",
        "bash",
        "sh",
        "docker",
        "conda",
        "make",
        ".ci/run",
    ),
}
WHOLE = {"pytest", ".ci/run"}  # commands of one word; another program's name alone is no command
SHELL, OTHER = {"sh", "bash", "shell", "console"}, {"yaml", "python", ""}
FENCE = re.compile(r"^[ \t]*(```|~~~)[ \t]*(\S*)[^\n`]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"[A-Z_]+=")


def texts(root: Path) -> list[Path]:
    """README.md, those of folders, and all below docs/."""
    return [*root.glob("*.md"), root / "data/README.md", root / "reports/README.md", *sorted(root.glob("docs/**/*.md"))]


def commands(root: Path) -> dict[str, str]:
    """Each command as one line, without comments, and where it stands first: lines of shell blocks, and code in text.

    Raises AssertionError at a block of an unknown kind, or one of no kind that looks like commands.
    """
    where: dict[str, str] = {}
    for file in texts(root):
        for line in in_text(file.read_text(), file.name):
            where.setdefault(line, str(file.relative_to(root)))
    return where


def in_text(text: str, name: str = "text") -> list[str]:
    """The commands of one text, in order."""
    collected = []
    for _, kind, body in FENCE.findall(text):
        assert kind in SHELL | OTHER, f"{name}: a block of {kind!r}, expected one of {sorted(SHELL | OTHER)}"
        lines = [re.sub(r"(^|\s+)#.*", "", line) for line in body.replace("\\\n", " ").splitlines()]
        if kind in SHELL:
            collected += [" ".join(line.removeprefix("$ ").split()) for line in lines if line.strip()]
        elif not kind:
            stray = [line for line in lines if is_command(line)]
            assert not stray, f"{name}: {stray} in a block of no kind, expected it to begin with ```sh"
    spans = re.findall(r"(`+)(.+?)\1", FENCE.sub("", text), re.DOTALL)
    return collected + [line for _, span in spans if is_command(line := " ".join(span.split()))]


def is_command(line: str) -> bool:
    """Whether the code begins with a program and has words after it, or is a command of one word."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quotation mark without its other one
        words = line.split()
    while words and (SETTING.match(words[0]) or words[0] == "sudo"):
        words.pop(0)
    known = bool(words) and (words[0] in PROGRAMS or words[0].startswith("./"))
    return line.strip() in WHOLE or (known and len(words) > 1)
