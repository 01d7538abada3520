"""How `segment` looks at images: what the user says, else what the model's evidence says, else what stands here."""

from dataclasses import asdict, dataclass
from typing import Any

from hemoseg.errors import InputError
from hemoseg.settings import with_defaults
from hemoseg.steps.opened import Opened
from hemoseg.steps.predict import DEFAULTS, checked

WINDOW = [1024, 1024]  # not stated, ours: a frame of a microscope's camera in one to four windows
OVERLAP = 0.125  # not stated, ours: 128 pixels of 1024, more than most networks look to either side
# Of networks that make their own cells: a cell half as wide as an overlap is seen whole.
CELL_OVERLAP = 0.25
METHOD_WINDOW = [4096, 4096]  # classical methods take thresholds from what they see, and should see much
MULTIPLE = 32  # pixels: sides of windows are multiples of what the deepest network halves to one
LEAST_SCALE, MOST_SCALE = 1 / 16, 16.0
NO_RESIZING = 0.02  # a scale so near to 1 is taken as 1


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Attributes:
        window: rows and columns of a window.
        overlap: share of a window that the next one covers again.
        fits: whether windows may be made smaller for an image that as many smaller ones cover.
        batch_size: windows per pass.
        cells: ``components`` or ``watershed``.
        markers: see `hemoseg.inference.cells.DEFAULT_MARKERS`.
        min_area: components with fewer pixels of the network's grid are no cells.
    """

    window: tuple[int, int]
    overlap: float
    fits: bool
    batch_size: int
    cells: str
    markers: dict[str, Any]
    min_area: float

    def windows(self, size: tuple[int, int]) -> tuple[tuple[int, int], float]:
        """Rows and columns of a window for an image of a size, and the share of it that the next one covers again.

        Two windows of 1024 pixels would cover 1200 and meet in 848 of them; two of 672 do with the overlap asked for.
        """
        if not self.fits:
            return self.window, self.overlap
        shared = [int(side * self.overlap) for side in self.window]
        sides = []
        for length, side, both in zip(size, self.window, shared, strict=True):
            count = max(1, -(-(length - both) // (side - both)))
            least = -(-(length + (count - 1) * both) // count)
            sides.append(min(side, -(-least // MULTIPLE) * MULTIPLE))
        # The overlap in pixels stays; half a pixel less, lest rounding ask for one window more.
        return (sides[0], sides[1]), max(0.0, (min(shared) - 0.5) / max(sides)) if min(shared) else 0.0

    def as_facts(self) -> dict[str, Any]:
        """As segment.json tells them."""
        return asdict(self) | {"window": list(self.window)}


def settle(given: dict[str, Any], opened: Opened) -> Settings:
    """The settings for a model.

    Args:
        given: window, overlap, cells, markers, min_area_share, as `predict` knows them.
        opened: the model; the settings of its evidence, where it has any, are those of its own test.

    Raises:
        InputError: an unknown key or value.
    """
    with_defaults(given, DEFAULTS, "segment settings")
    tested = {key: value for key, value in opened.evidence.get("predict", {}).items() if key in DEFAULTS}
    if not tested.get("window"):  # whole samples in one pass, which says nothing of large images
        tested = {key: value for key, value in tested.items() if key not in ("window", "overlap")}
    whole = opened.probability is None
    ours = {"window": WINDOW, "overlap": CELL_OVERLAP if whole else OVERLAP}
    if whole and not opened.makes_cells:
        ours["window"] = METHOD_WINDOW
    merged = checked(DEFAULTS | ours | tested | {key: value for key, value in given.items() if value is not None})
    return Settings(
        tuple(merged["window"]),
        merged["overlap"],
        not (whole or given.get("window") or tested.get("window")),
        4 if opened.device.type == "cuda" else 1,
        merged["cells"],
        merged["markers"],
        float(merged["min_area_share"] * opened.description.get("median_cell_area", 0.0)),
    )


def scale_of(given: float | None, opened: Opened, pixel_size: float | None) -> tuple[float, str]:
    """Factor from an image to the network's grid, and a sentence where it had to be taken for granted.

    Args:
        given: by the user, goes before all else.
        opened: the model, whose evidence tells how its frames were resized and the size of their pixels.
        pixel_size: of the image in micrometres, where it is known.

    Raises:
        InputError: the factor makes no sense.
    """
    known = opened.evidence.get("scale") or {}
    factor, trained = known.get("factor"), known.get("pixel_size_um")
    note = ""
    if given is not None:
        scale = given
    elif factor and trained and pixel_size:
        scale = factor * pixel_size / trained
    elif factor:
        scale = factor
        note = "pixel sizes are not known; images are resized as the training frames were"
    else:
        scale = 1.0
        note = "the model does not tell how its frames were resized; images are taken as they are (--scale changes it)"
    if not LEAST_SCALE <= scale <= MOST_SCALE:
        raise InputError(
            f"a scale of {scale:g} between image and network makes no sense (pixel size {pixel_size}, of the model "
            f"{trained}); correct --pixel-size, or give --scale"
        )
    return (1.0 if abs(scale - 1) <= NO_RESIZING else scale), note
