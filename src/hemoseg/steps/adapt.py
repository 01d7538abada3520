"""Make a trained network fit for frames of another microscope, without labels: a new model and a page before/after."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hemoseg import models
from hemoseg.errors import InputError
from hemoseg.labels.otsu import otsu_mask
from hemoseg.labels.thresholded import touching_parted
from hemoseg.steps import arguments
from hemoseg.steps.adapted import SHOWN, TABLE, TOLD
from hemoseg.steps.adapted_frames import read_frames, resized, scale_of, wanted_area
from hemoseg.steps.files import folder_written_whole, has_marker, write_arrays, write_json, write_table
from hemoseg.steps.predict import choose_device
from hemoseg.steps.progress import Progress
from hemoseg.steps.stored import EVIDENCE, read_stored
from hemoseg.steps.weights import environment, sha256, write_weights
from hemoseg.tables.agreement import agreement
from hemoseg.training.adaptation import Adaptation, Adapting
from hemoseg.training.batches import Normalisation
from hemoseg.training.loop import plain_state

MOST_SHOWN = 3  # frames on the page
KEPT = ("predict", "data")  # sections of the evidence that stay true of an adapted model


def main(argv: list[str]) -> None:
    """Parse the arguments, adapt, write the model and its page."""
    args = _parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    device = choose_device(args.device)
    settings = Adapting(steps=args.steps, rounds=args.rounds, learning_rate=args.learning_rate, seed=args.seed)
    weights, description, evidence = read_stored(args.model)
    network = built(description, weights, args.model).to(device, memory_format=torch.channels_last)
    names, frames = read_frames(args.frames, description, args.page, args.white)
    scale = scale_of(args.scale, frames, wanted_area(description, evidence))
    images = [resized(frame, scale) for frame in frames]
    _require_room(names, images, getattr(network, "stride", 1))
    adaptation = adaptation_of(network, description, images, settings)
    before = adaptation.classes()
    history = run(adaptation)
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise InputError("--learning-rate: with it the weights became no numbers; give a lower one")
    after = adaptation.classes()
    table = compared(names, images, before, after)
    made = {"scale": scale, "frames": len(frames), "pixels": sum(image[0].size for image in images)}
    told = made | asdict(settings) | {"teaching": history} | {"origin_sha256": description["weights_sha256"]}
    with folder_written_whole(args.out, has_marker(TOLD)) as out:
        _write(out, args.model, adaptation, description, evidence, told)
        write_table(out / TABLE, table)
        write_arrays(out / SHOWN, **_shown(table, images, before, after))
        if not args.no_page:
            from hemoseg.steps import folder_page  # seconds of imports, which a model does not need

            folder_page.write("adapt", out, f"{description.get('model', 'model')}, adapted")
    _say(args.out, table, told)


def _parser() -> argparse.ArgumentParser:
    own = Adapting()
    parser = arguments.parser("adapt", __doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder that `train` or `share` wrote; it stays")
    parser.add_argument("frames", nargs="+", metavar="FRAMES", help="images, folders of images, folder datasets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new model")
    parser.add_argument(
        "--scale", default="auto", help="factor from frames to training samples; auto matches the sizes of the cells"
    )
    parser.add_argument(
        "--white", type=arguments.positive, help="value that means full light, such as 4095 for 12 bits"
    )
    parser.add_argument("--page", help="of a TIFF of several pages: a number from 1, all, mean or max")
    parser.add_argument(
        "--steps", type=arguments.whole_from(0), default=own.steps, help="of a round; 0 takes the statistics alone"
    )
    parser.add_argument("--rounds", type=arguments.whole_from(0), default=own.rounds)
    parser.add_argument("--learning-rate", type=arguments.positive, default=own.learning_rate)
    parser.add_argument("--seed", type=arguments.whole_from(0), default=own.seed)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=arguments.whole_from(1), default=1)
    parser.add_argument("--no-page", action="store_true", help="write no page")
    return parser


def built(description: Mapping[str, Any], weights: Mapping[str, torch.Tensor], folder: Path) -> torch.nn.Module:
    """The network with its batch norms.

    Raises:
        InputError: it is no network, makes its own cells, or its weights do not fit.
    """
    module = models.load(description["network"])
    if not models.is_network(module):
        raise InputError(f"{folder}: {description['network']} learns nothing from pixels; adapt a trained network")
    if hasattr(module, "label"):
        raise InputError(
            f"{folder}: {description['network']} makes its own cells, of which thresholds teach nothing; adapt a "
            "network that says a class per pixel"
        )
    own = description["settings"]["network_settings"]
    network = module.build(description["in_channels"], len(description["classes"]), **own)
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise InputError(f"the weights do not fit what {description['network']!r} builds now; train again") from None
    return network


def _require_room(names: Sequence[str], images: Sequence[np.ndarray], stride: int) -> None:
    """Refuse frames of which the network's coarsest map would be one pixel, which has no spread.

    Raises:
        InputError: there is one.
    """
    for name, image in zip(names, images, strict=True):
        if min(image.shape[1:]) < 2 * stride:
            rows, columns = image.shape[1:]
            raise InputError(
                f"{name}: {rows} x {columns} pixels as the network sees it, which needs {2 * stride} each way; leave "
                "it out, or give another --scale"
            )


def adaptation_of(
    network: torch.nn.Module, description: Mapping[str, Any], images: Sequence[np.ndarray], settings: Adapting
) -> Adaptation:
    """The adaptation of a network to images on the grid of its training."""
    thresholds = [touching_parted(otsu_mask(image.astype(np.float32).mean(axis=0))) > 0 for image in images]
    return Adaptation(
        network, Normalisation(**description["normalisation"]), images, thresholds,
        window=tuple(description["input_size"]), settings=settings,
        keeps_normalisation=description["settings"].get("train", {}).get("normalise") == "none",
    )  # fmt: skip


def run(adaptation: Adaptation) -> list[int]:
    """Statistics, training, statistics; the number of frames that taught in each round."""
    settings, teaching = adaptation.settings, []
    adaptation.measure()
    with Progress(settings.rounds * settings.steps, "adapt") as progress:
        for frames in adaptation.train(lambda loss: progress.update(f"loss {loss:.4f}")):
            teaching.append(frames)
            if not frames:
                progress.update(by=settings.steps)
    if any(teaching):
        adaptation.measure()
    return teaching


def compared(
    names: Sequence[str], images: Sequence[np.ndarray], before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> pd.DataFrame:
    """Agreement with the threshold of every frame before and after, a row per frame."""
    rows = []
    for name, image, old, new in zip(names, images, before, after, strict=True):
        was, now = agreement(old > 0, image), agreement(new > 0, image)
        row = {"frame": name, "label_cells": was["label_cells"]}
        for key in ("cells", "dice", "disputed"):
            row |= {f"{key}_before": was[key], f"{key}_after": now[key]}
        rows.append(row)
    return pd.DataFrame(rows)


def _shown(
    table: pd.DataFrame, images: Sequence[np.ndarray], before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Frames for the page: those whose disputed share changed most, least and by the median."""
    change = (table["disputed_after"] - table["disputed_before"]).to_numpy()
    order = np.argsort(change, kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(MOST_SHOWN, len(order))).round().astype(int))
    chosen = order[places]
    arrays = {"rows": chosen}
    for number, i in enumerate(chosen):
        threshold = touching_parted(otsu_mask(images[i].astype(np.float32).mean(axis=0)))
        arrays |= {f"image_{number}": images[i], f"threshold_{number}": threshold}
        arrays |= {f"before_{number}": touching_parted(before[i] > 0), f"after_{number}": touching_parted(after[i] > 0)}
    return arrays


def _write(
    out: Path,
    origin: Path,
    adaptation: Adaptation,
    description: Mapping[str, Any],
    evidence: Mapping[str, Any],
    told: Mapping[str, Any],
) -> None:
    """The new model as `train` writes one, and what of the evidence is still true of it."""
    write_weights(out / "model.safetensors", plain_state(adaptation.network))
    normalisation = adaptation.normalisation
    own = {"white": normalisation.white, "mean": normalisation.mean, "sd": normalisation.sd}
    changed = {"normalisation": own, "weights_sha256": sha256(out / "model.safetensors"), "adapted": dict(told)}
    write_json(out / "model.json", {**description, **changed})
    kept = {name: evidence[name] for name in KEPT if name in evidence}
    kept["scale"] = {"factor": told["scale"], "pixel_size_um": None}
    write_json(out / EVIDENCE, kept)
    # Also the marker of a folder that may be replaced.
    lost = sorted(set(evidence) - set(kept))
    write_json(out / TOLD, {"origin": str(origin), **told, "lost_evidence": lost, "run": environment("cpu")})


def _say(out: Path, table: pd.DataFrame, told: Mapping[str, Any]) -> None:
    was, now = table["dice_before"].median(), table["dice_after"].median()
    print(
        f"{out}: agreement with thresholding over {told['frames']} frames, median Dice {was:.3f} before, {now:.3f} "
        f"after; no truth was looked at. Use it with --scale {told['scale']:.4g}, or as the folder says"
    )
