import collections
import statistics
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.training.batches import Pool, draw_positions, measure_normalisation
from hemoseg.training.imbalance import (
    balance,
    count_pixels,
    median_frequency_weights,
    rarest_class_chances,
    rarest_classes,
)

TABLES = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.sampled_from([0, 0, 1, 2, 7, 90]), min_size=k, max_size=k), min_size=1, max_size=6)
)


def tensor(table):
    return torch.tensor(table, dtype=torch.int64)


def pool_of(samples):
    return Pool(samples, measure_normalisation(samples, "none"), torch.device("cpu"), "train")


@given(TABLES)
def test_a_weight_is_the_median_frequency_over_the_classs_own(table):
    frequency = {}
    for c in range(len(table[0])):
        shown = [row for row in table if row[c] > 0]
        if shown:
            frequency[c] = Fraction(sum(row[c] for row in shown), sum(sum(row) for row in shown))
    wanted = [0.0] * len(table[0])
    for c, own in frequency.items():
        wanted[c] = float(statistics.median(frequency.values()) / own)
    assert median_frequency_weights(tensor(table)).tolist() == pytest.approx(wanted, rel=1e-12)


@given(TABLES)
def test_every_rarest_class_is_drawn_equally_often_and_within_it_every_sample(table):
    total = [sum(column) for column in zip(*table, strict=True)]
    rarest = [min((c for c, n in enumerate(row) if n), key=lambda c: (total[c], c), default=0) for row in table]
    assert rarest_classes(tensor(table)).tolist() == rarest
    size = collections.Counter(rarest)
    wanted = [float(Fraction(1, len(size) * size[c])) for c in rarest]
    assert rarest_class_chances(tensor(table)).tolist() == pytest.approx(wanted, rel=1e-12)
    assert sum(wanted) == pytest.approx(1)


def test_a_class_that_no_training_image_shows_has_weight_0_and_changes_nothing():
    with_it = median_frequency_weights(tensor([[90, 0, 8, 2], [95, 0, 5, 0]]))
    without = median_frequency_weights(tensor([[90, 8, 2], [95, 5, 0]]))
    assert with_it[1] == 0
    assert with_it[[0, 2, 3]].tolist() == without.tolist()
    assert torch.isfinite(with_it).all()


def test_pixels_are_counted_and_ignored_ones_are_not(tiny_samples):
    samples = tiny_samples(6, (9, 11), classes=3)
    samples.classes[2][:, :4] = 255
    samples.classes[4][:] = 255
    counts = count_pixels(pool_of(samples).classes, 4)
    assert counts.tolist() == [[int((one == c).sum()) for c in range(4)] for one in samples.classes]


def test_nothing_is_weighed_unless_it_is_asked_for(tiny_samples):
    told = balance("none", pool_of(tiny_samples(4, (8, 8))))
    assert (told.weights, told.chances, told.described) == (None, None, {"imbalance": "none"})
    with pytest.raises(ValueError, match="imbalance 'wieghts'; choose none, class_weights, sampling"):
        balance("wieghts", pool_of(tiny_samples(4, (8, 8))))


def test_what_a_setting_made_of_the_data_is_told_by_class_name(tiny_samples):
    samples = tiny_samples(6, (12, 12), classes=3)
    for position in (0, 3):
        samples.classes[position][samples.classes[position] == 1] = 2  # class 1 is gone
    weighted = balance("class_weights", pool_of(samples))
    assert list(weighted.described["class_weights"]) == ["background", "cell1", "cell2", "cell3"]
    assert list(weighted.described["class_weights"].values()) == pytest.approx(weighted.weights.tolist())
    assert weighted.chances is None
    drawn = balance("sampling", pool_of(samples))
    assert drawn.described == {"imbalance": "sampling", "samples_by_rarest_class": {"cell2": 4, "cell3": 2}}
    assert drawn.chances.tolist() == pytest.approx([1 / 8, 1 / 8, 1 / 4, 1 / 8, 1 / 8, 1 / 4])
    assert drawn.weights is None


@given(seed=st.integers(0, 2**31), step=st.integers(0, 10**6), size=st.integers(1, 9))
def test_a_draw_by_chance_depends_on_nothing_but_its_number(seed, step, size):
    chances = torch.tensor([0.5, 0.0, 0.3, 0.2], dtype=torch.float64)
    first = draw_positions(seed, step, size, 4, chances)
    torch.manual_seed(step)
    torch.randn(3)
    assert torch.equal(first, draw_positions(seed, step, size, 4, chances))
    assert len(first) == size
    assert 1 not in first


def test_samples_come_as_often_as_their_chances_say_and_differ_by_step_and_seed():
    chances = torch.tensor([0.5, 0.05, 0.25, 0.2], dtype=torch.float64)
    draws = [tuple(draw_positions(seed, step, 20, 4, chances).tolist()) for seed in range(10) for step in range(100)]
    assert len(set(draws)) == 1000
    seen = np.bincount(np.concatenate(draws), minlength=4)
    sd = np.sqrt(20_000 * chances.numpy() * (1 - chances.numpy()))
    assert (np.abs(seen - 20_000 * chances.numpy()) < 5 * sd).all()
