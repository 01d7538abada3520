"""Simulate a data set of frames with exact truth, as a folder."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml
from tqdm import tqdm

from hemoseg.errors import InputError
from hemoseg.simulation import generator
from hemoseg.steps import arguments
from hemoseg.steps.files import folder_written_whole, write_table, write_text

# Fast and small on noisy images; the level changes the file's size, never a pixel.
IMAGE_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
# 16-bit noise hardly shrinks: no compression is 2.5 times as fast for a sixth more bytes.
DEEP_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 0]
LABEL_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def main(argv: list[str]) -> None:
    """Write ``images/``, ``instances/``, ``classes/``, ``manifest.csv`` and ``dataset.yaml`` to ``--out``."""
    parser = arguments.parser("simulate", __doc__)
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON; see hemoseg/simulation")
    parser.add_argument("--seed", type=int, default=0, help="the data set's seed, >= 0")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write; an older one of this step is replaced"
    )
    parser.add_argument("--threads", type=int, default=1, help="frames made at the same time")
    args = parser.parse_args(argv)
    simulate(args.settings, args.seed, args.out, args.threads)


def simulate(settings: dict, seed: int, out: Path, threads: int = 1) -> None:
    """Simulate a folder data set.

    Args:
        settings: ``name`` of the data set, ``kind`` of specimen and that kind's own settings.
        seed: >= 0; frame i is the same for a seed, however many frames or threads there are.
        out: folder to write whole.
        threads: frames made at the same time.

    Raises:
        InputError: a setting is unknown or out of bounds.
    """
    settings = dict(settings)
    name = str(settings.pop("name", out.name))
    kind = generator(settings.get("kind", "smear"))
    settings = kind.check(settings)
    if seed < 0:
        raise InputError(f"simulate: --seed: {seed} is negative; use 0 or more")
    with folder_written_whole(out, is_simulated) as folder:
        for part in ("images", "instances", "classes"):
            (folder / part).mkdir()
        rows = list(tqdm(_frames(kind, settings, seed, folder, threads), "simulate", settings["frames"], unit="frame"))
        write_table(folder / "manifest.csv", pd.DataFrame(rows))
        facts = {"name": name} | kind.dataset(settings)
        write_text(folder / "dataset.yaml", yaml.safe_dump(facts, sort_keys=False, width=120))


def is_simulated(folder: Path) -> bool:
    """Whether a folder is what this step wrote, by its dataset.yaml."""
    try:
        facts = yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(facts, dict) and facts.get("simulated") is True


def _frames(kind, settings: dict, seed: int, folder: Path, threads: int) -> Iterator[dict]:
    """Make and write the frames in order; each one's row of the manifest."""

    def one(index: int) -> dict:
        frame = kind.simulate_frame(settings, seed=seed, index=index)
        return write_frame(frame, f"frame_{index:04d}", settings["kind"], seed, folder)

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(max(1, min(threads, os.cpu_count() or 1))) as pool:
            yield from pool.map(one, range(settings["frames"]))
    finally:
        cv2.setNumThreads(before)


def write_frame(frame, name: str, kind: str, seed: int, folder: Path) -> dict:
    """Write one frame's three files; its row of the manifest, with a ``part`` where the frame has one."""
    deep = frame.image.dtype == np.uint16
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(frame.image.shape[2])  # the order that cv2 writes
    image = frame.image if order is None else cv2.cvtColor(frame.image, order)
    for path, array, options in (
        (f"images/{name}.png", image, DEEP_PNG if deep else IMAGE_PNG),
        (f"instances/{name}.png", frame.instances.astype(np.uint16), LABEL_PNG),
        (f"classes/{name}.png", frame.classes, LABEL_PNG),
    ):
        if not cv2.imwrite(str(folder / path), array, options):
            raise OSError(5, "cannot be written; is the disk full?", str(folder / path))
    return {
        "id": name,
        "image": f"images/{name}.png",
        "group": frame.patient,
        "kind": frame.kind or kind,
        "height": frame.image.shape[0],
        "width": frame.image.shape[1],
        "cells": int(frame.instances.max()),
        "margin_left": frame.margins[0],
        "margin_right": frame.margins[1],
        "seed": seed,
    } | ({"part": frame.part} if frame.part else {})
