import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import autolabel_adhesion, autolabel_chain, autolabel_scores
from hemoseg.figures.autolabel_adhesion import like
from hemoseg.figures.autolabel_chain import (
    SIDE,
    Seen,
    by_kind,
    coloured,
    contours,
    middle,
    pairs,
    thresholds,
)

LABELS = {"base": "Base", "smooth": "+ Gaussian", "open": "+ morphology"}
ROWS = {
    "base": {"gaussian": False, "morphology": False, "min_area": 30},
    "smooth": {"gaussian": True, "morphology": False, "min_area": 30},
    "open": {"gaussian": False, "morphology": ["rbc"], "min_area": 30},
    "searched": {"search": True},
    "small": {"window": 3, "gaussian": False},
}


def drawn(name, kind="rbc", *, noise=0.0, bridge=False, specks=0):
    """Two dark squares, which a bridge of two pixels may join, and specks."""
    random = np.random.default_rng(0)
    cells = np.zeros((60, 70), np.int32)
    cells[20:36, 8:24], cells[20:36, 36:52] = 1, 2
    grey = np.where(cells > 0, 0.3, 0.8)
    if bridge:
        grey[27:29, 20:40] = 0.3
    grey[2 : 2 + 4 * specks : 4, 62:64] = 0.3
    image = (grey + random.normal(0, noise, (3, 60, 70))).astype(np.float32)
    return Seen(name, kind, image, cells)


def titles(figure):
    return [axes.get_title() or axes.get_title(loc="left") for axes in figure.axes]


def test_the_image_shown_is_the_one_on_which_a_part_does_most():
    seen = [drawn("plain"), drawn("noisy", noise=0.15), drawn("specks", specks=5), drawn("bridge", bridge=True)]
    told = titles(thresholds(seen, pairs(ROWS)))
    assert "noisy" in told[0]
    assert "window 0.4, no Gaussian" in told[1]
    assert "window 0.4, + Gaussian" in told[2]
    told = titles(contours([seen[0], *seen[2:]], ROWS["base"]))
    assert "specks" in told[0]
    assert "7 parts" in told[1]
    assert "2 cells" in told[3]
    told = titles(autolabel_adhesion.draw([seen[0], *seen[2:]], ROWS["open"]))
    assert "bridge" in told[0]
    assert ["1 cell" in told[1], "2 cells" in told[2], "2 cells" in told[3]] == [True] * 3


def test_each_kind_has_a_row_and_its_own_settings():
    seen = [drawn("a", bridge=True), drawn("b", "macrophage", bridge=True)]
    assert [[one.name for one in group] for group in by_kind(seen)] == [["a"], ["b"]]
    told = titles(autolabel_adhesion.draw(seen, ROWS["open"]))
    assert "2 cells" in told[2]
    assert "1 cell" in told[6], "morphology names the other kind"


def test_images_without_cells_and_without_a_truth_are_drawn():
    blank = Seen("blank", "", np.full((3, 20, 30), 0.5, np.float32))
    for figure in (
        thresholds([blank], pairs(ROWS)),
        contours([blank], ROWS["base"]),
        autolabel_adhesion.draw([blank], ROWS["open"]),
    ):
        figure.canvas.draw()
        assert not any("truth" in title for title in titles(figure))


def test_pairs_differ_in_the_gaussian_filter_alone():
    assert list(pairs(ROWS)) == ["window 0.4"], "the small window has no row with the filter"
    without, with_filter = pairs(ROWS)["window 0.4"]
    assert {**without, "gaussian": True} == with_filter
    assert not without["gaussian"]
    assert autolabel_chain.row_with(ROWS, "morphology") == "open"
    assert autolabel_chain.row_with({"searched": ROWS["searched"]}, "gaussian") is None


@pytest.mark.parametrize("at", [None, (0, 0), (299, 401), (150, 10)])
def test_what_is_shown_lies_within_the_image(at):
    rows, columns = middle((300, 402), at)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (SIDE, SIDE)
    assert min(rows.start, columns.start) >= 0
    assert (rows.stop, columns.stop) <= (300, 402)
    assert middle((40, 50), at) == (slice(0, 40), slice(0, 50))
    if at:
        assert rows.start <= at[0] < rows.stop
        assert columns.start <= at[1] < columns.stop


def test_neighbouring_cells_do_not_run_together():
    labels = np.repeat(np.array([[0, 1, 8, 8]]), 8, axis=1).repeat(8, axis=0)  # 1 and 8 have one colour
    picture = coloured(labels)
    border = picture[:, 15:17].mean()
    assert border < 0.6 * picture[:, 10:13].mean()


def table(values, published):
    lines = [
        {"row": row, "class": kind, "header": "mIoU", "mean": value, "published": theirs}
        for (row, kind), (value, theirs) in zip(values, zip(values.values(), published, strict=True), strict=True)
    ]
    return pd.DataFrame(lines)


def test_gains_stand_beside_the_published_ones():
    values = {("base", "rbc"): 0.8, ("smooth", "rbc"): 0.83, ("open", "rbc"): 0.79}
    rows = {key: ROWS[key] for key in LABELS}
    lines = table(values, [0.7, 0.72, np.nan])
    (told,) = autolabel_scores.gains(lines, LABELS, rows)
    assert told == ("rbc, Base: mIoU 80.0 %; points more with + Gaussian (+3.0, published +2.0), + morphology (-1.0).")
    assert autolabel_scores.summary(lines, LABELS, rows) == "", "no row has the whole chain"
    whole = rows | {"open": {"gaussian": True, "morphology": True, "min_area": 30}}
    assert autolabel_scores.summary(lines, LABELS, whole) == (
        "+ morphology: mIoU rbc 79.0 % (-1.0); in brackets points more than with Base."
    )


def test_the_distance_from_the_published_numbers_is_that_of_the_same_parts():
    rows = {"base": ROWS["base"], "smooth": ROWS["smooth"]}
    rows |= {"small": ROWS["base"] | {"window": 3}, "small_smooth": ROWS["smooth"] | {"window": 3}}
    labels = {"base": "Base", "smooth": "G", "small": "Small", "small_smooth": "Small, G"}
    ours = {("base", "rbc"): 0.9, ("smooth", "rbc"): 0.94, ("small", "rbc"): 0.76, ("small_smooth", "rbc"): 0.84}
    told = autolabel_scores.distances(table(ours, [0.8, 0.82, np.nan, np.nan]), labels, rows)
    assert "Base and what is added to it 11.0" in told
    assert "Small and what is added to it 3.0" in told
    assert autolabel_scores.distances(table(ours, [np.nan] * 4), labels, rows) == ""


def test_a_piece_keeps_the_number_of_its_cell():
    before = np.array([[1, 1, 1, 0, 2, 2], [1, 1, 1, 0, 2, 2]])
    after = np.array([[4, 0, 3, 0, 1, 0], [4, 0, 3, 0, 1, 0]])
    assert np.array_equal(np.unique(like(before, after)[before == 2]), [0, 2])
    one, other = like(before, after)[0, [0, 2]]
    assert other == 1
    assert one not in (0, 1, 2)
    apart = [
        abs(coloured(np.full((9, 9), number))[4, 4] - coloured(np.full((9, 9), 1))[4, 4]).max() for number in (1, one)
    ]
    assert apart[0] == 0
    assert apart[1] > 0.3


def test_crumbs_of_a_cell_were_not_stuck_together():
    bridged, crumbled = drawn("bridged", bridge=True), drawn("crumbled", bridge=True)
    crumbled.cells[crumbled.cells > 0] = 1
    told = titles(autolabel_adhesion.draw([crumbled, bridged], ROWS["open"]))
    assert "bridged" in told[0]
    told = autolabel_adhesion.sentence([crumbled, bridged], ROWS["open"])
    assert "rbc: 1 of 1 in 2 images" in told
    assert autolabel_adhesion.sentence([drawn("a", "x", bridge=True)], ROWS["open"]).endswith("x: 0 of 1 in 1 image.")


def test_the_table_of_a_search_shows_both_scores():
    point = {"offset": 0.1, "gaussian": True}
    found = {
        "rbc": {"point": point, "score": 0.9, "left_out": 0.85, "images": 4, "tried": 6, "ends": ["offset"]},
        "": {"point": point, "score": 0.7, "left_out": None, "images": 1, "tried": 6},
    }
    shown = autolabel_scores.search_table(found)
    assert shown["mean IoU"].tolist() == ["0.900", "0.700"]
    assert shown["left out"].tolist() == ["0.850", "–"]
    assert shown["gaussian"].tolist() == ["true", "true"]
    assert "5 labelled images" in autolabel_scores.search_note(found)
    assert autolabel_scores.search_note(found).endswith("beyond: offset.")
