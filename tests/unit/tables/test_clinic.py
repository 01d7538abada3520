"""The clinic's tables against sums over the cells that use none of their code."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.metrics.counting import SHAPES, counted
from hemoseg.tables.clinic import COLUMNS, frame_table, patient_table

CLASSES = ["a", "b", "c"]  # nobody has c


def measured(groups=("p", "p", "q", "q", "q"), seed=0, truth=True):
    """Cells of frames with unlike numbers; the last frame is empty."""
    random = np.random.default_rng(seed)
    names = [f"f{i}" for i in range(len(groups) + 1)]
    rows = []
    for side in ("pred", "gt") if truth else ("pred",):
        for name, group in zip(names, groups, strict=False):
            for _ in range(random.integers(3, 12)):
                rows.append(
                    {"side": side, "frame": name, "group": group, "class": 1, "class_name": random.choice(["a", "b"]),
                     "area": random.uniform(50, 90), "perimeter": random.uniform(20, 40), "ignored": False,
                     "eccentricity": random.random(), "form_factor": random.random(), "hosted": 1,
                     "border": random.choice(["no", "no", "upper_left", "lower_right"])}
                )  # fmt: skip
    frames = {"frame": names, "group": [*groups, groups[-1]], "field": random.uniform(1e5, 2e5, len(names))}
    return pd.DataFrame(rows), pd.DataFrame(frames).assign(pixel_size_um=0.5, truth=truth)


def of(table, measure, **where):
    for name, value in ({"class": "all"} | {k.rstrip("_"): v for k, v in where.items()}).items():
        table = table[table[name] == value]
    (row,) = table[table["measure"] == measure].to_dict("records")
    return row


@pytest.mark.parametrize("make", [frame_table, patient_table])
def test_every_number_follows_from_the_cells(make):
    cells, frames = measured()
    table = make(counted(cells, frames, CLASSES))
    assert list(table.columns) == COLUMNS
    for row in table.to_dict("records"):
        here = frames if row["group"] == "all" else frames[frames["group"] == row["group"]]
        here = here[here["frame"] == row["frame"]] if row["frame"] else here
        for side, name in (("pred", "value"), ("gt", "truth")):
            mine = cells[(cells["side"] == side) & cells["frame"].isin(list(here["frame"]))]
            counts = mine[mine["border"] != "lower_right"]
            typed = counts if row["class"] == "all" else counts[counts["class_name"] == row["class"]]
            whole = mine[mine["border"] == "no"]
            whole = whole if row["class"] == "all" else whole[whole["class_name"] == row["class"]]
            expected = {
                "count": len(typed),
                "per_field": len(typed) / len(here),
                "density": len(typed) / (here["field"].sum() * 0.25e-6),
                "share": len(typed) / len(counts) if len(counts) else np.nan,
                "area": whole["area"].mean() * 0.25,
                "perimeter": whole["perimeter"].mean() * 0.5,
                "eccentricity": whole["eccentricity"].mean(),
                "form_factor": whole["form_factor"].mean(),
            }[row["measure"]]
            assert row[name] == pytest.approx(expected, nan_ok=True), row
            if row["measure"] == "area" and side == "pred":
                assert row["sd"] == pytest.approx(0.25 * whole["area"].std(ddof=1), nan_ok=True)
                assert row["n"] == len(whole)
        assert row["bias"] == pytest.approx(row["value"] - row["truth"], nan_ok=True)


def test_rows_stand_in_the_order_of_the_frames_and_all_patients_last():
    cells, frames = measured(groups=("q", "p", "q", "f1", "p"))
    frames.loc[5, "group"] = "q"
    found = counted(cells, frames, CLASSES)
    assert list(dict.fromkeys(patient_table(found)["group"])) == ["q", "p", "f1", "all"]
    table = frame_table(found)
    assert list(dict.fromkeys(table["frame"])) == list(frames["frame"])
    assert list(dict.fromkeys(table["measure"])) == ["count", "per_field", "density", *SHAPES, "share"]


def test_an_empty_frame_has_no_shares_and_a_density_of_zero():
    table = frame_table(counted(*measured(), CLASSES))
    empty = table[table["frame"] == "f5"]
    assert of(empty, "count")["value"] == 0
    assert of(empty, "density")["value"] == 0
    assert of(empty, "density")["high"] > 0
    for measure in SHAPES:
        assert np.isnan(of(empty, measure)["value"])
    assert np.isnan(of(empty, "share", class_="a")["value"])
    assert np.isnan(of(empty, "share", class_="a")["low"])


def test_a_class_that_nobody_has_is_zero_with_an_upper_bound():
    row = of(patient_table(counted(*measured(), CLASSES)), "share", class_="c", group="p")
    assert row["value"] == row["low"] == 0
    assert 0 < row["high"] < 1


def test_intervals_hold_their_value():
    table = patient_table(counted(*measured(), CLASSES))
    known = table[table["low"].notna()]
    assert set(known["measure"]) == {"per_field", "density", "share", *SHAPES}
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()


def test_frames_that_are_alike_within_and_differ_between_widen_the_interval_of_their_patient():
    cells, frames = measured(groups=("p",) * 20)
    mixed = patient_table(counted(cells, frames, CLASSES))
    cells["class_name"] = np.where(cells["frame"].str[1:].astype(int) % 2, "a", "b")
    sorted_ = patient_table(counted(cells, frames, CLASSES))
    widths = [of(t, "share", class_="a", group="p") for t in (mixed, sorted_)]
    widths = [row["high"] - row["low"] for row in widths]
    assert widths[1] > 1.7 * widths[0]


def test_patients_are_the_clusters_of_all_patients_and_frames_where_none_is_named():
    table = patient_table(counted(*measured(), CLASSES))
    assert table.groupby("group", sort=False)["clusters"].first().to_dict() == {
        "p": "frames", "q": "frames", "all": "patients",
    }  # fmt: skip
    nameless = patient_table(counted(*measured(groups=("",) * 5), CLASSES))
    assert set(nameless["group"]) == {"all"}
    assert set(nameless["clusters"]) == {"frames"}
    assert (nameless["frames"] == 6).all()


def test_without_truth_there_is_no_bias():
    table = patient_table(counted(*measured(truth=False), CLASSES))
    assert table[["truth_n", "truth", "bias"]].isna().all(axis=None)


def test_one_class_has_no_share():
    cells, frames = measured()
    table = patient_table(counted(cells.assign(class_name="cell"), frames, ["cell"]))
    assert set(table["class"]) == {"all"}
    assert "share" not in set(table["measure"])


def test_no_cell_at_all_makes_tables():
    cells, frames = measured()
    found = counted(cells[:0], frames, CLASSES)
    assert of(patient_table(found), "count", group="all")["value"] == 0
    assert len(frame_table(found))


def test_no_interval_of_an_eccentricity_reaches_beyond_one():
    cells, frames = measured()
    cells["eccentricity"] = np.where(np.arange(len(cells)) % 2, 0.99, 0.4)
    table = patient_table(counted(cells, frames, CLASSES))
    bounds = table.loc[table["measure"] == "eccentricity", "high"].dropna()
    assert bounds.max() == 1
    assert (bounds > 0.5).all()
