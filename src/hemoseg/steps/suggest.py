"""Put unlabelled images in the order in which labelling them is worth most to a model.

Writes ``--out`` whole: ``suggest.html``, the page with pictures of the first; ``suggested.csv``, all images in order;
``suggest.json``, what was asked; ``thumbnails/`` of the first, each image and its uncertainty.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from PIL import Image

from hemoseg.data.acquisition import STRATEGIES, Suggestion, suggest
from hemoseg.data.resize import resize_image
from hemoseg.errors import InputError
from hemoseg.figures.pictures import as_rgb
from hemoseg.inference.uncertainty import appearance, entropy, mirrored
from hemoseg.inference.windows import predict_windows
from hemoseg.steps import arguments, files
from hemoseg.steps.images import unfilled
from hemoseg.steps.opened import Opened, open_model
from hemoseg.steps.predict import choose_device
from hemoseg.steps.progress import tracked
from hemoseg.steps.segment_inputs import Item, find_items, with_groups
from hemoseg.steps.segment_settings import scale_of
from hemoseg.steps.suggested import MARKER, SHOWN, TABLE
from hemoseg.steps.weights import environment

MOST_PIXELS = 50_000_000  # of an image, which is looked at whole: some 2 GB with its probabilities
THUMBNAIL = 480  # pixels of a picture's longer side
OVERLAP = 0.25  # of the windows that an image is looked at through; borders are blended


@dataclass(frozen=True)
class Look:
    """What a model makes of one image.

    Attributes:
        entropy: mean over the pixels, in [0, 1].
        appearance: see `hemoseg.inference.uncertainty.appearance`.
        cells_share: share of the area in cells.
        picture: the image, uint8 ``(h, w, 3)``, at most `THUMBNAIL` long.
        heat: entropy of each pixel, float32 in [0, 1], as large.
    """

    entropy: float
    appearance: np.ndarray
    cells_share: float
    picture: np.ndarray
    heat: np.ndarray


def main(argv: list[str]) -> None:
    """Parse the arguments, look at every image, write the list and its page."""
    args = _arguments().parse_args(argv)
    torch.set_num_threads(args.threads)
    if args.count < 1:
        raise InputError(f"--count {args.count}: give the number of images that can be labelled, 1 or more")
    model = open_model(args.model, choose_device(args.device))
    if model.probability is None:
        raise InputError(f"{args.model}: gives no probabilities of pixels, by which images are ranked; name a network")
    items = _items(args.inputs, model, args.groups, args)
    labelled = _items(args.labelled, model, args.groups_labelled, args) if args.labelled else []
    every = [*items, *labelled]
    scales, notices = _scales(args.scale, model, every)
    with files.folder_written_whole(args.out, files.has_marker(MARKER)) as out:
        looks = [
            look(model, item, scale)
            for item, scale in tracked(zip(every, scales, strict=True), len(every), "look", "image")
        ]
        notices += sorted({said for item in every for said in item.source.notices})
        own, known = looks[: len(items)], looks[len(items) :]
        order = ordered(own, items, known, labelled, by=args.by, seed=args.seed)
        table = listed(order, own, items)
        files.write_table(out / TABLE, table)
        for one in order[:SHOWN]:
            _write_thumbnail(out / "thumbnails", items[one.position].name, own[one.position])
        files.write_json(out / MARKER, _facts(args, model, items, labelled, notices))
        if not args.no_page:
            from hemoseg.steps import folder_page  # seconds of imports, which a list does not need

            folder_page.write("suggest", out, "Images to label next")
    first = ", ".join(table["image"].head(min(args.count, 5)))
    print(f"{args.out}: {len(items)} images in order; label next: {first}{' ...' if args.count > 5 else ''}")


def _arguments() -> argparse.ArgumentParser:
    parser = arguments.parser("suggest", __doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a trained network: what `hemoseg segment` takes")
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="images without labels: files, folders, folder datasets"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--count", type=int, default=10, help="how many can be labelled now (default 10)")
    parser.add_argument(
        "--labelled", nargs="+", metavar="IMAGE", help="images that have labels already, to differ from"
    )
    parser.add_argument("--groups", type=Path, help="CSV with columns image and group (patient or slide) of the inputs")
    parser.add_argument("--groups-labelled", type=Path, help="the same of the labelled images")
    parser.add_argument("--scale", type=float, help="resize images by this factor for the model, as `segment` does")
    parser.add_argument(
        "--white", type=arguments.positive, help="value that means full light, such as 4095 for 12 bits"
    )
    parser.add_argument("--page", help="of a TIFF of several pages: a number from 1, all, mean or max")
    parser.add_argument("--by", choices=STRATEGIES, default="gain", help="what the order is made by (default gain)")
    parser.add_argument("--seed", type=arguments.whole_from(0), default=0, help="of the order by chance")
    parser.add_argument("--no-page", action="store_true", help="write the list alone")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=arguments.whole_from(1), default=os.cpu_count() or 1)
    return parser


def _items(inputs: Sequence[str], model: Opened, groups: Path | None, args: argparse.Namespace) -> list[Item]:
    items, bad = find_items(inputs, channels=model.description["in_channels"], page=args.page)
    if bad:
        raise InputError(bad[0].reason)
    return with_groups([replace(item, white=args.white or item.white) for item in items], groups)


def _scales(given: float | None, model: Opened, items: Sequence[Item]) -> tuple[list[float], list[str]]:
    """Factor from each image to the network's grid, and what had to be taken for granted."""
    if given is not None and not given > 0:
        raise InputError(f"--scale {given:g}: give a factor above 0")
    told = [scale_of(given, model, item.pixel_size) for item in items]
    return [scale for scale, _ in told], sorted({note for _, note in told if note})


def look(model: Opened, item: Item, scale: float) -> Look:
    """What the model makes of an image, by windows of the size that it was trained on, each seen in four ways.

    Args:
        model: a network.
        item: the image.
        scale: factor from the image to the network's grid, on which all is measured.

    Raises:
        InputError: the file cannot be read, or is too large to be labelled as one image.
    """
    if item.source.size[0] * item.source.size[1] > MOST_PIXELS:
        rows, columns = item.source.size
        raise InputError(f"{item.file}: {rows} x {columns} pixels are more than a person labels; cut it into fields")
    size = [max(1, round(side * scale)) for side in item.source.size]
    whole = item.source.whole()
    if not item.white and (said := unfilled(whole)):
        item.source.notices.append(said)
    values = resize_image(whole, (size[0], size[1]))
    item.source.close()
    largest = float(np.iinfo(values.dtype).max)
    numbers = values.astype(np.float32) * np.float32((model.white or largest) / (item.white or largest))
    window = tuple(int(side) for side in model.description["input_size"])
    image = torch.from_numpy(numbers).to(model.device)
    probability = predict_windows(mirrored(model.probability), image, window=window, overlap=OVERLAP).cpu().numpy()
    uncertain = entropy(probability)
    seen = np.clip(numbers / np.float32(model.white or largest), 0, 1)
    share = THUMBNAIL / max(uncertain.shape)
    size = [max(1, round(side * min(share, 1))) for side in uncertain.shape[::-1]]
    picture = cv2.resize(as_rgb(seen), size, interpolation=cv2.INTER_AREA)
    heat = cv2.resize(uncertain.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return Look(
        float(uncertain.mean()), appearance(seen, probability), float(1 - probability[0].mean()),
        np.uint8(np.rint(255 * picture)), np.clip(heat, 0, 1),
    )  # fmt: skip


def ordered(
    looks: Sequence[Look], items: Sequence[Item], known: Sequence[Look], labelled: Sequence[Item], *, by: str, seed: int
) -> list[Suggestion]:
    """All images in order: by gain, or by one of its parts alone, or by chance."""
    uncertainty = np.array([one.entropy for one in looks])
    features = np.array([one.appearance for one in looks])
    groups, labelled_groups = ([item.group for item in part] for part in (items, labelled))
    if by == "novelty":
        uncertainty, groups, labelled_groups = np.ones(len(looks)), [], []
    points = np.array([one.appearance for one in known]) if known else None
    found = suggest(uncertainty, features, groups, labelled=points, labelled_groups=labelled_groups)
    if by == "uncertainty":
        return sorted(found, key=lambda one: (-one.uncertainty, one.position))
    if by == "random":
        return [found[i] for i in np.random.default_rng(seed).permutation(len(found))]
    return found


def listed(order: Sequence[Suggestion], looks: Sequence[Look], items: Sequence[Item]) -> pd.DataFrame:
    """A row per image, in order."""
    return pd.DataFrame(
        {
            "rank": rank, "image": items[one.position].name, "file": items[one.position].file,
            "group": items[one.position].group, "gain": one.gain, "uncertainty": one.uncertainty,
            "novelty": one.novelty, "coverage": one.coverage, "entropy": looks[one.position].entropy,
            "cells_share": looks[one.position].cells_share,
        }
        for rank, one in enumerate(order, 1)
    )  # fmt: skip


def _write_thumbnail(folder: Path, name: str, one: Look) -> None:
    for ending, values in (("image", one.picture), ("uncertainty", np.uint8(np.rint(255 * one.heat)))):
        with files.written_whole(folder / f"{name}.{ending}.png") as temporary:
            Image.fromarray(values).save(temporary, "PNG")


def _facts(
    args: Any, model: Opened, items: Sequence[Item], labelled: Sequence[Item], notices: Sequence[str]
) -> dict[str, Any]:
    return {
        "images": len(items),
        "labelled": len(labelled),
        "count": min(args.count, len(items)),
        "by": args.by,
        "seed": args.seed,
        "notices": [*_notices(items), *notices],
        "model": {"name": model.name, "network": model.description["network"], "weights_sha256": model.sha256},
        "versions": environment(model.device)["versions"],
    }


def _notices(items: Sequence[Item]) -> Iterator[str]:
    if not any(item.group for item in items):
        yield "Patients or slides are not known (--groups), so that the list cannot spread over them."
    if len(items) < 3:
        yield f"Of {len(items)} image{'s' if len(items) > 1 else ''} there is little to choose."
