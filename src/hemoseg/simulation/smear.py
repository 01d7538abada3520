"""Simulated frames of a stained blood smear with exact truth: red cells of eight morphologies and what is no cell."""

from typing import Any

import numpy as np

from hemoseg.simulation import optics
from hemoseg.simulation.artefacts import KINDS, OVER_CELLS, draw_artefact
from hemoseg.simulation.cells import Cell, draw_cell
from hemoseg.simulation.exact import Draws
from hemoseg.simulation.frame import SimulatedFrame
from hemoseg.simulation.patients import patient_of
from hemoseg.simulation.scene import TRIES, Scene, group_sizes
from hemoseg.simulation.settings import MORPHOLOGIES, check

__all__ = ["CLASS_NAMES", "TRUTH", "check", "dataset", "draw_frame", "gallery", "simulate_frame"]

CLASS_NAMES = list(MORPHOLOGIES)
TRUTH = (
    "Where cells overlap, the image shows both absorb, and the truth gives the pixels to the cell on top; the one "
    "below keeps what is seen of it, always one connected part of at least 60 % of its area in the field."
)
RELIEF = (0.0, 0.0, 0.0, 1.1)  # how strongly edges show in the near-infrared channel


def simulate_frame(settings: dict[str, Any], *, seed: int, index: int) -> SimulatedFrame:
    """Frame ``index`` of the data set of ``seed``; depends on nothing else, whatever the order or the machine.

    Args:
        settings: see `hemoseg.simulation.settings`; what is missing takes its default.
        seed: >= 0.
        index: >= 0.

    Raises:
        InputError: a setting is unknown or out of bounds.
    """
    return draw_frame(check(settings), seed, index)


def draw_frame(
    known: dict[str, Any], seed: int, index: int, field: tuple[int, int] | None = None, patient: int | None = None
) -> SimulatedFrame:
    """`simulate_frame` of settings that were checked, for a kind that shares them but for the size of a frame.

    Args:
        known: checked settings; height and width may be any.
        seed: >= 0.
        index: >= 0.
        field: rows and columns of the lighted field of which the frame is a window somewhere; None: all of it.
        patient: whose smear it is; None: that of the frame's number.
    """
    draws = Draws(optics.FRAME_STREAM, seed, index)
    patient = index % known["patients"] if patient is None else patient
    known, stain = patient_of(known, optics.patient_stain(seed, patient), seed, patient)
    left, right = draws.whole(*known["margin"]), draws.whole(*known["margin"])
    density = _ground(known, stain, field or (known["height"], known["width"]), draws)
    scene = Scene(np.zeros((known["height"], known["width"]), np.int32), left, known["width"] - right)
    _place_cells(scene, known, draws)
    _add_artefacts(scene, density, stain, known, draws)
    for cell, row, column in scene.cells:
        _absorb_cell(density, scene, cell, row, column, stain)
    image = optics.expose(density, known["noise"], draws.between(0.92, 1.0), known["bit_depth"], draws)
    optics.blank_margins(image, left, right, known["noise"], draws)
    ids = np.array([0] + [cell.morphology for cell, _, _ in scene.cells], np.uint8)
    return SimulatedFrame(
        image=np.ascontiguousarray(image.transpose(1, 2, 0)),
        instances=scene.owner,
        classes=ids[scene.owner],
        patient=f"p{patient:02d}",
        margins=(left, right),
    )


def dataset(settings: dict[str, Any]) -> dict[str, Any]:
    """What ``dataset.yaml`` says about frames of these settings."""
    known = check(settings)
    return {
        "simulated": True,
        "classes": CLASS_NAMES,
        "pixel_size_um": round(7.5 / known["diameter"], 5),
        "licence": "CC0-1.0",
        "citation": "Simulated by hemoseg; every frame follows from the settings and the seed in manifest.csv.",
        "truth": TRUTH,
    } | ({"channels": 4, "channel_names": ["red", "green", "blue", "near infrared"]} if known["channels"] == 4 else {})


def gallery(settings: dict[str, Any], seed: int) -> list[tuple[str, np.ndarray]]:
    """One lone cell per morphology: its name and a crop, uint8 or uint16 ``(S, S, C)``."""
    known = check(settings)
    side = max(64, int(known["diameter"] * 2))
    alone = known | {"height": side, "width": side, "margin": (0, 0), "cells": 0.0, "artefacts": 0.0}
    crops = []
    for number, name in enumerate(MORPHOLOGIES):
        draws = Draws(optics.FRAME_STREAM, seed, 1_000_000 + number)
        stain = optics.patient_stain(seed, number % known["patients"])
        density = optics.ground_density(side, side, known["channels"], stain, 0.3 * known["shading"], draws)
        scene = Scene(np.zeros((side, side), np.int32), 0, side)
        cell = draw_cell(number + 1, name, known["diameter"], known["blur"], draws)
        corner = side // 2 - cell.mask.shape[0] // 2
        _absorb_cell(density, scene, cell, corner, corner, stain)
        image = optics.expose(density, alone["noise"], 0.97, known["bit_depth"], draws)
        crops.append((name, np.ascontiguousarray(image.transpose(1, 2, 0))))
    return crops


def _ground(known: dict[str, Any], stain: optics.Stain, field: tuple[int, int], draws: Draws) -> np.ndarray:
    density = optics.ground_density(*field, known["channels"], stain, known["shading"], draws)
    height, width = known["height"], known["width"]
    if field == (height, width):
        return density
    top, left = _first_line(field[0], height, draws), _first_line(field[1], width, draws)
    return density[:, top : top + height, left : left + width].copy()


def _first_line(lines: int, taken: int, draws: Draws) -> int:
    """Where a window of ``taken`` rows or columns begins in a field of ``lines``, drawn as if tiles cut it up.

    A window that would hang over the border is pushed back to it. So each line of the field is in a window at least
    as often as one in the middle; of windows drawn within the field alone, hardly one would see a corner.
    """
    return min(max(draws.whole(1 - taken, lines - 1), 0), lines - taken)


def _place_cells(scene: Scene, known: dict[str, Any], draws: Draws) -> None:
    weights = [known["frequencies"][name] for name in MORPHOLOGIES]
    gap = max(3, int(known["diameter"] * 0.07))

    def drawn() -> Cell:
        kind = draws.pick(weights)
        return draw_cell(kind + 1, MORPHOLOGIES[kind], known["diameter"], known["blur"], draws)

    for size in group_sizes(draws.count(known["cells"]), known["touching"], draws):
        first = len(scene.cells) + 1
        if not scene.place_alone(drawn(), gap, draws):
            continue
        for _ in range(size - 1):
            most = known["overlap"] if draws.chance(known["overlapping"]) else 0.0
            hidden = draws.between(min(0.03, most), most)
            scene.place_against(drawn(), draws.whole(first, len(scene.cells)), hidden, 2, draws)


def _absorb_cell(density: np.ndarray, scene: Scene, cell: Cell, row: int, column: int, stain: optics.Stain) -> None:
    frame, inner = scene.window(cell.mask.shape, row, column)
    optics.absorb(density, frame, cell.haemoglobin[inner], stain.haemoglobin)
    optics.absorb(density, frame, cell.relief[inner], RELIEF)
    if cell.basophil.any():
        optics.absorb(density, frame, cell.basophil[inner], stain.basophil)


def _add_artefacts(scene: Scene, density: np.ndarray, stain: optics.Stain, known: dict[str, Any], draws: Draws) -> None:
    names, weights = list(KINDS), list(KINDS.values())
    for _ in range(draws.count(known["artefacts"])):
        kind = names[draws.pick(weights)]
        artefact = draw_artefact(kind, known["diameter"], known["blur"], stain, draws)
        for _ in range(TRIES):
            row = draws.whole(0, scene.owner.shape[0] - 1) - artefact.amount.shape[0] // 2
            column = draws.whole(scene.left, scene.right - 1) - artefact.amount.shape[1] // 2
            frame, inner = scene.window(artefact.amount.shape, row, column)
            if kind in OVER_CELLS or not scene.owner[frame][artefact.amount[inner] != 0].any():
                optics.absorb(density, frame, artefact.amount[inner], artefact.colour)
                break
