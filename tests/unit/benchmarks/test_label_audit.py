"""The planted problem of the label audit, its smallest version: swapped class labels come first on the list."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hemoseg.data.samples import Samples

PATH = Path(__file__).parents[3] / "benchmarks" / "label_audit" / "run.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("label_audit_benchmark", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_swapped_labels_of_simulated_cells_are_found_by_a_model_that_learned_from_them_too(benchmark):
    found = benchmark.one("small", seed=0, folds=2)
    assert found["swapped"] == round(0.03 * found["cells"]) >= 3
    assert found["average_precision"] > 10 * found["chance"]
    assert found["found_among_first"] > 0.5


def test_the_share_asked_for_is_swapped_and_nothing_else(benchmark):
    instances = np.kron(np.arange(100).reshape(10, 10), np.ones((2, 2), int)).astype(np.int32)
    classes = np.where(instances > 0, 1 + instances % 3, 0).astype(np.uint8)
    none = {"groups": [""] * 2, "kinds": [""] * 2, "images": [np.zeros((1, 20, 20), np.uint8)] * 2, "white": 255}
    samples = Samples(
        classes=[classes, classes], instances=[instances, instances], ids=["a", "b"], frames=["a", "b"],
        boxes=np.zeros((2, 4), int), frame_sizes=np.zeros((2, 2), int), class_names=list("0123"), **none,
    )  # fmt: skip
    changed, swapped = benchmark.planted(samples, np.random.default_rng(0), share=0.1)
    assert len(swapped) == 20
    for name, now in zip("ab", changed.classes, strict=True):
        cells = {int(cell) for cell in np.unique(instances[now != classes])}
        assert cells == {cell for frame, cell in swapped if frame == name}
        assert ((now > 0) == (classes > 0)).all()
