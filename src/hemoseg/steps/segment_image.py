"""One image of any size through a model: probabilities strip by strip, cells joined over all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hemoseg.data.resampling import Resampled, Rows
from hemoseg.errors import InputError
from hemoseg.inference.splitting import Splitter
from hemoseg.inference.strips import probability_strips
from hemoseg.inference.window_cells import labelled_strips, window_centres
from hemoseg.labels.regions import Regions
from hemoseg.labels.strip_components import StripComponents
from hemoseg.models import Labelled
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.found import Found, Stores, bands
from hemoseg.steps.opened import Opened
from hemoseg.steps.row_store import RowStore
from hemoseg.steps.segment_settings import Settings
from hemoseg.steps.stopwatch import Stopwatch

IN_MEMORY = 2**26  # pixels: what is made of a larger image lies in files until it is finished
DONE = "strips.json"


@dataclass(frozen=True)
class Task:
    """An image and how it is to be looked at.

    Attributes:
        rows: of the image, uint8 or uint16.
        size: its rows and columns.
        scale: rows and columns of the network's grid over those of the image.
        brightness: factor from the image's numbers to those that the model knows.
        work: folder for what is not finished.
        step: is told of pixels of the image that have passed the model.
    """

    rows: Rows
    size: tuple[int, int]
    scale: float
    brightness: float
    work: Path
    step: Callable[[int], None]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the network's grid."""
        return tuple(max(1, round(side * self.scale)) for side in self.size)


def segment_image(
    opened: Opened, task: Task, settings: Settings, watch: Stopwatch
) -> tuple[Found, list[tuple[str, str]]]:
    """Cells, classes and probabilities of an image, and flags: pairs of a word and a reason.

    What an earlier run has left in the work folder is gone on with.
    """
    stores = _stores(opened, task)
    source = _as_network_sees(task, watch)
    flags = []
    if opened.probability is not None:
        _store_probabilities(opened, task, settings, stores, source, watch)
        whole = ()
    else:
        whole = _store_labels(opened, task, settings, stores, source, watch)
    with watch.of("cells"):
        regions = whole or _components(stores, task.grid, settings.min_area)
        if not whole and settings.cells == "watershed":
            splitter = Splitter(regions, _markers(opened, task, settings, source))
            regions = splitter.run(stores.labels.rows, stores.labels.write)
            if splitter.whole:
                flags.append(("not_split", f"{splitter.whole} connected areas are too large to be heaps of cells"))
        found = Found(task.rows, task.size, task.grid, stores, regions)
    return found, flags


def _stores(opened: Opened, task: Task) -> Stores:
    height, width = task.grid
    on_disk = height * width > IN_MEMORY
    if on_disk:
        task.work.mkdir(parents=True, exist_ok=True)
    file = {name: task.work / f"{name}.raw" if on_disk else None for name in ("classes", "labels", "probability")}
    known = opened.probability is not None
    kinds = len(opened.description["classes"])
    return Stores(
        RowStore(height, (width,), np.uint8, file["classes"]),
        RowStore(height, (width,), np.uint32, file["labels"]),
        RowStore(height, (kinds, width), np.uint8, file["probability"]) if known else None,
    )


def _as_network_sees(task: Task, watch: Stopwatch) -> Rows:
    """Rows on the network's grid, in the numbers that it knows."""
    rows = task.rows if task.grid == task.size else Resampled(task.rows, task.size, task.grid).rows

    def bright(first: int, last: int) -> np.ndarray:
        with watch.of("read"):
            values = rows(first, last)
            return values if task.brightness == 1 else values.astype(np.float32) * np.float32(task.brightness)

    return bright


def _store_probabilities(
    opened: Opened, task: Task, settings: Settings, stores: Stores, source: Rows, watch: Stopwatch
) -> None:
    """Let the network look at what it has not seen yet; the rows that are done are noted on the disk."""
    done = read_json(task.work / DONE, ["rows"])["rows"] if (task.work / DONE).exists() else 0
    on_disk = stores.classes.file is not None
    done = min(done, stores.classes.count, stores.probability.count) if on_disk else 0
    stores.classes.keep(done)
    stores.probability.keep(done)
    share = task.size[0] * task.size[1] / task.grid[0]
    task.step(round(done * share))

    def probability(images: torch.Tensor) -> torch.Tensor:
        with watch.of("network"):
            return watch.settled(opened.probability(images))

    window, overlap = settings.windows(task.grid)
    strips = probability_strips(
        probability, source, task.grid, window=window, overlap=overlap,
        batch_size=settings.batch_size, first_row=done,
    )  # fmt: skip
    for first, strip in strips:
        with watch.of("cells"):
            classes = _most_probable(strip).cpu().numpy()
            steps = (strip * 255).round().to(torch.uint8).permute(1, 0, 2).cpu().numpy()
            stores.classes.append(classes)
            stores.probability.append(steps)
        if on_disk:
            stores.classes.flush()
            stores.probability.flush()
            write_json(task.work / DONE, {"rows": first + len(classes)})
        task.step(round((first + len(classes)) * share) - round(first * share))


def _most_probable(probability: torch.Tensor) -> torch.Tensor:
    """Class of each pixel of ``(K, h, W)``, uint8, the lowest of several; torch's argmax takes much longer."""
    best, classes = probability[0], torch.zeros(probability.shape[1:], dtype=torch.uint8, device=probability.device)
    for number, other in enumerate(probability[1:], 1):
        classes[other > best] = number
        best = torch.maximum(best, other)
    return classes


def _store_labels(
    opened: Opened, task: Task, settings: Settings, stores: Stores, source: Rows, watch: Stopwatch
) -> Regions | None:
    """Let a model look that has to see cells whole; the regions where it makes them itself."""
    for store in (stores.classes, stores.labels):
        store.keep(0)

    def label(image: np.ndarray) -> Labelled:
        with watch.of("network"):
            return opened.label(image)

    window, overlap = settings.windows(task.grid)
    strips = labelled_strips(label, source, task.grid, window=window, overlap=overlap)
    share, cells = task.size[0] * task.size[1] / task.grid[0], 0
    own = False
    for strip in strips:
        stores.classes.append(strip.classes)
        if strip.instances is not None:
            own = True
            stores.labels.append(strip.instances)
            cells = max(cells, int(strip.instances.max(initial=0)))
        if strip.probability is not None:
            _kept_probability(stores, task, strip.probability)
        task.step(round((strip.first + len(strip.classes)) * share) - round(strip.first * share))
    return Regions(np.arange(cells + 1), np.zeros((0, 4), np.int64)) if own else None


def _kept_probability(stores: Stores, task: Task, probability: np.ndarray) -> None:
    if stores.probability is None:
        file = None if stores.classes.file is None else task.work / "probability.raw"
        stores.probability = RowStore(task.grid[0], (len(probability), task.grid[1]), np.uint8, file)
        stores.probability.keep(0)
    stores.probability.append(np.rint(np.moveaxis(probability, 0, 1) * 255).astype(np.uint8))


def _components(stores: Stores, grid: tuple[int, int], min_area: float) -> Regions:
    """Number the 8-connected parts of the foreground."""
    components = StripComponents(min_area)
    stores.labels.keep(0)
    for first, last in bands(*grid):
        stores.labels.append(components.add(stores.classes.rows(first, last) > 0))
    return components.regions()


def _markers(opened: Opened, task: Task, settings: Settings, source: Rows) -> np.ndarray | None:
    """Centres of the boxes that a network proposes; none where the distance to the background tells the markers."""
    if settings.markers["source"] == "distance":
        return None
    propose = partial(opened.propose, score=settings.markers["score"], overlap=settings.markers["overlap"])
    window, overlap = settings.windows(task.grid)
    points = window_centres(propose, source, task.grid, window=window, overlap=overlap)
    if points is None:
        raise InputError(
            "segment settings: this model proposes no boxes that a watershed could start from; set markers.source: "
            "distance, or cells: components"
        )
    return points
