"""What a change makes run again: what depends on it, and nothing else."""

import os
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.xdist_group("workflow")

AFTER = {"tabulate", "statistics", "viewer", "report"}
SPLIT = "fixed/0"


def stages(model, *names):
    return {f"{name} {model}/{SPLIT}" for name in names}


@contextmanager
def appended(path, text):
    """A file with a line more; afterwards as it was, its time too."""
    before, stat = path.read_bytes(), path.stat()
    path.write_bytes(before + text.encode())
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def overlay(**settings):
    return {"experiments": {"scd2020_binary": settings}}


def test_a_models_setting_reruns_this_model_only(flow):
    planned = flow.planned(overlay=overlay(models={"unet": {"settings": {"width": 4}}}))
    assert set(planned) == stages("unet", "train", "predict", "evaluate") | {"explain", "times"} | AFTER


def test_an_evaluation_setting_trains_and_predicts_nothing(flow):
    planned = flow.planned(overlay={"evaluate": {"bins": 64}})
    rows = ("otsu", "unet", "deformable_unet")
    assert set(planned) == AFTER.union(*(stages(row, "evaluate") for row in rows))


def test_a_finished_run_has_nothing_to_be_done(flow):
    assert flow.planned(options=["--cores", "1"]) == {}  # on another number of cores too


def test_a_comment_in_params_and_a_module_that_nothing_here_imports_rerun_nothing(flow):
    with (
        appended(flow / "params.yaml", "# a remark\n"),
        appended(flow / "src/hemoseg/steps/download.py", "# changed\n"),
    ):
        assert flow.planned() == {}


def test_a_changed_module_reruns_what_imports_it(flow):
    with appended(flow / "src/hemoseg/nn/deform_conv.py", "# changed\n"):
        planned = set(flow.planned())
    assert planned == stages("deformable_unet", "train", "predict", "evaluate") | {"explain", "times"} | AFTER


def test_a_changed_step_reruns_this_step_and_what_follows(flow):
    with appended(flow / "src/hemoseg/steps/tabulate.py", "# changed\n"):
        assert set(flow.planned()) == AFTER - {"statistics", "viewer"}
