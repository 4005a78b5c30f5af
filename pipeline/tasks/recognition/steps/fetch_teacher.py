"""Fetch the file of a user's teacher, or take the file dropped in; does nothing where the teacher is trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.remote_file import RemoteFile
from pipeline.tasks.recognition.params.teachers import CHECKPOINT, OwnNetwork, TeacherNetwork

SLICES = {"network": ("recognition.teacher.network", TeacherNetwork)}
PROVIDER = "you: recognition.teacher.network.file names it"


def run(
    settings: dict[str, Any],
    *,
    cache: Path,
    drop_in: Path,
    out: Path,
) -> None:
    """Fill the folder; a checkpoint's card comes with it.

    Args:
        cache: where downloads are kept, finished or not
        drop_in: where files got by hand are put
        out: the folder for the files
    """
    from pipeline.data.fetch_folder import fetch_folder

    network = settings["network"]
    files = remote_files(network) if isinstance(network, OwnNetwork) else []
    fetch_folder(files, out, cache, drop_in)


def remote_files(settings: OwnNetwork) -> list[RemoteFile]:
    """The file to fetch, and for a checkpoint its card."""
    files = [RemoteFile(settings.file, settings.address, settings.sha256, PROVIDER)]
    if settings.is_checkpoint:
        card, address = Path(settings.file).with_suffix(".json").name, settings.address
        files.append(RemoteFile(card, address and address.removesuffix(CHECKPOINT) + ".json", None, PROVIDER))
    return files
