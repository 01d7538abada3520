import pytest

from hemoseg.errors import InputError
from hemoseg.steps.predict import DEFAULTS, checked


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"windw": [8, 8]}, "predict settings: unknown key 'windw'; did you mean 'window'?"),
        ({"window": 8}, "window 8; give rows and columns"),
        ({"overlap": 1}, "overlap 1; give a number from 0 to below 1"),
        ({"min_area_share": "0.1"}, "min_area_share '0.1'; give a number"),
        ({"cells": "waterhsed"}, "cells 'waterhsed'; choose components or watershed"),
        ({"markers": "proposals"}, "markers 'proposals'; give keys and values"),
        ({"markers": {"scor": 1}}, "predict settings markers: unknown key 'scor'; did you mean 'score'?"),
        ({"markers": {"source": "boxes"}}, "markers: source 'boxes'; choose proposals or distance"),
        ({"markers": {"score": True}}, "markers: score True; give a number from 0 to below 1"),
        ({"markers": {"overlap": 1}}, "markers: overlap 1; give a number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(given)


def test_what_is_missing_takes_the_default():
    assert checked({"overlap": 0}) == DEFAULTS | {"overlap": 0}
    assert checked({"markers": {"score": 0.7}})["markers"] == DEFAULTS["markers"] | {"score": 0.7}
