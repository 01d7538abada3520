"""What several predictions of one image share is counted once, and counted alike."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.metrics import cells
from hemoseg.steps import counting
from hemoseg.steps.counting import count, read_settings, truths_of

RNG = np.random.default_rng(0)
SETTINGS = read_settings({})


def labels(least=6):
    """Cells of 4 x 4 of two types, some of which touch, and some ignored pixels."""
    instances = np.kron(np.where(RNG.random((least, 7)) < 0.7, np.arange(1, 7 * least + 1).reshape(least, 7), 0),
                        np.ones((4, 4), int))  # fmt: skip
    classes = np.where(instances > 0, 1 + instances % 2, 0)
    return instances, np.where(RNG.random(classes.shape) < 0.02, 255, classes).astype(np.uint8)


def samples_of(instances, classes):
    size = np.array([classes.shape])
    return Samples(
        images=[np.zeros((1, 1, 1), np.uint8)], classes=[classes], instances=[instances], ids=["s"], frames=["s"],
        groups=[""], kinds=[""], boxes=np.concatenate([0 * size, size], axis=1), frame_sizes=size,
        class_names=["background", "one", "two"], white=255.0,
    )  # fmt: skip


def said():
    instances, classes = labels()
    return Predictions(["s"], [], [np.where(classes == 255, 0, classes)], [instances])


@pytest.mark.parametrize("least", [1, 12])
def test_predictions_that_share_a_truth_are_counted_as_each_alone(least):
    samples, rivals = samples_of(*labels()), [said() for _ in range(3)]
    truths = truths_of(samples)
    for rival in rivals:
        alone, shared = (count(samples, rival, SETTINGS, least, *more)[:2] for more in ((), (truths,)))
        for one, other in zip(alone, shared, strict=True):
            pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_another_least_area_is_another_fact():
    samples, rival = samples_of(*labels()), said()
    truths = truths_of(samples)
    for least in (1, 16, 40):
        alone, shared = (count(samples, rival, SETTINGS, least, *more)[:2] for more in ((), (truths,)))
        assert shared[0]["gt_count"].equals(alone[0]["gt_count"])
        assert shared[1]["gap"].equals(alone[1]["gap"])


def test_gaps_and_parts_of_the_truth_are_looked_for_once(monkeypatch):
    samples = samples_of(*labels())
    seen = []
    for module, name in ((cells, "nearest_gaps"), (counting, "counts_of_classes")):
        found = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, name=name, found=found: seen.append(name) or found(*args))
    truths = truths_of(samples)
    for _ in range(3):
        count(samples, said(), SETTINGS, 1.0, truths)
    assert seen.count("nearest_gaps") == 1
    assert seen.count("counts_of_classes") == 1 + 3  # once of the truth, once of each prediction
