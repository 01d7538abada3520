"""What is left of a network on another microscope's frames: thresholding, plain, augmented and adapted side by side.

    python benchmarks/another_microscope/run.py [--work DIR] [--out FILE] [--parts own points shifts] [--fold 1]
                                                [--seed 0]

Needs the real sets `smear` and `points` (under $HEMOSEG_REAL_DATA or data/). A common U-Net learns on 50 frames of
`smear`, once with mirrors and turns alone (plain), once with the augmentation that the README recommends (augmented);
trainings that DIR holds are not repeated. Then

* own: the 14 frames of `smear` that neither saw: cell F1 at IoU 0.5, and cells found, merged, missed by a point each;
* points: 36 frames of another camera and stain. Of a cell a point is known: it is found when the one instance that
  covers it covers no other point, merged when it covers several, missed when none covers it. Adapted networks saw half
  of these frames, without labels; both halves are scored apart;
* shifts: seven of the 14 frames again, changed by growing sizes (`shifts.py`). A method breaks at the first size at
  which its F1 is 0.1 below its own on these frames unchanged. Adapted are statistics alone here: a training per size
  would take hours.

All methods give a mask on the same grid, and cells are made of it by the same rule (`labels.thresholded`). The frames
of `points` are scaled by one factor, told by thresholding alone: that which makes cells as large as in the training.
Recorded, too: on which frames network and threshold disagree more than on the 14 (`tables.agreement`), and on which the
network is really the worse of the two.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from scoring import middles, score, threshold
from shifts import SHIFTS

from hemoseg.__main__ import main as hemoseg
from hemoseg.labels.thresholded import typical_area
from hemoseg.steps.adapt import adaptation_of, built, run
from hemoseg.steps.adapted_frames import matching_scale, resized
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.images import read_image
from hemoseg.steps.labelled import read_samples, read_split, role_samples
from hemoseg.steps.weights import read_model
from hemoseg.tables.agreement import agreement, reference
from hemoseg.training.adaptation import Adapting

ROOT = Path(__file__).parents[2]
OUT = ROOT / "benchmarks/results/another_microscope.json"
PREPARE = {"margin_crop": False, "size": [192, 256], "classes": {"cell": "all"}}  # params/smear_binary.yaml
SPLIT = {"protocol": "folds", "folds": 5, "by": "frame", "validation": 0.1, "seed": 0, "leakage": "refuse"}
PLAIN = {"flip": True, "rotate": 180}
AUGMENT = {
    "plain": PLAIN,
    # Chosen before any number on `points` was seen.
    "augmented": PLAIN | {
        "scale": [0.7, 1.4], "brightness": 1.0, "contrast": 0.5, "stain": 4, "light": 1.5, "hue": 30, "blur": 1.5
    },
}  # fmt: skip
NETWORK = {"network": "unet", "network_settings": {"width": 16, "levels": 4, "head": "last"}}
TRAIN = {
    "batch_size": 5, "learning_rate": 0.001, "weight_decay": 0.00000001, "validate_every": 50, "loss": "cross_entropy",
    "imbalance": "none", "normalise": "training_set", "precision": "32-true", "keep": "last",
}  # fmt: skip
BREAKS = 0.1  # F1


def real(name):
    """Folder of a real set, or the end of the benchmark."""
    for base in (os.environ.get("HEMOSEG_REAL_DATA", ""), ROOT / "data"):
        if base and (Path(base) / name).is_dir():
            return Path(base) / name
    sys.exit(f"skipped: the real set {name} is neither under $HEMOSEG_REAL_DATA nor data/")


def command(*words):
    """A step of the project; what it refuses ends the benchmark."""
    if hemoseg([str(word) for word in words]):
        sys.exit(f"hemoseg {words[0]} failed")


def trained(name, work, steps, fold, seed):
    """Folder of a network; trained unless it is there with these settings."""
    settings = {"model": name, **NETWORK, "train": {"steps": steps, **TRAIN, "augment": AUGMENT[name]}}
    folder = work / f"m_{name}"
    told = read_json(folder / "model.json") if (folder / "model.json").exists() else {}
    if (told.get("settings"), told.get("split"), told.get("seed")) != (settings, fold, seed):
        begun = time.time()
        command(
            "train", "--settings", json.dumps(settings), "--samples", work / "samples.npz", "--splits",
            work / "splits.csv", "--split", fold, "--seed", seed, "--out", folder, "--resume", work / "resume",
            "--device", "cpu",
        )  # fmt: skip
        print(f"{name}: {time.time() - begun:.0f} s", file=sys.stderr)
    return folder


def masks_of(folder):
    """The mask of an image by a network as it was trained."""
    weights, description = read_model(folder)
    network = built(description, weights, folder).eval()
    own = adaptation_of(network, description, [np.zeros((3, 32, 32), np.uint8)], Adapting())
    return lambda image: own.classes_of(image) > 0


def adapted(folder, images, settings):
    """The mask of an image by a network that was adapted to the images; and how many of them taught."""
    weights, description = read_model(folder)
    own = adaptation_of(built(description, weights, folder), description, images, settings)
    teaching = run(own)
    return (lambda image: own.classes_of(image) > 0), teaching


def points_frames(folder, factor):
    """Frames of `points` on the working grid with the points of their cells (x y class, a line each)."""
    frames = []
    for path in sorted((folder / "images").iterdir()):
        marked = np.loadtxt(folder / "points" / f"{path.stem}.txt").reshape(-1, 3)[:, 1::-1]
        frames.append((resized(read_image(path, 3).values, factor), (marked + 0.5) * factor - 0.5, None))
    return frames


def shifted_rows(test, folders, typical, known, settings, shifts):
    """Every method on every size of the shifts."""
    plain = {"otsu_watershed": threshold} | {name: masks_of(folder) for name, folder in folders.items()}
    for shift in shifts:
        unit, sizes, change = SHIFTS[shift]
        for size in sizes:
            frames = []
            for image, _, cells in test:
                image, cells = change(image, cells, size)
                frames.append((image, middles(cells), cells))
            methods = dict(plain)
            for name, folder in folders.items():
                for how, own in settings.items():
                    methods[f"{name}_{how}"] = adapted(folder, [image for image, _, _ in frames], own)[0]
            for name, told in score(frames, methods, typical, known).items():
                yield {"frames_of": "shift", "shift": shift, "unit": unit, "size": size, "method": name, **told}


def breaks(rows):
    """First size of each shift at which a method is `BREAKS` below its own F1 on unchanged frames; none if none."""
    shifts = [row for row in rows if row["frames_of"] == "shift"]
    own, found = {row["method"]: row["f1"] for row in shifts if row["shift"] == "unchanged"}, {}
    for row in shifts:
        at = found.setdefault(row["shift"], {}).setdefault(row["method"], None)
        if at is None and row["f1"] < own.get(row["method"], 0) - BREAKS:
            found[row["shift"]][row["method"]] = row["size"]
    return {shift: of_shift for shift, of_shift in found.items() if shift != "unchanged"}


def command_of(args):
    """The command that was given, but for the places where its files lie."""
    told = ["--parts", *args.parts, "--networks", *args.networks, "--steps", args.steps]
    return shlex.join(
        map(str, ["python", "benchmarks/another_microscope/run.py", *told, "--fold", args.fold, "--seed", args.seed])
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "results/another_microscope")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--parts", nargs="+", default=["own", "points", "shifts"], choices=["own", "points", "shifts"])
    parser.add_argument("--shifts", nargs="+", default=list(SHIFTS), choices=list(SHIFTS))
    parser.add_argument("--networks", nargs="+", default=list(AUGMENT), choices=list(AUGMENT))
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--fold", type=int, default=1, choices=range(1, SPLIT["folds"] + 1))
    parser.add_argument("--seed", type=int, default=0, help="of the trainings")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    smear, points = real("smear"), real("points")
    args.work.mkdir(parents=True, exist_ok=True)
    path, splits = args.work / "samples.npz", args.work / "splits.csv"
    if not path.exists():
        command("prepare", "--settings", json.dumps(PREPARE), "--data", smear, "--out", path)
        notes = args.work / "splits.json"
        command("split", "--settings", json.dumps(SPLIT), "--samples", path, "--out", splits, "--notes", notes)
    folders = {name: trained(name, args.work, args.steps, f"fold{args.fold}", args.seed) for name in args.networks}
    samples, roles = read_samples(path), read_split(splits, f"fold{args.fold}")
    typical = float(np.median([typical_area(threshold(one)) for one in role_samples(samples, roles, "train").images]))
    held = role_samples(samples, roles, "test")
    test = [(image, middles(cells), cells) for image, cells in zip(held.images, held.instances, strict=True)]
    known = {}
    for name, folder in folders.items():
        mask = masks_of(folder)
        known[name] = reference([agreement(mask(image), image) for image, _, _ in test])
    record = read_json(args.out) if args.out.exists() else {"rows": []}
    record |= {
        "command": command_of(args),
        "steps": args.steps, "fold": args.fold, "seed": args.seed, "network": NETWORK,
        "augment": AUGMENT, "typical_area_px": typical, "agreement": known,
        "machine": {"processor": platform.machine(), "python": platform.python_version(), "torch": torch.__version__},
    }  # fmt: skip

    def keep(rows, part):
        others = [row for row in record["rows"] if row["frames_of"] != part]
        record["rows"] = others + rows
        record["breaks"] = breaks(record["rows"])
        write_json(args.out, record)
        print({k: v for k, v in rows[-1].items() if k not in ("frames_of", "unit")}, flush=True)

    full, statistics = Adapting(), Adapting(steps=0)
    networks = {name: masks_of(folder) for name, folder in folders.items()}
    if "own" in args.parts:
        methods = {"otsu_watershed": threshold, **networks}
        for name, folder in folders.items():
            methods[f"{name}_statistics"], _ = adapted(folder, [image for image, _, _ in test], statistics)
        told = score(test, methods, typical, known)
        keep([{"frames_of": "own", "method": name, **one} for name, one in told.items()], "own")
    if "points" in args.parts:
        natives = [read_image(one, 3).values for one in sorted((points / "images").iterdir())]
        record["points_scale"] = factor = matching_scale(natives, typical)
        frames = points_frames(points, factor)
        seen = frames[::2]
        methods = {"otsu_watershed": threshold, **networks}
        for name, folder in folders.items():
            for how, own in (("statistics", statistics), ("adapted", full)):
                methods[f"{name}_{how}"], teaching = adapted(folder, [image for image, _, _ in seen], own)
                record.setdefault("teaching_frames", {})[f"{name}_{how}"] = teaching
        rows = []
        for part, some in (("all", frames), ("adapted_to", seen), ("others", frames[1::2])):
            told = score(some, methods, typical, known)
            rows += [{"frames_of": "points", "part": part, "method": name, **one} for name, one in told.items()]
        keep(rows, "points")
    if "shifts" in args.parts:
        rows = [row for row in record["rows"] if row["frames_of"] == "shift" and row["shift"] not in args.shifts]
        for row in shifted_rows(test[::2], folders, typical, known, {"statistics": statistics}, args.shifts):
            rows.append(row)
            keep(sorted(rows, key=lambda one: list(SHIFTS).index(one["shift"])), "shift")


if __name__ == "__main__":
    main()
