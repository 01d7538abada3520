"""Look into trained networks: where the kernels of U-Nets sample, whether offsets follow cells, what features are seen.

Writes three files, each whole:

* ``sampling.csv``: a row per sampling point: model, seed, kind of the pixel, sample, pixel_row, pixel_column, depth
  (how many layers are composed), row, column (sample pixels) and weight (on how many ways the point is reached).
* ``offsets.npz``: lengths and directions of the offsets of the deformable networks, by distance to
  the nearest cell border (`data.offset_sums.OffsetSums`).
* ``features.npz``: low-level and high-level maps of the networks named in ``features``, over the test sample with the
  most classes (`data.seen_features.SeenFeatures`).

A network is looked at for its kernels unless it is named in ``features`` and not in ``models``.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch

from hemoseg import models
from hemoseg.data import seen_features as features_format
from hemoseg.data.offset_sums import OffsetSums, to_arrays
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.inference.border_following import EDGES
from hemoseg.inference.chosen_pixels import Pixel, View, choose_pixels
from hemoseg.inference.explanation import COLUMNS, Explained, Test, is_deformable, offset_sums, sampling
from hemoseg.inference.features import richest_sample, seen_features
from hemoseg.labels.autolabel import autolabel
from hemoseg.labels.autolabel_kinds import checked as checked_autolabel
from hemoseg.labels.autolabel_kinds import of_kind
from hemoseg.labels.components import connected_components
from hemoseg.nn.sampling import OFFSETS, PATHS, layers_of
from hemoseg.settings import with_defaults
from hemoseg.steps import arguments
from hemoseg.steps.files import write_arrays, write_table
from hemoseg.steps.labelled import median_cell_area, read_samples, read_split, require_labels, role_samples
from hemoseg.steps.progress import tracked
from hemoseg.steps.run_names import ONE_SPLIT_FORM, parse_run
from hemoseg.steps.weights import read_model
from hemoseg.training.batches import Normalisation

# As in params.yaml; `autolabel` is the experiment's section, `touching` the threshold of its table.
DEFAULTS: dict[str, Any] = {
    "models": [], "split": "first", "per_kind": 1, "at": [], "depths": [2, 3], "path": "skip",
    "offsets": "interpolated", "draws": 20, "features": [], "channels": 8, "autolabel": {}, "touching": 3,
}  # fmt: skip


def main(argv: list[str]) -> None:
    """Parse the arguments and look."""
    parser = arguments.parser("explain", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="the section `explain` of params")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--autolabels", help="autolabels.npz, in place of a truth where there is none")
    parser.add_argument("--splits", required=True)
    parser.add_argument("--split", required=True, help="whose test samples are looked at")
    parser.add_argument("--run", action="append", required=True, help=f"{ONE_SPLIT_FORM}; DIR is what `train` wrote")
    parser.add_argument("--sampling", required=True, help="sampling.csv to write")
    parser.add_argument("--offsets", required=True, help="offsets.npz to write")
    parser.add_argument("--features", required=True, help="features.npz to write")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    settings = checked(args.settings)
    torch.set_num_threads(args.threads)
    samples = read_samples(args.samples)
    if args.autolabels and not samples.has_labels:
        samples = read_samples(args.samples, args.autolabels)
    samples = require_labels(samples, args.samples)
    test = role_samples(samples, read_split(args.splits, args.split), "test")
    if not len(test):
        raise InputError(f"{args.splits}: the split {args.split!r} has no test samples; mend `split` in the experiment")
    runs = [read_run(text, test) for text in args.run]
    kernels = [one for one in runs if one.model in settings["models"] or one.model not in settings["features"]]
    check_kernels(kernels)
    features = features_of(runs, test, settings)
    pixels = chosen(test, settings) if kernels else []
    table, arrays = explain(kernels, args.split, test, pixels, settings)
    write_table(args.sampling, table)
    write_arrays(args.offsets, **arrays)
    write_arrays(args.features, **features_format.to_arrays(features))


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value.
    """
    settings = with_defaults(settings, DEFAULTS, "explain settings")
    for key, kind, words in (
        ("at", list, "a list"),
        ("models", list, "a list of rows"),
        ("features", list, "a list of rows"),
        ("autolabel", dict, "a mapping"),
        ("touching", (int, float), "pixels"),
    ):
        if not isinstance(settings[key], kind):
            raise InputError(f"explain settings: {key} {settings[key]!r}; give {words}")
    settings["autolabel"] = checked_autolabel(settings["autolabel"])
    for key, known in (("path", PATHS), ("offsets", OFFSETS)):
        if settings[key] not in known:
            raise InputError(f"explain settings: {key} {settings[key]!r}; choose {' or '.join(known)}")
    for key, least in (("per_kind", 0), ("draws", 0), ("channels", 1)):
        if type(settings[key]) is not int or settings[key] < least:
            raise InputError(f"explain settings: {key} {settings[key]!r}; give a whole number, {least} or more")
    depths = settings["depths"]
    if not isinstance(depths, list) or not depths or any(type(depth) is not int or depth < 1 for depth in depths):
        raise InputError(f"explain settings: depths {depths!r}; give numbers of layers, such as [2, 3]")
    for place in settings["at"]:
        if not isinstance(place, list) or [type(part) for part in place] != [str, int, int]:
            raise InputError(f"explain settings: at {place!r}; give [sample, row, column]")
    return settings


def read_run(text: str, test: Samples) -> Explained:
    """The network of one ``--run``, as it was trained.

    Raises:
        InputError: the text has another form, or the model is no network or was made for other images.
    """
    run = parse_run("--run", text, ONE_SPLIT_FORM)
    weights, description = read_model(run.folder)
    module, channels = models.load(description["network"]), description.get("in_channels")
    if not models.is_network(module):
        raise InputError(f"{run.model}: it is no network and samples nothing; take it out of `explain`")
    if test.images[0].shape[0] != channels:
        raise InputError(f"{run.folder}: the model reads {channels} channels, the samples have others; train again")
    network = module.build(channels, len(description["classes"]), **description["settings"]["network_settings"])
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise InputError(f"{run.folder}: the weights do not fit {description['network']!r}; train again") from None
    normalise = Normalisation(**description["normalisation"]).apply
    return Explained(run.model, run.seed, network.eval().requires_grad_(False), normalise)


def check_kernels(runs: list[Explained]) -> None:
    """Refuse a network whose kernels cannot be drawn.

    Raises:
        InputError: it is no U-Net.
    """
    for one in runs:
        try:
            layers_of(one.network)
        except ValueError as error:
            raise InputError(f"{one.model}: {error}; take it out of `explain.models`") from None


def features_of(runs: list[Explained], test: Samples, settings: dict[str, Any]) -> list[features_format.SeenFeatures]:
    """Maps of the networks that are named in ``features``, the first seed of each.

    Raises:
        InputError: a network has no convolution over the image.
    """
    first: dict[str, Explained] = {}
    for one in runs:
        first.setdefault(one.model, one)
    named = [first[key] for key in settings["features"] if key in first]
    try:
        return seen_features(named, test, richest_sample(test), settings["channels"])
    except ValueError as error:
        raise InputError(f"{error}; take it out of `explain.features`") from None


def chosen(test: Samples, settings: dict[str, Any]) -> list[Pixel]:
    """The pixels of the settings, then those of the rules.

    Raises:
        InputError: a pixel that is given lies in no test sample of the split.
    """
    shapes = {name: image.shape[1:] for name, image in zip(test.ids, test.images, strict=True)}
    for name, row, column in settings["at"]:
        if name not in shapes:
            raise InputError(f"explain settings: at names {name!r}; the split tests {', '.join(list(shapes)[:8])}")
        if not (0 <= row < shapes[name][0] and 0 <= column < shapes[name][1]):
            raise InputError(f"explain settings: at [{name}, {row}, {column}] lies outside the sample's {shapes[name]}")
    given = [Pixel(name, row, column, "given") for name, row, column in settings["at"]]
    views = []
    for position, name in enumerate(test.ids):
        automatic = autolabel(test.image(position), of_kind(settings["autolabel"], test.kinds[position]))
        views.append(View(name, cells_of(test, position), test.classes[position] == 0, automatic))
    return given + choose_pixels(views, settings["per_kind"], float(settings["touching"]))


def cells_of(test: Samples, position: int) -> np.ndarray:
    """True cells ``(H, W)``, of the classes where cells are not told apart; ignored pixels are of none."""
    known = test.classes[position] != IGNORE
    if test.has_instances:
        return np.where(known, test.instances[position], 0)
    return connected_components((test.classes[position] > 0) & known)


def explain(
    runs: list[Explained], split: str, test: Samples, pixels: list[Pixel], settings: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The content of both files.

    Raises:
        InputError: a network has fewer layers than a depth asks for.
    """
    tests = [
        Test(name, torch.from_numpy(test.images[i].astype(np.float32)), cells_of(test, i))
        for i, name in enumerate(test.ids)
    ]
    images = {one.sample: one.image for one in tests}
    nothing = pd.DataFrame(columns=list(COLUMNS))
    ways = (settings["depths"], settings["path"], settings["offsets"])
    try:
        points = [sampling(one, pixels, images, *ways) for one in runs]
    except ValueError as error:
        raise InputError(f"{error}; mend `explain.depths`") from None
    deformable = [one for one in runs if is_deformable(one.network)]
    radius = float(np.sqrt(median_cell_area(test) / np.pi)) or 1.0
    shown = [pixels[0].sample if pixels else test.ids[0]]
    same = {"split": split, "ids": test.ids, "frames": test.frames, "radius": radius, "edges": EDGES}
    found = [
        OffsetSums(one.model, one.seed, **same, **offset_sums(one, tests, radius, settings["draws"], shown))
        for one in tracked(deformable, len(deformable), "explain", "network")
    ]
    return pd.concat(points or [nothing], ignore_index=True), to_arrays(found)
