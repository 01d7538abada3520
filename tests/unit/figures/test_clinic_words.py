import pandas as pd
import pytest

from hemoseg.figures import clinic_words
from hemoseg.metrics.counting import Counted


@pytest.mark.parametrize(("groups", "told"), [("ppq", True), ("pqr", False), ("ppp", False)])
def test_patients_on_both_sides_are_told_of_only_where_one_has_several_frames(groups, told):
    frames = pd.DataFrame({"frame": list("abc"), "group": list(groups), "field": 1.0, "truth": False})
    cells = pd.DataFrame(columns=["side", "counts", "hosted", "ignored"])
    found = Counted(cells, frames, "px", ["cell"], 0.0, 0.95, {"pred": 0, "gt": 0})
    model = {"models": {"unet": {"label": "U-Net", "seeds": [0]}}, "clinic": {"model": "unet"}, "labels": "truth"}
    settings = model | {"families": {"fold1": "all"}, "split": {"by": "frame"}}
    said = " ".join(clinic_words.limits(found, settings, {"info": {}}))
    assert ("on a new patient it may be worse" in said) == told
    by_group = settings | {"split": {"by": ["frame", "group"]}}
    assert "a new patient" not in " ".join(clinic_words.limits(found, by_group, {"info": {}}))
