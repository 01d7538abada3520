"""How often the clinic page's 95 % intervals hold the truth, beside plain ones that take cells for independent.

    python benchmarks/clinic/run.py [trials]

Frames of a patient differ in their share of a class (beta, intraclass correlation rho) and in their number of cells
(gamma), patients differ between them; the true rate is the patient's own, and for all patients the population's.
Writes benchmarks/results/clinic_coverage.csv.
"""

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.tables import intervals

OUT = Path(__file__).parents[1] / "results" / "clinic_coverage.csv"
PATIENTS, CELLS = 5, 10  # scd2020: 5 patients, about 10 cells in a frame
SHARES, CORRELATIONS, FRAMES = (0.02, 0.1, 0.5), (0.0, 0.05, 0.2), (2, 5, 20, 60)
PLAIN = intervals.alone(0.95)


def simulated(rng, share, correlation, frames):
    """Cells of a class and all cells of each frame, the patient of each, and each patient's true share."""
    own = np.clip(share * rng.uniform(0.7, 1.3, PATIENTS), 0, 1)
    patient = np.repeat(np.arange(PATIENTS), frames)
    size = rng.poisson(CELLS * rng.gamma(4, 0.25, patient.size)) + 1
    scale = 1 / correlation - 1 if correlation else np.inf
    rate = own[patient] if correlation == 0 else rng.beta(own[patient] * scale, (1 - own[patient]) * scale)
    return pd.DataFrame({"part": rng.binomial(size, rate), "size": size, "patient": patient, "rate": own[patient]})


def held(table, spread):
    """Which patients' intervals hold their true share, and how wide the intervals are."""
    sums = table.groupby("patient").agg(part=("part", "sum"), size=("size", "sum"), rate=("rate", "first"))
    low, high = intervals.of_share(sums["part"], sums["size"], spread)
    return (low <= sums["rate"]) & (sums["rate"] <= high), high - low


def pooled(table):
    """The page's design effect."""
    totals = table.groupby("patient")[["part", "size"]].transform("sum")
    rate = totals["part"] / totals["size"]
    variance = table["size"] * rate * (1 - rate)
    return intervals.design_effect(table["part"], table["size"], variance, table["patient"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", type=int, nargs="?", default=400, help="of each setting")
    trials = parser.parse_args().trials
    rng, rows = np.random.default_rng(0), []
    for share, correlation, frames in product(SHARES, CORRELATIONS, FRAMES):
        found = {"clustered": ([], []), "plain": ([], [])}
        for _ in range(trials):
            table = simulated(rng, share, correlation, frames)
            for name, spread in (("clustered", pooled(table)), ("plain", PLAIN)):
                hits, widths = held(table, spread)
                found[name][0].append(hits.mean())
                found[name][1].append(widths.mean())
        row = {"share": share, "correlation": correlation, "frames": frames, "trials": trials * PATIENTS}
        for name, (hits, widths) in found.items():
            row |= {f"{name}_coverage": np.mean(hits), f"{name}_width": np.mean(widths)}
        rows.append(row)
        print({key: round(value, 3) for key, value in row.items()}, flush=True)
    pd.DataFrame(rows).to_csv(OUT, index=False, float_format="%.4g", lineterminator="\n")


if __name__ == "__main__":
    main()
