"""The plots and pictures of the recognition report: accuracy, ROC and CMC curves, faces, attention maps."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from PIL import Image

from pipeline.errors import InputError
from pipeline.metrics import identification
from pipeline.metrics.persons import roc_band
from pipeline.report import figures, plots, sentences
from pipeline.report.blocks import Figure, slug
from pipeline.report.numbers import Numbers, Place
from pipeline.report.words import count, listed
from pipeline.tasks.recognition.report.findings import gallery
from pipeline.tasks.recognition.report.results import Data, Inputs

STRIP_FACES = 8
ATTENTION_FACES = 2
DRAWS = 200  # of people, for the bands of ROC curves
FEWEST = 20  # people that a band may be drawn from


def accuracy_curves(data: Data, numbers: Numbers) -> Figure:
    """Accuracy against quality, one panel per protocol."""
    inputs = data.inputs
    styles = plots.styles(data)
    count = len(data.protocols)
    columns = min(count, 2)
    figure, axes = figures.panels(-(-count // columns), columns, 4.6, sharey=True, extra=plots.legend_height(styles))
    side = data.samples[inputs.teacher].pictures[inputs.conditions[0]].shape[2]
    # Side by side at each quality, or the interval bars would hide one another.
    offsets = np.linspace(-0.21, 0.21, len(styles))
    for axis, protocol in zip(axes.flat, data.protocols, strict=False):
        for offset, (variant, style) in zip(offsets, styles.items(), strict=True):
            rows = [numbers.at(Place("accuracy", protocol, condition), variant) for condition in inputs.conditions]
            mean = np.array([row["mean"] for row in rows])
            bars = np.array([[row["mean"] - row["low"], row["high"] - row["mean"]] for row in rows]).T
            axis.errorbar(
                np.arange(len(rows)) + offset,
                mean,
                # The fold mean can lie a trifle outside an interval made from all pairs at once.
                yerr=np.maximum(bars, 0),
                label=variant,
                color=style.color,
                marker=style.marker,
                linestyle=style.linestyle,
                elinewidth=1.1,
                capsize=0,
                markeredgecolor="white",
                markeredgewidth=0.7,
            )
        guessing = data.chance(protocol)
        axis.axhline(guessing, color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)))
        axis.text(-0.3, guessing + 0.5, "guessing", color=figures.SOFT, fontsize=9.5, va="bottom")
        axis.set_title(protocol)
        axis.set_xticks(
            range(len(inputs.qualities)),
            [f"x{quality}\n{round(side / quality)} pixels" for quality in inputs.qualities],
        )
        axis.grid(axis="x", visible=False)
        axis.yaxis.set_major_formatter(FuncFormatter(plots.percent))
    plots.hide(axes.flat, count)
    for axis in axes[:, 0]:
        axis.set_ylabel("Verification accuracy")
    plots.legend(figure, axes[0, 0], list(styles))
    text = (
        f"Accuracy against quality, with 95 % intervals {sentences.over('pair', inputs.seeds)} ({bases(data)}). Points of one quality"
        " stand side by side; pixels are the width of the face before it is enlarged again. The vertical"
        " axis does not start at zero."
    )
    alt = f"Accuracy of {listed(styles)} at {listed(inputs.conditions)} on {listed(data.protocols)}"
    return Figure("recognition-accuracy.svg", figures.svg(figure), data.caption(text), alt)


def roc_curves(data: Data, protocol: str) -> Figure:
    """True against false acceptance (log), one panel per quality."""
    inputs, same = data.inputs, data.same[protocol]
    styles = plots.styles(data)
    different = int((~same).sum())
    lowest = 1 / max(different, 1)
    grid = np.geomspace(lowest, 1, 160)

    def accepted(variant: str, condition: str) -> np.ndarray:
        scores = data.scores[protocol, variant, condition]
        return 100 * np.mean([true_acceptance(seed, same, grid) for seed in scores], axis=0)

    def band(variant: str, condition: str) -> tuple[np.ndarray, np.ndarray] | None:
        """None with few people, who say little of others; or where half of them never have pairs of both kinds."""
        people = data.outcomes[Place("accuracy", protocol, condition), variant].people
        if len(np.unique(people)) < FEWEST:
            return None
        try:
            found = roc_band(data.scores[protocol, variant, condition], same, people, grid, draws=DRAWS)
        except InputError:
            return None
        return 100 * found.low, 100 * found.high

    def finish(axis: Axes, _: str) -> None:
        axis.plot(grid, 100 * grid, color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        axis.set_xscale("log")
        axis.set_xlim(lowest, 1)
        axis.set_ylim(0, 101)
        axis.minorticks_off()
        axis.xaxis.set_major_formatter(FuncFormatter(plots.share))

    panels = {
        condition: {variant: (grid, accepted(variant, condition)) for variant in styles}
        for condition in inputs.conditions
    }
    bands = {
        condition: {variant: ends for variant in styles if (ends := band(variant, condition)) is not None}
        for condition in inputs.conditions
    }
    titles = "False acceptance", "True acceptance"
    drawn = plots.curves(panels, styles, titles, finish=finish, bands=bands, linewidth=1.6)
    shaded = ""
    if any(bands.values()):
        sampled = "people and seeds" if len(inputs.seeds) > 1 else "people, of these networks"
        shaded = f" Shaded: 95 % intervals over {sampled}, at each false acceptance."
    seeds = ", mean over seeds at equal false acceptance" if len(inputs.seeds) > 1 else ""
    text = (
        f"ROC curves on {protocol}, one panel per quality{seeds} ({basis(data, protocol)}). The"
        f" horizontal axis is logarithmic and ends at one false acceptance in {different:,} pairs;"
        f" the dotted line is guessing.{shaded}"
    )
    alt = f"ROC curves of {listed(styles)} on {protocol} at {listed(inputs.conditions)}"
    return Figure(f"recognition-roc-{slug(protocol)}.svg", drawn, data.caption(text), alt)


def true_acceptance(scores: np.ndarray, same: np.ndarray, far: np.ndarray) -> np.ndarray:
    """The share of same pairs accepted at the lowest threshold that accepts at most ``far`` of the others.

    scores (pairs,), same (pairs,) bool, far (k,) -> (k,).
    """
    others = np.sort(scores[~same])[::-1]
    accepted = np.minimum(np.floor(far * len(others) + 1e-9).astype(int), len(others))
    thresholds = np.append(others, -np.inf)[accepted]
    return 1 - np.searchsorted(np.sort(scores[same]), thresholds, side="right") / max(int(same.sum()), 1)


def cmc_curves(data: Data) -> Figure:
    """The share found by rank, one panel per protocol and quality."""
    inputs, searches = data.inputs, data.searches
    styles = plots.styles(data)
    panels, ends = {}, {}
    for protocol, size in searches.items():
        most = min(identification.MOST, size["gallery"] + size["distractor"])
        for condition in inputs.conditions:
            title = f"{protocol}, {condition}" if len(searches) > 1 else condition
            ends[title] = most
            panels[title] = {
                variant: (
                    np.arange(1, most + 1),
                    100
                    * np.mean(
                        [identification.cmc(seed, most) for seed in data.ranks[protocol, variant, condition]], axis=0
                    ),
                )
                for variant in styles
            }

    def finish(axis: Axes, title: str) -> None:
        axis.set_xscale("log")
        axis.set_xlim(1, max(ends[title], 2))
        axis.set_ylim(0, 101)
        axis.set_xticks([tick for tick in (1, 2, 5, 10, 20, 50) if tick <= ends[title]])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.minorticks_off()

    columns = min(len(inputs.conditions), 4)
    drawn = plots.curves(panels, styles, ("Rank", "Found"), columns=columns, height=3.3, finish=finish, linewidth=1.6)
    seeds = ", mean over seeds" if len(inputs.seeds) > 1 else ""
    each = "; ".join(f"{protocol}: {probes(data, protocol)}, {gallery(data, protocol)}" for protocol in searches)
    text = (
        f"Cumulative match characteristic{seeds}: the share of probes whose person is among so many most similar"
        f" pictures (logarithmic axis). {each}. {qualities(inputs)}"
    )
    alt = f"Identification rate by rank of {listed(styles)} at {listed(inputs.conditions)} on {listed(searches)}"
    return Figure("recognition-cmc.svg", drawn, data.caption(text), alt)


def strip(data: Data) -> Figure:
    """The same faces at every quality, one row per quality."""
    inputs = data.inputs
    samples = data.samples[inputs.teacher]
    pictures = [list(samples.pictures[condition][:STRIP_FACES]) for condition in inputs.conditions]
    side, width = pictures[0][0].shape[:2]
    gap = max(side // 16, 2)
    mosaic = figures.tiles(pictures, gap)
    figure, axes = figures.picture_axes(
        mosaic, left=1.1, top=0.05, width=min(figures.WIDTH, 1.1 + 1.2 * len(pictures[0]))
    )
    margin = 0.1 * side
    for row, quality in enumerate(inputs.qualities):
        middle = row * (side + gap) + side / 2
        label = f"x{quality}" if quality > 1 else "x1, sharp"
        axes.text(-margin, middle, label, ha="right", va="bottom", fontsize=12, fontweight="bold")
        axes.text(
            -margin,
            middle,
            f"{round(width / quality)} pixels",
            ha="right",
            va="top",
            fontsize=10,
            color=figures.SOFT,
        )
    text = (
        "The same test faces at every quality, as the network sees them: made smaller to the width given,"
        " then enlarged again."
    )
    alt = f"{len(pictures[0])} faces at {listed(inputs.conditions)}"
    return Figure("recognition-qualities.png", figures.png(figure), data.caption(text), alt)


def attention(data: Data) -> Figure | None:
    """Where each network with attention looks, by stage: the teacher on sharp faces, the students on the worst."""
    inputs = data.inputs
    first, worst = inputs.conditions[0], inputs.worst
    names = [name for name in inputs.trained if data.samples[name].maps[worst].shape[1]]
    if not names:
        return None
    samples = data.samples[inputs.teacher]
    faces = range(min(ATTENTION_FACES, len(samples.maps[first])))
    stages = max(data.samples[name].maps[worst].shape[1] for name in names)
    rows, breaks = [], []
    for name in names:
        condition = first if name == inputs.teacher else worst
        own = data.samples[name]
        line = []
        for face in faces:
            picture = own.pictures[condition][face]
            breaks += [len(line)] if name == names[0] and line else []
            maps = own.maps[condition][face]
            # A smaller network may have fewer stages: its places at the end stay white.
            empty = [np.full_like(picture, 255)] * (stages - len(maps))
            line += [picture, *(overlay(picture, one) for one in maps), *empty]
        rows.append(line)
    side, width = rows[0][0].shape[:2]
    gap = max(side // 16, 2)
    figure, axes = figures.picture_axes(figures.tiles(rows, gap, breaks), left=1.95, top=0.35)
    margin = 0.14 * side
    for row, name in enumerate(names):
        middle = row * (side + gap) + side / 2
        # A long name is broken where it has a joint.
        axes.text(-margin, middle, figures.folded(name), ha="right", va="bottom", fontsize=10.5, fontweight="bold")
        seen = first if name == inputs.teacher else worst
        axes.text(-margin, middle, f"sees {seen}", ha="right", va="top", fontsize=9.5, color=figures.SOFT)
    titles = ["input", *(f"stage {stage + 1}" for stage in range(stages))] * len(faces)
    offsets = figures.tile_offsets(len(titles), width, gap, breaks)
    for left, title in zip(offsets, titles, strict=True):
        axes.text(left + width / 2, -0.6 * gap, title, ha="center", va="bottom", fontsize=10, color=figures.SOFT)
    whose = "the students on faces"
    if inputs.teacher in names:
        whose = "the teacher on sharp faces and of the students on the same faces"
    text = (
        f"Spatial attention of {whose} at {worst},"
        " by stage (bright: more attention). Each map is stretched to its own range (5th to 99th"
        " percentile), so colours show where, not how much."
    )
    alt = f"Attention maps of {listed(names)} on {count(len(faces), 'face')}"
    return Figure("recognition-attention.png", figures.png(figure), data.caption(text), alt)


def overlay(picture: np.ndarray, attention_map: np.ndarray) -> np.ndarray:
    """A map (h, w) over a picture (H, W, 3) uint8, stretched to nearly its own range."""
    # Padding makes a few outliers at the border, which would leave no colours for the rest.
    low, high = np.percentile(attention_map, [5, 99])
    # A flat map looks nowhere in particular; stretching it would show rounding errors as attention.
    scaled = (attention_map - low) / (high - low) if high - low > 1e-6 else np.zeros_like(attention_map)
    size = (picture.shape[1], picture.shape[0])
    scaled = np.asarray(Image.fromarray(scaled.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    colours = matplotlib.colormaps["inferno"](np.clip(scaled, 0, 1))[..., :3]
    grey = picture.astype(np.float32).mean(axis=-1, keepdims=True) / 255
    return np.round(255 * (0.45 * grey + 0.55 * colours)).astype(np.uint8)


def contact_sheet(data: Data) -> Figure:
    """The contact sheet as the data step drew it."""
    text = "Some of the faces, as prepared for training and testing."
    caption = data.caption(text)
    return Figure("recognition-contact-sheet.png", data.contact_sheet, caption, "Contact sheet of faces")


def basis(data: Data, protocol: str) -> str:
    """What a number of one protocol rests on: pairs and seeds."""
    return f"{count(len(data.same[protocol]), 'pair')}, {count(len(data.inputs.seeds), 'seed')}"


def probes(data: Data, protocol: str) -> str:
    """What a number of one protocol of searches rests on: probes and seeds."""
    return f"{count(data.searches[protocol]['probe'], 'probe')}, {count(len(data.inputs.seeds), 'seed')}"


def qualities(inputs: Inputs) -> str:
    """How poor probes and gallery are."""
    text = "Probes are seen at each quality, the gallery stays sharp (x1)."
    if any(settings.get("one_a_quality") for settings in inputs.variants.values()):
        text += " Of networks that know one quality each, that of the probe sees both."
    if not inputs.rendered:
        text += " Where the faces are poor by themselves, x1 shows them as they are."
    return text


def bases(data: Data) -> str:
    """What numbers of all protocols rest on."""
    found = {basis(data, protocol): protocol for protocol in data.protocols}
    if len(found) == 1:
        return next(iter(found)).replace("pairs,", "pairs per protocol,")
    return "; ".join(f"{protocol}: {basis(data, protocol)}" for protocol in data.protocols)
