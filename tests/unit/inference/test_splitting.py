"""Touching cells of a large image are cut as those of a small one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.inference import splitting
from hemoseg.inference.cells import find_cells
from hemoseg.inference.splitting import Splitter
from hemoseg.labels.components import connected_components
from hemoseg.labels.regions import LINE
from hemoseg.labels.strip_components import StripComponents
from tests.numbering import numbered


def discs(size, count, seed):
    """A mask of overlapping discs of several sizes."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for _ in range(count):
        row, column, radius = random.uniform(0, size[0]), random.uniform(0, size[1]), random.uniform(2, 8)
        mask |= (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    return mask


def cut(mask, points, least=0, strip=9):
    """Labels of the splitter, numbered by first pixels, and where it drew lines."""
    components = StripComponents(least)
    parts = [components.add(mask[first : first + strip]) for first in range(0, len(mask), strip)]
    labels = np.concatenate(parts)
    splitter = Splitter(components.regions(), points)

    def write(first, block):
        labels[first : first + len(block)] = block

    regions = splitter.run(lambda first, last: labels[first:last], write)
    return numbered(regions.of(labels)), labels == LINE, splitter


def alone(mask, boxes, source):
    """What `find_cells` says of each component as if it were alone in the image, numbered by first pixels."""
    told = {"cells": "watershed", "boxes": boxes, "markers": {"source": source, "score": 0, "overlap": 0}}
    components = connected_components(mask)
    labels, classes = np.zeros(mask.shape, int), np.zeros(mask.shape, int)
    for number in range(1, components.max() + 1):
        own, cells = find_cells((components == number).astype(np.uint8), 6, **told)
        classes += own
        labels = np.where(cells > 0, cells + labels.max(), labels)
    return numbered(labels), classes


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), tile=st.sampled_from([8, 16, 64]), given_=st.booleans())
def test_each_component_is_cut_as_if_it_were_alone(seed, count, tile, given_):
    mask = discs((70, 90), count, seed)
    random = np.random.default_rng(seed)
    boxes = np.zeros((30, 5))
    boxes[:, :2] = random.uniform(0, 80, (30, 2))
    boxes[:, 2:4] = boxes[:, :2] + random.uniform(1, 9, (30, 2))
    whole, classes = alone(mask, boxes, "proposals" if given_ else "distance")
    points = np.stack([(boxes[:, 1] + boxes[:, 3] - 1) / 2, (boxes[:, 0] + boxes[:, 2] - 1) / 2], 1) if given_ else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "TILE", tile)
        labels, lines, _ = cut(mask, points, least=6)
    assert np.array_equal(labels, whole)
    assert np.array_equal(np.where(lines, 0, mask), classes)


def test_what_is_too_large_stays_whole_and_is_counted(monkeypatch):
    mask = np.zeros((40, 40), bool)
    mask[2:38, 2:18] = True
    mask[10:12, 18:22] = True
    mask[2:38, 22:38] = True
    assert cut(mask, None)[0].max() == 2
    monkeypatch.setattr(splitting, "MOST", 100)
    labels, lines, splitter = cut(mask, None)
    assert labels.max() == 1
    assert not lines.any()
    assert splitter.whole == 1
