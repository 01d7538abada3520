import numpy as np
import pytest

from hemoseg.figures import proposals
from hemoseg.figures.choices import between_cells
from hemoseg.figures.panels import Shown


def cells(shape=(70, 90)):
    labels = np.zeros(shape, np.int32)
    labels[5:15, 5:15], labels[50:60, 60:70], labels[50:60, 71:80], labels[62:68, 60:80] = 1, 2, 3, 4
    return labels


@pytest.mark.parametrize("shape", [(70, 90), (90, 70), (30, 20), (1, 1)])
def test_the_dense_region_holds_most_pixels_between_cells(shape):
    labels = np.zeros(shape, np.int32)
    labels[: min(70, shape[0]), : min(70, shape[1])] = cells((90, 90))[: min(70, shape[0]), : min(70, shape[1])]
    rows, columns = proposals.dense_region(labels)
    side = rows.stop - rows.start
    assert side == columns.stop - columns.start == min(48, *shape)
    near = between_cells(labels)
    corners = [(r, c) for r in range(shape[0] - side + 1) for c in range(shape[1] - side + 1)]
    assert near[rows, columns].sum() == max(near[r : r + side, c : c + side].sum() for r, c in corners)


def test_only_boxes_with_their_centre_in_the_region_are_drawn_each_with_its_score():
    labels = cells()
    boxes = np.array([[60, 50, 70, 60, 0.9], [4, 4, 16, 16, 0.8]], np.float32)
    one = Shown(
        "a", np.zeros((1, 70, 90)), (labels > 0).astype(np.uint8), {"iu": (labels > 0).astype(np.uint8)},
        instances=labels, pred_instances={"iu": labels}, boxes={"iu": boxes},
    )  # fmt: skip
    region = proposals.dense_region(labels)
    drawn = proposals.zoomed(one, {"iu": "IU"}, region)
    axes = drawn.axes[2]
    (box,) = axes.patches
    assert (box.get_x(), box.get_y()) == (60 - 0.5 - region[1].start, 50 - 0.5 - region[0].start)
    assert (box.get_width(), box.get_height()) == (10, 10)
    assert [text.get_text() for text in axes.texts] == ["0.90"]
    both = proposals.whole(one, {"iu": "IU"}, region).axes
    assert len(both[2].patches) == 2
    assert not both[2].texts
    assert "2 boxes" in proposals.caption(one, 0.5, 0.3)
