import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import touching
from hemoseg.metrics.cells import Truth, cell_facts

NAMES = ("model", "split", "seed", "sample")


def discs(*centres, radius=5, shape=(24, 60)):
    """Cells numbered in order; of two that overlap the later one has the pixels."""
    rows, columns = np.indices(shape)
    cells = np.zeros(shape, np.int32)
    for number, (row, column) in enumerate(centres, 1):
        cells[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    return cells


def table(true, found, markers=None, model="iuw", sample="a"):
    truth = Truth(true, (true > 0).astype(int), np.ones(true.shape, bool))
    points = None if markers is None else np.array(markers, float).reshape(-1, 2)
    settings = {"n_classes": 2, "min_area": 1, "gap_cap": 5, "markers": points}
    sides = cell_facts(truth, found, (found > 0).astype(int), **settings)
    tables = [pd.DataFrame({"side": side, **facts}) for side, facts in zip(("gt", "pred"), sides, strict=True)]
    return pd.concat(tables, ignore_index=True).assign(**dict(zip(NAMES, (model, "fixed", 0, sample), strict=True)))


PAIR = discs((12, 12), (12, 24), (12, 50))
MERGED = np.where(PAIR > 0, 1, 0) | (PAIR == 3) * 2
THIRDS = np.where(PAIR == 1, np.array([1, 4, 5])[np.digitize(np.indices(PAIR.shape)[1], [11, 14])], PAIR)


@pytest.mark.parametrize(
    ("found", "markers", "wanted"),
    [
        (PAIR, [(12, 12), (12, 24)], []),
        (MERGED, None, ["merged", "merged"]),
        (MERGED, [(12, 12)], ["merged, marked", "merged, no marker"]),
        (THIRDS, [(12, 8), (12, 15), (12, 24)], ["cut"]),
        (np.where(PAIR == 1, 0, PAIR), [], ["covered badly"]),
        (np.where((PAIR == 0) & (np.indices(PAIR.shape)[1] < 18), 1, PAIR), [], ["covered badly"]),  # far too large
    ],
)
def test_what_is_not_separated_has_its_cause(found, markers, wanted):
    assert touching.causes(table(PAIR, found, markers), 3.0).tolist() == wanted


def test_causes_add_up_to_the_errors_and_the_lone_cell_is_not_among_them():
    rows = pd.concat([table(PAIR, MERGED, [(12, 12)]), table(PAIR, THIRDS, [(12, 8), (12, 15)], sample="b")])
    (_, told), *others = touching.facts(rows, 3.0).iterrows()
    assert not others
    assert told["touching"] == 4
    assert told["errors"] == 3 == sum(told[cause] for cause in touching.CAUSES)
    assert (told["split_cells"], told["marked_twice"]) == (1, 1)
    assert np.isnan(touching.facts(table(PAIR, PAIR), 3.0)["marked_twice"]).all()


def test_no_cell_is_no_error():
    nothing = np.zeros((8, 8), np.int32)
    told = touching.facts(table(nothing, discs((4, 4), radius=2, shape=(8, 8))), 3.0)
    assert told[["touching", "errors"]].to_numpy().tolist() in ([[0, 0]], [])


def test_the_sentence_says_both_cuts():
    models = {
        "iu": {"weights_from": None, "predict": {"cells": "components"}},
        "iuw": {"weights_from": "iu", "predict": {"cells": "watershed"}},
    }
    found = touching.facts(pd.concat([table(PAIR, MERGED, model="iu"), table(PAIR, THIRDS, [(12, 24)])]), 3.0)
    published = pd.DataFrame({"row": ["iu", "iuw"], "column": "instance_error", "value": [0.4, 0.1]})
    (told,) = touching.cut_sentences(found, models, published, {"iu": "IU", "iuw": "IUW"})
    assert told.startswith("IUW: the watershed takes the instance error of IU from 1.0000 to 0.5000 (2 to 1 of 2 ")
    assert "a cut of 50 %; published 0.4000 to 0.1000, a cut of 75 %." in told
    assert "1 cut into several predicted cells" in told
    (alone,) = touching.cut_sentences(found, models, published[:0], {"iu": "IU", "iuw": "IUW"})
    assert "published" not in alone
