"""Simulated bright-field frames of unstained cells with exact truth: red cells, macrophages, or both (autocsc).

Frames are numbered by kind: those with red cells alone, those with macrophages alone, the mixed ones. Each kind draws
from streams of its own, so that the number of one kind leaves the frames of another as they are.
"""

from typing import Any

import numpy as np

from hemoseg.simulation import bright_field
from hemoseg.simulation.cell_kinds_settings import FIELD_UM, KINDS, PARTS, check
from hemoseg.simulation.debris import add_debris
from hemoseg.simulation.exact import Draws
from hemoseg.simulation.frame import SimulatedFrame
from hemoseg.simulation.macrophages import draw_macrophage
from hemoseg.simulation.red_discs import draw_red_disc
from hemoseg.simulation.scene import CLUMPS, Scene, group_sizes

__all__ = ["CLASS_NAMES", "TRUTH", "check", "dataset", "simulate_frame"]

CLASS_NAMES = ["rbc", "macrophage"]
TRUTH = (
    "Every pixel within a drawn outline belongs to one cell: where two overlap the image shows both, and the truth "
    "gives the pixels to the one on top; the one below keeps one connected part of at least 60 % of its area in the "
    "frame. Debris is background."
)
SCENE_STREAM, DEBRIS_STREAM, SENSOR_STREAM = 22, 23, 24
OF_KIND = 1_000_000  # numbers of streams that each kind of frame has to itself
CLUSTERS = {2: 0.5, 3: 0.25, 4: 0.15, 6: 0.1}  # size of a cluster of macrophages to how often it comes; ours
APART = 4  # px that cells outside of clusters keep from all others: more than the 3 px within which cells touch


def simulate_frame(settings: dict[str, Any], *, seed: int, index: int) -> SimulatedFrame:
    """Frame ``index`` of the data set of ``seed``: red cells alone first, then macrophages alone, then mixed frames.

    A frame depends on its kind, on its place among the frames of that kind and on the settings of what is on it.

    Args:
        settings: see `hemoseg.simulation.cell_kinds_settings`; what is missing takes its default.
        seed: >= 0.
        index: >= 0; beyond the last frame come further mixed ones.

    Returns:
        The frame, its image of three channels.

    Raises:
        InputError: a setting is unknown or out of bounds.
    """
    known = check(settings)
    kind, place = _kind_of(known, index)
    first = KINDS.index(kind) * OF_KIND
    field = bright_field.draw_field(known, seed, first + place // known["crops"])
    scene = Scene(np.zeros((known["height"], known["width"]), np.int32), 0, known["width"])
    _place_cells(scene, known, kind, Draws(SCENE_STREAM, seed, first + place))
    layers = bright_field.empty(known["height"], known["width"])
    for cell, row, column in scene.cells:
        frame, inner = scene.window(cell.mask.shape, row, column)
        layers.path[frame] += cell.path[inner]
        layers.haemoglobin[frame] += cell.haemoglobin[inner]
        layers.grey[frame] += cell.grey[inner]
    add_debris(layers, scene, known, Draws(DEBRIS_STREAM, seed, first + place))
    sensor = Draws(SENSOR_STREAM, seed, first + place)
    numbers = np.array([0] + [cell.number for cell, _, _ in scene.cells], np.uint8)
    return SimulatedFrame(
        image=bright_field.expose(layers, field, known, place % known["crops"], sensor),
        instances=scene.owner,
        classes=numbers[scene.owner],
        patient=f"{kind}_{place // known['crops']:03d}",
        part=_part_of(known, kind, place),
        kind=kind,
    )


def dataset(settings: dict[str, Any]) -> dict[str, Any]:
    """What ``dataset.yaml`` says about frames of these settings."""
    known = check(settings)
    return {
        "simulated": True,
        "classes": CLASS_NAMES,
        "pixel_size_um": known["pixel_size_um"],
        "licence": "CC0-1.0",
        "citation": "Simulated by hemoseg; every frame follows from the settings and the seed in manifest.csv.",
        "truth": TRUTH,
    }


def _kind_of(known: dict[str, Any], index: int) -> tuple[str, int]:
    """Kind of frame ``index`` and its place among the frames of that kind."""
    for kind in KINDS[:-1]:
        if index < known[kind]:
            return kind, index
        index -= known[kind]
    return KINDS[-1], index


def _part_of(known: dict[str, Any], kind: str, place: int) -> str:
    if kind != "mixed":
        return "train"
    for part, count in zip(PARTS, known["parts"], strict=True):
        if place < count:
            return part
        place -= count
    return PARTS[-1]


def _place_cells(scene: Scene, known: dict[str, Any], kind: str, draws: Draws) -> None:
    """Macrophages first, in clusters and alone, then red cells; what finds no room is left out."""
    asked = known["cells"][kind]
    red, large = asked if kind == "mixed" else (asked, 0.0) if kind == "rbc" else (0.0, asked)
    side = known["pixel_size_um"] / FIELD_UM
    red, large = (max(draws.count(mean * scene.owner.size * side * side), int(mean > 0)) for mean in (red, large))
    for size in sorted(group_sizes(large, known["macrophage_touching"], draws, CLUSTERS), reverse=True):
        _place_group(scene, known, draw_macrophage, size, draws)
    hosts = len(scene.cells)
    for size in group_sizes(red, known["rbc_touching"], draws, CLUMPS):
        if hosts and size == 1 and draws.chance(known["rosettes"]):
            scene.place_against(draw_red_disc(known, draws), draws.whole(1, hosts), _hidden(known, draws), 2, draws)
        else:
            _place_group(scene, known, draw_red_disc, size, draws)


def _place_group(scene: Scene, known: dict[str, Any], draw, size: int, draws: Draws) -> None:
    first = len(scene.cells) + 1
    if not scene.place_alone(draw(known, draws), APART, draws):
        return
    for _ in range(size - 1):
        cell, hidden = draw(known, draws), _hidden(known, draws)
        scene.place_against(cell, draws.whole(first, len(scene.cells)), hidden, 2, draws)


def _hidden(known: dict[str, Any], draws: Draws) -> float:
    most = known["overlap"] if draws.chance(known["overlapping"]) else 0.0
    return draws.between(min(0.03, most), most)
