"""Offsets against the distance to the nearest cell border, and their measures layer by layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hemoseg.data.offset_sums import OffsetSums
from hemoseg.figures.offset_facts import (
    ALONG,
    DRAWS,
    FAR,
    LENGTH,
    MAGNITUDE,
    NEAR,
    NORMAL,
    PIXELS,
    Facts,
    Measure,
    interval,
)
from hemoseg.figures.style import INK, figure, plain
from hemoseg.figures.words import count_of
from hemoseg.metrics.bootstrap import resampled

OWN, OTHERS, RANDOM = "#2b6cb0", "#d55e00", "#8a8f99"
LEAST = 20  # pixels of a layer in a bin, over all samples, for it to be drawn
ROWS = {
    "length": "mean length of the\nnine offsets, layer px",
    "aligned": "share of the shifts' length\nthat points one way",
    "normal": "share along the normal\n+ away from, − into the cell",
}


def against_distance(one: OffsetSums, seed: int = 0) -> Figure:
    """Three measures against the signed distance to the nearest border, a column per resolution.

    Layers of one resolution are averaged. Bands: 95 % by bootstrap over frames (ours), the range of the draws (random).
    """
    strides = sorted(set(one.strides))
    drawn = figure(11.6, 7.4)
    grid = drawn.subplots(len(ROWS), len(strides), squeeze=False, sharex=True, sharey="row")
    counts = resampled(one.frames, DRAWS, np.random.default_rng(seed)).astype(np.float64)
    for column, stride in enumerate(strides):
        layers = np.flatnonzero(np.array(one.strides) == stride)
        sums = tuple(getattr(one, name)[..., layers, :, :] for name in ("own", "others", "random"))
        for axes, name in zip(grid[:, column], ROWS, strict=True):
            _compared(axes, one.edges, sums, counts, name, stride)
        grid[0, column].set_title(f"1:{stride} · {count_of(len(layers), 'layer')}")
        grid[-1, column].set_xlabel("distance to the border, radii", fontsize=9.5)
    for line, words in enumerate(ROWS.values()):
        grid[line, 0].set_ylabel(words, fontsize=9.5)
    grid[0, 0].set_ylim(0, 1.18 * grid[0, 0].get_ylim()[1])
    for axes in grid[0]:
        axes.text(0.03, 0.96, "in the cell", transform=axes.transAxes, fontsize=8.5, va="top")
        axes.text(0.97, 0.96, "outside", transform=axes.transAxes, fontsize=8.5, va="top", ha="right")
    drawn.legend(handles=_handles(one.random.shape[1]), loc="outside lower left", ncols=4, fontsize=9.5)
    return drawn


def _compared(
    axes: Axes, edges: np.ndarray, sums: tuple[np.ndarray, ...], counts: np.ndarray, name: str, stride: int
) -> None:
    """One measure at one resolution: at the borders of the image, at those of other images, and of random kernels."""
    own, others, random = sums
    shown = own.sum(axis=0)[..., PIXELS].min(axis=0) >= LEAST
    spread = _measured(np.tensordot(counts, own, axes=1), name, stride)
    value, low, high = interval(_measured(own.sum(axis=0), name, stride), spread)
    band = (low if name == "normal" else np.maximum(low, 0), high)
    _curve(axes, edges, shown, value, band, OWN, "-")
    _curve(axes, edges, shown, _measured(others.sum(axis=0), name, stride).mean(axis=0), None, OTHERS, "--")
    if random.shape[1]:
        draws = _measured(random.sum(axis=0), name, stride)
        around = (draws.min(axis=0), draws.max(axis=0))
        _curve(axes, edges, shown, np.median(draws, axis=0), around, RANDOM, ":")
    axes.axhline(0, color=INK, linewidth=0.7)
    axes.axvline(0, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))


def _measured(sums: np.ndarray, name: str, stride: int) -> np.ndarray:
    """A measure by bin, mean over the layers of ``sums`` ``(..., layers, bins, 5)``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        match name:
            case "length":
                value = sums[..., MAGNITUDE] / sums[..., PIXELS] / stride
            case "aligned":
                value = np.hypot(sums[..., NORMAL], sums[..., ALONG]) / sums[..., LENGTH]
            case _:
                value = sums[..., NORMAL] / sums[..., LENGTH]
    return value.mean(axis=-2)


def _curve(
    axes: Axes,
    edges: np.ndarray,
    shown: np.ndarray,
    value: np.ndarray,
    band: tuple[np.ndarray, np.ndarray] | None,
    colour: str,
    line: str | tuple,
) -> None:
    middle = (edges[:-1] + edges[1:])[shown] / 2
    if band is not None:
        axes.fill_between(middle, band[0][shown], band[1][shown], color=colour, alpha=0.22, linewidth=0)
    axes.plot(middle, value[shown], color=colour, linestyle=line, linewidth=2)


def _handles(draws: int) -> list:
    handles = [
        Line2D([], [], color=OWN, linewidth=2, label="trained, own borders"),
        Line2D([], [], color=OTHERS, linestyle="--", linewidth=2, label="trained, borders of other images"),
    ]
    if draws:
        handles.append(
            Line2D([], [], color=RANDOM, linestyle=":", linewidth=2, label="random offset kernels, median and range")
        )
    return [*handles, Patch(color=OWN, alpha=0.3, label="95 % by bootstrap")]


def by_layer(one: OffsetSums, found: Facts) -> Figure:
    """Both measures of every layer, ours with its interval, with what chance gives."""
    drawn = figure(11.6, 0.34 * len(one.layers) + 1.7)
    left, right = drawn.subplots(1, 2, sharey=True)
    _dots(left, found.aligned, one.layers, one.strides)
    left.set(title="aligned", xlim=(0, None))
    left.set_xlabel("share of the shifts' length near a border\nthat points one way relative to it", fontsize=9.5)
    _dots(right, found.longer, one.layers, one.strides)
    right.set(title="longer", xscale="log")
    right.set_xlabel(
        f"mean length of offsets near a border over\nthat {FAR[0]:g} to {FAR[1]:g} radii outside", fontsize=9.5
    )
    right.axvline(1, color=INK, linewidth=0.9)
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32) if right.get_xlim()[0] <= tick <= right.get_xlim()[1]]
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.set_xticks([], minor=True)
    handles = [
        Line2D([], [], color=OWN, marker="o", linewidth=2, label="trained, own borders, 95 %"),
        Line2D([], [], color=OTHERS, marker="D", linestyle="none", label="trained, borders of other images"),
        Line2D([], [], color=RANDOM, marker="|", markersize=10, linewidth=5, alpha=0.6,
               label="random offset kernels, median and range"),
    ]  # fmt: skip
    drawn.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=9.5)
    return drawn


def _dots(axes: Axes, measure: Measure, layers: Sequence[str], strides: Sequence[int]) -> None:
    rows = np.arange(len(layers))
    if len(measure.random):
        axes.hlines(rows, np.nanmin(measure.random, axis=0), np.nanmax(measure.random, axis=0), RANDOM,
                    linewidth=6, alpha=0.45)  # fmt: skip
        axes.plot(np.nanmedian(measure.random, axis=0), rows, "|", color=RANDOM, markersize=11, markeredgewidth=2)
    axes.plot(measure.others, rows, "D", color=OTHERS, markersize=5.5)
    axes.hlines(rows, measure.low, measure.high, OWN, linewidth=2)
    axes.plot(measure.own, rows, "o", color=OWN, markersize=6.5)
    axes.set_yticks(rows, [f"{plain(layer)} · 1:{stride}" for layer, stride in zip(layers, strides, strict=True)])
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.grid(True, axis="x")


def distance_caption(one: OffsetSums, label: str) -> str:
    """Under the curves."""
    return (
        f"Offsets of {label} (seed {one.seed}) against the signed distance to the nearest cell border, in radii of the "
        f"median cell ({one.radius:.1f} px), over {len(one.ids)} test images; a column per resolution (1:2: a pixel of "
        "the layer is 2 pixels of the sample), its layers averaged. Top: how long offsets are. Middle: the kernel's "
        "shift is the mean of its nine offsets; of the shifts' length, the share that points one way relative to the "
        "border, whichever way. Bottom: the share along the border's normal, which says which way. Orange: the same "
        "offsets against the borders of other test images. Grey: offset kernels drawn at random with the norms of the "
        "trained ones. Before training offset convolutions are zero: an untrained network's offsets are exactly 0 "
        "everywhere and have no direction."
    )


def layers_caption(one: OffsetSums, label: str) -> str:
    """Under the measures by layer."""
    return (
        f"Offsets of {label} (seed {one.seed}) near a cell border (within {NEAR[1]:g} radii of the median cell, "
        f"{NEAR[1] * one.radius:.1f} px), layer by layer, in the order of the data; over {len(one.ids)} test images. "
        "Blue right of the orange diamond: the layer's offsets depend on where the borders of this image are. Blue "
        "within the grey bar: no more than those of a kernel that learned nothing. Intervals: bootstrap over frames."
    )
