"""The rendered faces: fixed by the seed, honest test protocols, neither trivial nor empty of identity."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from pipeline.data.rendering import RenderedSet, contact_sheet, photo, render_faces, skin, solids
from pipeline.data.rendering import protocols as rules
from pipeline.data.rendering.scene import landmarks
from pipeline.data.rendering.traits import STYLES

SMALL = {
    "seed": 5,
    "image_size": 32,
    "identities": 6,
    "images_per_identity": 3,
    "folds": 3,
    "pairs_per_fold": 10,
}


def pixels(rendered: RenderedSet, size: int = 128) -> np.ndarray:
    return np.concatenate(list(rendered.chunks(size)))


@pytest.fixture(scope="module")
def small() -> RenderedSet:
    return render_faces(**SMALL)


@pytest.fixture(scope="module")
def protocols() -> RenderedSet:
    """Tables of a full-sized test; no pixel is drawn."""
    return render_faces(seed=11, image_size=64, identities=40, images_per_identity=4, folds=10, pairs_per_fold=60)


def sides(rendered: RenderedSet, protocol: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    pairs = rendered.pairs[rendered.pairs.protocol == protocol].reset_index(drop=True)
    a = rendered.index.iloc[pairs.a].reset_index(drop=True)
    b = rendered.index.iloc[pairs.b].reset_index(drop=True)
    return pairs, a, b


def test_chunks_have_the_promised_shape_and_number(small: RenderedSet) -> None:
    chunks = list(small.chunks(7))
    assert all(chunk.dtype == np.uint8 and chunk.shape[1:] == (32, 32, 3) for chunk in chunks)
    assert [len(chunk) for chunk in chunks[:-1]] == [7] * (len(chunks) - 1)
    assert sum(len(chunk) for chunk in chunks) == len(small.index)
    assert all(chunk.flags["C_CONTIGUOUS"] for chunk in chunks)


def test_one_seed_gives_the_same_bytes_and_another_gives_others(small: RenderedSet) -> None:
    again, other = render_faces(**SMALL), render_faces(**SMALL | {"seed": 6})
    assert pixels(small).tobytes() == pixels(again).tobytes()
    pd.testing.assert_frame_equal(small.index, again.index)
    pd.testing.assert_frame_equal(small.pairs, again.pairs)
    assert (pixels(small) != pixels(other)).mean() > 0.5


def test_pixels_do_not_depend_on_the_chunk_size_or_on_what_else_is_drawn(small: RenderedSet) -> None:
    images = pixels(small)
    assert np.array_equal(images, pixels(small, 1))
    assert np.array_equal(images, pixels(small, 5))
    chosen = np.array([20, 3, 11])
    assert np.array_equal(small.render(chosen), images[chosen])


def test_more_people_and_folds_leave_the_first_ones_as_they_were(small: RenderedSet) -> None:
    larger = render_faces(**SMALL | {"identities": 8, "folds": 4})
    index, first = larger.index, small.index
    both = index[index.file.isin(first.file)]
    assert sorted(both.file) == sorted(first.file)
    place = both.set_index("file").face
    train = first.file[first.split == "train"]
    assert np.array_equal(larger.render(place[train].to_numpy()), pixels(small)[: len(train)])


def test_painting_in_bands_leaves_no_seam(protocols: RenderedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is painted in some rows only must have faded out at their border in any pose.
    chosen = np.random.default_rng(0).choice(len(protocols.index), 96, replace=False)
    banded = protocols.render(chosen).astype(int)
    for module in (skin, solids, photo):
        monkeypatch.setattr(module, "band", lambda size, top, bottom: slice(0, size))
    whole = protocols.render(chosen).astype(int)
    assert (np.abs(banded - whole).max(axis=(1, 2, 3)) <= 12).all()


@pytest.mark.parametrize("size", [33, 96])
def test_any_size_can_be_drawn(size: int) -> None:
    rendered = render_faces(**SMALL | {"image_size": size, "identities": 1, "folds": 1, "pairs_per_fold": 2})
    images = pixels(rendered)
    assert images.shape[1:] == (size, size, 3)
    assert images.std() > 20


def test_index_names_every_image(small: RenderedSet) -> None:
    index = small.index
    columns = ["face", "file", "identity", "split", "sex", "skin", "age", "yaw", "pitch", "expression"]
    assert list(index.columns) == columns
    assert index.face.tolist() == list(range(len(index)))
    assert all(pd.api.types.is_float_dtype(index[name]) for name in ("skin", "age", "yaw", "pitch"))
    assert index.file.is_unique
    assert index.file[4] == "rendered/train/000001-01"
    assert index.identity[4] == "train-000001"
    assert (index.split == "train").sum() == 6 * 3
    assert index.skin.between(0, 1).all()
    assert index.age.between(16, 80).all()
    assert index.yaw.between(-60, 60).all()
    assert set(index.sex) == {"male", "female"}
    assert (index.groupby("identity")[["sex", "skin"]].nunique() == 1).all(axis=None)


def test_pairs_are_balanced_in_every_fold_and_none_is_repeated(protocols: RenderedSet) -> None:
    assert list(protocols.pairs.columns) == ["protocol", "pair", "fold", "a", "b", "same"]
    for protocol in ("cross_age", "cross_pose"):
        pairs, a, b = sides(protocols, protocol)
        assert pairs.pair.tolist() == list(range(600))
        assert (pairs.groupby("fold").same.agg(["size", "sum"]) == [60, 30]).all(axis=None)
        assert len({frozenset(pair) for pair in zip(pairs.a, pairs.b, strict=True)}) == len(pairs)
        assert ((a.identity == b.identity) == (pairs.same == 1)).all()
        assert len(set(pairs.a) | set(pairs.b)) <= 1200
    used = set(protocols.pairs.a) | set(protocols.pairs.b)
    assert used == set(protocols.index.face[protocols.index.split == "test"])


@pytest.mark.parametrize("pairs_per_fold", [2, 4, 6, 10])
def test_few_or_odd_numbers_of_people_still_give_balanced_folds(pairs_per_fold: int) -> None:
    rendered = render_faces(**SMALL | {"pairs_per_fold": pairs_per_fold})
    for protocol in ("cross_age", "cross_pose"):
        pairs, a, b = sides(rendered, protocol)
        assert (pairs.groupby("fold").same.agg(["size", "sum"]) == [pairs_per_fold, pairs_per_fold // 2]).all(axis=None)
        assert len({frozenset(pair) for pair in zip(pairs.a, pairs.b, strict=True)}) == len(pairs)
        assert ((a.identity == b.identity) == (pairs.same == 1)).all()
        assert ((a.age - b.age).abs()[(pairs.same == 0)] <= rules.MAX_AGE_GAP_ALIKE).all()


def test_test_people_are_in_one_fold_and_not_in_training(protocols: RenderedSet) -> None:
    index = protocols.index
    assert not set(index.identity[index.split == "train"]) & set(index.identity[index.split == "test"])
    long = protocols.pairs.melt(id_vars="fold", value_vars=["a", "b"], value_name="face")
    assert (long.groupby(index.identity.iloc[long.face].to_numpy()).fold.nunique() == 1).all()
    assert set(index.split.iloc[long.face]) == {"test"}


def test_cross_age_pairs_keep_their_gaps(protocols: RenderedSet) -> None:
    pairs, a, b = sides(protocols, "cross_age")
    gap, same = (a.age - b.age).abs(), pairs.same == 1
    assert gap[same].min() >= rules.MIN_AGE_GAP >= 25
    assert gap[~same].max() <= rules.MAX_AGE_GAP_ALIKE
    assert max(a.yaw.abs().max(), b.yaw.abs().max()) <= rules.MAX_YAW_CROSS_AGE
    # Both kinds of pair are made of the same images.
    assert set(pairs.a[same]) | set(pairs.b[same]) == set(pairs.a[~same]) | set(pairs.b[~same])


def test_cross_pose_pairs_keep_their_gaps_and_yaw_tells_nothing(protocols: RenderedSet) -> None:
    pairs, a, b = sides(protocols, "cross_pose")
    gap, same = (a.yaw - b.yaw).abs(), pairs.same == 1
    assert gap.min() >= rules.MIN_YAW_GAP >= 45
    assert (a.age - b.age).abs().max() <= rules.MAX_AGE_GAP_ALIKE
    assert abs(gap[same].mean() - gap[~same].mean()) < 2
    best = max(((gap >= limit) == same).mean() for limit in np.quantile(gap, np.linspace(0, 1, 41)))
    assert max(best, 1 - best) < 0.58


@pytest.mark.parametrize("protocol", ["cross_age", "cross_pose"])
def test_strangers_of_a_pair_look_alike_at_first_sight(protocols: RenderedSet, protocol: str) -> None:
    pairs, a, b = sides(protocols, protocol)
    assert (a.sex == b.sex).all()
    assert (a.skin - b.skin).abs().max() <= rules.MAX_SKIN_GAP
    different = pairs.same == 0
    assert (a.age - b.age).abs()[different].max() <= rules.MAX_AGE_GAP_ALIKE
    colour = protocols.traits["hair_colour"]
    apart = np.abs(colour[pairs.a] - colour[pairs.b]).max(axis=1)[different]
    assert np.mean(apart < 0.15) > 0.95, "strangers of a pair have the same natural hair colour"


def accuracy(similarity: np.ndarray, same: np.ndarray, fold: np.ndarray) -> float:
    """Mean accuracy over the folds, each at the threshold that is best on the others."""
    collected = []
    for number in np.unique(fold):
        rest = fold != number
        limit = max(similarity[rest], key=lambda value: ((similarity[rest] >= value) == same[rest]).mean())
        collected.append(((similarity[~rest] >= limit) == same[~rest]).mean())
    return float(np.mean(collected))


def test_pixels_alone_do_not_solve_the_protocols() -> None:
    rendered = render_faces(seed=2, image_size=32, identities=120, images_per_identity=8, folds=10, pairs_per_fold=40)
    flat = pixels(rendered).reshape(len(rendered.index), -1) / np.float32(255)
    codes = PCA(48, random_state=0).fit(flat[: 120 * 8]).transform(flat)
    unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    for protocol in ("cross_age", "cross_pose"):
        pairs, _, _ = sides(rendered, protocol)
        a, b = pairs.a.to_numpy(), pairs.b.to_numpy()
        same, fold = pairs.same.to_numpy() == 1, pairs.fold.to_numpy()
        assert accuracy((unit[a] * unit[b]).sum(axis=1), same, fold) < 0.75
        assert accuracy(-np.linalg.norm(codes[a] - codes[b], axis=1), same, fold) < 0.75


def test_one_person_differs_less_from_herself_than_from_others(small: RenderedSet) -> None:
    # Every person is drawn with the nuisance of image 0, twice with different grain.
    count = 6
    first = np.arange(count) * 3
    traits = {name: values[first] for name, values in small.traits.items()}
    nuisance = {name: values[np.zeros(count, dtype=int)] for name, values in small.nuisance.items()}
    nuisance["style"] = np.full(count, STYLES.index("short"))

    def drawn(shot: int) -> np.ndarray:
        address = small.address[first] + np.array([0, 0, shot])
        alike = dataclasses.replace(small, traits=traits, nuisance=nuisance, address=address, image_size=64)
        return alike.render(np.arange(count)).astype(float)

    once, twice = drawn(100), drawn(101)
    distance = np.abs(once[:, None] - twice[None]).mean(axis=(2, 3, 4))
    own, others = np.diag(distance), distance[~np.eye(count, dtype=bool)]
    assert own.max() < others.min()


def test_landmarks_follow_the_turn_of_the_head(protocols: RenderedSet) -> None:
    faces = np.flatnonzero(protocols.index.yaw.abs() < 8)
    places = landmarks(protocols.scene(faces), 64)
    assert (places["left_eye"][:, 0] + 6 < places["right_eye"][:, 0]).all()
    assert (places["mouth"][:, 1] > places["nose_tip"][:, 1]).all()
    inner = [places[name] for name in ("left_eye", "right_eye", "left_brow", "right_brow", "nose_tip", "mouth")]
    assert all(((place > 0) & (place < 64)).all() for place in inner)
    turned = np.flatnonzero(protocols.index.yaw > 40)
    places = landmarks(protocols.scene(turned), 64)
    middle = (places["left_eye"][:, 0] + places["right_eye"][:, 0]) / 2
    assert (places["nose_tip"][:, 0] > middle).all()


def test_contact_sheet_is_a_grid_of_faces() -> None:
    sheet = contact_sheet(seed=0, image_size=32, identities=2)
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] == 2 * 32
    assert sheet.shape[1] % 32 == 0
    assert np.array_equal(sheet, contact_sheet(seed=0, image_size=32, identities=2))


@pytest.mark.parametrize(("name", "value"), [
    ("seed", -1), ("image_size", 31), ("image_size", 257), ("image_size", 64.0), ("identities", 0),
    ("images_per_identity", 0), ("folds", 0), ("pairs_per_fold", 0), ("pairs_per_fold", 7), ("folds", True),
])  # fmt: skip
def test_a_number_out_of_range_is_named_in_one_line(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        render_faces(**SMALL | {name: value})
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_a_chunk_size_below_one_is_refused(small: RenderedSet) -> None:
    with pytest.raises(ValueError, match="chunk size"):
        next(small.chunks(0))
