"""Hair: a shell around the skull from which the face is cut out, with strands and a sheen; and glasses."""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering.grid import Grid, plane
from pipeline.data.rendering.scene import Scene
from pipeline.data.rendering.shapes import bell, column, edge, mix, outline_coverage, smooth_max
from pipeline.data.rendering.view import Seen, gloss, lit, look


def strands(scene: Scene, seen: Seen) -> np.ndarray:
    """Light and dark strands, about -1..1; curls run in all directions, other hair falls from the parting."""
    t = scene.value
    phase = t["tousle"].astype(np.float32)[:, :, None, None]
    across = seen.x * np.float32(1.0) + seen.z * np.float32(0.7) * np.sign(seen.x)
    bend = np.float32(0.30) * np.sin(seen.y * np.float32(3.0) + phase[:, 0])
    fine = across + bend * column(0.4 + 0.6 * t["tousle"][:, 3] / 6.3)
    straight = np.sin(fine * np.float32(23) + phase[:, 1]) * np.float32(0.55)
    straight += np.sin(fine * np.float32(41) + seen.y * np.float32(4) + phase[:, 2]) * np.float32(0.45)
    # Waves bent by waves: rings that do not line up.
    warp_x = seen.x + np.float32(0.10) * np.sin(seen.y * 13 + phase[:, 1])
    warp_y = seen.y + np.float32(0.10) * np.sin(seen.x * 11 - seen.z * 7 + phase[:, 2])
    curls = np.sin(warp_x * 24 + warp_y * 9 + seen.z * 8) + np.sin(warp_y * 27 - warp_x * 13 + phase[:, 0])
    curls *= np.float32(0.6)
    curly = column(t["is_curly"])
    return straight + curly * (curls - straight)


def growth(t: dict[str, np.ndarray], seen: Seen, noise: np.ndarray) -> np.ndarray:
    """Where hair grows or hangs on the shell: a length, positive inside."""
    x, y, z = seen.x, seen.y, seen.z
    # Front hairline: falls towards the temples, sometimes with a peak; balding opens the temples first.
    line = column(t["hairline_y"]) + column(t["hairline_curve"]) * x * x * np.float32(0.8)
    line = line + column(t["hairline_peak"]) * bell((x * np.float32(6)) ** 2)
    receding = column(0.9 * t["bald"] + 0.10 * t["old"] * t["male"])
    line = line - receding * np.float32(0.35) * bell((np.abs(x) - np.float32(0.36)) ** 2 * 16)
    side_parted = column(t["is_swept"] + 0.6 * t["is_bob"] + 0.5 * t["is_long"])
    line = line + side_parted * np.float32(0.28) * np.abs(x - column(t["parting"])) - side_parted * np.float32(0.07)
    top = line - y
    # Fringe: hair combed down to above the eyes.
    top = np.maximum(
        top, np.minimum(column(t["fringe_y"]) - y + np.float32(0.05) * noise, np.float32(0.60) - np.abs(x))
    )
    # Sides: the shell further back than a line that runs from the temple down in front of the ear.
    down = np.clip((y + np.float32(0.35)) * np.float32(2.2), 0, 1)
    front = np.float32(0.34) + down * column(np.where(t["falling"] > 0, -0.02, -0.36))
    side = front - z
    grown = smooth_max(top, side, 0.10)
    nape = column(np.where(t["falling"] > 0, 0.0, 0.34)) * np.clip((-z - np.float32(0.16)) * 6, 0, 1)
    grown = np.minimum(grown, column(t["hair_end"]) + nape - y)
    bare = column(np.clip(t["bald"] * 2.4 - 1.25, 0, 1))
    crown = edge(np.float32(-0.30) - y, 0.15) * bare
    return grown - crown + np.float32(0.022) * noise


def paint_back_hair(scene: Scene, grid: Grid, outline: np.ndarray, planes: np.ndarray) -> None:
    """The hair behind neck and ears, in its own shadow."""
    t = scene.value
    view_y = plane(grid, np.zeros(len(scene)), np.ones(len(scene)), 0.0)
    end = np.where(t["falling"] > 0, t["hair_end"] + 0.05, 0.22)
    bare = np.clip(t["bald"] * 2.4 - 1.25, 0, 1)
    cover = outline_coverage(outline) * edge(column(end) - view_y, 0.10)
    cover = cover * (1 - column(bare) * edge(np.float32(-0.25) - view_y, 0.1))
    mix(planes, (t["hair_tint"] * 0.22).astype(np.float32), cover)


def paint_hair(scene: Scene, grid: Grid, depth: np.ndarray, outline: np.ndarray, skin_depth: np.ndarray,
               planes: np.ndarray) -> None:  # fmt: skip
    """Hair in front of the head, lit, over ``planes`` (n, 3, H, W) in place."""
    t = scene.value
    seen = look(scene, grid, depth)
    noise = strands(scene, seen)
    grown = growth(t, seen, noise)
    # Curls break up the outline.
    outline = outline + column(0.035 * t["is_curly"]) * noise
    visible = edge(depth - skin_depth + np.float32(0.03), 0.05)
    soft = grid.pixel + column(np.where(t["is_buzz"] > 0, 0.10, 0.035))
    cover = outline_coverage(outline) * edge(grown, soft) * visible
    cover = cover * column((1 - 0.30 * t["is_buzz"]) * (1 - 0.25 * t["bald"]))
    light = lit(scene, seen.normal_x, seen.normal_y, seen.normal_z, (0.2, 0.2, 0.2))
    tone = np.float32(0.82) + np.float32(0.30) * noise
    # Roots and tips sit in shadow.
    tone *= np.float32(0.62) + np.float32(0.38) * np.clip(grown * np.float32(5), 0, 1)
    sheen = gloss(scene, seen, 3) * (np.float32(0.55) + np.float32(0.45) * noise)
    sheen *= column(0.075 * (1 - 0.6 * t["is_curly"]) * (1 - 0.4 * t["old"]))
    tint = t["hair_tint"].astype(np.float32)
    for channel in range(3):
        light[:, channel] *= tint[:, channel, None, None] * tone
        light[:, channel] += sheen * (np.float32(0.35) + tint[:, channel, None, None])
    mix(planes, light, cover)


def paint_glasses(scene: Scene, grid: Grid, planes: np.ndarray) -> None:
    """Frames in a plane before the eyes, turned with the head; only for the faces that wear them."""
    wearing = np.flatnonzero(scene.value["glasses"] > 0)
    if not len(wearing):
        return
    t = {name: values[wearing] for name, values in scene.value.items()}
    r = scene.rotation[wearing]
    ones, zeros = np.ones(len(scene)), np.zeros(len(scene))
    x, y, pixel = (
        plane(grid, ones, zeros, 0.0)[wearing],
        plane(grid, zeros, ones, 0.0)[wearing],
        grid.pixel[wearing],
    )
    form = t["glasses_form"]
    plane_z = 0.80
    # Back from the picture to the plane of the lenses.
    det = r[:, 0, 0] * r[:, 1, 1] - r[:, 0, 1] * r[:, 1, 0]
    ax, ay = x - column(r[:, 0, 2] * plane_z), y - column(r[:, 1, 2] * plane_z)
    gx = column(r[:, 1, 1] / det) * ax - column(r[:, 0, 1] / det) * ay
    gy = column(r[:, 0, 0] / det) * ay - column(r[:, 1, 0] / det) * ax
    gy = gy - column(t["eye_y"] + 0.035)
    half_w, half_h = column(t["eye_width"] + 0.045 + 0.03 * form[:, 1]), column(0.125 + 0.06 * form[:, 2])
    u = np.abs((np.abs(gx) - column(np.maximum(t["eye_x"], 0.29))) / half_w)
    v = np.abs(gy / half_h)
    # Between an ellipse and a rounded box.
    round_ = u * u + v * v
    box = u**4 + v**4
    share = column(form[:, 2])
    level = round_ + share * (box - round_)
    ring = np.abs(np.sqrt(level) - 1) * half_h
    thick = column(0.014 + 0.020 * form[:, 1])
    foreshortened = pixel / np.maximum(column(np.cos(np.radians(t["yaw"]))), 0.4)
    frame = edge(thick - ring, foreshortened)
    bridge = edge(thick - np.abs(gy + np.float32(0.03)), pixel) * edge(column(t["eye_x"]) - half_w - np.abs(gx), pixel)
    arm_x = column(t["eye_x"]) + half_w
    # Arms run straight back from the outer rim to the ears.
    arm = np.zeros_like(gx)
    for side in (-1.0, 1.0):
        start_x = column(r[:, 0, 0]) * side * arm_x + column(r[:, 0, 2] * plane_z)
        run_x = column(r[:, 0, 2] * -0.85) + column(r[:, 0, 0] * side * 0.16)
        run_y = column(r[:, 1, 2] * -0.85)
        start_y = column(r[:, 1, 1] * t["eye_y"] + r[:, 1, 2] * plane_z) + column(r[:, 1, 0]) * side * arm_x
        along = ((x - start_x) * run_x + (y - start_y) * run_y) / (run_x**2 + run_y**2 + np.float32(1e-6))
        along = np.clip(along, 0, 1)
        off = np.sqrt((x - start_x - along * run_x) ** 2 + (y - start_y - along * run_y) ** 2)
        # The arm on the far side is hidden by the head.
        shown = column(np.clip(1 - side * np.sin(np.radians(t["yaw"])) * 8, 0, 1))
        arm = np.maximum(arm, edge(thick * np.float32(0.8) - off, pixel) * shown)
    lens = edge(1 - np.sqrt(level), 0.1)
    worn = planes[wearing]
    worn *= (1 - np.float32(0.10) * lens)[:, None]
    mix(
        worn,
        t["glasses_colour"].astype(np.float32),
        np.maximum(np.maximum(frame, bridge), arm) * np.float32(0.9),
    )
    planes[wearing] = worn
