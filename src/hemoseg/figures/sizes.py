"""The overlap of every test image against the size of the image."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.data.samples import Samples
from hemoseg.figures.scores import EMPTY
from hemoseg.figures.style import SOFT, figure, plain
from hemoseg.figures.words import count_of

MARKERS = "osD^vP*X"


def image_overlaps(pixels: pd.DataFrame, samples: Samples, *, empty: str) -> pd.DataFrame:
    """Jaccard of each run, image and class, and of the mean over all classes, with the size of the image.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``, ``split``, ``seed``.
        samples: of the experiment.
        empty: Jaccard where the class neither is nor was found: one, zero or skip.

    Returns:
        Columns model, split, seed, sample, what (a class but background, or ``mean of the classes``), jaccard, size
        (pixels of the image, ignored ones too).
    """
    rows = pixels.assign(union=pixels["tp"] + pixels["fp"] + pixels["fn"])
    rows["jaccard"] = np.where(rows["union"] > 0, rows["tp"] / rows["union"].clip(lower=1), EMPTY[empty])
    keys = ["model", "split", "seed", "sample"]
    mean = rows.groupby(keys, sort=False, as_index=False)["jaccard"].mean().assign(what="mean of the classes")
    single = rows[rows["class"] > 0].assign(what=rows["class_name"])[[*keys, "jaccard", "what"]]
    size = {name: int(np.prod(image.shape[1:])) for name, image in zip(samples.ids, samples.images, strict=True)}
    both = pd.concat([single, mean], ignore_index=True)
    return both.assign(size=both["sample"].map(size))[[*keys, "what", "jaccard", "size"]]


def several_sizes(samples: Samples, tested: Sequence[str]) -> bool:
    """Whether the tested images differ in size."""
    names = set(tested)
    return len({image.shape[1:] for name, image in zip(samples.ids, samples.images, strict=True) if name in names}) > 1


def against_size(overlaps: pd.DataFrame, level: float, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """Jaccard of every test image against its size, a panel per class and for their mean; bars span the runs.

    Args:
        overlaps: of `image_overlaps`.
        level: drawn as a line.
        labels: label of each model, in the order to draw.
        colours: of each model.
    """
    panels = list(dict.fromkeys(overlaps["what"]))
    columns = min(len(panels), 2)
    drawn = figure(10.4, 3.7 * -(-len(panels) // columns) + 0.5)
    grid = drawn.subplots(-(-len(panels) // columns), columns, squeeze=False, sharey=True).ravel()
    for axes, what in zip(grid, panels, strict=False):
        _panel(axes, overlaps[overlaps["what"] == what], labels, colours)
        axes.axhline(level, color=SOFT, linewidth=1.2, linestyle="--")
        axes.set(title=plain(what), xlabel="pixels of the image", xscale="log")
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    grid[0].set_ylabel("Jaccard (IoU) of the image")
    drawn.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(labels), 6))
    return drawn


def _panel(axes: Axes, overlaps: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> None:
    for number, (model, label) in enumerate(labels.items()):
        of_model = overlaps[overlaps["model"] == model]
        if of_model.empty:
            continue
        one = of_model.groupby("sample").agg(
            size=("size", "first"), mean=("jaccard", "mean"), least=("jaccard", "min"), most=("jaccard", "max")
        )
        at = one["size"] * 1.03 ** (number - (len(labels) - 1) / 2)  # side by side
        axes.vlines(at, one["least"], one["most"], color=colours[model], alpha=0.5, linewidth=1.2)
        axes.scatter(
            at, one["mean"], s=24, color=colours[model], marker=MARKERS[number % len(MARKERS)], edgecolor="white",
            linewidth=0.5, label=plain(label), zorder=3,
        )  # fmt: skip


def caption(overlaps: pd.DataFrame, level: float, *, same_test: bool) -> str:
    """Under the figure of `against_size`."""
    images = count_of(overlaps["sample"].nunique(), "test image")
    runs = overlaps[["split", "seed"]].drop_duplicates()
    spans = f"Bars: from the lowest to the highest of {count_of(len(runs), 'training')}, which all meet these images. "
    extremes = " to ".join(count_of(int(size), "pixel") for size in (overlaps["size"].min(), overlaps["size"].max()))
    return (
        f"Jaccard (intersection over union) of each of {images} against the size of the image ({extremes}, on a "
        f"logarithmic scale); a dot is the mean of its trainings. {spans if same_test else ''}Dashed: {level:g}."
    )


def shares_sentence(overlaps: pd.DataFrame, level: float, labels: Mapping[str, str]) -> str:
    """How many images are above the level in every training, and the lowest of all, by model and class."""
    told = []
    for (model, what), lines in overlaps.groupby(["model", "what"], sort=False):
        lowest = lines.groupby("sample")["jaccard"].min()
        above = f"{int((lowest > level).sum())} of {count_of(len(lowest), 'image')} above {level:g} in every training"
        told.append(f"{labels[model]}, {what}: {above}, the lowest {lowest.min():.3f}")
    return "; ".join(told) + "."
