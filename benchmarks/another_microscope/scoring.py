"""Masks of several methods on the same frames: made cells by one rule, held against cells or points."""

import numpy as np

from hemoseg.data.placement import agreeing
from hemoseg.labels.otsu import otsu_mask
from hemoseg.labels.thresholded import touching_parted
from hemoseg.metrics.point_hits import PointHits, point_hits
from hemoseg.tables.agreement import agreement, judged

MATCH = 0.05  # a network is worse than thresholding on a frame where it is that much below it


def threshold(image):
    return otsu_mask(image.astype(np.float32).mean(axis=0))


class Tally:
    """Counts of one method over frames."""

    def __init__(self, typical):
        self.typical, self.frames = typical, []

    def add(self, mask, image, *, points, cells=None, known=None, times=None):
        """Score a frame; ``times`` is what the threshold reached on it."""
        found = touching_parted(mask, self.typical)
        row = point_hits(found, points)._asdict()
        if cells is not None:
            pairs = len(agreeing(found, cells))
            row |= {"tp": pairs, "fp": len(np.unique(found)) - 1 - pairs, "fn": len(np.unique(cells)) - 1 - pairs}
        row["score"] = f1(row) if cells is not None else row["found"] / max(len(points), 1)
        if known is not None:
            said = agreement(mask, image)
            row |= {"dice": said["dice"], "disputed": said["disputed"], "flag": bool(judged(said, known))}
        if times is not None:
            row["worse"] = bool(row["score"] < times - MATCH)
        self.frames.append(row)
        return row["score"]

    def summary(self):
        """Sums and shares over all frames."""
        total = {
            k: sum(row[k] for row in self.frames) for k in (*PointHits._fields, "tp", "fp", "fn") if k in self.frames[0]
        }
        points = total["found"] + total["merged"] + total["missed"]
        told = {"frames": len(self.frames), "cells": points}
        told |= {f"{k}_share": total[k] / points for k in ("found", "merged", "missed")}
        told["instances_per_cell"] = total["instances"] / points
        if "tp" in total:
            told |= {"f1": f1(total), "recall": total["tp"] / (total["tp"] + total["fn"])}
        flagged = [row for row in self.frames if "flag" in row]
        if flagged:
            told |= {"flagged": sum(r["flag"] for r in flagged), "worse": sum(r["worse"] for r in flagged)}
            told["worse_and_flagged"] = sum(r["flag"] and r["worse"] for r in flagged)
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in told.items()}


def f1(row):
    both = 2 * row["tp"] + row["fp"] + row["fn"]
    return 2 * row["tp"] / both if both else 1.0


def middles(cells):
    """A point in each cell: its pixel nearest to its centre, ``(n, 2)``."""
    points = []
    for number in np.unique(cells)[1:]:
        at = np.argwhere(cells == number)
        points.append(at[((at - at.mean(axis=0)) ** 2).sum(axis=1).argmin()])
    return np.array(points, float).reshape(-1, 2)


def score(frames, methods, typical, known):
    """Summary of each method over frames: (image, points, cells or None)."""
    tallies = {name: Tally(typical) for name in methods}
    for image, points, cells in frames:
        base = tallies["otsu_watershed"].add(methods["otsu_watershed"](image), image, points=points, cells=cells)
        for name in methods.keys() - {"otsu_watershed"}:
            tallies[name].add(
                methods[name](image), image, points=points, cells=cells, known=known.get(name), times=base
            )
    return {name: tally.summary() for name, tally in tallies.items()}
