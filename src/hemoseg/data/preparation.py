"""From frames to samples: margin crop, then whole frame, quadrants or tiles, then resize."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hemoseg.data import partial
from hemoseg.data.classes import Merging, classes_of_instances, relabel
from hemoseg.data.frames import Frame
from hemoseg.data.margins import find_margins
from hemoseg.data.resize import resize_image, resize_labels
from hemoseg.data.samples import Samples
from hemoseg.data.tiles import Box, quadrants, tiles
from hemoseg.errors import InputError
from hemoseg.labels.lines import between_cells
from hemoseg.settings import with_defaults

DEFAULTS: dict[str, Any] = {
    "margin_crop": False,  # true, or {"share": ..., "contrast": ...}
    "layout": "whole",
    "size": None,  # rows and columns of every sample; None: as cut
    "tile": None,
    "overlap": 0,
    "classes": None,
    "ignore": [],
    "instances": "files",  # or "components": each connected part of a class is a cell, where no file tells them apart
    "only": {},  # column of manifest.csv (id, group, kind, part) to the values whose images are taken
    "lines": 0,  # pixels that a cell loses, in the truth that tests too, where another is that near (labels/lines.py)
    "unlabelled": {},  # cells without a label, see data/partial.py
    "labels": "truth",  # or "auto": images without labels are no fault
    "dataset": {},  # keys of dataset.yaml, for a folder that may not be written to
}
MARGIN_DEFAULTS = {"share": 0.5, "contrast": 0.02}
COLUMNS = ("id", "group", "kind", "part")  # by which images can be chosen
LAYOUTS = ("whole", "quadrants", "tiles")


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key, or a value that is none.
    """
    settings = partial.checked(with_defaults(settings, DEFAULTS, "prepare settings"))
    if settings["layout"] not in LAYOUTS:
        raise InputError(f"prepare settings: layout {settings['layout']!r} is none of {', '.join(LAYOUTS)}.")
    if settings["labels"] not in ("truth", "auto"):
        raise InputError(f"prepare settings: labels {settings['labels']!r} is neither 'truth' nor 'auto'; choose one")
    for key in ("size", "tile"):
        value = settings[key]
        whole = isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(v, int) and v > 0 for v in value)
        if value is not None and not whole:
            raise InputError(f"prepare settings: {key} {value!r}; give rows and columns, such as [256, 256]")
    for column, values in settings["only"].items():
        if column not in COLUMNS or not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise InputError(
                f"prepare settings: only {settings['only']!r}; give columns of manifest.csv ({', '.join(COLUMNS)}) and "
                "a list of their values as text, such as {group: [slide1]}"
            )
    if isinstance(settings["lines"], bool) or not isinstance(settings["lines"], int) or settings["lines"] < 0:
        raise InputError(f"prepare settings: lines {settings['lines']!r}; give a whole number of pixels, 0 or more")
    if settings["layout"] == "tiles" and settings["tile"] is None:
        raise InputError("prepare settings: layout 'tiles' needs 'tile'; add it, such as [256, 256]")
    crop = settings["margin_crop"]
    if crop is not False:
        given = crop if isinstance(crop, dict) else {}
        settings["margin_crop"] = with_defaults(given, MARGIN_DEFAULTS, "prepare settings margin_crop")
    return settings


@dataclass
class Cutter:
    """Collects the samples of frame after frame.

    Attributes:
        settings: see `DEFAULTS`, checked.
        merging: the classes.
        white: value that means 1.0.
        margins: left and right margin of each frame that was cropped.
    """

    settings: dict[str, Any]
    merging: Merging
    white: float
    margins: dict[str, tuple[int, int]] = field(default_factory=dict)
    _rows: list[tuple[Frame, str, Box, tuple[int, int]]] = field(default_factory=list)

    def add(self, frame: Frame) -> None:
        """Cut one frame.

        Raises:
            InputError: the frame is smaller than a tile.
        """
        content = self._content(frame)
        if frame.classes is not None:
            frame = self._labelled(frame, content)
        for box in self._boxes(frame, content):
            whole = self.settings["layout"] == "whole"
            name = frame.id if whole else f"{frame.id}_{box[0]}_{box[1]}"
            sample = parted(resized(frame.crop(box), self.settings["size"]), self.settings["lines"])
            self._rows.append((sample, name, box, frame.size))

    def _content(self, frame: Frame) -> Box:
        """What is no margin."""
        rows, columns = frame.size
        if not self.settings["margin_crop"]:
            return (0, 0, rows, columns)
        left, right = find_margins(frame.image, self.white, **self.settings["margin_crop"])
        self.margins[frame.id] = (left, right)
        return (0, left, rows, columns - right)

    def _labelled(self, frame: Frame, content: Box) -> Frame:
        """The frame with the classes of the experiment."""
        if self.settings["instances"] == "components":
            frame = partial.cells_of_classes(frame)
        unlabelled = dict(self.settings["unlabelled"])
        if unlabelled.pop("ignore") == "foreground":
            frame = partial.without_unlabelled(frame, content, **unlabelled)
        classes, instances = self.merging.apply(frame.classes, frame.instances)
        return replace(frame, classes=classes, instances=instances)

    def _boxes(self, frame: Frame, content: Box) -> list[Box]:
        """Where the samples of a frame lie in it."""
        rows, columns = content[2] - content[0], content[3] - content[1]
        if self.settings["layout"] == "quadrants" and min(rows, columns) < 2:
            raise InputError(f"{frame.id}: {rows} x {columns} px cannot be cut into quadrants; use layout: whole")
        if self.settings["layout"] == "tiles":
            try:
                return tiles(content, tuple(self.settings["tile"]), self.settings["overlap"])
            except ValueError as error:
                raise InputError(f"{frame.id}: {error}; choose a smaller tile or another layout") from None
        return quadrants(content) if self.settings["layout"] == "quadrants" else [content]

    def samples(self, pixel_size: float | None, info: dict[str, Any]) -> Samples:
        """Everything that was cut."""
        frames = [row[0] for row in self._rows]
        ids = [row[1] for row in self._rows]
        if len(set(ids)) < len(ids):
            raise InputError("two samples would have one name; rename the images so that no id is another's with _0_0")
        return Samples(
            images=[frame.image for frame in frames],
            classes=[frame.classes for frame in frames if frame.classes is not None],
            instances=[frame.instances for frame in frames if frame.instances is not None],
            ids=ids,
            frames=[frame.id for frame in frames],
            groups=[frame.group for frame in frames],
            kinds=[frame.kind for frame in frames],
            boxes=np.array([row[2] for row in self._rows], np.int64).reshape(-1, 4),
            frame_sizes=np.array([row[3] for row in self._rows], np.int64).reshape(-1, 2),
            class_names=self.merging.names,
            white=self.white,
            pixel_size=float("nan") if pixel_size is None else float(pixel_size),
            info=info | {"margins": self.margins},
            parts=[frame.part for frame in frames],
        )


def resized(frame: Frame, size: tuple[int, int] | None) -> Frame:
    """A frame at another size, its cells numbered 1..n.

    Where there are instances they are resized and the class map is made from them, each cell with one class, so that
    two cells that touch stay two; classes outside of cells (what is ignored) are resized as they are.
    """
    size = tuple(size or frame.size)
    image = np.ascontiguousarray(resize_image(frame.image, size))
    if frame.classes is None:
        return replace(frame, image=image)
    classes = resize_labels(frame.classes, size)
    if frame.instances is None:
        return replace(frame, image=image, classes=classes)
    cells = relabel(frame.instances)
    instances = resize_labels(cells, size)
    of_cell = classes_of_instances(frame.classes, cells)
    classes = np.where(instances > 0, of_cell[instances], classes)
    return replace(frame, image=image, classes=classes, instances=relabel(instances))


def parted(frame: Frame, lines: int) -> Frame:
    """A frame whose touching cells are parted by lines of background, in its cells and in its class map.

    Training labels and the truth of test samples are both made of it, so scores are of the thinned truth.
    """
    if frame.instances is None or lines == 0:
        return frame
    taken = between_cells(frame.instances, lines)
    instances = relabel(np.where(taken, 0, frame.instances))
    return replace(frame, instances=instances, classes=np.where(taken, 0, frame.classes).astype(frame.classes.dtype))
