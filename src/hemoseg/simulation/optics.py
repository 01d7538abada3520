"""Light: stain colours per patient, uneven illumination, exposure, the sensor's noise.

Everything that absorbs is summed as natural-log optical density in fixed point (`exact.UNIT`), so that two cells on top
of each other absorb twice; the table of transmissions turns the sum into light. The fourth channel is near infrared
with a phase-like relief: haemoglobin hardly absorbs there, edges show.
"""

from dataclasses import dataclass

import numpy as np

from hemoseg.simulation.exact import LIMIT, UNIT, Draws, blur, enlarge, transmission_table

FRAME_STREAM, PATIENT_STREAM = 1, 2
# Optical density by which the lamp falls off from the brightest to the darkest corner: about that of a cell, so that no
# one threshold parts cells from background.
LEAST_FALL, MOST_FALL = 0.41, 0.49


@dataclass(frozen=True)
class Stain:
    """Natural-log optical density of thickness 1.0 per channel (red, green, blue, near infrared).

    Attributes:
        haemoglobin: eosin-stained haemoglobin, pink to violet by patient.
        basophil: blue-violet stain of reticulum and granules.
        platelet: magenta of platelets and precipitate.
        neutral: dust, refraction: every channel alike.
        ground: what the plasma film and the lamp's colour take from every pixel.
    """

    haemoglobin: tuple[float, ...]
    basophil: tuple[float, ...]
    platelet: tuple[float, ...]
    neutral: tuple[float, ...]
    ground: tuple[float, ...]


def patient_stain(seed: int, patient: int) -> Stain:
    """The stain of one patient's slide."""
    draws = Draws(PATIENT_STREAM, seed, patient)
    hue, strength = draws.between(0, 1), draws.between(0.95, 1.2)
    pink, violet = (0.17, 0.60, 0.34), (0.38, 0.55, 0.20)
    haemoglobin = [strength * (p + hue * (q - p)) for p, q in zip(pink, violet, strict=True)]
    grey = draws.between(0.03, 0.12)
    ground = [grey + draws.between(0, most) for most in (0.06, 0.06, 0.08, 0.08)]
    return Stain(
        haemoglobin=(*haemoglobin, 0.07),
        basophil=(0.95, 0.85, 0.28, 0.10),
        platelet=(0.42 * strength, 0.95 * strength, 0.40 * strength, 0.12),
        neutral=(1.0, 1.0, 1.0, 0.8),
        ground=tuple(ground),
    )


def ground_density(height: int, width: int, channels: int, stain: Stain, shading: float, draws: Draws) -> np.ndarray:
    """Optical density of the empty field, int16 ``(channels, height, width)``: gradient, vignette, uneven stain."""
    rows, columns = max(2, (height + 31) // 32), max(2, (width + 31) // 32)
    lamp = lamp_fall(rows, columns, draws)
    lamp = lamp * (draws.between(LEAST_FALL, MOST_FALL) / float(lamp.max()))
    film = clouds(rows, columns, draws) * draws.between(0.02, 0.10)
    density = np.empty((channels, height, width), np.int16)
    for channel in range(channels):
        tint = 1 + draws.between(-0.08, 0.08)
        share = stain.haemoglobin[channel] * 1.6
        even = 0.35 if channel == 3 else 1.0  # the near-infrared lamp lights the field more evenly
        field = stain.ground[channel] + shading * (even * lamp * tint + film * share)
        density[channel] = enlarge(np.rint(field * UNIT).astype(np.uint16), height, width)
    return density


def lamp_fall(rows: int, columns: int, draws: Draws) -> np.ndarray:
    """How far the lamp falls off, gradient and vignette, float64 ``(rows, columns)``; 0 where it is brightest."""
    y = (np.arange(rows, dtype=np.float64) / (rows - 1) * 2 - 1)[:, None]
    x = (np.arange(columns, dtype=np.float64) / (columns - 1) * 2 - 1)[None, :]
    cosine, sine = draws.direction()
    gradient = draws.between(0.1, 0.35) * (1.5 + x * cosine + y * sine)
    off_x, off_y = draws.between(-0.25, 0.25), draws.between(-0.2, 0.2)
    square = (x - off_x) * (x - off_x) + 0.6 * (y - off_y) * (y - off_y)
    lamp = gradient + square * (0.15 + draws.between(0.5, 0.8) * square)
    return lamp - float(lamp.min())


def clouds(rows: int, columns: int, draws: Draws) -> np.ndarray:
    """Slow random variation in [0, 1], float64 ``(rows, columns)``."""
    small = np.rint(draws.grid(max(2, rows // 5), max(2, columns // 5)) * 60000).astype(np.uint16)
    return blur(enlarge(small, rows, columns), 2.0).astype(np.float64) / 60000


def expose(density: np.ndarray, noise: float, white: float, bit_depth: int, draws: Draws) -> np.ndarray:
    """Light on the sensor, uint8 or uint16 ``(channels, height, width)``.

    Args:
        density: int16 ``(channels, height, width)``, 0..LIMIT.
        noise: standard deviation at full brightness; a third of its variance is the reading, the rest is photons.
        white: exposure; the value of zero density, 1.0 = saturation.
        bit_depth: 8 or 16.
        draws: where the noise comes from.
    """
    table = transmission_table().astype(np.float64) * white
    light = np.rint(table).astype(np.int32)
    # Four bytes sum to a bell of standard deviation 147.8; the amplitude per step of it, in 1/256.
    amplitude = np.sqrt((1 + 2 * table / 65535) / 3) * (noise * 65535 / 147.8 * 256)
    amplitude = np.rint(amplitude).astype(np.int32)
    image = np.empty(density.shape, np.uint8 if bit_depth == 8 else np.uint16)
    rows = 64  # blocks that stay in the cache
    for channel in range(density.shape[0]):
        for top in range(0, density.shape[1], rows):
            block = density[channel, top : top + rows]
            value = light[block] + ((bell_noise(block.shape, draws) * amplitude[block]) >> 8)
            np.clip(value, 0, 65535, out=value)
            image[channel, top : top + rows] = value >> 8 if bit_depth == 8 else value
    return image


def bell_noise(shape: tuple[int, int], draws: Draws) -> np.ndarray:
    """Sums of four random bytes less their mean, int32 ``shape``; standard deviation 147.8."""
    size = shape[0] * shape[1]
    planes = draws.bytes(4 * size).reshape(4, *shape).astype(np.int16)
    return (planes[0] + planes[1] + planes[2] + planes[3] - 510).astype(np.int32)


def blank_margins(image: np.ndarray, left: int, right: int, noise: float, draws: Draws) -> None:
    """Overwrite the outer columns of ``image`` ``(channels, height, width)``: nearly black or nearly white."""
    top = 255 if image.dtype == np.uint8 else 65535
    level = draws.between(0.01, 0.05) if draws.chance(0.75) else draws.between(0.96, 0.99)
    width = image.shape[2]
    for columns in (slice(0, left), slice(width - right, width)):
        for channel in range(image.shape[0]):
            shape = image[channel, :, columns].shape
            if shape[1]:
                grain = bell_noise(shape, draws) * round(noise * 0.35 * top / 147.8 * 4096) >> 12
                image[channel, :, columns] = np.clip(int(level * top) + grain, 0, top)


def absorb(density: np.ndarray, box: tuple[slice, slice], amount: np.ndarray, colour: tuple[float, ...]) -> None:
    """Add a thickness, int32 ``(h, w)`` in fixed point (negative where light is gathered), to a box of the field."""
    rows, columns = box
    for channel in range(density.shape[0]):
        part = density[channel, rows, columns]
        weight = int(colour[channel] * 4096)
        part[...] = np.clip(part + ((amount * weight) >> 12), 0, LIMIT)
