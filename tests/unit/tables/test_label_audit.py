import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hemoseg.tables.label_audit import (
    HEADER,
    PLACE,
    agreeing,
    audited,
    average_precision,
    expected,
    large_enough,
    worth_looking,
)

NAMES = ["background", "round", "long"]


def cells(*rows, **more):
    """Cells of (p_0, p_1, p_2), numbered from 1."""
    table = pd.DataFrame(rows, columns=["p_0", "p_1", "p_2"], dtype=float)
    table = table.assign(frame="a", group="g", cell=np.arange(1, len(table) + 1), area=50, **dict.fromkeys(PLACE, 3))
    return table.assign(**({"outline": 0.0, "merged": 0.0, "class": 1, "unknown": False, "split": 0.0} | more))


def problems(table):
    return {(row.problem, row.cell): row for row in table.itertuples()}


def test_each_label_has_its_problems_with_the_probabilities_of_either_side():
    labelled = cells((0.1, 0.8, 0.1), (0.1, 0.2, 0.7), (0.8, 0.1, 0.1), outline=[0.1, 0.6, 0.9], merged=[0.0, 0.0, 0.7])
    found = cells((0.3, 0.1, 0.6), (0.1, 0.8, 0.1), unknown=[True, False], split=[0.0, 0.55])
    table = audited(labelled, found, NAMES)
    assert list(table.columns) == list(HEADER)
    assert (table["score"].diff().dropna() <= 0).all()
    assert list(table["rank"]) == list(range(1, len(table) + 1))
    said = problems(worth_looking(table, 0.5))
    assert set(said) == {("wrong_class", 2), ("outline", 2), ("not_there", 3), ("missed", 1), ("split", 2)}
    swapped, lost, missed = said["wrong_class", 2], said["not_there", 3], said["missed", 1]
    assert (swapped.label, swapped.suggested, swapped.p_label, swapped.p_suggested) == ("round", "long", 0.2, 0.7)
    assert swapped.score == pytest.approx(1 - 0.2 / 0.9)
    assert (lost.label, lost.suggested, lost.score) == ("round", "background", 0.8)
    assert (missed.label, missed.suggested, missed.score) == ("background", "long", 0.7)
    assert not {problem for problem, cell in problems(table) if cell == 3} - {"not_there", "split", "missed"}
    assert (table["verdict"] == "").all()


def test_one_class_has_no_wrong_one():
    labelled = cells((0.1, 0.9, 0.0)).drop(columns="p_2")
    table = audited(labelled, cells().drop(columns="p_2"), NAMES[:2])
    assert "wrong_class" not in set(table["problem"])
    assert expected(labelled, 2) == (0, 0)
    assert agreeing(labelled, NAMES[:2]) == {}


def test_dust_is_left_out_and_nothing_is_no_fault():
    labelled = cells((0.1, 0.8, 0.1), (0.1, 0.8, 0.1), area=[40, 60])
    found = cells((0.1, 0.8, 0.1), (0.1, 0.8, 0.1), area=[5, 4])
    assert list(large_enough(found, labelled, 0.1)["cell"]) == [1]
    empty = audited(cells(), cells(), NAMES)
    assert empty.empty
    assert list(empty.columns) == list(HEADER)
    assert expected(cells(), 3) == (0, 0)
    assert agreeing(cells(), NAMES) == {}


def test_how_often_a_model_agrees_counts_what_it_sees():
    labelled = cells((0.1, 0.8, 0.1), (0.1, 0.2, 0.7), (0.9, 0.1, 0.0), (0.2, 0.3, 0.5), **{"class": [1, 1, 1, 2]})
    assert agreeing(labelled, NAMES) == {"round": (1, 2), "long": (1, 1)}


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), min_size=1, max_size=30))
def test_average_precision_is_scikit_learns(rows):
    score, wrong = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    if wrong.any():
        assert average_precision(score, wrong) == pytest.approx(average_precision_score(wrong, score))
    else:
        assert np.isnan(average_precision(score, wrong))
