"""The instrument that verdicts are checked with: tables have the spread, gain and people that they are said to have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import splits
from benchmarks.coverage import GAINS, Row, rows, simulate, summary
from benchmarks.simulated import Setting, outcomes
from pipeline.metrics.verdicts.sharing import sharing


@pytest.mark.parametrize("kind", ["pairs", "probes", "images", "PSNR", "SSIM"])
def test_gain_and_spread_are_those_that_are_said(kind):
    unit = 1.0 if kind in ("PSNR", "SSIM") else 100.0
    deviation = 0.05 if unit == 1 else 3.0
    draw = np.random.default_rng(0)
    gain = GAINS[kind][1]
    means = []
    for _ in range(3):
        y, _ = outcomes(draw, Setting(kind, 600, deviation), np.array([0.0] * 10 + [gain] * 10), 8)
        means.append(unit * y.mean(axis=2))
    means = np.concatenate(means)
    assert means.std(axis=1, ddof=1).mean() == pytest.approx(deviation, rel=0.2)
    better = np.array([one[10:].mean() - one[:10].mean() for one in np.split(means, 3)])
    error = np.sqrt(2 * (deviation**2 / 8 + means.var(axis=1).mean() / 8) / 10 / 3)
    assert better.mean() == pytest.approx(gain, abs=4 * error + 0.1 * gain)


def test_a_seed_may_move_all_methods():
    draw = np.random.default_rng(1)
    y, _ = outcomes(draw, Setting("PSNR", 400, 0.5, together=0.9), np.zeros(6), 10)
    means = y.mean(axis=2)
    assert np.corrcoef(means)[np.triu_indices(6, 1)].mean() > 0.7
    y, _ = outcomes(draw, Setting("PSNR", 400, 0.5, unequal=4.0), np.zeros(6), 30)
    assert y.mean(axis=2)[0].std() > 2 * y.mean(axis=2)[1:].std(axis=1).mean()


def test_pairs_share_people_as_those_of_lfw_do():
    _, people = outcomes(np.random.default_rng(2), Setting("pairs", 1800, 0.0), np.zeros(1), 1)
    same = people[:, 0] == people[:, 1]
    assert same.mean() == 0.5
    alone = [not np.isin(np.delete(people, place, axis=0), pair).any() for place, pair in enumerate(people)]
    assert 1 - np.mean(alone) == pytest.approx(0.93, abs=0.04)


def test_noise_belongs_to_people_by_the_share():
    draw = np.random.default_rng(3)
    y, people = outcomes(draw, Setting("probes", 600, 0.0, share=0.9), np.zeros(30), 1)
    alone, _ = outcomes(draw, Setting("probes", 600, 0.0), np.zeros(30), 1)
    clustered = [sharing(600, people).variance((one[1:, 0] - one[:1, 0]).T).mean() for one in (y, alone)]
    independent = [sharing(600).variance((one[1:, 0] - one[:1, 0]).T).mean() for one in (y, alone)]
    assert clustered[0] > 1.5 * independent[0] and clustered[1] == pytest.approx(independent[1], rel=0.15)


def test_rows_are_judged():
    row = Row(Setting("SSIM", 20, 0.004), (2, 3), 3, dunnett=True)
    found = simulate(row, 3, seed=0)
    assert list(found) == [2, 3] and {"alone", "in table", "of 5", "of 10", "Dunnett", "holds"} <= set(found[2])
    [line, _] = summary([(row, seeds, values) for seeds, values in found.items()])
    assert line[:3] == ["SSIM", "2", "1"]
    assert {row.setting.kind for row in rows()} == set(GAINS)


def test_splits_of_real_trainings(tmp_path, capsys, monkeypatch):
    assert [len(splits.splits(seeds, size)) for seeds, size in ((6, 3), (7, 3), (8, 4))] == [10, 70, 35]
    assert len(splits.splits(16, 3)) == splits.MOST == len(set(splits.splits(16, 3)))
    draw = np.random.default_rng(4)
    data, folder = tmp_path / "data", tmp_path / "evaluations"
    data.mkdir()
    pd.DataFrame({"face": range(40), "identity": [f"p{face // 2}" for face in range(40)]}).to_csv(data / "index.csv")
    pairs = pd.DataFrame(draw.integers(40, size=(60, 2)), columns=["a", "b"]).assign(protocol="p", pair=range(60))
    pairs.to_csv(data / "pairs.csv")
    for seed in range(6):
        (folder / "v" / str(seed)).mkdir(parents=True)
        table = pd.DataFrame({"protocol": "p", "condition": "x1", "pair": range(60)})
        # Three seeds call half of the pairs rightly, three nearly all.
        table.assign(correct=(draw.random(60) < (0.5 if seed % 2 else 0.98)).astype(int)).to_csv(
            folder / "v" / str(seed) / "scores.csv"
        )
    monkeypatch.setattr("sys.argv", ["splits", str(folder), str(data)])
    splits.main()
    line = capsys.readouterr().out.splitlines()[2].split(" | ")
    assert line[:2] == ["| v", "p"] and line[3] == "6" and line[5] == "10"
    # One of ten splits has all good ones on one side; items alone also reject where two of three are.
    assert float(line[6]) == 10 and float(line[7].rstrip(" |")) > 10
