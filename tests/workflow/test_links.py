"""Rows that start from, or predict with, the weights of another row."""

import pytest
import yaml

pytestmark = pytest.mark.xdist_group("dry")

ROWS = {
    "tuned": {"network": "unet", "settings": {"width": 8, "levels": 3}, "init_from": "unet"},
    "again": {"network": "unet", "settings": {"width": 8, "levels": 3}, "weights_from": "unet"},
}


def test_links_between_rows_become_inputs(workspace, field):
    overlay = {"experiments": {"scd2018_segmentation": {"models": ROWS}}}
    (workspace / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    page = "reports/build/scd2018_segmentation.html"
    planned = workspace.planned("--configfile", "overlay.yaml", "--", page)
    weights = "results/scd2018_segmentation/train/unet/fixed/seed0/model.safetensors"
    assert weights in field(planned["train tuned/fixed/0"], "input").split(", ")
    assert weights in field(planned["predict again/fixed/0"], "input").split(", ")
    assert "train again/fixed/0" not in planned  # it has no weights of its own
    assert {"evaluate again/fixed/0", "predict tuned/fixed/0"} <= set(planned)
