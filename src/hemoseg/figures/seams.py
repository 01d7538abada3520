"""Whether windows can be seen in a prediction: probabilities by hard tiles, blended windows and in one pass."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.pictures import as_rgb, frame_crop, show
from hemoseg.figures.style import INK, SOFT, figure, shortened
from hemoseg.figures.words import count_of
from hemoseg.metrics.seams import Profile, Seam, seam

WAYS = {"tiles": "hard tiles", "windows": "blended windows", "whole": "one pass"}
LINES = {"tiles": ("#c0293f", "-", "o"), "windows": ("#2b6cb0", "--", "s"), "whole": ("#4a5460", ":", "D")}
REACH = 24  # pixels to either side of a border that the curves show
SHADES = "cividis"  # of a probability: even in brightness, and alike to all eyes


@dataclass(frozen=True)
class Maps:
    """One image and the probability that it is no background.

    Attributes:
        name: id of the sample.
        image: float ``(C, H, W)`` in [0, 1].
        probability: float ``(3, H, W)``, by the ways of `WAYS`.
        lines: borders of ``tiles_rows``, ``tiles_columns``, ``windows_rows`` and ``windows_columns``.
    """

    name: str
    image: np.ndarray
    probability: np.ndarray
    lines: Mapping[str, np.ndarray]


def seams_of(jumps: pd.DataFrame) -> dict[str, Seam]:
    """The seam of each way over all images."""
    return {way: seam(_profile(jumps, way)) for way in WAYS}


def _profile(jumps: pd.DataFrame, way: str) -> Profile:
    sums = jumps[jumps["way"] == way].groupby("offset")[["jumps", "pairs"]].sum()
    return Profile(sums.index.to_numpy(), sums["jumps"].to_numpy(float), sums["pairs"].to_numpy())


def answer(jumps: pd.DataFrame) -> str:
    """Whether blended windows and hard tiles leave a seam, with the numbers that say so."""
    told = {way: _told(one) for way, one in seams_of(jumps).items()}
    images = count_of(jumps["sample"].nunique(), "test image")
    return (
        f"Seam of the blended windows: {told['windows']}; of hard tiles: {told['tiles']}; in one pass, which has no "
        f"windows: {told['whole']}. Over {images} larger than a window."
    )


def _told(one: Seam) -> str:
    verdict = "more" if one.ratio > one.highest else "no more"
    return f"{_ratio(one.ratio)}, {verdict} than lines at other distances have (up to {_ratio(one.highest)})"


def _ratio(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def draw(jumps: pd.DataFrame, maps: Maps) -> Figure:
    """The image and its probabilities by the three ways, whole and where tiles tear most; below, jumps by distance."""
    height, width = maps.image.shape[1:]
    side = 10.4 / 4
    upper = min(max(height / width, 0.3), 1.5) * side
    drawn = figure(10.4, upper + side + 2.9)
    grid = drawn.add_gridspec(3, 4, height_ratios=(upper, side, 2.3))
    where = torn(maps)
    own = seams_of(jumps[jumps["sample"] == maps.name])
    _row([drawn.add_subplot(grid[0, i]) for i in range(4)], maps, (slice(None), slice(None)), own, where)
    _row([drawn.add_subplot(grid[1, i]) for i in range(4)], maps, where, {}, None)
    axes = drawn.add_subplot(grid[2, :])
    for way, label in WAYS.items():
        _curve(axes, _profile(jumps, way), label, way)
    axes.axhline(1, color=SOFT, linewidth=0.8)
    axes.set(xlabel="distance of a line from the nearest border of a window (px)", ylabel="mean jump / elsewhere")
    axes.set_ylim(0, 1.2 * axes.get_ylim()[1])  # room for the legend
    axes.legend(ncols=3, loc="upper right")
    drawn.suptitle(shortened(maps.name, 60), fontsize=10, x=0.005, ha="left", color=INK)
    return drawn


def torn(maps: Maps) -> tuple[slice, slice]:
    """Rows and columns of the square round a corner of tiles where hard tiles are farthest from one pass."""
    difference = np.abs(maps.probability[0] - maps.probability[2])
    size = maps.image.shape[1:]
    corners = [_or_middle(maps.lines[f"tiles_{name}"], n) for name, n in zip(("rows", "columns"), size, strict=True)]
    half = min(48, *(n // 2 for n in size))
    best = max(
        ((row, column) for row in corners[0] for column in corners[1]),
        key=lambda at: difference[_about(at[0], half, size[0]), _about(at[1], half, size[1])].mean(),
    )
    return tuple(_about(middle, half, n) for middle, n in zip(best, size, strict=True))


def _or_middle(lines: np.ndarray, length: int) -> np.ndarray:
    return lines if len(lines) else np.array([length // 2])


def _about(middle: int, half: int, length: int) -> slice:
    start = int(min(max(middle - half, 0), length - 2 * half))
    return slice(start, start + 2 * half)


def _row(axes: list[Axes], maps: Maps, part: tuple, seams: Mapping[str, Seam], framed: tuple | None) -> None:
    """Image and maps; ticks at the borders of the windows, outside of the pictures."""
    show(axes[0], as_rgb(maps.image[:, *part]), "image" if seams else "")
    for one, (way, label), values in zip(axes[1:], WAYS.items(), maps.probability, strict=True):
        one.imshow(values[part], cmap=SHADES, vmin=0, vmax=1, interpolation="nearest")
        one.grid(False)
        one.spines[:].set_visible(False)
        title = f"{label} · seam {_ratio(seams[way].ratio)}" if seams else ""
        one.set_title(title, fontsize=9.5)
        for name, axis, inside in (("columns", one.xaxis, part[1]), ("rows", one.yaxis, part[0])):
            lines = maps.lines.get(f"{way}_{name}", np.zeros(0, int))
            first, last = inside.start or 0, inside.stop or maps.image.shape[2 if name == "columns" else 1]
            axis.set_ticks([line - first - 0.5 for line in lines if first < line < last], labels=[])
            axis.set_tick_params(length=4, color=SOFT)
    if framed:
        for one in axes:
            frame_crop(one, *framed)


def _curve(axes: Axes, one: Profile, label: str, way: str) -> None:
    near = np.abs(one.offsets) <= REACH
    elsewhere = seam(one).elsewhere
    if not near.any() or not elsewhere > 0:
        return
    colour, style, marker = LINES[way]
    mean = one.sums[near] / one.pairs[near] / elsewhere
    axes.plot(one.offsets[near], mean, style, color=colour, marker=marker, markersize=3, linewidth=1.2, label=label)


def caption(jumps: pd.DataFrame, maps: Maps) -> str:
    """Under the figure of `draw`."""
    height, width = maps.image.shape[1:]
    images = count_of(jumps["sample"].nunique(), "test image")
    return (
        f"Probability of no background (dark 0, bright 1) of the largest test image ({height} × {width} px, the part "
        "that whole windows fill) by hard tiles, by overlapping windows blended towards their borders and in one pass; "
        "ticks mark the borders of the windows. Dashed: the part shown below, round the corner of tiles where they are "
        "farthest from one pass. Curves: mean jump between neighbouring pixels (half the sum over the classes of the "
        "absolute difference of their probabilities) on lines at a distance from the nearest border, over that on all "
        f"lines but borders, {images}. Seam: its value at 0; 1 where the windows cannot be seen. One pass has no "
        "windows: its distances are from the borders of the blended ones."
    )
