import numpy as np
import pandas as pd
import pytest

from hemoseg.tables import atypical
from hemoseg.tables.patient import beside_reference, counts, shapes_of


def cells(number, image="a", group="p", **changed):
    """Cells of usual sizes, some of them cut by a border."""
    rng = np.random.default_rng(len(image) + number)
    table = pd.DataFrame({
        "image": image, "group": group, "id": np.arange(1, number + 1), "class_name": "red",
        "area_px": rng.normal(400, 30, number), "perimeter_px": rng.normal(70, 3, number),
        "eccentricity": rng.uniform(0.2, 0.5, number), "form_factor": rng.normal(0.95, 0.02, number),
        "solidity": rng.normal(0.97, 0.005, number), "mean_intensity": rng.normal(0.5, 0.02, number),
        "touches_border": np.arange(number) % 5 == 4,
    })  # fmt: skip
    return table.assign(area_um2=table["area_px"] / 16, perimeter_um=table["perimeter_px"] / 4, **changed)


def images(*rows):
    table = pd.DataFrame(rows, columns=["image", "group", "cells", "n_red", "n_white"])
    return table.assign(flags="")


def test_counts_and_shares_are_sums_over_the_fields():
    ours = images(("a", "p", 10, 9, 1), ("b", "p", 30, 24, 6))
    table = counts(ours, ["red", "white"], ours).set_index("class")
    assert table["cells"].to_dict() == {"all": 40, "red": 33, "white": 7}
    assert table.loc["white", "share"] == pytest.approx(7 / 40)
    assert table.loc["all", "per_field"] == 20
    assert (table["low"][1:] < table["share"][1:]).all()
    assert (table["high"][1:] > table["share"][1:]).all()


def test_fields_that_differ_widen_the_interval_of_a_share():
    alike = images(*((f"i{i}", "p", 50, 40, 10) for i in range(8)))
    apart = images(*((f"i{i}", "p", 50, 50 - 20 * (i % 2), 20 * (i % 2)) for i in range(8)))
    widths = [np.ptp(counts(one, ["white"], one).loc[1, ["low", "high"]].to_numpy(float)) for one in (alike, apart)]
    assert widths[1] > 1.5 * widths[0]


def test_a_patient_without_cells_has_counts_and_no_shares():
    ours = images(("a", "p", 0, 0, 0))
    table = counts(ours, ["red", "white"], pd.concat([ours, images(("b", "q", 9, 9, 0))]))
    assert (table["cells"] == 0).all()
    assert table["share"].isna().all()


def test_shapes_are_of_cells_that_no_border_cuts_in_one_unit():
    table = cells(10)
    assert len(shapes_of(table, False)) == 8
    assert (shapes_of(table, True)["area"] == shapes_of(table, False)["area"] / 16).all()


def test_the_reference_beside_itself_has_its_own_tails():
    table = shapes_of(pd.concat([cells(200, f"i{i}") for i in range(4)], ignore_index=True), False)
    found = beside_reference(table, table.assign(group="q")).set_index("shape")
    tails = found[["below", "above"]].to_numpy()
    assert tails == pytest.approx(0.025, abs=0.003)
    assert (found["median"] == found["reference_median"]).all()
    # Brute force of one row.
    low = np.quantile(table["area"], 0.025)
    assert found.loc["area", "below"] == np.mean(table["area"] < low)
    assert found.loc["area", "below_low"] < 0.025 < found.loc["area", "below_high"]


def test_larger_cells_lie_above_the_reference():
    reference = shapes_of(pd.concat([cells(100, f"i{i}", "q") for i in range(3)]), False)
    ours = shapes_of(cells(100), False).assign(area=lambda table: table["area"] * 1.5)
    found = beside_reference(ours, reference).set_index("shape")
    assert found.loc["area", "above_low"] > 0.7
    assert found.loc["area", "below"] == 0
    assert found.loc["solidity", "above_low"] < 0.025


def test_an_odd_cell_is_the_most_atypical_one_and_says_why():
    reference = shapes_of(pd.concat([cells(100, f"i{i}", "q") for i in range(3)]), False)
    ours = shapes_of(cells(60), False).reset_index(drop=True)
    ours.loc[7, "eccentricity"] = 0.97
    ours.loc[11, "solidity"] = 0.8
    found = atypical.judged(ours, reference)
    first = atypical.most_atypical(found, most=10, least=2)
    assert set(first.index[:2]) == {7, 11}
    assert found.loc[7, "by"] == "elongation"
    assert found.loc[7, "higher"]
    assert found.loc[11, "by"] == "solidity"
    assert np.mean(found["distance"] > found["limit"]) < 0.15


def test_a_rare_class_is_held_against_itself():
    common = [cells(100, f"i{i}", "q") for i in range(3)]
    rare = cells(60, "w", "q", class_name="white").assign(area_px=lambda table: 4 * table["area_px"])
    reference = shapes_of(pd.concat([*common, rare]), False)
    ours = shapes_of(pd.concat([cells(50), rare.assign(group="p")], ignore_index=True), False)
    found = atypical.judged(ours, reference)
    white = found[found["class_name"] == "white"]
    assert (white["distance"] > white["limit"]).mean() < 0.05
    alone = atypical.judged(ours, reference[reference["class_name"] == "red"])
    white = alone[alone["class_name"] == "white"]
    assert (white["distance"] > white["limit"]).all()


def test_distances_of_one_class_do_not_depend_on_the_order_of_the_cells():
    reference = shapes_of(pd.concat([cells(100, f"i{i}", "q") for i in range(3)]), False)
    ours = shapes_of(pd.concat([cells(30), cells(30, "b", class_name="x")], ignore_index=True), False)
    turned = ours.iloc[::-1]
    first, second = atypical.judged(ours, reference), atypical.judged(turned, reference)
    assert first["distance"].to_dict() == pytest.approx(second["distance"].to_dict())
