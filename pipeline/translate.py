"""``python -m pipeline.translate``: a photo of your own into a sketch, or a sketch into a photo, by trained students.

A file or a folder in, PNG pictures out, at the size that the students were trained at. What a student makes of a face
unlike those it learned from is a guess.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.data.photo_kinds import is_hidden
from pipeline.data.remarks import remark
from pipeline.errors import InputError, one_line

DIRECTIONS = {"sketch": "photo_to_sketch", "photo": "sketch_to_photo"}


def main(words: Sequence[str]) -> int:
    """Translate all; 0 when every picture was made, 1 with a line on stderr for each that was not, 2 for bad usage."""
    parser = argparse.ArgumentParser("python -m pipeline.translate", description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="+", help="files, or folders whose files are taken")
    parser.add_argument("--to", choices=list(DIRECTIONS), required=True, help="what to make")
    parser.add_argument("--model", type=Path, required=True, help="trained students, model.safetensors")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the pictures, made if need be")
    parser.add_argument(
        "--crop", type=int, nargs=4, metavar=("LEFT", "UPPER", "RIGHT", "LOWER"),
        help="a square of every picture, in pixels; without it the largest in the middle",
    )  # fmt: skip
    options = parser.parse_args(words)
    crop: tuple[int, int, int, int] | str = "centre"
    if options.crop is not None:
        crop = tuple(options.crop)
        if not 0 < crop[2] - crop[0] == crop[3] - crop[1]:
            parser.error(f"--crop {crop}: expected a square, right - left = lower - upper > 0")
    try:
        files = _files(options.pictures)
        targets = _targets(files, options.out, options.to)
        return _translate(files, targets, options, crop)
    except InputError as error:
        print(f"translate: {error}", file=sys.stderr)
        return 1


def _files(given: Sequence[Path]) -> list[Path]:
    """The files named, and those in folders named but for what systems leave there; what is no picture fails by name.

    Folders inside of a folder are not entered: a line on stderr says so. Raises InputError where there are no files.
    """
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and not is_hidden(file.name))
            folders = sorted(f"{place.name}/" for place in path.iterdir() if place.is_dir())
            for line in remark("folders left out", [name for name in folders if not is_hidden(name)]):
                print(one_line(f"translate: {path}: {line}"), file=sys.stderr)
            if not inside:
                raise InputError(f"{path}: no files in it, expected pictures")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file (expected a picture, or a folder of pictures)")
    return files


def _targets(files: Sequence[Path], folder: Path, kind: str) -> list[Path]:
    """Where each picture goes. Raises InputError where two go to the same file, or a result would replace an input."""
    targets: dict[Path, Path] = {}
    for file in files:
        target = folder / f"{file.stem}-{kind}.png"
        if target in targets:
            raise InputError(f"{file}: {target} is already made of {targets[target]}, expected different names")
        if target.exists() and target.samefile(file):
            raise InputError(f"{file}: would be written over, expected another folder in --out")
        targets[target] = file
    return list(targets)


def _translate(
    files: Sequence[Path], targets: Sequence[Path], options: argparse.Namespace, crop: tuple[int, ...] | str
) -> int:
    from PIL import Image

    from pipeline.data.images import decode
    from pipeline.device import select_device
    from pipeline.files import atomic_path
    from pipeline.models.freezing import freeze
    from pipeline.tasks.synthesis.networks import load
    from pipeline.tasks.synthesis.translating import translate

    students, device = load(options.model), select_device()
    channels = students.card["photo_channels" if options.to == "sketch" else "sketch_channels"]
    network = freeze(getattr(students, DIRECTIONS[options.to]).to(device))
    failed = 0
    for file, target in zip(files, targets, strict=True):
        try:
            pixels = decode(_read(file), str(file), size=students.card["image_size"], channels=channels, crop=crop)
            made = translate(network, pixels[None], device)[0]
            with atomic_path(target) as temporary:
                Image.fromarray(made.squeeze(2) if made.shape[2] == 1 else made).save(temporary, format="PNG")
        except InputError as error:
            print(f"translate: {error}", file=sys.stderr)
            failed += 1
        else:
            print(target)
    return int(failed > 0)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror} (expected a picture)") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
