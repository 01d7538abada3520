"""A tiny set of samples, and a training on it."""

import numpy as np
import pytest
import torch

from hemoseg.data.samples import Samples

torch.set_num_threads(1)  # the tensors are tiny


@pytest.fixture
def tiny_samples():
    """A maker of samples: bright squares on dark noisy ground, one cell of class 1, 2, ... each."""

    def make(number=8, size=(16, 16), *, channels=3, classes=1, dtype=np.uint8, white=None, instances=True, seed=0):
        random = np.random.default_rng(seed)
        white = float(np.iinfo(dtype).max if white is None else white)
        class_maps = []
        for i in range(number):
            row, column = random.integers(0, [max(1, size[0] // 2), max(1, size[1] // 2)])
            class_map = np.zeros(size, np.uint8)
            class_map[row : row + max(1, size[0] // 2), column : column + max(1, size[1] // 2)] = 1 + i % classes
            class_maps.append(class_map)
        level = [0.2 + 0.6 * c / classes + 0.1 * random.random((channels, *size)) for c in class_maps]
        names = [f"s{i}" for i in range(number)]
        return Samples(
            images=[np.rint(image * white).astype(dtype) for image in level],
            classes=class_maps,
            instances=[(c > 0).astype(np.int32) for c in class_maps] if instances else [],
            ids=names,
            frames=names,
            groups=[""] * number,
            kinds=[""] * number,
            boxes=np.tile([0, 0, *size], (number, 1)),
            frame_sizes=np.tile(size, (number, 1)),
            class_names=["background", *[f"cell{k}" for k in range(1, classes + 1)]],
            white=white,
        )

    return make
