"""Unstained cells in bright field: a lamp that is uneven over a large field, haemoglobin's tint, rims by refraction.

Every frame is a crop of a field of several megapixels; crops of one field share lamp, focus and exposure. An unstained
cell absorbs little: red cells take some blue and green light, macrophages hardly any. What shows them is refraction: a
little out of focus, light is gathered beside a thick place and missing at its edge, in proportion to the curvature of
the optical path (the transport-of-intensity equation), here the difference of two Gaussian blurs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hemoseg.simulation import optics
from hemoseg.simulation.exact import LIMIT, UNIT, Draws, blur, enlarge

FIELD_STREAM = 21
STEP = 32  # px between the points at which the lamp is known
FALL = (0.35, 0.60)  # optical density by which the lamp falls off over the field,
FILM = (0.05, 0.16)  # and by which it varies from place to place; ours
# Natural-log optical density of the thickest red cell per red, green, blue: of the order that 2.5 um of haemoglobin at
# 330 g/l take from broad bands of a camera, most of it near 415 nm.
HAEMOGLOBIN = (0.05, 0.17, 0.34)
GREY = (1.0, 0.98, 0.94)  # granules, dust: nearly every colour alike
RELIEF = 1.6  # optical density that a relief of 1.0 makes; ours
NEAR_UM, FAR_UM = 0.22, 0.75  # sigmas of the two blurs whose difference is the relief


@dataclass(frozen=True)
class Field:
    """What all crops of one field share.

    Attributes:
        lamp: optical density of the empty field at points `STEP` px apart, float64 ``(rows, columns)``.
        ground: what colour of lamp and medium take from every pixel, per channel.
        relief: how strongly edges show, 1.0 = usual.
        haemoglobin: how strongly it shows in this light, 1.0 = usual.
        white: exposure; the value of zero density, 1.0 = saturation.
        tiles: permuted numbers of the tiles that its crops take, one after the other.
    """

    lamp: np.ndarray
    ground: tuple[float, ...]
    relief: float
    haemoglobin: float
    white: float
    tiles: list[int]


@dataclass
class Layers:
    """What lies on a crop, int32 ``(H, W)`` each in fixed point.

    Attributes:
        path: optical path, 1.0 = that of a red cell's thickest place.
        haemoglobin: thickness, 1.0 = a red cell's thickest place.
        grey: optical density of what absorbs all colours alike.
    """

    path: np.ndarray
    haemoglobin: np.ndarray
    grey: np.ndarray


def draw_field(known: dict[str, Any], seed: int, number: int) -> Field:
    """Field ``number`` of the data set of ``seed``, whatever is on it."""
    draws = Draws(FIELD_STREAM, seed, number)
    height, width = known["field"]
    rows, columns = height // STEP + 3, width // STEP + 3
    lamp = optics.lamp_fall(rows, columns, draws)
    lamp = lamp * (draws.between(*FALL) / float(lamp.max()))
    lamp = lamp + optics.clouds(rows, columns, draws) * draws.between(*FILM)
    grey = draws.between(0.22, 0.34)
    places = (height // known["height"]) * (width // known["width"])
    tiles = list(range(places))
    for last in range(places - 1, 0, -1):
        other = draws.whole(0, last)
        tiles[last], tiles[other] = tiles[other], tiles[last]
    return Field(
        lamp=lamp * known["shading"],
        ground=tuple(grey + draws.between(0, most) for most in (0.03, 0.02, 0.08)),
        relief=known["contrast"] * draws.between(0.5, 1.2),
        haemoglobin=draws.between(0.45, 1.0),
        white=draws.between(0.90, 1.0),
        tiles=tiles,
    )


def empty(height: int, width: int) -> Layers:
    """Layers with nothing on them."""
    return Layers(*(np.zeros((height, width), np.int32) for _ in range(3)))


def crop_density(field: Field, known: dict[str, Any], crop: int) -> np.ndarray:
    """Optical density of the empty field at its crop number ``crop``, int32 ``(H, W)`` in fixed point."""
    height, width = known["height"], known["width"]
    across = known["field"][1] // width
    top, left = field.tiles[crop] // across * height, field.tiles[crop] % across * width
    row, column = top // STEP, left // STEP
    rows, columns = (height + 2 * STEP - 1) // STEP + 1, (width + 2 * STEP - 1) // STEP + 1
    part = np.rint(field.lamp[row : row + rows, column : column + columns] * UNIT).astype(np.uint16)
    large = enlarge(part, part.shape[0] * STEP, part.shape[1] * STEP)
    top, left = top % STEP, left % STEP
    return large[top : top + height, left : left + width].astype(np.int32)


def expose(layers: Layers, field: Field, known: dict[str, Any], crop: int, draws: Draws) -> np.ndarray:
    """The crop on the sensor, uint8 or uint16 ``(H, W, 3)``.

    Args:
        layers: what lies there.
        field: of which it is a crop.
        known: checked settings.
        crop: its number in the field.
        draws: where the noise comes from.
    """
    lamp = crop_density(field, known, crop)
    path = np.minimum(np.maximum(layers.path, 0), 65535).astype(np.uint16)
    near, far = (blur(path, sigma / known["pixel_size_um"]).astype(np.int32) for sigma in (NEAR_UM, FAR_UM))
    shared = lamp + layers.grey + ((near - far) * int(field.relief * RELIEF * 4096) >> 12)
    density = np.empty((3, *lamp.shape), np.int16)
    for channel in range(3):
        own = layers.haemoglobin * int(field.haemoglobin * HAEMOGLOBIN[channel] * 4096) >> 12
        own += (shared * int(GREY[channel] * 4096) >> 12) + int(field.ground[channel] * UNIT)
        density[channel] = np.clip(own, 0, LIMIT)
    image = optics.expose(density, known["noise"], field.white, known["bit_depth"], draws)
    return np.ascontiguousarray(image.transpose(1, 2, 0))
