"""The cases of a page are those that the rules name, and the words under them are true."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hemoseg.data.samples import Samples
from hemoseg.figures import case_panels, cases
from hemoseg.figures.panels import Shown
from hemoseg.metrics.cells import Truth, cell_facts

RULES = {"artefact": Fraction(1, 2), "touching": 3}
SHAPE = (48, 64)


def boxes(*places):
    """Cells as boxes (row0, row1, column0, column1), numbered from 1."""
    labels = np.zeros(SHAPE, np.int32)
    for number, (top, bottom, left, right) in enumerate(places, start=1):
        labels[top:bottom, left:right] = number
    return labels


# Cells 1 and 2 share a border of 6 pixels, 3 and 4 one of 10; 5 and 6 are cut by the frame.
TRUTH = boxes((4, 14, 4, 12), (8, 18, 12, 20), (24, 34, 10, 20), (24, 34, 20, 30), (0, 8, 40, 52), (40, 48, 40, 50))
MERGES = boxes((4, 14, 4, 12), (8, 18, 13, 20), (24, 34, 10, 30), (0, 8, 40, 52), (40, 48, 40, 46))
PARTS = boxes((4, 14, 4, 12), (8, 18, 13, 20), (24, 34, 10, 19), (24, 34, 20, 30), (0, 8, 40, 52), (40, 48, 40, 50))
DIRT = boxes((30, 37, 52, 60))


def sample_of(truth, dirt=None):
    image = np.full((3, *SHAPE), 220, np.uint8)
    image[:, (truth > 0) | ((dirt if dirt is not None else 0 * truth) > 0)] = 90
    return image


def samples_of(truth, images):
    names = [f"s{i}" for i in range(len(images))]
    return Samples(
        images=images, classes=[(truth > 0).astype(np.uint8)] * len(images), instances=[truth] * len(images),
        ids=names, frames=names, groups=[""] * len(names), kinds=[""] * len(names),
        boxes=np.zeros((len(names), 4), int), frame_sizes=np.zeros((len(names), 2), int),
        class_names=["background", "cell"], white=255,
    )  # fmt: skip


def facts_of(truth, pred, name="s0"):
    classes = (truth > 0).astype(int)
    sides = cell_facts(
        Truth(truth, classes, np.ones(SHAPE, bool)), pred, (pred > 0).astype(int), n_classes=2, min_area=5, gap_cap=10
    )
    tables = [pd.DataFrame({"side": side, **facts}) for side, facts in zip(("gt", "pred"), sides, strict=True)]
    return pd.concat(tables, ignore_index=True).assign(sample=name)


def shown_of(samples, preds):
    return Shown(
        "s0", samples.image(0), samples.classes[0], {key: (pred > 0).astype(np.uint8) for key, pred in preds.items()},
        instances=samples.instances[0], pred_instances=preds,
    )  # fmt: skip


def chosen(preds, dirt=None):
    samples = samples_of(TRUTH, [sample_of(TRUTH, dirt)])
    found = cases.choose({key: facts_of(TRUTH, pred) for key, pred in preds.items()}, samples, RULES)
    return {case.kind: case for case in found}, shown_of(samples, preds)


def words(case, one, key):
    return cases.said(case, one, key, cases.of_truth(facts_of(TRUTH, one.pred_instances[key])), ["background", "cell"])


def test_the_pair_is_the_one_that_the_networks_part_differently():
    found, one = chosen({"unet": MERGES, "deformable_unet": PARTS})
    assert found["pair"].cells == (3, 4)
    assert words(found["pair"], one, "unet") == "merged into one; covered: 100% and 100%"
    assert words(found["pair"], one, "deformable_unet") == "separated; covered: 90% and 100%"
    # 1 and 2 have the shorter border, but where only they are parted differently they are the pair.
    other = np.where(PARTS == 2, 1, MERGES)
    found, _ = chosen({"unet": other, "deformable_unet": MERGES})
    assert found["pair"].cells == (1, 2)


def test_where_the_networks_agree_the_longest_border_wins():
    found, one = chosen({"unet": PARTS, "deformable_unet": PARTS})
    assert found["pair"].cells == (3, 4)
    lost = np.where(PARTS == 4, 0, PARTS)
    assert words(found["pair"], replace(one, pred_instances={"unet": lost}), "unet").startswith("not both found")


def test_cells_that_nowhere_touch_give_the_nearest_ones_within_the_distance():
    truth = boxes((4, 14, 4, 12), (4, 14, 14, 24), (30, 40, 40, 50))
    samples = samples_of(truth, [sample_of(truth)])
    facts = {"unet": facts_of(truth, truth)}
    found = {case.kind: case for case in cases.choose(facts, samples, RULES)}
    assert found["pair"].cells == (1, 2), "two background pixels between them: 3 px between centres"
    assert "pair" not in {case.kind for case in cases.choose(facts, samples, RULES | {"touching": 2})}
    assert "margin" not in found, "no cell is cut"


def test_the_artefact_is_the_largest_predicted_cell_that_is_none():
    speck = np.where(boxes((22, 25, 2, 6)) > 0, 11, MERGES)
    patch = np.where(DIRT > 0, 12, np.where(boxes((10, 28, 54, 64)) > 0, 13, PARTS))  # 13 is cut by the frame
    found, one = chosen({"unet": speck, "deformable_unet": patch})
    case = found["artefact"]
    assert (case.owner, case.part) == ("deformable_unet", 12)
    assert np.array_equal(cases.focus(case, one), DIRT > 0)
    assert words(case, one, "unet") == "left as background; 0% of it called cell"
    assert words(case, one, "deformable_unet") == "taken for a cell; 100% of it called cell"


def test_without_any_the_largest_dark_thing_that_is_no_cell_is_looked_at():
    found, one = chosen({"unet": MERGES, "deformable_unet": PARTS}, dirt=DIRT)
    assert not found["artefact"].owner
    seen = cases.focus(found["artefact"], one)
    assert seen[DIRT > 0].all()
    assert seen.sum() <= 9 * 10, "no more than a pixel around it"
    assert words(found["artefact"], one, "unet").startswith("left as background")
    assert "artefact" not in chosen({"unet": MERGES})[0]


def test_the_cell_at_the_margin_is_the_one_covered_most_differently():
    found, one = chosen({"unet": MERGES, "deformable_unet": PARTS})
    assert found["margin"].cells == (6,)
    assert words(found["margin"], one, "unet") == "covered: 60%"
    assert words(found["margin"], one, "deformable_unet") == "covered: 100%"


def test_words_name_the_type_where_there_are_several():
    true = pd.DataFrame({"covered": [8], "area": [10], "as_class_1": [2], "as_class_2": [6]})
    true.index = pd.MultiIndex.from_tuples([("s0", 6)], names=["sample", "cell"])
    case = cases.Case("margin", "s0", (6,))
    assert cases.said(case, None, "unet", true, ["background", "disc", "sickle"]) == "covered: 80%; called sickle"


@given(npst.arrays(np.int32, (5, 6), elements=st.integers(0, 3)), st.sampled_from([1, 1.5, 2, 3]))
def test_contacts_equal_a_loop_over_pairs_of_pixels(labels, distance):
    expected = {}
    places = [tuple(p) for p in np.argwhere(labels > 0)]
    for i, p in enumerate(places):
        for q in places[i + 1 :]:
            pair = tuple(sorted((int(labels[p]), int(labels[q]))))
            if pair[0] != pair[1] and (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 <= distance**2:
                expected[pair] = expected.get(pair, 0) + 1
    assert cases.contacts(labels, distance) == expected


@given(st.integers(0, 47), st.integers(0, 63), st.integers(1, 60), st.integers(1, 70))
def test_the_window_is_a_square_within_the_picture_that_holds_the_case(row, column, height, width):
    mask = np.zeros(SHAPE, bool)
    mask[row : row + height, column : column + width] = True
    rows, columns = cases.window(mask)
    assert rows.stop - rows.start == columns.stop - columns.start == mask[rows].shape[0] == mask[:, columns].shape[1]
    if max(np.ptp(np.nonzero(mask)[0]), np.ptp(np.nonzero(mask)[1])) < 48:
        assert mask[rows, columns].sum() == mask.sum()


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        (["unet", "pspnet", "deformable_unet"], ["unet", "deformable_unet"]),
        (["pspnet", "unet", "deeplabv3plus"], ["pspnet", "unet"]),
        (["unet"], ["unet"]),
        ([], []),
    ],
)
def test_plain_and_deformable_are_compared_where_both_ran(networks, expected):
    assert cases.compared({key: {"network": key} for key in networks}, networks) == expected


def test_the_figure_has_a_row_for_each_case_and_a_column_for_each_network():
    preds = {"unet": MERGES, "deformable_unet": np.where(DIRT > 0, 12, PARTS)}
    found, one = chosen(preds)
    facts = {key: facts_of(TRUTH, pred) for key, pred in preds.items()}
    labels = {"unet": "U-Net $1", "deformable_unet": "dU-Net"}
    drawn = case_panels.draw(list(found.values()), {"s0": one}, facts, labels, ["background", "cell"])
    assert len(drawn.axes) == 3 * 4
    assert [a.get_xlabel() for a in drawn.axes[2:4]] == [
        "merged into one\ncovered: 100% and 100%", "separated\ncovered: 90% and 100%",
    ]  # fmt: skip
    drawn.draw_without_rendering()
