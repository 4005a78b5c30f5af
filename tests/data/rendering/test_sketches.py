"""Drawings of rendered people, and drawings made from photos: fixed by the seed, of the same face, not just pixels."""

import dataclasses

import numpy as np
import pytest

from pipeline.data import drawing
from pipeline.data.rendering import pencil
from pipeline.data.rendering.exaggeration import MOST, NOT_SHAPE, SHAPE, errors, exaggerate
from pipeline.data.rendering.photo import body
from pipeline.data.rendering.scene import landmarks, pixel_grid
from pipeline.data.rendering.sketch_set import render_sketch_pairs
from pipeline.data.rendering.traits import LEAST, MEASURES
from pipeline.errors import InputError

SMALL = {"seed": 7, "image_size": 48, "train": 10, "test": 4}
POINTS = ("left_eye", "right_eye", "nose_tip", "mouth", "chin")


@pytest.fixture(scope="module")
def small():
    return render_sketch_pairs(**SMALL)


@pytest.fixture(scope="module")
def many():
    """Sixty people at 96 pixels; pixels are drawn by who needs them."""
    return render_sketch_pairs(seed=3, image_size=96, train=60, test=1)


def places(scene, size):
    points = landmarks(scene, size)
    return np.stack([points[name] for name in POINTS], axis=1)


def test_shapes_and_tables(small):
    everyone = np.arange(14)
    photos, sketches = small.photos(everyone), small.sketches(everyone)
    assert photos.shape == (14, 48, 48, 3) and sketches.shape == (14, 48, 48)
    assert photos.dtype == sketches.dtype == np.uint8
    assert small.index["split"].tolist() == ["train"] * 10 + ["test"] * 4
    assert small.index["name"].tolist()[9:12] == ["train-000009", "test-000000", "test-000001"]
    assert small.index["age"].between(18, 50).all() and set(small.index["sex"]) == {"male", "female"}


def test_the_seed_decides_and_nothing_else(small):
    again = render_sketch_pairs(**SMALL)
    some = np.array([12, 3, 0])
    for make in ("photos", "sketches"):
        whole = getattr(again, make)(np.arange(14))
        np.testing.assert_array_equal(getattr(small, make)(some), whole[some])
        other = getattr(render_sketch_pairs(**SMALL | {"seed": 8}), make)(some)
        assert not np.array_equal(other, whole[some])
        fewer = render_sketch_pairs(**SMALL | {"train": 5, "test": 2})
        np.testing.assert_array_equal(getattr(fewer, make)(np.array([4, 6])), whole[[4, 11]])


def test_people_differ_and_nobody_is_to_train_and_to_test_on(small, many):
    measures = np.stack([(many.traits[name] - MEASURES[name][0]) / MEASURES[name][1] for name in SHAPE], axis=1)
    apart = np.linalg.norm(measures[:, None] - measures[None], axis=-1)[~np.eye(len(measures), dtype=bool)]
    assert apart.min() > 4, "standard deviations over about fifty measures"
    assert not np.isclose(small.traits["jaw_width"][:4], small.traits["jaw_width"][10:]).any()


def test_photos_are_taken_in_a_studio(many):
    assert abs(many.nuisance["yaw"]).max() <= 1.5 and abs(many.nuisance["pitch"]).max() < 5
    for name in ("smile", "mouth_open", "glasses", "eyes_shut"):
        assert not many.nuisance[name].any()


def test_measures_move_away_from_the_mean_by_the_factor(many):
    error = np.random.default_rng(4).standard_normal((61, len(SHAPE)))
    drawn = exaggerate(many.traits, 1.25, error)
    for row in range(len(many)):
        sex = 0.5 if many.traits["male"][row] else -0.5
        for name, (mean, spread, difference) in MEASURES.items():
            before, after = many.traits[name][row], drawn[name][row]
            own = mean + difference * sex
            if name in NOT_SHAPE:
                assert after == before
                continue
            moved = own + 1.25 * (before - own) + error[row, SHAPE.index(name)] * spread
            moved = min(max(moved, own - MOST * spread), own + MOST * spread)
            assert after == pytest.approx(max(moved, LEAST.get(name, -9)), abs=1e-12), name
    for name in ("skin", "hair_colour", "style", "mark_x"):
        np.testing.assert_array_equal(drawn[name], many.traits[name])


def test_drawings_are_of_another_shape_than_photos(many):
    everyone = np.arange(len(many))
    photo, drawn = places(many.photo_scene(everyone), 96), places(many.sketch_scene(everyone), 96)
    moved = np.linalg.norm(drawn - photo, axis=-1) / 96
    assert 0.006 < np.median(moved) < 0.02, "of the picture's side"
    for factor, hand in ((1.0, 0.0), (1.25, 0.0), (1.0, 0.4)):
        changed = dataclasses.replace(many, exaggeration=factor, hand=hand)
        result = places(changed.sketch_scene(everyone), 96)
        # Away from the mean face: exaggerated faces lie further apart than photos do.
        spread = [np.linalg.norm(at - at.mean(axis=0), axis=(1, 2)).mean() for at in (photo, result)]
        if hand == 0:
            assert spread[1] / spread[0] == pytest.approx(factor, abs=0.06)
        if (factor, hand) == (1.0, 0.0):
            np.testing.assert_allclose(result, photo, atol=1e-9)
    assert abs(errors(3, many.address).mean()) < 0.05 and errors(3, many.address).std() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(errors(3, many.address[[5]])[0], errors(3, many.address)[5])


def test_features_are_drawn_where_the_drawn_face_has_them(many):
    """The line between the lips is dark: where it has moved, at the new place, not at the photo's."""
    everyone = np.arange(len(many))
    photo, drawn = (places(scene, 96)[:, 3:4] for scene in (many.photo_scene(everyone), many.sketch_scene(everyone)))
    # Rows alone: across, a mouth is wider than it moves.
    person, point = np.nonzero(abs(drawn[..., 1] - photo[..., 1]) > 1.5)
    assert len(person) >= 8
    sheet = 255 - many.sketches(everyone).astype(int)

    def darkness(at):
        column, row = np.rint(at[person, point]).astype(int).T
        return sheet[person, row, column]

    assert darkness(drawn).mean() > 1.3 * darkness(photo).mean()


def test_a_sketch_is_pencil_on_white_paper(many):
    some = np.arange(24)
    sketches = many.sketches(some)
    grid = pixel_grid(many.sketch_scene(some), 96)
    corners = np.concatenate([sketches[:, :6, :6], sketches[:, :6, -6:]], axis=2)
    assert corners.mean() > 240, "no wall is drawn"
    assert np.percentile(sketches.reshape(24, -1), 2, axis=1).max() < 140, "every face has dark strokes"
    assert (sketches > 200).mean() > 0.4 and body(many.sketch_scene(some), grid).cloth.shape[0] == 24
    # The skin's own tone is hardly drawn: cheeks of the darkest are far lighter than in their photos.
    dark = some[many.traits["skin"][some] > 0.8]
    cheek = np.s_[:, 50:60, 30:40]
    assert len(dark) > 2
    assert sketches[dark][cheek].mean() > 60 + many.photos(dark)[cheek].mean()


def test_strokes_have_the_hair_dark_or_light(many):
    """Black hair makes dark strokes, blond hair light ones."""
    tint = np.sqrt(many.traits["hair_colour"].mean(axis=1))
    order = np.argsort(tint)
    hair = many.sketches(order)[:, 8:16, 38:58].mean(axis=(1, 2))
    assert hair[:15].mean() < hair[-15:].mean() - 15


def test_stroke_fields_run_along_and_fill_the_range():
    table = np.random.default_rng(0).standard_normal((2, *pencil.TABLE)).astype(np.float32)
    axis = np.linspace(-1, 1, 64, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    pixel = np.full((2, 1, 1), 2 / 64, np.float32)
    field = pencil.strokes(np.stack([y, y]), np.stack([x, x]), pixel, table)
    assert field.shape == (2, 64, 64) and abs(field).max() <= 1.6 and 0.4 < field.std() < 1
    assert np.abs(np.diff(field, axis=1)).mean() < 0.5 * np.abs(np.diff(field, axis=2)).mean()
    # At whole numbers of widths and lengths a field has the table's own numbers.
    wide, long = (max(2 / 64 * pixels, units) for pixels, units in zip(pencil.STROKE_PIXELS, pencil.STROKE))
    u, v = 5, 3
    along, across = np.full((2, 1, 1), v * long - 0.37 * u * long), np.full((2, 1, 1), u * wide)
    result = pencil.strokes(along, across, pixel, table)[:, 0, 0]
    np.testing.assert_allclose(result, np.clip(table[:, u, v], -1.6, 1.6), atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"image_size": 31}, "image_size is 31"), ({"train": 0}, "train is 0"), ({"test": 0}, "test is 0"),
     ({"exaggeration": 0.9}, "exaggeration is 0.9"), ({"hand": 1.1}, "hand is 1.1"), ({"seed": -1}, "seed is -1")],
)  # fmt: skip
def test_numbers_out_of_range(changes, expected):
    with pytest.raises(ValueError, match=expected):
        render_sketch_pairs(**SMALL | changes)


def plain_blur(tones, sigma):
    """A Gaussian blur by its definition, borders repeated, cut off at three sigma."""
    reach = int(3 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    height, width = tones.shape
    rows = [[min(max(row + step, 0), height - 1) for step in range(-reach, reach + 1)] for row in range(height)]
    tones = np.array([sum(weight * tones[at] for weight, at in zip(weights, row)) for row in rows])
    columns = [[min(max(place + step, 0), width - 1) for step in range(-reach, reach + 1)] for place in range(width)]
    return np.array([sum(weight * tones[:, at] for weight, at in zip(weights, place)) for place in columns]).T


def test_xdog_is_the_papers_formula():
    tones = np.random.default_rng(1).random((2, 20, 24)).astype(np.float32)
    drawings = drawing.xdog(tones, 1.3)
    for one, lines in zip(tones, drawings):
        sharpened = (1 + drawing.P) * plain_blur(one, 1.3) - drawing.P * plain_blur(one, drawing.K * 1.3)
        expected = np.ones_like(sharpened)
        for at in np.ndindex(sharpened.shape):
            if sharpened[at] < drawing.EPSILON:
                expected[at] = 1 + np.tanh(drawing.PHI * (sharpened[at] - drawing.EPSILON))
        np.testing.assert_allclose(lines, expected, atol=1e-5)
    assert drawings.min() < 0.7 and drawings.max() == 1


def test_dodging_is_a_quotient_that_is_one_where_a_picture_is_even():
    tones = np.random.default_rng(2).random((1, 16, 16)).astype(np.float32)
    expected = np.minimum((tones[0] + drawing.LIFT) / (plain_blur(tones[0], 2.0) + drawing.LIFT), 1)
    np.testing.assert_allclose(drawing.dodge(tones, 2.0)[0], expected, atol=1e-5)
    for tone in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(drawing.dodge(np.full((1, 9, 9), tone, np.float32), 2.0), 1, atol=1e-6)


def test_a_drawing_depends_on_its_photo_alone(small, monkeypatch):
    photos = small.photos(np.arange(14))
    whole = drawing.draw(photos)
    assert whole.shape == (14, 48, 48) and whole.dtype == np.uint8
    np.testing.assert_array_equal(drawing.draw(photos[[9, 2]]), whole[[9, 2]])
    np.testing.assert_array_equal(drawing.draw(photos[::-1]), whole[::-1])
    monkeypatch.setattr(drawing, "CHUNK", 3)
    np.testing.assert_array_equal(drawing.draw(photos), whole)


def test_a_drawing_keeps_lines_and_leaves_even_places_white():
    yy, xx = np.mgrid[:64, :64]
    photo = np.full((64, 64), 150, np.uint8)
    photo[:, 30:33] = 30  # a dark line
    wall = np.where(xx < 32, 200, 170).astype(np.uint8)  # two walls: an edge, and no tone on either side
    wall[56:] = 20  # the photo's black
    line, edge = drawing.draw(np.stack([photo, wall])[..., None])
    assert line[:, 31].max() < 110 and line[:, :18].min() > 230
    assert edge[:40, :24].min() > 245 and edge[:40, 56:].min() > 245 and edge[60:].max() < 130
    assert edge[:40, 32:36].min() < 240
    np.testing.assert_array_equal(drawing.draw(np.zeros((1, 32, 32, 1), np.uint8))[0].std(), 0)


@pytest.mark.parametrize("size", [32, 256])
def test_drawings_look_alike_at_any_size(size):
    """Drawing a small photo and shrinking a large photo's drawing come to about the same."""
    people = render_sketch_pairs(seed=5, image_size=128, train=4, test=1)
    photos = people.photos(np.arange(4))
    scale = np.kron(photos[..., 0], np.ones((1, 2, 2), np.uint8)) if size == 256 else photos[:, ::4, ::4, 0]
    drawn = drawing.draw(scale[..., None]).astype(float)

    def means(pictures):
        side = pictures.shape[1] // 16
        return pictures.reshape(4, 16, side, 16, side).mean(axis=(2, 4))

    reference = means(drawing.draw(photos[..., :1]).astype(float))
    for one, other in zip(means(drawn), reference):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.93


def test_colour_is_drawn_by_its_luma():
    rng = np.random.default_rng(3)
    photo = rng.integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
    grey = np.rint(photo @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)[..., None]
    assert np.abs(drawing.draw(photo).astype(int) - drawing.draw(grey)).max() <= 12
    swapped = photo[..., ::-1].copy()
    assert np.abs(drawing.draw(swapped).astype(int) - drawing.draw(grey)).max() > 40


@pytest.mark.parametrize(
    "photos",
    [np.zeros((2, 40, 40), np.uint8), np.zeros((1, 40, 40, 2), np.uint8), np.zeros((1, 40, 40, 1), np.float32),
     np.zeros((1, 31, 40, 1), np.uint8), np.zeros((1, 40, 257, 1), np.uint8)],
)  # fmt: skip
def test_what_cannot_be_drawn(photos):
    with pytest.raises(InputError, match="photos to draw: .*expected"):
        drawing.draw(photos)
