"""The first screen: every comparison of every task stands in it, as its table has it, a null result included."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.files import write_csv
from pipeline.report import blocks, overview, page, sections
from pipeline.report.build import build
from pipeline.report.numbers import Measure

FOUND = pd.DataFrame(
    {
        "variant": ["kd", "at", "dull"],
        "control": ["plain"] * 3,
        "difference": [2.25, -1.5, 0.125],
        "low": [1.0, -2.5, -0.5],
        "high": [3.5, -0.5, 0.75],
        "p_value": [0.01, 0.02, 0.6],
        "adjusted": [0.03, 0.04, 0.6],
        "verdict": ["better", "worse", "not distinguishable"],
        "visible": [1.5, 1.0, 1.8],
        "primary": [True, True, True],
    }
)


def rows(task: str = "Face recognition", seeds: int = 3, digits: int = 1) -> pd.DataFrame:
    measure = Measure("accuracy", "points", digits)
    return overview.contrasts(task, measure, seeds, [("x8, rendered faces", FOUND)])


def test_a_sentence_says_what_came_out_and_the_highest():
    assert overview.sentence(rows()) == (
        "Face recognition, x8, rendered faces: of 3 methods with a teacher against plain, 1 better, 1 worse and 1 not"
        " distinguishable. The highest is kd, +2.2 points of accuracy (95 % interval +1.0 to +3.5)."
    )
    null = rows(digits=2).assign(verdict="not distinguishable").iloc[1:]
    assert overview.sentence(null).endswith(
        "0 better, 0 worse and 2 not distinguishable. The highest is dull, +0.12 points of accuracy (95 % interval −0.50 to +0.75),"
        " not distinguishable (a difference of 1.80 points of accuracy would have been found in 80 of 100 repetitions)."
    )


def test_the_caption_says_how_many_seeds_stand_behind_it():
    once = rows("Super-resolution", seeds=1).assign(verdict="one seed")
    figure = overview.section(overview.joined([rows(), once])).blocks[0]
    assert "1 to 3 seeds each" in figure.caption and "intervals sample pairs or pictures and seeds" in figure.caption
    assert "of these two networks, and gives no verdict on methods" in figure.caption
    assert "no verdict" not in overview.section(rows()).blocks[0].caption
    alone = overview.section(once).blocks[0]
    assert "after correction" not in alone.caption and "1 seed each: an interval with one seed is over" in alone.caption


def test_one_seed_is_no_verdict_on_methods():
    said = overview.sentence(rows(seeds=1).assign(verdict="one seed"))
    assert "of 3 methods with a teacher against plain, 3 of one seed, without a verdict." in said
    assert said.endswith("(95 % interval +1.0 to +3.5, of these two networks), one seed.")


def test_each_verdict_has_its_look_and_its_word_in_the_legend():
    every = pd.concat(
        [rows(), rows().iloc[:1].assign(verdict="one seed"), rows().iloc[:1].assign(verdict="equivalent")]
    )
    assert [line.get_label() for line in overview._legend(every)] == [
        "better", "worse", "equivalent", "not distinguishable", "one seed: two networks, no verdict",
    ]  # fmt: skip
    looks = {(line.get_color(), line.get_marker(), line.get_markerfacecolor()) for line in overview._legend(every)}
    assert len(looks) == 5
    assert [line.get_label() for line in overview._legend(rows().iloc[:1])] == ["better"]


def test_every_comparison_of_every_panel_is_drawn():
    drawn = overview.forest(overview.joined([rows(), rows("Super-resolution"), rows("Classification")]))
    markers = re.findall(rb'<g id="LineCollection_\d+">', drawn)
    assert len(markers) == 9, "an interval each"
    assert drawn == overview.forest(overview.joined([rows(), rows("Super-resolution"), rows("Classification")]))


def test_nothing_to_compare_is_no_first_screen():
    assert overview.section(overview.joined([])) is None
    assert overview.section(overview.joined([rows().iloc[:0]])) is None


def test_the_last_step_brings_it_together(tmp_path):
    tidy = "task,dataset,protocol,variant,seed,condition,metric,value,n\nt,d,p,kd,0,x1,accuracy,0.5,2\n"
    for name, tables in (("recognition", {overview.FILE: rows()}), ("classification_x", {})):
        section = blocks.Section(name, (blocks.Paragraph("text"),))
        metrics = pd.read_csv(pd.io.common.StringIO(tidy))
        sections.write(section, metrics, tmp_path / "parts" / name, tables)
    build(tmp_path / "out", tmp_path / "parts")
    text = (tmp_path / "out/report.md").read_text()
    assert text.index("In one minute") < text.index("## recognition") and "of 3 methods" in text
    assert (tmp_path / "out/figures/overview.svg").exists()
    write_csv(tmp_path / "parts/recognition" / overview.FILE, rows().drop(columns="low"))
    with pytest.raises(InputError, match=r"contrasts.csv: no column low"):
        build(tmp_path / "out", tmp_path / "parts")


def test_long_tables_fold_and_short_ones_do_not():
    def shown(count: int) -> str:
        table = blocks.Table(pd.DataFrame({"n": range(count)}), "A caption.")
        section = blocks.Section("s", (table,))
        return page.html([section]) + blocks.markdown(section)

    assert shown(blocks.FOLDED).count("<details>") == 0
    assert shown(blocks.FOLDED + 1).count("<details>") == 2
