"""Identification: ranks are those of a plain loop, from the table of searches to what the report says."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.data.degradation import degrade_folder
from pipeline.data.degradations.bicubic import Settings as Bicubic
from pipeline.data.faceset import check, read_searches, read_tables, write
from pipeline.data.pixels import QualityArrays
from pipeline.data.sources import rendered
from pipeline.errors import InputError
from pipeline.face_losses import cosface
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.metrics import identification
from pipeline.report import blocks, figures, tidy
from pipeline.report.build import build
from pipeline.tasks.recognition import evaluation, networks
from pipeline.tasks.recognition.params.evaluation import Evaluation
from pipeline.tasks.recognition.report import section as recognition
from tests.helpers import plain_verdicts
from tests.helpers.face_sets import INDEX, cell, faceset, places
from tests.helpers.fake_recognition import SEPARATION, VARIANTS, write_results
from tests.helpers.fake_results import of_kind


def plain_search(probes, gallery, probe_ids, gallery_ids):
    """Rank and average precision of each probe by sorting the whole gallery, mates behind whom they tie with."""
    ranks, precisions = [], []
    for probe, who in zip(probes.astype(float).tolist(), probe_ids):
        scored = []
        for other, whose in zip(gallery.astype(float).tolist(), gallery_ids):
            lengths = math.hypot(*probe) * math.hypot(*other)
            similarity = math.fsum(a * b for a, b in zip(probe, other)) / lengths if lengths else 0.0
            scored.append((-round(similarity, 9), whose == who))
        hits = [mate for _, mate in sorted(scored)]
        places = [place for place, mate in enumerate(hits, 1) if mate]
        ranks.append(places[0])
        terms = []
        for number, place in enumerate(places, 1):
            before = (number - 1) / (place - 1) if place > 1 else 1.0
            terms.append((before + number / place) / 2)
        precisions.append(math.fsum(terms) / len(terms))
    return list(ranks), precisions


def random_search(seed, probes=17, gallery=60, dimensions=3):
    """Few directions, so that many similarities tie; several mates per probe; a third are distractors."""
    random = np.random.default_rng(seed)
    draw = lambda count: random.integers(-2, 3, (count, dimensions)).astype(np.float32)  # noqa: E731
    gallery_ids = np.where(np.arange(gallery) < 6, np.arange(gallery), random.integers(0, 6, gallery))
    gallery_ids[gallery * 2 // 3 :] = identification.DISTRACTOR
    ids = random.integers(0, 6, probes)
    return draw(probes), draw(gallery) * random.choice([0.5, 3.0], (gallery, 1)).astype(np.float32), ids, gallery_ids


@pytest.mark.parametrize("blocks_of", [(8192, 512), (7, 4), (1, 1)])
def test_ranks_are_those_of_a_plain_loop(blocks_of, monkeypatch):
    monkeypatch.setattr(identification, "GALLERY_BLOCK", blocks_of[0])
    monkeypatch.setattr(identification, "PROBE_BLOCK", blocks_of[1])
    for seed in range(6):
        case = random_search(seed)
        result = identification.identify(*case)
        ranks, precisions = plain_search(*case)
        assert result.ranks.tolist() == ranks and len(set(ranks)) > 3
        np.testing.assert_allclose(result.average_precision, precisions, rtol=0, atol=1e-12)
        assert result.gallery == 60


def test_a_tie_counts_against_the_probe():
    """A collapsed network, for which all faces are equal but for their length, ranks every mate last."""
    random = np.random.default_rng(0)
    one = random.normal(size=64)
    gallery = (one * random.uniform(0.1, 9, (50, 1))).astype(np.float32)
    result = identification.identify(gallery[:1] * 0.7, gallery, [7], np.arange(50))
    assert result.ranks.tolist() == [50]
    nothing = identification.identify(np.zeros((1, 64)), random.normal(size=(50, 64)), [7], np.arange(50))
    assert nothing.ranks.tolist() == [50]


def test_the_best_mate_counts_and_length_does_not():
    gallery = np.array([[0.0, 1.0], [1.0, 0.1], [1.0, 0.5], [1.0, 0.0]])
    for scale in (1.0, 1e-200, 1e150):
        result = identification.identify(np.array([[1.0, 0.0]]), gallery * scale, [3], [3, 3, 8, -1])
        assert result.ranks.tolist() == [2]
        # The mates stand second and fourth: ((0 + 1/2) / 2 + (1/3 + 2/4) / 2) / 2.
        assert result.average_precision[0] == pytest.approx((1 / 4 + 5 / 12) / 2)


def test_rates_and_the_curve():
    ranks = np.random.default_rng(3).integers(1, 80, 500)
    curve = identification.cmc(ranks)
    assert curve.tolist() == [sum(rank <= k for rank in ranks.tolist()) / 500 for k in range(1, 51)]
    assert [identification.rank_rate(ranks, k) for k in (1, 5, 20)] == [curve[0], curve[4], curve[19]]
    assert identification.cmc([2, 1, 2], 3).tolist() == [1 / 3, 1, 1]


GOOD = (np.ones((2, 3)), np.ones((4, 3)), [0, 1], [0, 1, 2, -1])
REFUSED = {
    "gallery: shape": {1: np.ones(3)},
    "probes: type int64": {0: np.ones((2, 3), int)},
    "probes: 1 of 2 faces have NaN": {0: np.array([[1, 2, 3], [1, np.nan, 3]])},
    "3 and 2 dimensions": {1: np.ones((4, 2))},
    "probe_ids: shape": {2: [0, 1, 1]},
    "gallery_ids: shape": {3: [0.5, 1, 2, 3]},
    "probe_ids: -1": {2: [0, -1]},
    "1 of 2 probes have no mate in the gallery (first: row 1, identity 5)": {2: [0, 5]},
}


@pytest.mark.parametrize("expected", REFUSED)
def test_what_cannot_be_searched_is_refused(expected):
    arguments = [REFUSED[expected].get(number, value) for number, value in enumerate(GOOD)]
    identification.identify(*GOOD)
    with pytest.raises(InputError) as caught:
        identification.identify(*arguments)
    assert expected in str(caught.value)


# The table of searches. In INDEX faces 0 and 1 are Ann's, 2 and 3 NA's, 4 and 5 of "007", all test.
SEARCHES = pd.DataFrame(
    [("s", 0, "gallery"), ("s", 1, "probe"), ("s", 2, "gallery"), ("s", 4, "distractor"), ("t", 0, "probe"), ("t", 1, "gallery")],
    columns=["protocol", "face", "role"],
)  # fmt: skip


def test_searches_are_written_and_read_back(tmp_path):
    paths = places(tmp_path)
    write(dataclasses.replace(faceset(), searches=SEARCHES), **paths)
    index, _ = read_tables(paths["index"], paths["pairs"])
    pd.testing.assert_frame_equal(read_searches(paths["searches"], index, "i"), SEARCHES, check_dtype=False)
    write(faceset(), **paths)
    assert paths["searches"].read_text() == "protocol,face,role\n"
    assert read_searches(paths["searches"], index, "i").empty


@pytest.mark.parametrize(
    ("row", "column", "value", "expected"),
    [
        (0, "role", "watcher", "searches: row 1: role 'watcher', expected one of probe, gallery, distractor"),
        (0, "face", 9, "row 1: face 9 is not in index (expected 0 to 8)"),
        (0, "face", 0.5, "row 1: face 0.5, expected a whole number"),
        (2, "face", 1, "row 3: face 1 occurs twice in protocol s"),
        (3, "face", 7, "row 4: face 7 is of split train (expected a face of split test)"),
        (1, "face", 5, "row 2: probe 5 shows '007', of whom the gallery of protocol s has no picture"),
        (3, "role", "probe", "row 4: probe 4 shows '007', of whom"),
        (1, "role", "gallery", "protocol s has no probes"),
        (5, "role", "distractor", "row 5: probe 0 shows 'Ann', of whom the gallery of protocol t has no picture"),
        (2, "protocol", None, "row 3: no value in column protocol"),
    ],
)
def test_searches_that_contradict_themselves(row, column, value, expected):
    with pytest.raises(InputError) as caught:
        check(dataclasses.replace(faceset(), searches=cell(SEARCHES, row, column, value)))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_distractor_is_nobody_whom_a_probe_shows_and_may_be_anybody():
    bad = pd.concat(
        [
            SEARCHES,
            pd.DataFrame([("u", 0, "gallery"), ("u", 1, "probe"), ("u", 3, "distractor")], columns=SEARCHES.columns),
        ]
    )
    check(dataclasses.replace(faceset(), searches=bad))
    known = cell(INDEX, 3, "identity", "Ann")
    pairs = faceset().pairs.iloc[:0]
    with pytest.raises(InputError, match="row 9: distractor 3 shows 'Ann', whom probes of protocol u show too"):
        check(dataclasses.replace(faceset(known, pairs), searches=bad.reset_index(drop=True)))
    nobody = cell(INDEX, 4, "identity", "")
    check(dataclasses.replace(faceset(nobody, pairs), searches=SEARCHES))
    with pytest.raises(InputError, match="'photo 4.jpg' of split test has no identity and is no distractor"):
        check(faceset(nobody, pairs))
    with pytest.raises(InputError, match="face 4 has no identity in index, expected one for role gallery"):
        check(dataclasses.replace(faceset(nobody, pairs), searches=cell(SEARCHES, 3, "role", "gallery")))
    with pytest.raises(InputError, match="pairs: row 5: face 4 has no identity in index"):
        check(dataclasses.replace(faceset(nobody), searches=SEARCHES))


def test_rendered_people_are_looked_for_among_each_other(tmp_path):
    made = rendered.Settings(
        source="rendered", image_size=32, seed=5, identities=2, images_per_identity=2, folds=2, pairs_per_fold=6
    )
    faces = rendered.load(made, tmp_path)
    check(faces)
    table = faces.searches.merge(faces.index, on="face")
    assert table.groupby(["protocol", "role"]).size().to_dict() == {
        (protocol, role): 6 for protocol in ("cross_age", "cross_pose") for role in ("gallery", "probe")
    }
    ages = table[table["protocol"] == "cross_age"].pivot(index="identity", columns="role", values="age")
    assert (ages["probe"] - ages["gallery"] >= 25).all()


# The evaluation.
NETWORK = ResNeXt(
    architecture="resnext_cbam", stem_width=4, stem_stride=1, depths=[1], widths=[8], cardinality=2, group_widths=[2],
    reduction=4, attention_kernel=3, embedding=6, dropout=0.0,
)  # fmt: skip


@pytest.mark.parametrize("one_a_quality", [False, True])
def test_probes_are_poor_and_the_gallery_is_sharp(tmp_path, monkeypatch, one_a_quality):
    """A set of faces without pairs: ranks by the quality's own network, the gallery at x1."""
    monkeypatch.setenv("PIPELINE_DEVICE", "cpu")
    faces = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "faces.npy", faces)
    degrade_folder(tmp_path / "faces.npy", tmp_path / "degraded", Bicubic(method="bicubic", qualities=[1, 4]))
    people = [f"p{number // 3}" for number in range(24)] + [""] * 6
    table = pd.DataFrame(
        {"face": range(30), "file": [f"{i}.png" for i in range(30)], "identity": people, "split": "test"}
    )
    table.to_csv(tmp_path / "index.csv", index=False)
    roles = ["gallery", "probe", "gallery"] * 8 + ["distractor"] * 6
    # Out of order, and with a second protocol that looks for others among fewer.
    rows = [("big", face, roles[face]) for face in reversed(range(30))]
    rows += [("small", 0, "probe"), ("small", 1, "gallery"), ("small", 5, "gallery")]
    pd.DataFrame(rows, columns=["protocol", "face", "role"]).to_csv(tmp_path / "searches.csv", index=False)
    (tmp_path / "pairs.csv").write_text("protocol,pair,fold,a,b,same\n")
    (tmp_path / "notes.json").write_text('{"name": "noise", "rendered": false}')
    build_one = lambda seed: networks.build(  # noqa: E731
        NETWORK,
        cosface.Settings(kind="cosface", scale=8.0, margin=0.2),
        image_size=16,
        channels=3,
        identities=["a", "b"],
        seed=seed,
    )
    made = {quality if one_a_quality else None: build_one(quality) for quality in ([1, 4] if one_a_quality else [1])}
    networks.save(made, tmp_path / "model.safetensors", {"training": {"precision": "float32"}})
    names = {
        "faces": "faces.npy",
        "degraded": "degraded",
        "index": "index.csv",
        "pairs": "pairs.csv",
        "model": "model.safetensors",
    }
    names |= {name: f"{name}.csv" for name in ("searches", "metrics", "scores", "ranks")}
    names |= {"notes": "notes.json", "samples": "samples.npz", "low_rates": "low_rates.npz", "run": "run.json"}
    run = lambda: evaluation.evaluate(  # noqa: E731
        variant="v", seed=1, degradation=Bicubic(method="bicubic", qualities=[1, 4]),
        evaluation=Evaluation(batch_size=8, sample_faces=2, equivalence_margin=None, cross_quality=True, false_match_rates=[0.01], measures={}), **{key: tmp_path / name for key, name in names.items()},
    )  # fmt: skip
    run()
    ranks = pd.read_csv(tmp_path / "ranks.csv")
    metrics = tidy.read_tidy(tmp_path / "metrics.csv")
    arrays = QualityArrays(tmp_path / "faces.npy", tmp_path / "degraded", [1, 4], torch.device("cpu"))
    for quality in (1, 4):
        network = networks.load(tmp_path / "model.safetensors", quality).network.eval()
        sharp, poor = (evaluation.embed(network, arrays, torch.arange(30), q, 8, torch.float32) for q in (1, quality))
        for protocol in ("big", "small"):
            own = [row for row in rows if row[0] == protocol]
            probes = [face for _, face, role in own if role == "probe"]
            gallery = [face for _, face, role in own if role != "probe"]
            number = np.array([int(who[1:] or -1) if who else -1 for who in people])
            expected, precisions = plain_search(poor[probes], sharp[gallery], number[probes], number[gallery])
            result = ranks[(ranks["protocol"] == protocol) & (ranks["condition"] == f"x{quality}")]
            assert result["person"].map(sorted(set(people) - {""}).__getitem__).tolist() == [people[p] for p in probes]
            assert result["probe"].tolist() == probes and result["rank"].tolist() == expected
            at = metrics[(metrics["protocol"] == protocol) & (metrics["condition"] == f"x{quality}")].set_index(
                "metric"
            )
            assert (at["n"] == len(probes)).all()
            assert at["value"]["rank1"] == np.mean(np.array(expected) == 1)
            assert at["value"]["rank20"] == np.mean(np.array(expected) <= 20)
            assert at["value"]["map"] == pytest.approx(np.mean(precisions))
    assert json.loads((tmp_path / "run.json").read_text())["searches"] == {
        "big": {"probe": 8, "gallery": 16, "distractor": 6},
        "small": {"probe": 1, "gallery": 2, "distractor": 0},
    }
    assert (
        tmp_path / "scores.csv"
    ).read_text() == "protocol,condition,pair,fold,person_a,person_b,same,score,correct\n"
    if not one_a_quality:
        (tmp_path / "searches.csv").write_text("protocol,face,role\n")
        with pytest.raises(InputError, match="pairs.csv and .*searches.csv: no pairs and no searches"):
            run()


# The report.
SIZES = {"watch": {"probe": 300, "gallery": 120, "distractor": 1000}}
STRENGTH = {
    "teacher": 1.0,
    "basicnet": 0.7,
    "degraded_only": 1.2,
    "logit_kd": 1.9,
    "attention_kd": 1.3,
    "logit_attention_kd": 2.4,
}


def add_searches(inputs, sizes=SIZES):
    """Ranks as evaluate writes them; the better the variant, the lower."""
    for variant, seeds in inputs.trained.items():
        for seed in seeds:
            folder = inputs.evaluations / variant / str(seed)
            run = json.loads((folder / "run.json").read_text()) | {"searches": sizes}
            (folder / "run.json").write_text(json.dumps(run))
            random = np.random.default_rng([seed, sum(map(ord, variant))])
            tables, rows = [], []
            for protocol, size in sizes.items():
                for quality in inputs.qualities:
                    scale = 8.0 * (1 + math.log2(quality)) / STRENGTH[variant] ** 2
                    rank = 1 + np.floor(random.exponential(scale, size["probe"])).astype(int)
                    tables.append(pd.DataFrame({
                        "protocol": protocol, "condition": f"x{quality}", "probe": 5 * np.arange(size["probe"])[::-1],
                        "person": np.arange(size["probe"])[::-1] // 3, "rank": rank, "average_precision": 1 / rank,
                    }))  # fmt: skip
                    named = {"rank1": (rank == 1).mean(), "map": (1 / rank).mean()}
                    rows += [(protocol, f"x{quality}", name, value, len(rank)) for name, value in named.items()]
            pd.concat(tables).to_csv(folder / "ranks.csv", index=False)
            table = pd.DataFrame(rows, columns=["protocol", "condition", "metric", "value", "n"])
            table = table.assign(task="recognition", dataset=inputs.dataset, variant=variant, seed=seed)
            both = pd.concat([pd.read_csv(folder / "metrics.csv", keep_default_na=False), table])
            both[list(tidy.COLUMNS)].to_csv(folder / "metrics.csv", index=False)
    return inputs


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory):
    return add_searches(write_results(tmp_path_factory.mktemp("searched"), seeds=(0, 3), pairs=100))


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(figures, "svg", lambda figure: b"")
    monkeypatch.setattr(figures, "png", lambda figure: b"")


def ranks_of(inputs, variant, condition):
    tables = [pd.read_csv(inputs.evaluations / variant / str(seed) / "ranks.csv") for seed in inputs.trained[variant]]
    return np.stack(
        [table[table["condition"] == condition].sort_values("probe")["rank"].to_numpy() for table in tables]
    )


def test_tables_show_what_was_measured(two_seeds, undrawn):
    data, numbers = recognition.measure(two_seeds)
    section = recognition.section(data, numbers)
    part = next(
        block for block in section.blocks if isinstance(block, blocks.Section) and block.title == "Identification"
    )
    tables = of_kind(part, blocks.Table)
    row = next(row for row in tables[0].rows if row[:2] == ["logit_kd", "x4"])
    ranks = ranks_of(two_seeds, "logit_kd", "x4")
    first = 100 * (ranks == 1).mean(axis=1)
    shown, interval = row[2].split("\n")
    assert shown == f"{first.mean():.1f} ± {first.std(ddof=1):.1f}"
    hits = {
        quality: {name: ranks_of(two_seeds, name, quality) == 1 for name in STRENGTH}
        for quality in two_seeds.conditions
    }
    people = np.arange(SIZES["watch"]["probe"]) // 3
    low, high = plain_verdicts.interval(hits["x4"], "logit_kd", people)
    assert interval == f"{100 * low:.1f} to {100 * high:.1f}"
    assert [cell.split(" ")[0] for cell in row[3:6]] == [f"{100 * (ranks <= k).mean():.1f}" for k in (5, 10, 20)]
    assert row[6] == f"{100 * (1 / ranks).mean():.1f}"
    assert "gallery of 120 pictures and 1,000 distractors (300 probes, 2 seeds" in tables[0].caption
    # Against both controls, paired on the same probes and adjusted within the table.
    assert [table.header[0] for table in tables[1:]] == ["Compared with basicnet", "Compared with degraded_only"]
    others = ("logit_kd", "attention_kd", "logit_attention_kd")
    family = [
        plain_verdicts.difference(hits[quality], name, "degraded_only", people)
        for name in others for quality in two_seeds.conditions
    ]  # fmt: skip
    _, verdicts = plain_verdicts.judged(family, [False] * len(family))
    cell = tables[2].rows[2][-1].split("\n")
    assert float(cell[0].replace("−", "-")) == pytest.approx(100 * family[-1].difference, abs=0.051)
    assert cell[1] == verdicts[-1] == "better"
    assert "the same 300 probes, 2 seeds each" in tables[2].caption and "12 comparisons" in tables[2].caption
    bullets = next(b for b in of_kind(section, blocks.Bullets) if b.lead == "Identification, watch").items
    assert [item.split(", ")[1].split()[0] for item in bullets[1:]] == list(others), "a line for each student"
    bullet = " ".join(bullets)
    assert f"logit_kd {first.mean():.1f} % at x4" not in bullet  # the best and the worst quality, the fullest student
    hits = 100 * (ranks_of(two_seeds, "logit_attention_kd", "x8") == 1).mean()
    assert f"{hits:.1f} % at x8" in bullet and "differs from degraded_only by" in bullet
    captions = [block.caption for block in of_kind(part, blocks.Table | blocks.Figure)]
    assert len(captions) == 4 and all("rendered faces" in caption for caption in captions)
    assert all("gallery stays sharp" in captions[number] for number in (0, 3))


def test_without_pairs_the_report_is_of_searches_alone(tmp_path):
    """As from TinyFace: no accuracy anywhere, and every part that remains can be drawn."""
    inputs = write_results(tmp_path, {name: VARIANTS[name] for name in ("basicnet", "degraded_only")}, pairs=100)
    for file in inputs.evaluations.rglob("metrics.csv"):
        table = pd.read_csv(file, keep_default_na=False)
        table[table["protocol"] == ""].to_csv(file, index=False)
        file.with_name("scores.csv").write_text("protocol,condition,pair,fold,person_a,person_b,same,score,correct\n")
    inputs = dataclasses.replace(add_searches(inputs), rendered=False, dataset="rendered faces")
    recognition.write(inputs, tmp_path / "parts/recognition")
    build(tmp_path / "out", tmp_path / "parts")
    text = (tmp_path / "out/report.md").read_text()
    assert "whose face a picture shows" in text and "ccuracy" not in text.replace("Accuracy by", "")
    assert "x1 shows them as they are" in text
    figures_made = {file.name for file in (tmp_path / "out/figures").iterdir()}
    assert "recognition-cmc.svg" in figures_made and "recognition-accuracy.svg" not in figures_made
    shown = json.loads((tmp_path / "out/metrics.json").read_text())
    ranks = pd.read_csv(inputs.evaluations / "basicnet/0/ranks.csv").query("condition == 'x2'")["rank"]
    assert shown["recognition"]["watch, rank-1"]["basicnet"]["x2"] == round(100 * (ranks == 1).mean(), 2)


def test_the_curve_is_the_same_in_each_run(two_seeds):
    data, _ = recognition.measure(two_seeds)
    from pipeline.tasks.recognition.report.figures import cmc_curves

    assert cmc_curves(data).data == cmc_curves(data).data != b""


DAMAGE = {
    "ranks.csv: no such file": lambda folder, table: (folder / "ranks.csv").unlink(),
    "ranks.csv: watch at x1: 299 probes, expected 300": lambda folder, table: table.iloc[1:],
    "watch at x8: the probes are not those of the other files": (
        lambda folder, table: table.assign(probe=table["probe"] + (table["condition"] == "x8"))),
    "watch at x1: a rank below 1": lambda folder, table: table.assign(rank=table["rank"] - 1),
    "ranks.csv: column rank holds something": lambda folder, table: table.assign(rank="first"),
}  # fmt: skip


@pytest.mark.parametrize("expected", DAMAGE)
def test_damaged_ranks_are_one_line(expected, tmp_path):
    inputs = add_searches(write_results(tmp_path, {"basicnet": VARIANTS["basicnet"]}, pairs=40))
    folder = inputs.evaluations / "basicnet/0"
    changed = DAMAGE[expected](folder, pd.read_csv(folder / "ranks.csv"))
    if changed is not None:
        changed.to_csv(folder / "ranks.csv", index=False)
    with pytest.raises(InputError) as caught:
        recognition.measure(inputs)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_other_searches_are_refused(tmp_path):
    inputs = write_results(tmp_path, {"basicnet": VARIANTS["basicnet"]}, separations=SEPARATION, pairs=40)
    add_searches(inputs)
    path = inputs.evaluations / "basicnet/0/run.json"
    run = json.loads(path.read_text())
    for searches, expected in (
        (
            {"watch": {"probe": 300, "gallery": 121, "distractor": 1000}},
            "run.json: searches is {'watch': {'probe': 300",
        ),
        ({"watch": {"probe": 300}}, "expected numbers of probe, gallery, distractor by protocol"),
    ):
        path.write_text(json.dumps(run | {"searches": searches}))
        with pytest.raises(InputError) as caught:
            recognition.measure(inputs)
        assert expected in str(caught.value)
