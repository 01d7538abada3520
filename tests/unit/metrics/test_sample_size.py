"""Fields that are needed: at their number the width is the one that was asked for; some widths no number reaches."""

import numpy as np
import pytest
from scipy import stats

from hemoseg.metrics.detector import detector
from hemoseg.metrics.field_sampling import Sampling
from hemoseg.metrics.prevalence import Fields, drawn_patient, interval
from hemoseg.metrics.sample_size import ASSURED, _planned_for, fields_for


def model(found, cells):
    frame = {"group": 0, "frame": 0, "pixels": float(cells), "truth": [cells] * 2, "found": np.array(found) * cells}
    return detector(
        {"classes": ["a", "b"], "grouped": False, "frames": [frame | {"pieces": [0, 0], "made_up": [0, 0]}]}
    )


FIELDS = Fields(np.array([[35, 15]] * 4), np.ones(4))


def test_without_errors_and_clusters_it_is_the_textbook_number_of_the_share_that_is_planned_for():
    needed = fields_for(0.03, FIELDS, model(np.eye(2), 10**9), Sampling(), 0.95).fields
    share = stats.beta.ppf(ASSURED, 60.5, 140.5)  # 60 of the 200 cells at hand
    cells = stats.norm.ppf(0.975) ** 2 * share * (1 - share) / 0.03**2
    assert needed == pytest.approx(cells / 50, rel=0.1)


def test_the_width_at_the_number_is_the_one_that_was_asked_for():
    known, sampling = model([[0.9, 0.05], [0.1, 0.85]], 4000), Sampling(0.1, 0.02, 50)
    plan = fields_for(0.04, FIELDS, known, sampling, 0.95)
    number = int(plan.fields[0])
    assert number > 4
    later = Fields(np.array([[35, 15]] * number), np.ones(number))
    shares, _ = drawn_patient(later, known, sampling, np.random.default_rng(1), 8000)
    low, high = interval(shares[:, 0], 0.95, share=True)
    assert (high - low) / 2 == pytest.approx(0.04, rel=0.06)


def test_what_the_detectors_errors_leave_open_no_field_closes():
    known = model([[0.8, 0.2], [0.3, 0.7]], 60)
    plan = fields_for(0.03, FIELDS, known, Sampling(), 0.95)
    assert (plan.floor > 0.05).all()
    assert np.isinf(plan.fields).all()
    assert (fields_for(0.5, FIELDS, known, Sampling(), 0.95).fields <= 4).all()


def test_more_precision_takes_more_fields():
    known = model([[0.9, 0.05], [0.1, 0.85]], 10**6)
    numbers = [fields_for(within, FIELDS, known, Sampling(), 0.95).fields[1] for within in (0.1, 0.05, 0.02)]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[2]


def test_a_class_of_which_no_cell_was_found_yet_is_planned_for_as_one_that_may_be_there():
    never, effect = Fields(np.array([[50, 0]] * 2), np.ones(2)), 1 + 0.05 * 49
    needed = fields_for(0.01, never, model(np.eye(2), 10**9), Sampling(0.0, 0.05, 10**6), 0.95).fields
    share = stats.beta.ppf(ASSURED, 0.5, 100 / effect + 0.5)
    cells = stats.norm.ppf(0.975) ** 2 * share * (1 - share) / 0.01**2 * effect
    assert needed == pytest.approx(cells / 50, rel=0.15)


def test_no_share_is_planned_for_beyond_a_half_and_none_other_than_found_once_it_is_known():
    mixes = _planned_for(Fields(np.array([[24, 20, 6]]), np.ones(1)), Sampling())
    assert mixes.sum(axis=1) == pytest.approx(1)
    assert mixes[0, 0] == 0.5
    assert 0.4 < mixes[1, 1] < 0.5
    assert mixes[1, [0, 2]] == pytest.approx(np.array([0.8, 0.2]) * (1 - mixes[1, 1]), rel=1e-4)
    surely = np.array([[99, 0, 1]]) * 10**7
    assert _planned_for(Fields(surely, np.ones(1)), Sampling()) == pytest.approx(
        np.tile([0.99, 0, 0.01], (3, 1)), abs=1e-4
    )
