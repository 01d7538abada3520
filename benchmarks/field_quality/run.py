"""How often fields that should not be counted are flagged, at growing blur, vignetting, exposure, colour and crowding.

    python benchmarks/field_quality/run.py [--reference 60] [--clean 100] [--faulty 24]

Simulated: the reference is of frames of twelve patients; false alarms are counted on frames of other patients as they
are, and faults are put on some of those. Cells are the true ones. Real: the frames of `smear` in five folds, each fold
held against the other four (no set names patients), cells by threshold and watershed on the frame as it is judged;
then the frames of other sets against all of `smear`, where a flag is no fault of theirs but says that they were taken
otherwise. Sets are looked for in $HEMOSEG_REAL_DATA and data/, and left out where they are not. Writes
benchmarks/results/field_quality.json.
"""

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
sys.path.insert(0, str(Path(__file__).parent))

from faults import FAULTS

from hemoseg.data.field_features import features_of
from hemoseg.data.field_quality import field_flags, reference
from hemoseg.labels.thresholded import threshold_cells
from hemoseg.simulation.smear import simulate_frame
from hemoseg.tables.intervals import alone, of_share

ROOT = Path(__file__).parents[2]
OUT = ROOT / "benchmarks" / "results" / "field_quality.json"
FRAME = {"height": 480, "width": 640, "diameter": 34, "cells": 60, "patients": 12, "channels": 3, "margin": [0, 0],
         "patient_spread": 1.0}  # fmt: skip
CROWDS = (60, 90, 120, 160)  # cells per frame, the first as in the reference
OTHERS = {"smear_frames": 0.5, "points": 1.0, "unlabelled": 1.0}  # factor to the scale of `smear`
FOLDS = 5


def simulated(index, seed, **changed):
    """A frame ``(C, H, W)``, its cells, its patient."""
    frame = simulate_frame(FRAME | changed, seed=seed, index=index)
    return np.ascontiguousarray(frame.image.transpose(2, 0, 1)), frame.instances, frame.patient


def flagged(frames, known, scale=1.0):
    """How many frames have a flag, and how many have each."""
    words = [[word for word, _ in field_flags(image, cells, {"frames": known}, scale)] for image, cells in frames]
    any_of = sum(map(bool, words))
    low, high = (round(float(end), 3) for end in of_share(any_of, len(words), alone(0.95)))
    counted = Counter(word for of in words for word in of)
    return {"frames": len(words), "flagged": any_of, "share_from": low, "share_to": high} | {"words": dict(counted)}


def of_simulated(size, clean, faulty):
    """False alarms by the size of the reference; detection by fault and strength."""
    rows, patients = [], []
    for index in range(size):
        image, cells, patient = simulated(index, seed=1)
        rows.append(features_of(image, cells))
        patients.append(patient)
    sizes = sorted({size // 6, size // 3, size})
    known = {count: reference(rows[:count], patients[:count], field=(480, 640)) for count in sizes}
    others = [simulated(index, seed=2, patients=max(1, clean // 2))[:2] for index in range(clean)]
    alarms = {f"{count} frames of {known[count]['groups']} patients": flagged(others, known[count]) for count in sizes}
    print(json.dumps(alarms), flush=True)
    found = with_faults(others[:faulty], known[size], lambda image, cells: cells)
    found["crowding, cells per frame"] = {
        str(count): flagged([simulated(i, seed=3, cells=count)[:2] for i in range(faulty)], known[size])
        for count in CROWDS
    }
    return {"false_alarms": alarms, "faults": found}


def with_faults(frames, known, cells_of):
    """Flags of the frames by fault and strength."""
    found = {}
    for name, (put, strengths) in FAULTS.items():
        found[name] = {}
        for strength in strengths:
            changed = [(put(image, strength), cells) for image, cells in frames]
            found[name][str(strength)] = flagged([(image, cells_of(image, cells)) for image, cells in changed], known)
            print(name, strength, json.dumps(found[name][str(strength)]), flush=True)
    return found


def folder_of(name):
    """Folder of a real set; none where it is not at hand."""
    places = (Path(os.environ.get("HEMOSEG_REAL_DATA", ROOT / "data")) / name, ROOT / "data" / name)
    return next((place for place in places if place.is_dir()), None)


def real_frames(folder):
    """Images ``(3, H, W)`` of a set with the cells that a threshold finds."""
    for path in sorted((folder / "images").iterdir()):
        image = np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].transpose(2, 0, 1))
        yield image, threshold_cells(image)


def of_smear(folder, faulty):
    """Flags of frames that are held out, as they are and with faults; and the reference of all frames."""
    frames = list(real_frames(folder))
    rows, field = [features_of(*frame) for frame in frames], frames[0][0].shape[1:]
    known = {k: reference([r for i, r in enumerate(rows) if i % FOLDS != k], field=field) for k in range(FOLDS)}
    alarms = [flagged([f for i, f in enumerate(frames) if i % FOLDS == k], known[k]) for k in range(FOLDS)]
    words = sum((Counter(one["words"]) for one in alarms), Counter())
    total = {name: sum(one[name] for one in alarms) for name in ("frames", "flagged")}
    low, high = (round(float(end), 3) for end in of_share(total["flagged"], total["frames"], alone(0.95)))
    held = [frame for i, frame in enumerate(frames) if i % FOLDS == 0][:faulty]
    found = with_faults(held, known[0], lambda image, cells: threshold_cells(image))
    told = total | {"share_from": low, "share_to": high, "words": dict(words)}
    return {"false_alarms": told, "faults": found}, reference(rows, field=field)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=int, default=60, help="simulated training frames")
    parser.add_argument("--clean", type=int, default=100, help="simulated frames of other patients, as they are")
    parser.add_argument("--faulty", type=int, default=24, help="frames that each fault is put on")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    result = {"simulated": of_simulated(given.reference, given.clean, given.faulty)}
    if folder := folder_of("smear"):
        result["smear"], known = of_smear(folder, given.faulty)
        for name, scale in OTHERS.items():
            if other := folder_of(name):
                result[f"{name} against smear"] = flagged(real_frames(other), known, scale)
                print(name, json.dumps(result[f"{name} against smear"]), flush=True)
    else:
        print("smear: not at hand")
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
