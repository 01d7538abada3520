"""Do the intervals of corrected counts hold the truth on real frames? Some are held out of a model's evidence.

    python benchmarks/counts/held_out.py results/smear_lab/shared/unet/evidence.json [--at-once 1 5] [--out FILE]

The evidence of a shared model says of each labelled frame, predicted by a model that did not learn from it, how many
cells of each class were there and as what they were found. A patient's frames, or where no patient is named frames
drawn together at random, are taken out, the model's errors are known from the others alone, and the true number of
cells in them is held against what `count` says of them: the value as found, the corrected one, its interval.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.metrics.detector import detector
from hemoseg.metrics.prevalence import Fields, drawn_fields, interval, point
from hemoseg.tables.intervals import alone, of_share

LEVEL = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evidence", type=Path, help="evidence.json of a shared model")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 5], help="frames that are taken out together")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    errors = json.loads(args.evidence.read_text())["errors"]
    rows = [row for size in args.at_once for row in held_out(errors, size)]
    for row in rows:
        print(row)
    if args.out:
        args.out.write_text(json.dumps({"evidence": args.evidence.name, "level": LEVEL, "rows": rows}, indent=2) + "\n")


def held_out(errors: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """A row per class, the last of all cells: bias and spread as found and corrected, and the coverage."""
    frames, generator = errors["frames"], np.random.default_rng(size)
    truth, raw, value, ends = [], [], [], []
    for number, out in enumerate(parts(frames, errors["grouped"], size, generator)):
        rest = [frame for place, frame in enumerate(frames) if place not in out]
        known = detector(errors | {"frames": rest})
        taken = [frames[place] for place in out]
        fields = Fields(np.array([said_of(one) for one in taken]), np.array([one["pixels"] for one in taken], float))
        draws = drawn_fields(fields, known, np.random.default_rng([size, number])).astype(float)
        truth.append(with_sum(np.sum([one["truth"] for one in taken], axis=0)))
        raw.append(with_sum(fields.total))
        value.append(with_sum(point(fields, known)))
        ends.append(interval(with_sum(draws), LEVEL, share=False))
    truth, raw, value, ends = (np.array(one, float) for one in (truth, raw, value, ends))
    inside = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    shares = [of_share(int(one.sum()), len(one), alone(LEVEL)) for one in inside.T]
    return [
        {
            "frames_at_once": size, "class": name, "parts": len(truth), "true_cells": int(truth[:, k].sum()),
            "found_over_true": ratio(raw, truth, k), "corrected_over_true": ratio(value, truth, k),
            "mean_error_as_found": round(float(np.abs(raw - truth)[:, k].mean()), 2),
            "mean_error_corrected": round(float(np.abs(value - truth)[:, k].mean()), 2),
            "mean_width": round(float((ends[:, 1] - ends[:, 0])[:, k].mean()), 1),
            "coverage": round(float(inside[:, k].mean()), 3),
            "coverage_from_to": [round(float(end), 3) for end in shares[k]],
        }
        for k, name in enumerate([*errors["classes"], "all"])
    ]  # fmt: skip


def parts(frames: list[dict[str, Any]], grouped: bool, size: int, generator: np.random.Generator) -> list[list[int]]:
    """Places of the frames that are taken out together: of one patient where they are named."""
    groups = [frame["group"] for frame in frames] if grouped else [0] * len(frames)
    found = []
    for group in dict.fromkeys(groups):
        places = generator.permutation([place for place, one in enumerate(groups) if one == group]).tolist()
        found += [places[first : first + size] for first in range(0, len(places), size)]
    return found


def said_of(frame: dict[str, Any]) -> list[int]:
    """Predicted cells of each class: true ones found as it, further pieces of them, and made-up ones."""
    return (np.sum(frame["found"], axis=0) + frame["pieces"] + frame["made_up"]).tolist()


def with_sum(number: np.ndarray) -> np.ndarray:
    return np.concatenate([number, number.sum(axis=-1, keepdims=True)], axis=-1)


def ratio(some: np.ndarray, others: np.ndarray, k: int) -> float | None:
    return round(float(some[:, k].sum() / others[:, k].sum()), 3) if others[:, k].sum() else None


if __name__ == "__main__":
    main()
