"""Figures of several classes: ROC curves, confusion matrices, colours that settings choose."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import captions, choices, confusion, pictures, roc, style

LABELS = {"unet": "U-Net", "deformable_unet": "dU-Net", "pspnet": "$PSP$"}
NETWORKS = {"unet": "unet", "deformable_unet": "deformable_unet", "pspnet": "pspnet"}
COLOURS = {"unet": "#2b6cb0", "deformable_unet": "#c0293f", "pspnet": "#2f8f5b"}


def rates(classes=("background", "one", "<b>two</b>"), n=2):
    fpr = np.linspace(0, 1, 11)
    lines = [
        pd.DataFrame({"row": row, "family": "all", "class": name, "fpr": fpr, "tpr": fpr**0.3, "sd": 0.05, "n": n})
        for row in LABELS
        for name in classes
    ]
    return pd.concat(lines, ignore_index=True)


def areas(classes=("background", "one", "<b>two</b>")):
    lines = [(row, name, 0.77, 0.01) for row in LABELS for name in classes]
    return pd.DataFrame(lines, columns=["row", "class", "mean", "sd"])


def test_a_panel_per_class_with_the_papers_lines_and_the_areas():
    drawn = roc.panels(rates(), areas(), NETWORKS, LABELS, COLOURS)
    drawn.draw_without_rendering()
    panels = [axes for axes in drawn.axes if axes.get_legend()]
    assert [axes.get_title(loc="left") for axes in panels] == ["background", "one", "<b>two</b>"]
    lines = {line.get_label(): line.get_linestyle() for line in panels[0].get_lines()}
    assert lines["U-Net 0.770 ± 0.010"] == "--"
    assert lines["dU-Net 0.770 ± 0.010"] == "-"
    assert len({str(line) for line in roc.lines_of(NETWORKS).values()}) == 3
    assert r"\$PSP\$ 0.770 ± 0.010" in lines


def test_two_classes_have_one_panel_and_a_class_without_pixels_an_empty_one():
    without = rates(("background", "one")).assign(tpr=np.nan)
    drawn = roc.panels(without, areas(("background", "one")).assign(mean=np.nan), NETWORKS, LABELS, COLOURS)
    drawn.draw_without_rendering()
    (panel,) = [axes for axes in drawn.axes if axes.get_legend()]
    assert next(text.get_text() for text in panel.get_legend().get_texts()) == "U-Net –"


def taken(unit, missed):
    true, predicted = ["one", "two", "(no cell)"], ["one", "two", "(missed)"]
    lines = [
        (row, "all", unit, t, p, 12_345 if t == p else missed * (p == "(missed)" and t != "(no cell)"), 0.5, 2)
        for row in LABELS
        for t in true
        for p in predicted
    ]
    columns = ["row", "family", "unit", "true", "predicted", "count", "share", "folds"]
    return pd.DataFrame(lines, columns=columns)


def test_a_matrix_per_model_with_counts_and_shares():
    drawn = confusion.matrices(taken("cell", 7), "cell", LABELS)
    drawn.draw_without_rendering()
    panels = [axes for axes in drawn.axes if axes.get_images()]
    assert [axes.get_title(loc="left") for axes in panels] == ["U-Net", "dU-Net", r"\$PSP\$"]
    texts = {text.get_text() for text in panels[0].texts}
    assert {"12.3k\n50.0%", "7\n50.0%"} <= texts
    assert [tick.get_text() for tick in panels[0].get_xticklabels()] == ["one", "two", "(missed)"]
    assert [tick.get_text() for tick in panels[0].get_yticklabels()] == ["one", "two"], "no cell was made up"


def test_columns_in_brackets_that_count_nothing_are_left_out():
    drawn = confusion.matrices(taken("cell", 0), "cell", LABELS)
    assert [tick.get_text() for tick in drawn.axes[0].get_xticklabels()] == ["one", "two"]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (3.5, "3.5"), (9999, "9999"), (12_345, "12.3k"), (4.56e6, "4.56M")]
)
def test_counts_are_short(count, text):
    assert confusion._number(count) == text


def test_captions_say_what_is_counted_and_over_how_many():
    assert "24 images in 2 folds" in captions.roc(rates(), 24)
    assert "Ignored pixels" in captions.confusion(taken("pixel", 1), "pixel")
    said = captions.confusion(taken("cell", 1), "cell")
    assert "2 folds" in said
    assert "commonest predicted class" in said


def test_the_published_family_is_shown_and_otherwise_the_last():
    lines = pd.DataFrame({"family": ["random", "grouped"]})
    assert list(choices.one_family(lines)["family"]) == ["random"]
    assert list(choices.one_family(pd.DataFrame({"family": ["n10", "n20"]}))["family"]) == ["n20"]
    assert choices.one_family(lines.iloc[:0]).empty


def test_settings_choose_the_colour_of_a_class_wherever_it_is_drawn():
    names = ["background", "normal", "pathological"]
    colours = style.palette(names, {"pathological": "#e6443c", "normal": None, "absent": "#000000"})
    assert colours == (style.BACKGROUND, style.CLASS_COLOURS[0], "#e6443c")
    shown = pictures.as_colours(np.array([[0, 2]]), colours)
    assert np.round(shown[0, 1] * 255).astype(int).tolist() == [0xE6, 0x44, 0x3C]
    assert style.class_colour(3, colours) == colours[1], "more classes than colours: they repeat"


def test_classes_differ_in_more_than_colour():
    assert len({style.class_hatch(c) for c in range(1, 5)}) == 4
    assert len({str(style.class_line(c)) for c in range(1, 5)}) == 4


def test_auto_labels_are_told_by_row_and_by_the_class_that_stands_for_all():
    lines = [(label, "dice", "Dice", name, mean) for label in ("A, random", "A, grouped") for name, mean in
             (("one", 0.25), ("average", 0.5))]  # fmt: skip
    lines += [("A, random", "merged", "Error I", "all", 2.0)]
    table = pd.DataFrame(lines, columns=["label", "column", "header", "class", "mean"]).assign(row="a")
    models = {"models": {"a": {"network": "autolabel"}}}
    said = captions.autolabels(None, table, models)
    assert said.endswith("images: A, random: Dice (average) 0.5, Error I 2; A, grouped: Dice (average) 0.5.")
    said = captions.autolabels(None, table[table["label"] == "A, random"], models)
    assert said.endswith("images: Dice (average) 0.5, Error I 2.")
    none = pd.DataFrame(columns=["dice"])
    assert captions.autolabels(none, table, models, ["a"]) == "", "that they agree with themselves says nothing"
