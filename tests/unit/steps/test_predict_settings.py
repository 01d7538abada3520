import pytest

from hemoseg.errors import InputError
from hemoseg.steps.predict import checked


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"windw": [8, 8]}, "predict settings: unknown key 'windw'; did you mean 'window'?"),
        ({"window": 8}, "window 8; give rows and columns"),
        ({"overlap": 1}, "overlap 1; give a number from 0 to below 1"),
        ({"min_area_share": "0.1"}, "min_area_share '0.1'; give a number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(given)


def test_what_is_missing_takes_the_default():
    assert checked({"overlap": 0}) == {"window": None, "overlap": 0, "min_area_share": 0.1}
