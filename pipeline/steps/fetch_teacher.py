"""Fetch the file of a teacher of the user's own, or take the one dropped in; nothing where a teacher is trained."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.data.remote_file import RemoteFile
from pipeline.params.teachers import CHECKPOINT, OwnNetwork, TeacherNetwork

SLICES = {"network": ("recognition.teacher.network", TeacherNetwork)}
PROVIDER = "you: recognition.teacher.network.file names it"


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--cache", type=Path, required=True, help="where downloads are kept, finished or not")
    parser.add_argument("--drop-in", type=Path, required=True, help="where files got by hand are put")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Fill the folder; a checkpoint's card comes with it."""
    from pipeline.data.fetch_folder import fetch_folder

    network = settings["network"]
    files = remote_files(network) if isinstance(network, OwnNetwork) else []
    fetch_folder(files, options.out, options.cache, options.drop_in)


def remote_files(settings: OwnNetwork) -> list[RemoteFile]:
    """The file to fetch, and for a checkpoint its card."""
    files = [RemoteFile(settings.file, settings.address, settings.sha256, PROVIDER)]
    if settings.is_checkpoint:
        card, address = Path(settings.file).with_suffix(".json").name, settings.address
        files.append(RemoteFile(card, address and address.removesuffix(CHECKPOINT) + ".json", None, PROVIDER))
    return files
