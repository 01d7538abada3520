"""Feature maps are drawn over the sample, on a scale that fits their signs."""

import numpy as np
import pytest

from hemoseg.data.seen_features import SeenFeatures
from hemoseg.figures import features
from hemoseg.figures.sampling import Seen

LABELS = {"a": "A", "b": "B"}
SEEN = {"s": Seen(np.zeros((1, 30, 41)), np.zeros((30, 41), int))}


def seen(model, level, maps, stride=4):
    return SeenFeatures(model, 0, "s", level, "layer", stride, 9, list(range(len(maps))), maps)


def test_a_line_per_level_and_model_with_every_map_over_the_same_extent():
    rng = np.random.default_rng(0)
    signed, positive = rng.normal(size=(2, 2, 8, 11)), rng.random((2, 3, 30, 41))
    told = [seen("a", "high", positive[0], 1), seen("a", "low", signed[0]), seen("b", "low", signed[1] * 5)]
    drawn = features.draw(told, SEEN, LABELS)
    pictures = [axes for axes in drawn.axes if axes.images]
    names = [axes.get_title(loc="left") for axes in pictures]
    assert names == ["A\nlow level", *["map 0", "map 1"], "B\nlow level", *["map 0", "map 1"], "A\nhigh level",
                     *["map 0", "map 1", "map 2"]]  # fmt: skip
    assert {(*axes.get_xlim(), *axes.get_ylim()) for axes in pictures} == {(-0.5, 40.5, 29.5, -0.5)}
    low, other, high = pictures[1].images[0], pictures[4].images[0], pictures[7].images[0]
    assert low.get_extent() == [-0.5, 43.5, 31.5, -0.5], "a map's pixel is four of the sample's"
    assert low.norm(0.0) == other.norm(0.0) == 0.5, "zero is in the middle of the colours"
    assert other.norm.vmax > 3 * low.norm.vmax
    assert high.cmap.name != low.cmap.name
    drawn.draw_without_rendering()


@pytest.mark.parametrize("maps", [np.zeros((1, 8, 11)), np.full((1, 8, 11), -2.0), np.full((1, 8, 11), 3.0)])
def test_a_map_of_one_value_is_drawn(maps):
    features.draw([seen("a", "low", maps)], SEEN, LABELS).draw_without_rendering()
