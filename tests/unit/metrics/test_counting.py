import numpy as np
import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.metrics.counting import RULES, counted
from hemoseg.metrics.shapes import cut_sides


def tables(border, area=100.0, side="pred", truth=False, pixel=np.nan):
    cells = pd.DataFrame(
        {"side": side, "frame": "f", "group": "p", "class_name": "a", "area": area, "perimeter": 40.0, "hosted": 1,
         "eccentricity": 0.1, "form_factor": 0.8, "border": border, "ignored": False}
    )  # fmt: skip
    frames = pd.DataFrame({"frame": ["f"], "group": "p", "field": 2e6, "pixel_size_um": pixel, "truth": truth})
    return cells, frames


SIDE, RADIUS, DENSITY, WINDOWS = 60, 4.5, 0.004, 300


@pytest.fixture(scope="module")
def thrown():
    """Which border cuts each disc that is seen in a window on a plane of discs of one radius."""
    random = np.random.default_rng(0)
    rows, columns = np.indices((SIDE, SIDE)) + 0.5
    field, borders = np.ones((SIDE, SIDE), bool), []
    for row, column in random.uniform(-10, SIDE + 10, (random.poisson(WINDOWS * DENSITY * (SIDE + 20) ** 2), 2)):
        seen = ((rows - row) ** 2 + (columns - column) ** 2 <= RADIUS**2).astype(int)
        if seen.any():
            upper_left, lower_right = (sides[0] for sides in cut_sides(seen, field))
            borders.append("lower_right" if lower_right else "upper_left" if upper_left else "no")
    return borders


# A disc is inside where it keeps 5 px away from the border, and seen where it reaches 0.5 px into the window.
@pytest.mark.parametrize(
    ("rule", "area"), [("counting_frame", 60**2), ("all", 68**2 - (4 - np.pi) * 16), ("inside", 50**2)]
)
def test_the_counting_frame_alone_is_unbiased(rule, area, thrown):
    number = sum(border in RULES[rule] for border in thrown)
    expected = DENSITY * SIDE**2 * WINDOWS
    assert number / expected - 1 == pytest.approx(area / SIDE**2 - 1, abs=2.6 / np.sqrt(expected))


@pytest.mark.parametrize(("rule", "number"), [("counting_frame", 2), ("all", 3), ("inside", 1), (None, 2)])
def test_the_rule_says_which_cells_count_and_whole_ones_have_shape(rule, number):
    found = counted(*tables(["no", "upper_left", "lower_right"]), ["a"], {"border": rule} if rule else {})
    assert found.cells["counts"].sum() == number
    assert found.cells["whole"].tolist() == [True, False, False]


def test_lengths_are_micrometres_where_a_pixel_is_known():
    found = counted(*tables(["no"], pixel=0.5), ["a"])
    assert found.length == "um"
    assert found.cells[["area", "perimeter"]].iloc[0].tolist() == [25, 20]
    assert found.frames["field"].iloc[0] == pytest.approx(0.5)  # 2e6 px of 0.25 um2
    assert counted(*tables(["no"]), ["a"]).frames["field"].iloc[0] == pytest.approx(2)  # 10^6 px


def test_dust_and_ignored_ground_are_no_cells():
    cells, frames = tables(["no"] * 6, area=[100.0, 100, 100, 10, 9.9, 100])
    cells.loc[0, "ignored"] = True
    assert counted(cells, frames, ["a"]).cells.index.tolist() == [1, 2, 3, 5]


def test_dust_is_measured_by_true_cells_where_they_are_known():
    found, _ = tables(["no"], area=[1000.0])
    true, frames = tables(["no"], side="gt", truth=True)
    assert counted(pd.concat([found, true]), frames, ["a"]).min_area == 10


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"borders": "all"}, "unknown key 'borders'"), ({"border": "some"}, "'some' is none of"), ({"level": 95}, "0.95"),
     ({"min_area_share": -1}, "0 or more")],
)  # fmt: skip
def test_a_wrong_setting_is_a_sentence(settings, said):
    with pytest.raises(InputError, match=said):
        counted(*tables(["no"]), ["a"], settings)
