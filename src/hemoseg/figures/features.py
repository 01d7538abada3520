"""Feature maps of networks over one sample: what the first layer sees, and what the last one decides by."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure

from hemoseg.data.seen_features import SeenFeatures
from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.sampling import Seen
from hemoseg.figures.style import figure, plain, shortened

WIDTH = 11.6  # inches
LEVELS = {"low": "low level", "high": "high level"}
SIGNED, POSITIVE = "PuOr", "cividis"  # both are told apart by the colour-blind


def draw(features: Sequence[SeenFeatures], seen: Mapping[str, Seen], labels: Mapping[str, str]) -> Figure:
    """A line per level and model: the sample, then its maps; a colour scale for each line.

    Args:
        features: of one sample, at least one.
        seen: the samples, by id.
        labels: of the models.
    """
    lines = sorted(features, key=lambda one: list(LEVELS).index(one.level))  # stable: models keep their order
    image = seen[lines[0].sample].image
    across = 1 + max(len(one.channels) for one in lines)
    height, width = image.shape[-2:]
    side = (WIDTH - 0.9) / across
    drawn = figure(WIDTH, len(lines) * (side * min(max(height / width, 0.2), 1.6) + 0.62) + 0.1)
    grid = drawn.subplots(len(lines), across, squeeze=False)
    for row, one in zip(grid, lines, strict=True):
        show(row[0], as_rgb(seen[one.sample].image), f"{shortened(labels[one.model], 15)}\n{LEVELS[one.level]}")
        norm, colours = _scale(one.maps)
        for axes, channel, values in zip(row[1:], one.channels, one.maps, strict=False):
            drawn_map = _map(axes, values, one.stride, (height, width), norm, colours)
            axes.set_title(f"map {channel}", fontsize=8.5, fontweight="normal")
        for axes in row[1 + len(one.channels) :]:
            axes.set_visible(False)
        row[0].set_xlabel(f"{plain(one.layer)}\n{one.of} maps, 1:{one.stride}", fontsize=8)
        bar = drawn.colorbar(drawn_map, ax=row.tolist(), shrink=0.85, aspect=12, pad=0.01)
        bar.ax.tick_params(labelsize=7.5)
    return drawn


def _map(axes: Axes, values: np.ndarray, stride: int, shape: tuple[int, int], norm: Normalize, colours: str):
    """A map over the sample's own extent; what lies beyond its border is cut."""
    rows, columns = (side * stride - 0.5 for side in values.shape)
    drawn = axes.imshow(values, cmap=colours, norm=norm, interpolation="nearest", extent=(-0.5, columns, rows, -0.5))
    axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5), xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return drawn


def _scale(maps: np.ndarray) -> tuple[Normalize, str]:
    """From the first to the 99th percentile; zero in the middle of the colours where maps have both signs."""
    least, most = (float(value) for value in np.percentile(maps, (1, 99)))
    if maps.min() >= 0:
        return Normalize(least, most if most > least else least + 1), POSITIVE
    reach = max(abs(least), abs(most)) or 1.0
    return TwoSlopeNorm(0, -reach, reach), SIGNED


def caption(features: Sequence[SeenFeatures]) -> str:
    """Under the figure."""
    kept = max(len(one.channels) for one in features)
    return (
        f"Feature maps over test sample {features[0].sample}, the one with the most classes, then cells; first seed of "
        "each model. Low level: the output of the first convolution before any norm and activation, orange below and "
        "violet above zero. High level: the input of the last convolution that runs over the image, from which it "
        f"makes the classes. Of each layer the {kept} maps that vary most over the sample; models whose layer has the "
        "same name and number of maps show the same ones, chosen by the first of them. 1:4: a pixel of a map is 4 "
        "pixels of the sample. A colour scale per line, from the first to the 99th percentile; a map has no unit."
    )
