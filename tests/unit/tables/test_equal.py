"""How many images equal how many: known curves, censored answers, and the Dice of the table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.tables import equal, ratios
from hemoseg.tables.column import Run
from hemoseg.tables.equal import AT_MOST, NOT_REACHED, equality, images_needed
from hemoseg.tables.table import plan, tabulate

SIZES = [10, 20, 40, 80, 160]
NONE = pd.DataFrame(columns=ratios.COLUMNS)


def run_of(model, size, scores, seed=0, classes=1):
    """A run whose images have the given Dice of every class but the background."""
    rows = [
        {"sample": f"s{i}", "frame": f"f{i // 2}", "class": c, "class_name": ["background", "a", "b"][c],
         "tp": round(1000 * score), "fp": 2000 - 2 * round(1000 * score), "fn": 0}
        for i, score in enumerate(scores) for c in range(classes + 1)
    ]  # fmt: skip
    return Run(model, f"n{size}", seed, pd.DataFrame(rows), pd.DataFrame(columns=["sample", "side", "counted"]))


def plan_of(sizes=SIZES, **settings):
    shared = {"table": "t", "rows": {"unet": "U-Net", "d": "dU-Net"}, "columns": {"dice": "Dice"}, "baseline": "unet"}
    return plan(shared | {"families": {f"n{size}": f"n{size}" for size in sizes}} | settings)


def logarithmic(size):
    return 0.5 + 0.1 * np.log2(size / 10)


@given(st.floats(10, 160), st.floats(0.2, 5))
def test_a_straight_line_in_the_logarithm_is_read_off_exactly(wanted, factor):
    curve = [logarithmic(size) for size in SIZES]
    found = images_needed(SIZES, curve, logarithmic(wanted))
    assert found == pytest.approx(wanted) or (wanted == 10 and found == AT_MOST)
    squeezed = images_needed([size * factor for size in SIZES], curve, logarithmic(wanted))
    assert squeezed == pytest.approx(wanted * factor) or wanted == 10


@pytest.mark.parametrize(
    ("curve", "value", "expected"),
    [
        ([0.5, 0.6, 0.7, 0.8, 0.9], 0.4, AT_MOST),
        ([0.5, 0.6, 0.7, 0.8, 0.9], 0.5, 10),
        ([0.5, 0.6, 0.7, 0.8, 0.9], 0.91, NOT_REACHED),
        ([0.5, 0.8, 0.6, 0.8, 0.9], 0.8, 20),  # falls again: the smallest number counts
        ([0.5, 0.4, 0.7, 0.7, 0.9], 0.55, 20 * 2**0.5),
        ([0.5, np.nan, 0.7, 0.7, 0.9], 0.6, 20),  # a size without a score is passed over
        ([np.nan] * 5, 0.5, NOT_REACHED),
    ],
)
def test_the_smallest_number_counts_and_nothing_is_extrapolated(curve, value, expected):
    assert images_needed(SIZES, curve, value) == pytest.approx(expected)


def test_a_row_that_needs_half_the_images_is_found_to_need_half():
    curve = dict(zip(SIZES, (0.4, 0.6, 0.7, 0.75, 0.8), strict=True))
    runs = [run_of("unet", size, [score] * 4) for size, score in curve.items()]
    runs += [run_of("d", size, [curve[2 * size]] * 4) for size in SIZES[:-1]]
    claims = pd.DataFrame([["d", "unet", "training images", 0.5, "half", "paper"]], columns=ratios.COLUMNS)
    table = equality(plan_of(), runs, claims, draws=20)
    assert table["images"].to_list() == SIZES
    assert table["needed"].to_list() == pytest.approx([AT_MOST, 10, 20, 40, 80])
    assert table["ratio"].to_list()[1:] == pytest.approx([0.5] * 4)
    assert table["answer"].to_list()[0] == "at most 10"
    assert (table[["low", "high"]].to_numpy()[1:] == table[["needed"]].to_numpy()[1:]).all()  # images all alike
    assert table["published_ratio"].to_list() == [0.5] * 5
    back = equality(plan_of(baseline="d"), runs, NONE, draws=20)
    assert back["needed"].to_list() == pytest.approx([20, 40, 80, 160])


def test_what_is_never_reached_is_said_with_the_largest_size():
    runs = [run_of("unet", s, [0.9] * 4) for s in (10, 20)] + [run_of("d", s, [0.5] * 4) for s in (10, 20)]
    table = equality(plan_of([10, 20]), runs, NONE, draws=20)
    assert table["answer"].to_list() == ["not reached with 20"] * 2
    assert table["interval"].to_list() == ["not reached with 20"] * 2


def test_without_the_baseline_nothing_is_compared():
    runs = [run_of("d", 10, [0.5] * 4)]
    assert equality(plan_of([10]), runs, NONE).empty


@pytest.mark.parametrize("average", ["per_image", "pooled"])
@pytest.mark.parametrize(("classes", "background"), [(1, "out"), (2, "in"), (2, "out")])
def test_the_curve_is_the_tables_dice(average, classes, background):
    rng = np.random.default_rng(0)
    runs = [run_of("unet", 10, rng.uniform(0.2, 1, 6), seed, classes) for seed in (0, 1, 2)]
    for run in runs:
        run.pixels["fn"] = rng.integers(0, 500, len(run.pixels))
        run.pixels.loc[:1, ["tp", "fp", "fn"]] = 0
    table_plan = plan_of([10], average=average, background=background, empty="skip")
    class_name = "a" if classes == 1 else "average"
    curve = equal.curves(table_plan, runs, class_name, draws=5)[10]
    table = tabulate(table_plan, runs)
    line = table[(table["row"] == "unet") & (table["class"] == class_name)].iloc[0]
    assert curve[0] == pytest.approx(line["mean"])


def test_the_bootstrap_draws_frames_and_seeds_as_a_loop_would():
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.2, 1, (3, 8)).round(3)
    runs = [run_of("unet", 10, scores[seed], seed) for seed in range(3)]
    drawn = equal.curves(plan_of([10]), runs, "a", draws=4000)[10][1:]
    found = []
    for _ in range(4000):
        frames = rng.integers(0, 4, 4)
        images = np.concatenate([[2 * frame, 2 * frame + 1] for frame in frames])
        found.append(scores[rng.integers(0, 3, 3)][:, images].mean())
    assert drawn.mean() == pytest.approx(np.mean(found), abs=0.01)
    assert drawn.std() == pytest.approx(np.std(found), rel=0.06)
