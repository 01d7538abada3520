"""The settings of simulated unstained cells of two kinds: defaults, meaning, bounds.

What the source (autocsc, PAPERS section 5) states: 4000x3000 frames cropped to 512x512; 1000 crops with red cells
alone, 1000 with macrophages alone, 600 mixed ones of which 450, 75 and 75 train, validate and test; sizes in um; a
truth of 3130 red cells and 405 macrophages in the 75 test images. The rest is ours; with 0.25 um to the pixel those
counts cover about a seventh of the frame, which goes with the published FWIoU and mIoU (background IoU near 0.99).
"""

from typing import Any

from hemoseg.errors import InputError
from hemoseg.simulation.bounds import bit_depth, number, numbers, of_kind, refuse_unknown

KINDS = ("rbc", "macrophage", "mixed")  # of frames, in the order of their numbers
PARTS = ("train", "val", "test")  # of the mixed frames
FIELD_UM = 128.0  # ``cells`` and ``debris`` are numbers per square of this side: 512 px of 0.25 um
LEAST = 32  # px, height and width

# Key -> (default, least, most).
NUMBERS: dict[str, tuple[float, float, float]] = {
    "rbc": (1000, 0, 100_000),  # frames with red cells alone
    "macrophage": (1000, 0, 100_000),  # frames with macrophages alone
    "mixed": (600, 0, 100_000),  # frames with both
    "height": (512, LEAST, 4096),  # rows of a frame, a crop of a field
    "width": (512, LEAST, 4096),  # columns
    "crops": (15, 1, 10_000),  # frames of one field: they share lamp and focus, and are a group
    "bit_depth": (8, 8, 16),
    "pixel_size_um": (0.25, 0.05, 1.0),  # side of a pixel
    "rbc_touching": (0.25, 0, 1),  # share of the red cells that stand in pairs or clumps
    "macrophage_touching": (0.5, 0, 1),  # share of the macrophages that stick together
    "rosettes": (0.15, 0, 1),  # share of the red cells outside of clumps that lie against a macrophage, if there is one
    "overlapping": (0.4, 0, 1),  # share of the touching neighbours that truly overlap
    "overlap": (0.15, 0, 0.4),  # largest share of a cell's area that another may hide
    "crenated": (0.07, 0, 1),  # share of the red cells with a spiny outline
    "debris": (12.0, 0, 1000),  # mean number per 128 x 128 um
    "contrast": (1.0, 0, 3),  # strength of the dark rims and bright halos that refraction draws
    "noise": (0.016, 0, 0.2),  # standard deviation at full brightness, 1.0 = white
    "blur_um": (0.22, 0, 3),  # sigma of the sharpest cell's blur
    "shading": (1.0, 0, 2),  # strength of the lamp's fall over the field; 0 lights it evenly
}
WHOLE = ("rbc", "macrophage", "mixed", "height", "width", "crops", "bit_depth")
SIZES_UM = {"rbc_um": (5.0, 7.0), "macrophage_um": (13.0, 20.0)}  # autocsc: least and most, of a disc of the same area
FEWEST = 5  # px that the smallest cell must measure
FIELD = (3000, 4000)  # autocsc: rows and columns of the frame that crops are of
# Mean number per 128 x 128 um and one at the least; of mixed frames red cells and macrophages (autocsc, counts: 3130
# and 405 in the 75 test images of 512x512 px).
CELLS = {"rbc": 48.0, "macrophage": 7.0, "mixed": (41.7, 5.4)}


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with defaults filled in; ``frames`` is the sum of the three kinds.

    Raises:
        InputError: an unknown key, a value of the wrong type or out of bounds, parts that are not all mixed frames, a
            field with too little room for its crops.
    """
    refuse_unknown(settings, [*NUMBERS, *SIZES_UM, "kind", "frames", "field", "cells", "parts"])
    checked: dict[str, Any] = {"kind": of_kind(settings, "cell_kinds")} | numbers(settings, NUMBERS, WHOLE)
    bit_depth(checked["bit_depth"])
    checked["frames"] = sum(checked[kind] for kind in KINDS)
    if not checked["frames"] or settings.get("frames", checked["frames"]) != checked["frames"]:
        raise InputError(
            f"simulate: frames: rbc, macrophage and mixed make {checked['frames']}; leave frames out and ask for one"
        )
    for key, default in SIZES_UM.items():
        checked[key] = _range(key, settings.get(key, default), checked["pixel_size_um"])
    checked["parts"] = _parts(settings.get("parts"), checked["mixed"])
    checked["cells"] = _cells(settings.get("cells", {}))
    checked["field"] = _field(settings.get("field", FIELD), checked)
    return checked


def _range(key: str, value: Any, pixel: float) -> tuple[float, float]:
    least, most = (number(key, length, 1, 100) for length in _list(key, value, 2, "least and most in um"))
    if least > most:
        raise InputError(f"simulate: {key}: {least:g} is more than {most:g}; write [least, most]")
    if least < FEWEST * pixel:
        raise InputError(
            f"simulate: {key}: {least:g} um are fewer than {FEWEST} px of {pixel:g} um; make pixel_size_um smaller"
        )
    return least, most


def _parts(value: Any, mixed: int) -> tuple[int, int, int]:
    if value is None:  # in the proportion of the source's 450, 75, 75
        return mixed - 2 * (mixed // 8), mixed // 8, mixed // 8
    counts = _list("parts", value, 3, "numbers of mixed frames that train, validate and test")
    counts = [number("parts", count, 0, 100_000, whole=True) for count in counts]
    if sum(counts) != mixed:
        raise InputError(f"simulate: parts: {counts} make {sum(counts)}, and {mixed} frames are mixed; make them equal")
    return tuple(counts)


def _cells(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"simulate: cells: a mapping of kind to numbers is needed, not {value!r}")
    refuse_unknown(value, KINDS, "cells: ")
    value = CELLS | value
    both = _list("cells: mixed", value["mixed"], 2, "numbers of red cells and of macrophages")
    cells: dict[str, Any] = {kind: number(f"cells: {kind}", value[kind], 0, 5000) for kind in KINDS[:2]}
    return cells | {"mixed": tuple(number("cells: mixed", count, 0, 5000) for count in both)}


def _field(value: Any, checked: dict[str, Any]) -> tuple[int, int]:
    sides = _list("field", value, 2, "rows and columns in px")
    rows, columns = (number("field", side, LEAST, 65536, whole=True) for side in sides)
    room = (rows // checked["height"]) * (columns // checked["width"])
    if room < checked["crops"]:
        raise InputError(
            f"simulate: field: {rows} x {columns} px have room for {room} crops of {checked['height']} x "
            f"{checked['width']} px, not for {checked['crops']}; make it larger, or crops fewer"
        )
    return rows, columns


def _list(key: str, value: Any, length: int, what: str) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) != length:
        raise InputError(f"simulate: {key}: {what} are needed, not {value!r}")
    return list(value)
