"""Experiments that tabulate another one's runs."""

import copy

import pytest
from plan import merged, resolve
from refusals import PlanError
from stages import stages_of

from tests.overlaid import PARAMS


def planned(**experiments):
    base = {"again": {"like": "scd2020_binary", "runs_of": "scd2020_binary"}}
    return resolve(merged(PARAMS, {"experiments": merged(base, experiments)}))


def homes(plan, name="again"):
    return {key: row["home"] for key, row in plan["experiments"][name]["models"].items()}


def test_rows_that_are_the_same_run_once():
    plan = planned(again={"tabulate": {"columns": {"dice": "D"}}, "models": {"unet": {"label": "other words"}}})
    assert set(homes(plan).values()) == {"scd2020_binary"}
    assert set(homes(plan, "scd2020_binary").values()) == {"scd2020_binary"}, "the owner's runs are its own"


def test_a_row_with_other_settings_runs_by_itself():
    plan = planned(again={"models": {"unet": {"train": {"steps": 7}}}})
    assert [key for key, home in homes(plan).items() if home == "again"] == ["unet"]


def test_a_row_that_starts_from_another_is_the_same_only_if_that_one_is():
    chain = {
        "a": {"network": "unet"},
        "b": {"network": "unet", "init_from": "a"},
        "c": {"network": "unet", "weights_from": "b"},
    }
    shared = planned(scd2020_binary={"models": chain}, again={})
    assert homes(shared)["c"] == "scd2020_binary"
    changed = planned(scd2020_binary={"models": chain}, again={"models": {"a": {"train": {"steps": 7}}}})
    assert [key for key, home in homes(changed).items() if home == "again"] == ["a", "b", "c"]


def test_only_own_runs_are_stages():
    plan = planned(again={"models": {"mine": {"network": "unet", "init_from": "unet"}}})
    stages = [name for name in stages_of(plan) if name.startswith("again/")]
    assert {name for name in stages if "/train/" in name or "/evaluate/" in name} == {
        "again/train/mine",
        "again/evaluate/mine",
    }
    assert "again/table" in stages


CLASSICAL = dict.fromkeys(("autolabel", "otsu", "ilastik", "region_growing"))
REFUSED = {
    "no such experiment": ({"again": {"runs_of": "scd2020_binery"}}, r"no other experiment 'scd2020_binery'; did you"),
    "itself": ({"again": {"runs_of": "again"}}, r"there is no other experiment 'again'"),
    "other samples": ({"again": {"prepare": {"size": [64, 64]}}}, r"runs_of: prepare differs from that of scd2020_bi"),
    "other folds": ({"again": {"split": {"seed": 5}}}, r"split differs"),
    "runs of runs": ({"third": {"like": "again", "runs_of": "again"}}, r"again has no runs of its own; name scd2020_b"),
    "no row": ({"again": {"train": {"batch_size": 3}, "models": CLASSICAL}}, "no row is the same"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_shared_is_refused(case):
    overlay, words = REFUSED[case]
    with pytest.raises(PlanError, match=words):
        planned(**copy.deepcopy(overlay))
