"""The pictures of the recognition report: faces at every quality, attention maps, the contact sheet."""

from __future__ import annotations

import matplotlib
import numpy as np
from PIL import Image

from pipeline.report import figures
from pipeline.report.blocks import Figure
from pipeline.report.words import count, listed
from pipeline.tasks.recognition.report import words
from pipeline.tasks.recognition.report.data import Data

STRIP_FACES = 8
ATTENTION_FACES = 2


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
    return Figure("recognition-qualities.png", figures.png(figure), words.caption(inputs, text), alt)


def attention(data: Data) -> tuple[Figure, ...]:
    """Where each network with attention looks, by stage: the teacher on sharp faces, the students on the worst."""
    inputs = data.inputs
    first, worst = inputs.conditions[0], inputs.worst
    names = [name for name in inputs.models_and_seeds if data.samples[name].maps[worst].shape[1]]
    if not names:
        return ()
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
    return (Figure("recognition-attention.png", figures.png(figure), words.caption(inputs, text), alt),)


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
    caption = words.caption(data.inputs, text)
    return Figure("recognition-contact-sheet.png", data.contact_sheet, caption, "Contact sheet of faces")
