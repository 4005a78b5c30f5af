"""Learning of photo-sketch synthesis: formula, gradients, variants, augmentation, resuming, checkpoints."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch

from pipeline.checkpoints import load_tensors
from pipeline.errors import InputError
from pipeline.models import vgg
from pipeline.params.loading import validate
from pipeline.params.translators import PatchDiscriminator, UNet
from pipeline.randomness import generator
from pipeline.resume import ResumeFile
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.knowledge import Teachers
from pipeline.tasks.synthesis.learning import Translation
from pipeline.tasks.synthesis.losses import direction
from pipeline.tasks.synthesis.pairs import Pictures, draw_places, vary
from pipeline.tasks.synthesis.params.variants import Augmentation, SynthesisVariant, check_variant
from pipeline.training import Interrupted
from tests.helpers.synthesis import CPU, STILL, TEACHER, arrays, plain_distance, run, training

NETWORK = UNet(architecture="unet", levels=2, width=4, widest=8, norm="batch", dropout=0.25)
JUDGE = PatchDiscriminator(layers=1, width=4, norm="batch")
KT = {"reconstruction": 10.0, "transfer": 0.5, "teachers": "two", "mutual": 0.25, "taps": [1, 2]}
VARIANTS = {
    "reconstruction": ({"reconstruction": 1.0}, ["reconstruction"]),
    "kt": (KT, ["reconstruction", "transfer", "mutual"]),
    "kd": (KT | {"teachers": "one"}, ["reconstruction", "transfer", "mutual"]),
    "kd_no_mutual": (KT | {"teachers": "one", "mutual": 0.0}, ["reconstruction", "transfer"]),
    "mutual_only": ({"reconstruction": 1.0, "mutual": 0.5, "taps": [3]}, ["reconstruction", "mutual"]),
    "kd_plus": (KT | {"teachers": "one", "adversarial": 2.0}, ["reconstruction", "transfer", "mutual", "adversarial"]),
    "pix2pix": ({"reconstruction": 1.0, "adversarial": 0.01}, ["reconstruction", "adversarial"]),
    "adversarial_only": ({"reconstruction": 0.0, "adversarial": 1.0}, ["adversarial"]),
}
DIRECTIONS = ("photo_to_sketch", "sketch_to_photo")


def variant(name):
    return validate(SynthesisVariant, VARIANTS[name][0], f"variants.{name}")


def students(**changes):
    options = {"image_size": 16, "photo_channels": 3, "sketch_channels": 1, "seed": 3} | changes
    return networks.build(NETWORK, **options)


def teachers(count):
    torch.manual_seed(9)
    made = [vgg.build(TEACHER, 16, 3) for _ in range(2)]
    for one in made:  # as after a training: statistics and weights that are nothing special
        one.train()(torch.rand(8, 3, 16, 16))
    return Teachers(made[0], made[0] if count == "one" else made[1], CPU)


def task(name, *, pupils=None, settings=None, augmentation=STILL, chosen=None, taught=None):
    chosen_variant = variant(name)
    return Translation(
        pupils or students(), Pictures(CPU, **arrays()), chosen_variant, settings or training(), augmentation, torch.float32,
        chosen=chosen, discriminator=JUDGE, seed=1,
        teachers=taught or (teachers(chosen_variant.teachers) if chosen_variant.teachers else None),
    )  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_logs_its_terms_and_teaches_both_students(name):
    made = task(name)
    terms = VARIANTS[name][1]
    found = list(made.step(torch.arange(4), generator("x")))
    adversarial = "adversarial" in terms
    assert [optimiser for optimiser, _ in found] == (["discriminators"] if adversarial else []) + ["students"]
    if adversarial:
        assert list(found[0][1]) == [f"{d}_{term}" for d in DIRECTIONS for term in ("real", "made")]
    assert list(found[-1][1]) == [f"{d}_{term}" for d in DIRECTIONS for term in terms]
    expected = {*DIRECTIONS} | ({"adaptors"} if "transfer" in terms else set())
    assert {*made.modules} == expected | ({f"{d}_discriminator" for d in DIRECTIONS} if adversarial else set())


def test_the_losses_are_the_formula():
    """Against terms made by hand from the networks; augmentation off, batch statistics as in the step."""
    pupils, taught = students(), teachers("two")
    made = task("kd_plus", pupils=pupils, taught=taught)
    torch.manual_seed(6)  # of dropout
    (_, judged), (_, terms) = made.step(torch.tensor([5, 2, 7]), generator("x"))
    data = arrays()
    photos = torch.from_numpy(data["photos"][[5, 2, 7]]).permute(0, 3, 1, 2) / 255
    sketches = torch.from_numpy(data["sketches"][[5, 2, 7]])[:, None] / 255
    torch.manual_seed(6)
    insides = [pupils.photo_to_sketch.look_inside(photos), pupils.sketch_to_photo.look_inside(sketches)]
    known = [taught.photo.features(photos, 2), taught.sketch.features(sketches, 2)]
    adapt = made.modules["adaptors"]
    for place, (name, given, wanted) in enumerate(zip(DIRECTIONS, (photos, sketches), (sketches, photos), strict=True)):
        inside, other = insides[place], insides[1 - place]
        l1 = np.abs(inside.output.detach().numpy() - wanted.numpy()).mean()
        assert terms[f"{name}_reconstruction"].item() == pytest.approx(10 * l1, rel=1e-5)
        transfer = mutual = 0.0
        for tap in (1, 2):
            encoded, decoded = inside.encoder[tap - 1], inside.decoder[3 - tap]
            assert encoded.shape == decoded.shape
            # The encoder knows what goes in, the decoder what comes out.
            goes_in, comes_out = known[place][tap - 1], known[1 - place][tap - 1]
            transfer += plain_distance(adapt(f"{name}-encoder-{tap}", encoded).detach(), goes_in.detach())
            transfer += plain_distance(adapt(f"{name}-decoder-{tap}", decoded).detach(), comes_out.detach())
            mutual += plain_distance(decoded.detach(), other.encoder[tap - 1].detach())
        assert terms[f"{name}_transfer"].item() == pytest.approx(0.5 * transfer, rel=1e-4)
        assert terms[f"{name}_mutual"].item() == pytest.approx(0.25 * mutual, rel=1e-4)
        judge = made.modules[f"{name}_discriminator"]
        real, fake = (judge(given, p).detach().numpy() for p in (wanted, inside.output.detach()))
        assert judged[f"{name}_real"].item() == pytest.approx(((real - 1) ** 2).mean() / 2, rel=1e-4)
        assert judged[f"{name}_made"].item() == pytest.approx((fake**2).mean() / 2, rel=1e-4)
        assert terms[f"{name}_adversarial"].item() == pytest.approx(2 * ((fake - 1) ** 2).mean(), rel=1e-4)


def gradients(made, terms, name):
    made.optimisers["students"].zero_grad()
    terms[name].backward(retain_graph=True)
    return {
        part: max((p.grad.abs().max().item() for p in module.parameters() if p.grad is not None), default=0.0)
        for part, module in made.modules.items()
    }


def test_gradients_stay_where_they_belong():
    made = task("kd_plus")
    (_, judged), (_, terms) = made.step(torch.arange(4), generator("x"))
    for name in DIRECTIONS:
        for term in ("reconstruction", "transfer", "mutual", "adversarial"):
            found = gradients(made, terms, f"{name}_{term}")
            reached = {part for part, size in found.items() if size > 0}
            assert reached == {name} | ({"adaptors"} if term == "transfer" else set()), (name, term)
    for name in DIRECTIONS:
        for module in made.modules.values():
            module.zero_grad()
        made.modules[f"{name}_discriminator"].requires_grad_(True)
    steps = made.step(torch.arange(4), generator("x"))
    _, judged = next(steps)
    judged["photo_to_sketch_made"].backward()
    reached = {part for part, m in made.modules.items() if any(p.grad is not None for p in m.parameters())}
    assert reached == {"photo_to_sketch_discriminator"}


def test_one_teacher_and_two_are_told_apart():
    known = {}
    for count in ("one", "two"):
        photo, sketch = torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16)
        taught = teachers(count)
        found = taught.ask(photo, sketch, [2])
        assert not found["photo"][2].requires_grad
        known[count] = (found["sketch"][2] - direction(taught.photo.features(sketch, 2)[1])).abs().max().item()
    assert known["one"] < 1e-6 < 1e-2 < known["two"]


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "1000")


class Stopping(Translation):
    """Asks for a stop during one of its steps."""

    stop_at, done = 0, 0

    def step(self, rows, rng):
        self.done += 1
        if self.done == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        yield from super().step(rows, rng)


@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_stopped_run_resumes_to_the_same_bytes(in_a_folder, stop_at):
    settings = training()

    def state(made):
        return {f"{m}.{k}": v for m, module in made.modules.items() for k, v in module.state_dict().items()}

    varied = Augmentation(mirror=True, shift=2)
    whole = task("kd_plus", settings=settings, augmentation=varied)
    before = {k: v.clone() for k, v in whole.teachers.photo.state_dict().items()}
    expected = run(whole, settings)
    after = whole.teachers.photo
    assert not after.training and all(torch.equal(before[k], v) for k, v in after.state_dict().items())
    stopped = task("kd_plus", settings=settings, augmentation=varied)
    stopped.__class__, stopped.stop_at = Stopping, stop_at
    resume = ResumeFile("out/model", ["binding"])
    with pytest.raises(Interrupted):
        run(stopped, settings, resume)
    second = task("kd_plus", settings=settings, augmentation=varied)
    history = run(second, settings, ResumeFile("out/model", ["binding"]))
    assert history == expected and len(history) == 2
    found, wanted = state(second), state(whole)
    assert found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)
    names = [n for n in history[0] if n not in ("epoch", "learning_rate", "total")]
    assert history[0]["total"] == pytest.approx(sum(history[0][n] for n in names))


def test_a_few_pairs_are_learned_by_heart(in_a_folder):
    """Four flat photos and their flat sketches; every term falls, so that a wrong sign anywhere shows."""
    tones = np.array([20, 90, 160, 230], np.uint8)
    photos = np.broadcast_to(tones[:, None, None, None], (4, 16, 16, 3)).copy()
    sketches = np.broadcast_to(255 - tones[:, None, None], (4, 16, 16)).copy()
    pictures = Pictures(CPU, photos=photos, sketches=sketches)
    settings = training(epochs=30, learning_rate=0.02)
    made = Translation(
        students(), pictures, variant("kd"), settings, STILL, torch.float32, teachers=teachers("one"), seed=1
    )
    history = run(made, settings)
    for name in DIRECTIONS:
        assert history[-1][f"{name}_reconstruction"] < 0.4 * history[0][f"{name}_reconstruction"]
        assert history[-1][f"{name}_transfer"] < 0.8 * history[0][f"{name}_transfer"]
        assert history[-1][f"{name}_mutual"] < history[0][f"{name}_mutual"]


def test_both_pictures_of_a_pair_are_varied_alike():
    side = 8
    codes = np.arange(side * side, dtype=np.uint8).reshape(side, side)
    same = Pictures(CPU, photos=np.stack([codes] * 40)[..., None].repeat(3, 3), sketches=np.stack([codes] * 40))
    places = draw_places(40, side, Augmentation(mirror=True, shift=2), generator("a"))
    photo, sketch = (same.draw(name, torch.arange(40), places) for name in ("photos", "sketches"))
    assert photo.shape == (40, 3, side, side) and sketch.shape == (40, 1, side, side)
    assert torch.equal(photo[:, :1], sketch) and torch.equal(photo[:, 2:], sketch)
    seen = set()
    for one in (sketch[:, 0] * 255).round().int().numpy():
        hits = [
            (down, right, mirrored)
            for down in range(-2, 3) for right in range(-2, 3) for mirrored in (False, True)
            if (plain(codes, down, right, mirrored) == one).all()
        ]  # fmt: skip
        assert len(hits) == 1
        seen.add(hits[0])
    assert len({m for *_, m in seen}) == 2 and len({hit[:2] for hit in seen}) > 12


def plain(codes, down, right, mirrored):
    """numpy's shift with the border repeated, then mirrored."""
    padded = np.pad(codes, 2, mode="edge")
    moved = padded[2 + down : 2 + down + len(codes), 2 + right : 2 + right + len(codes)]
    return moved[:, ::-1] if mirrored else moved


def test_without_augmentation_pictures_stay_and_the_same_numbers_are_drawn():
    pixels = torch.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    rng, other = generator("a"), generator("a")
    assert torch.equal(vary(pixels, *draw_places(2, 4, STILL, rng)), pixels)
    draw_places(2, 4, Augmentation(mirror=True, shift=3), other)
    assert torch.rand(1, generator=rng) == torch.rand(1, generator=other)


def test_only_the_chosen_pairs_are_learned_from():
    made = task("reconstruction", chosen=[7, 3, 9, 1])
    assert made.samples == 4
    found = []
    for learning, rows in ((made, [1, 0]), (task("reconstruction"), [3, 7])):
        torch.manual_seed(6)  # of dropout
        ((_, terms),) = learning.step(torch.tensor(rows), generator("x"))
        found.append({name: value.item() for name, value in terms.items()})
    assert found[0] == found[1]
    for chosen in ([], [10], [-1]):
        with pytest.raises(InputError, match=rf"pairs: found {len(chosen)} chosen of 10"):
            task("reconstruction", chosen=chosen)


def test_students_are_saved_and_loaded_with_their_card(tmp_path):
    made, path = students(), tmp_path / "model.safetensors"
    made.save(path, {"name": "kd"})
    again = networks.load(path)
    assert again.card["provenance"] == {"name": "kd"} and again.card["image_size"] == 16
    for name in DIRECTIONS:
        one, other = getattr(made, name), getattr(again, name)
        pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert {key.split(".")[0] for key in load_tensors(path)[0]} == {*DIRECTIONS}
    card = path.with_suffix(".json")
    text = card.read_text()
    for old, new, message in (
        ('"levels": 2', '"levels": 3', r"photo_to_sketch\.\S+ is .*another architecture"),
        ('"image_size": 16', '"image_size": 18', r"network.levels = 2: pictures have 18 pixels per side"),
        ('"sketch_channels": 1', '"sketch_channels": 2', "sketch_channels = 2"),
    ):
        card.write_text(text.replace(old, new))
        with pytest.raises(InputError, match=message):
            networks.load(path)


def test_students_begin_differently_and_by_their_seed():
    one, same, other = students(), students(), students(seed=4)
    weights = [s.photo_to_sketch.bridge[0].weight for s in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert not torch.equal(one.photo_to_sketch.bridge[0].weight, one.sketch_to_photo.bridge[0].weight)


def test_variants_that_contradict_themselves_are_refused():
    for changes, message in (
        ({"transfer": None}, "teachers is given and transfer is not, expected both or neither"),
        ({"teachers": None}, "transfer is given and teachers is not"),
        ({"taps": []}, "expected some, since transfer or mutual compares features"),
        ({"transfer": None, "teachers": None, "mutual": 0.0}, "expected none, since neither transfer nor mutual"),
        ({"reconstruction": 0.0}, "reconstruction and adversarial are 0"),
        ({"teachers": "three"}, "'two' or 'one'"),
        ({"transfer": 0.0}, "transfer = 0.0"),
        ({"style": 1.0}, "style is not a known setting"),
    ):
        with pytest.raises(InputError, match=message):
            validate(SynthesisVariant, KT | changes, "variants.kt")
    for taps, message in (([1, 4], "found 4, expected 1 to 3, the network's"), ([1, 3], "at most 2, the teacher")):
        with pytest.raises(ValueError, match=message):
            check_variant(validate(SynthesisVariant, KT | {"taps": taps}, "v"), NETWORK, [TEACHER])
    check_variant(variant("mutual_only"), NETWORK, [TEACHER])  # it asks no teacher


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="expected teachers"):
        Translation(students(), Pictures(CPU, **arrays()), variant("kd"), training(), STILL, torch.float32)
    with pytest.raises(ValueError, match="expected settings of a discriminator"):
        Translation(students(), Pictures(CPU, **arrays()), variant("pix2pix"), training(), STILL, torch.float32)
    with pytest.raises(InputError, match=r"\(16, 3, 1\) found, expected \(16, 1, 1\)"):
        task("reconstruction", pupils=students(photo_channels=1))
    torch.manual_seed(0)
    grey = vgg.build(TEACHER, 16, 1)
    with pytest.raises(InputError, match="photo teacher: found 3 channels, expected 1, or grey"):
        task("kd", taught=Teachers(grey, grey, CPU))
    data = arrays()
    with pytest.raises(InputError, match="expected as many pictures of the same side"):
        Pictures(CPU, photos=data["photos"], sketches=data["sketches"][:4])
    with pytest.raises(InputError, match=r"photos: float32 .* expected uint8"):
        Pictures(CPU, photos=data["photos"].astype(np.float32))
