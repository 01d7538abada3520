"""Every file in models/ is found here and goes through the contract of its kind; a new one needs no edit."""

import numpy as np
import pytest
import torch

from hemoseg import models
from hemoseg.data.samples import Samples

torch.set_num_threads(1)  # the tensors are tiny

NETWORKS = [name for name in models.names() if models.is_network(models.load(name))]
PROPOSING = [name for name in NETWORKS if hasattr(models.load(name), "propose")]
LABELLING = [name for name in PROPOSING if hasattr(models.load(name), "label")]
CLASSICAL = [name for name in models.names() if name not in NETWORKS]


def pytest_generate_tests(metafunc):
    kinds = {"network_name": NETWORKS, "proposing_name": PROPOSING, "labelling_name": LABELLING}
    kinds["classical_name"] = CLASSICAL
    for fixture, found in kinds.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, found)


@pytest.fixture
def network_file(network_name):
    """The module of a model that is trained by steps."""
    return models.load(network_name)


@pytest.fixture
def classical_file(classical_name):
    """The module of a model that is fitted at once."""
    return models.load(classical_name)


@pytest.fixture
def tiny_samples():
    """A maker of samples on which a network learns within seconds: a bright square on dark noisy ground."""

    def make(number, size):
        random = np.random.default_rng(0)
        classes = np.zeros((number, *size), np.uint8)
        for one in classes:
            row, column = random.integers(0, [size[0] // 2, size[1] // 2])
            one[row : row + size[0] // 2, column : column + size[1] // 2] = 1
        images = 50 + 150 * classes[:, None] + random.integers(0, 25, (number, 3, *size))
        names, blank = [f"s{i}" for i in range(number)], [""] * number
        boxes, sizes = np.tile([0, 0, *size], (number, 1)), np.tile(size, (number, 1))
        return Samples(
            list(images.astype(np.uint8)), list(classes), list(classes.astype(np.int32)),
            names, names, blank, blank, boxes, sizes, ["background", "cell"], 255.0,
        )  # fmt: skip

    return make
