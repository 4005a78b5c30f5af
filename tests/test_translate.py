"""``python -m pipeline.translate``: a picture in, a picture out, and what is no picture named."""

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.data.images import decode
from pipeline.params.translators import UNet
from pipeline.tasks.synthesis import networks
from pipeline.translate import main

SIZE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Untrained students: what they make is a function of what goes in all the same."""
    settings = UNet(architecture="unet", levels=2, width=4, widest=8, norm="instance")
    students = networks.build(settings, image_size=SIZE, photo_channels=3, sketch_channels=1, seed=3)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    students.save(path, {})
    return path


@pytest.fixture
def photos(tmp_path):
    """Two pictures of unequal sides, in colour."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (50, 40, 3)), ("b.png", (64, 64, 3))):
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)
    return folder


def run(model, *words) -> int:
    return main([*map(str, words), "--model", str(model)])


def test_a_folder_becomes_sketches_as_the_network_makes_them(model, photos, tmp_path):
    assert run(model, photos, "--to", "sketch", "--out", tmp_path / "out") == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"a-sketch.png", "b-sketch.png"}
    made = np.asarray(Image.open(tmp_path / "out/a-sketch.png"))
    assert made.shape == (SIZE, SIZE) and made.dtype == np.uint8, "grey, at the students' size"
    # The middle square of 40 x 40, shrunk, through the network, by hand.
    middle = Image.open(photos / "a.png").crop((0, 5, 40, 45)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    inputs = torch.from_numpy(np.array(middle)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        expected = networks.load(model).photo_to_sketch.eval()(inputs)[0, 0].numpy() * 255
    assert np.abs(made - expected).max() <= 0.51


def test_a_sketch_becomes_a_photo_in_colour(model, photos, tmp_path):
    assert run(model, photos / "b.png", "--to", "photo", "--out", tmp_path / "out") == 0
    assert np.asarray(Image.open(tmp_path / "out/b-photo.png")).shape == (SIZE, SIZE, 3)


def test_a_crop_is_what_the_network_sees(model, photos, tmp_path):
    assert run(model, photos / "b.png", "--to", "sketch", "--out", tmp_path / "all") == 0
    assert run(model, photos / "b.png", "--to", "sketch", "--out", tmp_path / "part", "--crop", 4, 8, 36, 40) == 0
    data = (photos / "b.png").read_bytes()
    part = tmp_path / "c.png"
    Image.fromarray(decode(data, "b", size=SIZE, channels=3, crop=(4, 8, 36, 40))).save(part)
    assert run(model, part, "--to", "sketch", "--out", tmp_path / "part") == 0
    read = [
        np.asarray(Image.open(tmp_path / f)) for f in ("all/b-sketch.png", "part/b-sketch.png", "part/c-sketch.png")
    ]
    assert (read[1] == read[2]).all() and (read[0] != read[1]).any()


def test_what_is_no_picture_is_named_and_the_others_are_made(model, photos, tmp_path, capsys):
    (photos / "notes.txt").write_text("not a picture")
    (photos / ".hidden").write_text("left out")
    assert run(model, photos, "--to", "sketch", "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [line for line in said if "notes.txt: not an image" in line] and len(said) == 1
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"a-sketch.png", "b-sketch.png"}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: [folder / "absent.png"], "absent.png: no such file"),
        (lambda folder: [(folder / "empty").mkdir() or folder / "empty"], "empty: no files in it"),
        (lambda folder: [folder / "a.png", folder / "a.png"], "already made of"),
    ],
)
def test_nothing_is_made_of_what_cannot_be_told_apart_or_found(model, photos, tmp_path, capsys, make, expected):
    assert run(model, *make(photos), "--to", "sketch", "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert expected in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_no_file_is_written_over(model, photos, tmp_path, capsys):
    (photos / "a.png").rename(photos / "x.png")
    (photos / "x-sketch.png").symlink_to("x.png")
    before = (photos / "x.png").read_bytes()
    assert run(model, photos / "x.png", "--to", "sketch", "--out", photos) == 1
    assert "written over" in capsys.readouterr().err and (photos / "x.png").read_bytes() == before


def test_a_checkpoint_of_something_else_is_refused(photos, tmp_path, capsys):
    assert run(tmp_path / "absent.safetensors", photos, "--to", "sketch", "--out", tmp_path / "out") == 1
    assert "absent.safetensors" in capsys.readouterr().err
