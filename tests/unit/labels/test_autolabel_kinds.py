import numpy as np
import pytest

from hemoseg.errors import InputError
from hemoseg.labels.autolabel import DEFAULTS
from hemoseg.labels.autolabel_kinds import LabelledImage, checked, class_values, of_kind, searched

NAMES = ["background", "rbc", "macrophage"]
FEW = {"window": [0.4], "offset": [0.12], "min_area": [1], "gaussian": [True], "morphology": [False, True]}


def shown(kind, dark, *, known=True):
    """An image with two squares, dark or bright."""
    cells = np.zeros((40, 40), bool)
    cells[4:16, 4:16] = cells[20:34, 22:36] = True
    grey = np.where(cells == dark, 0.3, 0.7)
    return LabelledImage(kind, np.stack([grey] * 3).astype(np.float32), cells, np.full(cells.shape, known))


def test_a_kind_has_its_own_settings_over_those_of_all():
    settings = checked({"offset": 0.1, "morphology": ["macrophage"], "kinds": {"rbc": {"offset": 0.2}}})
    assert of_kind(settings, "rbc") == DEFAULTS | {"offset": 0.2, "morphology": False}
    assert of_kind(settings, "macrophage") == DEFAULTS | {"offset": 0.1, "morphology": True}
    assert of_kind(settings, "") == DEFAULTS | {"offset": 0.1, "morphology": False}
    assert of_kind(checked({"morphology": ["rbc"], "kinds": {"rbc": {"morphology": False}}}), "rbc") == DEFAULTS


def test_cells_have_the_class_that_their_kind_names():
    assert class_values(checked({}), NAMES) == {"rbc": 1, "macrophage": 2}
    named = class_values(checked({"class_of_kind": {"mouse": "macrophage", "man": 1}}), NAMES)
    assert named == {"rbc": 1, "macrophage": 2, "mouse": 2, "man": 1}


def test_each_kind_is_searched_on_its_own_images():
    images = [shown("rbc", True), shown("macrophage", False), shown("rbc", True)]
    settings, found = searched(checked({"search": FEW}), images)
    assert {kind: one.point["polarity"] for kind, one in found.items()} == {"rbc": "dark", "macrophage": "bright"}
    assert {kind: one.images for kind, one in found.items()} == {"rbc": 2, "macrophage": 1}
    assert all(one.score > 0.95 for one in found.values())
    assert settings["search"] is False
    assert of_kind(settings, "macrophage") == DEFAULTS | found["macrophage"].point
    assert of_kind(settings, "mixed")["polarity"] == "dark", "a kind without labels has what all images choose"


def test_what_a_kind_has_otherwise_stays_where_nothing_was_searched():
    kinds = {"macrophage": {"morphology": True, "fill": False}}
    settings, _ = searched(checked({"search": FEW, "kinds": kinds}), [shown("rbc", True)])
    assert of_kind(settings, "macrophage") == of_kind(settings, "rbc") | kinds["macrophage"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kinds": ["rbc"]}, "kinds needs settings by kind"),
        ({"kinds": {"rbc": True}}, "kinds 'rbc' needs settings, such as"),
        ({"kinds": {"rbc": {"ofset": 1}}}, "of kind 'rbc': unknown key 'ofset'; did you mean 'offset'?"),
        ({"kinds": {"rbc": {"window": 0}}}, "make them positive"),
        ({"class_of_kind": "rbc"}, "class_of_kind needs a class for each kind"),
        ({"morphology": "macrophage"}, "morphology 'macrophage'; give true, false or a list of kinds"),
        ({"search": 3}, "search 3; give true, or values to try"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(settings)
