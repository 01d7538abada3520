"""Simulated fluorescence frames with exact truth: nuclei in a DAPI stain, many of which touch (touching, section 4).

A frame is the light of its nuclei and of what is no nucleus, hazed by what lies out of focus, under an uneven lamp, on
a sensor that counts electrons. Nuclei, dirt, haze and sensor draw from streams of their own, so that a setting of one
leaves the others as they are.
"""

from typing import Any

import numpy as np

from hemoseg.simulation.exact import UNIT, Draws, blur, enlarge
from hemoseg.simulation.frame import SimulatedFrame
from hemoseg.simulation.nuclei_dirt import add_dirt, add_far_nuclei
from hemoseg.simulation.nuclei_forms import Nucleus, draw_nucleus
from hemoseg.simulation.nuclei_settings import FIELD, check
from hemoseg.simulation.optics import bell_noise, clouds, lamp_fall
from hemoseg.simulation.scene import Scene, group_sizes

__all__ = ["CLASS_NAMES", "TRUTH", "check", "dataset", "simulate_frame"]

CLASS_NAMES = ["nucleus"]
TRUTH = (
    "Every pixel within a drawn outline belongs to one nucleus: where two overlap the image shows the light of both, "
    "and the truth gives the pixels to the one on top; the one below keeps one connected part of at least 60 % of its "
    "area in the frame. Dirt and what lies out of focus are background."
)
SCENE_STREAM, DIRT_STREAM, HAZE_STREAM, SENSOR_STREAM = 11, 12, 13, 14
NUCLEUS_UM = 12.0  # diameter of a mean nucleus; ours, it gives 40x with a pixel of 0.41 um
CLUSTERS = {2: 0.46, 3: 0.22, 4: 0.13, 6: 0.11, 9: 0.08}  # size of a cluster to how often it comes; ours
APART = 4  # px that nuclei outside of clusters keep from all others: more than the 3 px within which nuclei touch
ANCHORS = 4  # members of its cluster that a nucleus is tried against
GLOW = {0.45: 0.13, 1.6: 0.17}  # sigma of the glow around nuclei in diameters to its share of their light; ours


def simulate_frame(settings: dict[str, Any], *, seed: int, index: int) -> SimulatedFrame:
    """Frame ``index`` of the data set of ``seed``; depends on nothing else, whatever the order or the machine.

    Args:
        settings: see `hemoseg.simulation.nuclei_settings`; what is missing takes its default.
        seed: >= 0.
        index: >= 0.

    Returns:
        The frame, its image of one channel.

    Raises:
        InputError: a setting is unknown or out of bounds.
    """
    known = check(settings)
    height, width = known["height"], known["width"]
    scene = Scene(np.zeros((height, width), np.int32), 0, width)
    _place_nuclei(scene, known, Draws(SCENE_STREAM, seed, index))
    light = np.zeros((height, width), np.int32)
    for nucleus, row, column in scene.cells:
        frame, inner = scene.window(nucleus.light.shape, row - nucleus.rim, column - nucleus.rim)
        light[frame] += nucleus.light[inner]
    add_dirt(light, scene, known, Draws(DIRT_STREAM, seed, index))
    _add_haze(light, scene, known, Draws(HAZE_STREAM, seed, index))
    return SimulatedFrame(
        image=_expose(light, known, Draws(SENSOR_STREAM, seed, index))[..., None],
        instances=scene.owner,
        classes=(scene.owner > 0).astype(np.uint8),
    )


def dataset(settings: dict[str, Any]) -> dict[str, Any]:
    """What ``dataset.yaml`` says about frames of these settings."""
    known = check(settings)
    return {
        "simulated": True,
        "classes": CLASS_NAMES,
        "pixel_size_um": round(NUCLEUS_UM / known["diameter"], 5),
        "licence": "CC0-1.0",
        "citation": "Simulated by hemoseg; every frame follows from the settings and the seed in manifest.csv.",
        "truth": TRUTH,
    }


def _place_nuclei(scene: Scene, known: dict[str, Any], draws: Draws) -> None:
    """Clusters first, then the others where they stay apart; what finds no room is left out."""
    height, width = scene.owner.shape

    def drawn() -> Nucleus:
        return draw_nucleus(known, draws)

    count = draws.count(known["nuclei"] * height * width / FIELD)
    for size in sorted(group_sizes(count, known["touching"], draws, CLUSTERS), reverse=True):
        first = len(scene.cells) + 1
        if not scene.place_alone(drawn(), APART, draws):
            continue
        for _ in range(size - 1):
            most = known["overlap"] if draws.chance(known["overlapping"]) else 0.0
            hidden, nucleus = draws.between(min(0.03, most), most), drawn()
            for _ in range(ANCHORS):
                inmost = draws.between(0, 1)  # squared, so that clusters grow round their first members
                anchor = first + int(inmost * inmost * (len(scene.cells) - first + 1))
                if scene.place_against(nucleus, anchor, hidden, 2, draws):
                    break


def _add_haze(light: np.ndarray, scene: Scene, known: dict[str, Any], draws: Draws) -> None:
    """Add what comes from out of focus: the glow around nuclei, nuclei of other layers and an uneven veil."""
    height, width = light.shape
    strength = known["haze"] * draws.between(0.4, 1.6)
    # Wide blurs are made at a quarter of the resolution: they hold no detail.
    small = blur(np.minimum(light, 65535).astype(np.uint16), 2.0)[::4, ::4].copy()
    add_far_nuclei(light, scene, known, draws)
    for wide, share in GLOW.items():
        glow = enlarge(blur(small, wide * known["diameter"] / 4), height, width).astype(np.int32)
        light += glow * int(strength * share * 4096) >> 12
    rows, columns = max(2, height // 32), max(2, width // 32)
    veil = (0.5 + clouds(rows, columns, draws)) * (strength * draws.between(0.03, 0.18) * UNIT)
    light += enlarge(np.rint(veil).astype(np.uint16), height, width)


def _expose(light: np.ndarray, known: dict[str, Any], draws: Draws) -> np.ndarray:
    """What the sensor makes of light, int32 ``(H, W)`` in fixed point: uint8 or uint16 ``(H, W)``.

    The number of photons scatters as Poisson's law says in its mean and variance, with the bell's form that the law
    has at more than a few photons.
    """
    height, width = light.shape
    rows, columns = max(2, height // 16), max(2, width // 16)
    fall = lamp_fall(rows, columns, draws)
    lamp = 1 - fall * (known["shading"] * draws.between(0.6, 1.0) / float(fall.max()))
    lit = enlarge(np.rint(lamp * 65535).astype(np.uint16), height, width).astype(np.float64) / 65535
    photons = known["photons"] * draws.between(0.5, 2.0)
    white = photons / (known["exposure"] * draws.between(0.5, 1.5))
    offset = draws.between(0.005, 0.03)
    electrons = light * lit * (photons / UNIT)
    noise = np.sqrt(electrons + known["read_noise"] * known["read_noise"]) / 147.8
    value = (electrons + bell_noise(light.shape, draws) * noise) / white + offset
    value = np.rint(np.minimum(np.maximum(value, 0), 1) * 65535).astype(np.uint16)
    return (value >> 8).astype(np.uint8) if known["bit_depth"] == 8 else value
