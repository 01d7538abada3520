import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from hemoseg.figures import choices, panels, pictures, style
from hemoseg.figures.panels import Shown

NAMES = ["background", "cell", "<b>other</b>", "three", "four"]


def disc(shape, row, column, radius):
    rows, columns = np.indices(shape)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def sample(channels=3, shape=(64, 64), cells=True, name="a", classes=1):
    gt, instances = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
    for number, (row, column) in enumerate([(0.25, 0.3), (0.3, 0.7), (0.7, 0.5)]):
        where = disc(shape, row * shape[0], column * shape[1], min(shape) / 8)
        gt[where], instances[where] = 1 + number % classes, number + 1
    image = np.random.default_rng(0).random((channels, *shape)).astype(np.float32)
    pred = {"unet": np.roll(gt, 2, axis=1), "otsu": np.zeros_like(gt)}
    return Shown(name, image, gt, pred, "why", instances if cells else None, {}, {}, {"unet": 0.9, "otsu": 0.0})


def texts(drawn):
    drawn.draw_without_rendering()
    found = [a.get_title(loc="left") for a in drawn.axes] + [t.get_text() for t in drawn.texts]
    return found + [t.get_text() for legend in drawn.legends for t in legend.get_texts()]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_image_of_any_number_of_channels_is_shown_in_three_colours(channels):
    image = np.random.default_rng(0).random((channels, 5, 7)).astype(np.float32)
    shown = pictures.as_rgb(image)
    assert shown.shape == (5, 7, 3)
    if channels > 2:
        assert np.allclose(shown, np.moveaxis(image[:3], 0, -1))
    else:
        assert (shown[..., 0] == shown[..., 2]).all()


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0, np.nan])
def test_a_constant_image_is_shown(value):
    shown = pictures.as_rgb(np.full((1, 4, 4), value, np.float32))
    assert np.isfinite(shown).all()
    assert shown.min() >= 0
    assert shown.max() <= 1


def test_the_classes_have_the_papers_colours():
    red, blue, yellow, green = (style.CLASS_COLOURS[i] for i in range(4))
    rgb = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (red, blue, yellow, green)]
    assert [int(np.argmax(c)) for c in rgb] == [0, 2, 0, 1]
    assert min(rgb[2][:2]) > 150 > rgb[2][2]


def test_agreement_parts_every_known_pixel_and_no_ignored_one():
    gt, pred = np.array([[0, 1, 1, 2, 255]]), np.array([[1, 1, 0, 1, 1]])
    parts = pictures.agreement(gt, pred)
    assert {name: part[0].tolist() for name, part in parts.items()} == {
        "found": [False, True, False, True, False],
        "spurious": [True, False, False, False, False],
        "missed": [False, False, True, False, False],
        "wrong class": [False, False, False, True, False],
    }


def test_a_panel_has_raw_truth_and_every_model_twice():
    drawn = panels.panel(sample(), {"unet": "U-Net", "otsu": "Otsu"}, NAMES, {})
    assert isinstance(drawn, Figure)
    assert len(drawn.axes) == 8
    assert texts(drawn)[:4] == ["raw", "truth", "U-Net · 0.900", "Otsu · 0.000"]
    assert "cell" in texts(drawn)


@pytest.mark.parametrize("shape", [(64, 64), (30, 90), (90, 30), (1, 40)])
@pytest.mark.parametrize("cells", [True, False])
def test_samples_of_any_shape_are_drawn(shape, cells):
    one = sample(1, shape, cells, classes=3)
    panels.panel(one, {"unet": "U-Net"}, NAMES, {}).draw_without_rendering()
    panels.worst_cases({"unet": [one]}, {"unet": "U-Net"}).draw_without_rendering()
    panels.contact_sheet([one], NAMES).draw_without_rendering()


def test_names_from_data_are_no_formula_and_hide_nothing():
    one = sample(name=r"_$\frac{1}$\x00\n")
    drawn = panels.panel(one, {"unet": "$x_", "otsu": "_hidden"}, ["background", "$a$", "b"], {})
    drawn.canvas.draw()
    assert style.plain("$a$") == r"\$a\$"
    assert style.plain("_hidden") != "_hidden"
    assert "hidden" in style.plain("_hidden")


def test_the_crop_holds_the_error():
    gt = np.zeros((100, 80), np.uint8)
    pred = gt.copy()
    pred[70:75, 10:15] = 1
    rows, columns = choices.crop(gt, [pred], None)
    assert rows.start <= 70
    assert rows.stop >= 75
    assert columns.start <= 10
    assert columns.stop >= 15
    assert rows.stop - rows.start == columns.stop - columns.start == 32


def test_a_crop_passes_over_what_is_ignored():
    gt, pred = np.zeros((100, 100), np.uint8), np.zeros((100, 100), np.uint8)
    gt[:45, :45] = 255
    pred[:45, :45] = 1
    pred[80:84, 80:84] = 1
    rows, columns = choices.crop(gt, [pred, gt * 0], None)
    assert rows.start > 40
    assert columns.start > 40


def test_without_an_error_the_crop_holds_the_touching_cells():
    instances = np.zeros((100, 100), np.int32)
    instances[10:20, 10:20], instances[10:20, 21:31], instances[70:90, 60:90] = 1, 2, 3
    gt = (instances > 0).astype(np.uint8)
    rows, columns = choices.crop(gt, [gt], instances)
    assert rows.start <= 10
    assert rows.stop >= 20
    assert columns.start <= 20 < columns.stop


@pytest.mark.parametrize("shape", [(1, 1), (5, 200), (24, 24)])
def test_a_crop_lies_within_its_sample(shape):
    rows, columns = choices.crop(np.zeros(shape, np.uint8), [np.ones(shape, np.uint8)], None)
    assert 0 <= rows.start < rows.stop <= shape[0]
    assert 0 <= columns.start < columns.stop <= shape[1]


def test_panel_samples_say_why_and_differ():
    dice = {"a": (0.9, 0.5), "b": (0.9, 0.9), "c": (0.8, 0.8), "d": (0.7, 0.72)}
    rows = [(m, s, v) for s, pair in dice.items() for m, v in zip(("unet", "other"), pair, strict=True)]
    scores = pd.DataFrame(rows, columns=["model", "sample", "dice"])
    chosen = choices.panel_samples(scores, ["unet", "other"], {"a": 9, "b": 4, "c": 1})
    assert list(chosen) == ["a", "b", "c"]
    assert chosen["a"] == "the models differ most"
    assert list(choices.panel_samples(scores, ["unet"], {})) == ["b"] or len(
        choices.panel_samples(scores, ["unet"], {})
    )
    assert choices.panel_samples(scores.iloc[:0], ["unet"], {}) == {}


def test_the_sheet_takes_every_group_in_turn():
    groups = ["p"] * 10 + ["q"] * 2
    chosen = choices.sheet_samples([str(i) for i in range(12)], groups, 4)
    assert len(set(chosen)) == 4
    assert sum(groups[i] == "q" for i in chosen) == 2
    assert choices.sheet_samples(["a"], [""], 12) == [0]
