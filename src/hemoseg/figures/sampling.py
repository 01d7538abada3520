"""Where kernels sample, drawn on the raw image as the papers draw it; and how long offsets are, layer by layer."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke

from hemoseg.data.offset_sums import OffsetSums
from hemoseg.figures.pictures import as_rgb, frame_crop, show
from hemoseg.figures.style import figure, plain, shortened

POINT, CENTRE = "#e3120b", "#ffe14d"  # the papers' red, rimmed with white; told apart from cells by the rim, not by hue
KINDS = {
    "given": "named in the settings",
    "centre": "a cell's centre",
    "boundary": "a cell's border",
    "touching": "a touching pair",
    "artefact": "an artefact",
}
WIDTH = 11.6  # inches
MARGIN = 3  # pixels between the farthest point and the edge of a crop
COUNTED = {1: "last layer", 2: "last two layers", 3: "last three layers"}


class _Pixel(NamedTuple):
    kind: str
    sample: str
    pixel_row: int
    pixel_column: int


class Seen(NamedTuple):
    """A sample: its image float ``(C, H, W)`` in [0, 1] and its true cells ``(H, W)``."""

    image: np.ndarray
    cells: np.ndarray


def sampling_locations(points: pd.DataFrame, seen: Mapping[str, Seen], labels: Mapping[str, str]) -> Figure:
    """A row per pixel: the sample with the crop's place, then per depth each model's points on the crop.

    Args:
        points: ``sampling.csv`` of one seed of each model.
        seen: the samples, by id.
        labels: of the models, in the order to draw.
    """
    models = [key for key in labels if key in set(points["model"])]
    views = [(depth, model) for depth in sorted(points["depth"].unique()) for model in models]
    pixels = [(_Pixel(*key), own) for key, own in points.groupby(list(_Pixel._fields), sort=False)]
    pixels.sort(key=lambda pixel: list(KINDS).index(pixel[0].kind))
    side = WIDTH / (len(views) + 1)
    drawn = figure(WIDTH, (side + 0.3) * len(pixels) + 0.75)
    grid = drawn.subplots(len(pixels), len(views) + 1, squeeze=False)
    for axes, (depth, model) in zip(grid[0, 1:], views, strict=True):
        words = COUNTED.get(depth, f"last {depth} layers")
        axes.set_title(f"{shortened(labels[model], 18)}\n{words}", fontsize=10)
    for line, (pixel, own) in zip(grid, pixels, strict=True):
        where = _crop(own, seen[pixel.sample].cells.shape)
        _whole(line[0], seen[pixel.sample], where, pixel)
        for axes, (depth, model) in zip(line[1:], views, strict=True):
            some = own[(own["depth"] == depth) & (own["model"] == model)]
            _points(axes, seen[pixel.sample], where, some, pixel)
            axes.set_xlabel(_count(some), fontsize=8.5)
    rim = {"markeredgecolor": "white", "markeredgewidth": 0.8, "linestyle": "none"}
    handles = [
        Line2D([], [], marker="o", color=POINT, markersize=5, label="sampling point", **rim),
        Line2D([], [], marker="o", color=POINT, markersize=10, label="reached on many ways", **rim),
        Line2D([], [], marker="P", color=CENTRE, markeredgecolor="black", markersize=10, linestyle="none",
               label="the output pixel"),
        Line2D([], [], color="white", linewidth=1.2, label="true cell border", path_effects=_shadow(2.6)),
    ]  # fmt: skip
    drawn.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=9.5)
    return drawn


def _shadow(width: float) -> list[AbstractPathEffect]:
    return [Stroke(linewidth=width, foreground="black", alpha=0.75), Normal()]


def _count(points: pd.DataFrame) -> str:
    ways, at = round(points["weight"].sum()), len(points)
    return f"{ways} ways to {at} points" if at < ways else f"{at} points"


def _crop(points: pd.DataFrame, shape: tuple[int, int]) -> tuple[slice, slice]:
    """A square round the pixel that holds the points of all models, cut at the sample's border."""
    centre = points[["pixel_row", "pixel_column"]].to_numpy()
    reach = int(np.ceil(np.abs(points[["row", "column"]].to_numpy() - centre).max())) + MARGIN
    row, column = map(int, centre[0])
    return tuple(
        slice(max(0, at - reach), min(length, at + reach + 1)) for at, length in zip((row, column), shape, strict=True)
    )


def _whole(axes: Axes, one: Seen, where: tuple[slice, slice], pixel: _Pixel) -> None:
    show(axes, as_rgb(one.image))
    frame_crop(axes, *where)
    axes.set_ylabel(KINDS[pixel.kind], fontsize=10.5, fontweight="bold")
    axes.set_xlabel(f"{shortened(pixel.sample, 16)} · row {pixel.pixel_row}, col. {pixel.pixel_column}", fontsize=8.5)


def _points(axes: Axes, one: Seen, where: tuple[slice, slice], points: pd.DataFrame, pixel: _Pixel) -> None:
    rows, columns = where
    axes.imshow(
        as_rgb(one.image)[where],
        interpolation="nearest",
        extent=(columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5),
    )
    _borders(axes, one.cells, where)
    order = np.argsort(-points["weight"].to_numpy(), kind="stable")
    at, weight = points[["column", "row"]].to_numpy()[order], points["weight"].to_numpy()[order]
    # Diameters in sample pixels, so that the points of the plain grid do not hide each other.
    diameter = 0.38 if weight.max() == weight.min() else 0.3 + 0.55 * np.sqrt(weight / weight.max())
    pixel_points = WIDTH / 5 * 72 / (rows.stop - rows.start)
    axes.scatter(*at.T, s=(diameter * pixel_points) ** 2, c=POINT, edgecolors="white", linewidths=0.4, alpha=0.85,
                 zorder=3)  # fmt: skip
    axes.plot(pixel.pixel_column, pixel.pixel_row, marker="P", color=CENTRE, markeredgecolor="black", markersize=8,
              zorder=4)  # fmt: skip
    axes.set(xticks=[], yticks=[], xlim=(columns.start - 0.5, columns.stop - 0.5))
    axes.set_ylim(rows.stop - 0.5, rows.start - 0.5)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _borders(axes: Axes, cells: np.ndarray, where: tuple[slice, slice]) -> None:
    rows, columns = (np.arange(side.start, side.stop) for side in where)
    if min(len(rows), len(columns)) < 2:
        return
    for cell in np.setdiff1d(np.unique(cells[where]), [0]):
        drawn = axes.contour(columns, rows, cells[where] == cell, levels=[0.5], colors="white", linewidths=0.9)
        drawn.set_path_effects(_shadow(2.0))


def offset_maps(one: OffsetSums, seen: Mapping[str, Seen], label: str) -> Figure:
    """The mean length of a pixel's nine offsets in every deformable layer, on one scale, beside the sample.

    Args:
        one: of a network, with the maps of at least one sample; the first is drawn.
        seen: the samples, by id.
        label: of the model.
    """
    name, fields = one.map_ids[0], one.maps[0]
    count = len(fields) + 1
    columns = min(5, count)
    lines = -(-count // columns)
    height, width = seen[name].cells.shape
    side = 10.9 / columns
    drawn = figure(WIDTH, lines * (side * min(max(height / width, 0.2), 1.6) + 0.42) + 0.2)
    grid = drawn.subplots(lines, columns, squeeze=False).ravel()
    show(grid[0], as_rgb(seen[name].image), f"{shortened(label, 14)}: {shortened(name, 14)}")
    most = max(float(field.max()) for field in fields) or 1.0
    shape = (-0.5, width - 0.5, height - 0.5, -0.5)
    for axes, field, layer, stride in zip(grid[1:], fields, one.layers, one.strides, strict=False):
        # A map is drawn over the sample; the network may have filled it up below and to the right.
        rows, right = field.shape[0] * stride - 0.5, field.shape[1] * stride - 0.5
        image = axes.imshow(field, cmap="cividis", vmin=0, vmax=most, extent=(-0.5, right, rows, -0.5))
        axes.set(xlim=shape[:2], ylim=shape[2:], xticks=[], yticks=[])
        axes.grid(False)
        _borders_on(axes, seen[name].cells)
        axes.set_title(f"{plain(layer)} · 1:{stride}", fontsize=10)
        mean = float(field.mean())
        axes.set_xlabel(f"mean {mean:.2f} layer px = {mean * stride:.1f} px", fontsize=8.5)
    for axes in grid[count:]:
        axes.set_visible(False)
    bar = drawn.colorbar(image, ax=grid.tolist(), shrink=0.6, aspect=30, pad=0.01)
    bar.set_label("mean length of the nine offsets, pixels of the layer", fontsize=9.5)
    return drawn


def _borders_on(axes: Axes, cells: np.ndarray) -> None:
    if min(cells.shape) > 1 and cells.any():
        axes.contour(cells > 0, levels=[0.5], colors="white", linewidths=0.5, alpha=0.8)


WAYS = {
    "interpolated": "A layer that is sampled between its pixels moves its taps by the offsets interpolated there.",
    "neighbours": "A layer that is sampled between its pixels is the blend of four pixels, each with its own offsets.",
}
PATHS = {
    "skip": "the last two are those of the first decoder level, the third is the second one of the first encoder "
    "level, reached along the skip; the points of three layers therefore lie on that level's first map.",
    "up": "the last two are those of the first decoder level; the third is the last of the level below, reached "
    "through the transposed convolution, and its points lie on a map of half the resolution.",
}


def points_caption(points: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    """Under the sampling points; ``settings`` is the section `explain`."""
    rules = {
        "centre": "the innermost pixel of a cell of median area",
        "boundary": "the pixel of another cell's outline that is farthest from its centre of mass",
        "touching": "midway between two touching cells",
        "artefact": "the middle of the largest part of the automatic labels that lies mostly on true background",
        "given": "pixels named in the settings",
    }
    kinds = [kind for kind in rules if kind in set(points["kind"])]
    missing = [KINDS[kind] for kind in rules if kind not in (*kinds, "given")]
    absent = f" Not found in these test images: {', '.join(missing)}." if missing and settings["per_kind"] else ""
    return (
        "Where the kernels of the last 3x3 layers sample (red) for the value of one output pixel (yellow), on the raw "
        "image, in pixels of the sample. Left: the sample, dashed the crop. The pixels were chosen by rule among the "
        f"test images: {'; '.join(rules[kind] for kind in kinds)}.{absent} A plain network reaches its grid on many "
        "ways: the larger a point, the more (below each picture: ways and distinct points). Of the layers, "
        f"{PATHS[settings['path']]} {WAYS[settings['offsets']]} Points that read nothing but zeros beyond the image "
        "are left out. First seed of each model."
    )


def maps_caption(one: OffsetSums, label: str) -> str:
    """Under the maps of offset lengths."""
    return (
        f"Mean length of the nine offsets of each pixel, in every deformable layer of {label} (seed {one.seed}) on "
        f"sample {one.map_ids[0]}; a and b: first and second convolution of a level; 1:4: a pixel of the layer is 4 "
        "pixels of the sample. One colour scale, in pixels of the layer. White: true cells. Before training every "
        "offset is exactly 0."
    )
