"""From params.yaml to the settings of jobs: scale and inheritance."""

import copy

import checks
import pytest
import yaml
from plan import at_scale, merged, resolve, trains_on_autolabels

from hemoseg.data.splits import make_splits
from tests.overlaid import PARAMS, REPOSITORY, experiment, with_overlay


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize(
    "overlay", [None, *sorted((REPOSITORY / "params").glob("*.yaml")), REPOSITORY / "tests/params.yaml"]
)
def test_every_experiment_is_valid_at_both_scales(scale, overlay):
    laid = yaml.safe_load(overlay.read_text()) if overlay else {}
    plan = with_overlay(laid | {"scale": scale})
    assert set(plan["experiments"]) >= set(PARAMS["experiments"])
    assert "paper" not in str(sorted(keys_of(plan)))
    for name in plan["flagship"]:
        assert plan["experiments"][name]["split_names"]


def keys_of(value):
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_of(inner)}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def test_a_pair_of_scales_is_chosen_wherever_it_stands():
    value = {
        "a": {"demo": 1, "paper": 2},
        "b": [{"demo": [3], "paper": {"c": {"demo": 4, "paper": 5}}}],
        "d": {"demo": 6},
    }
    assert at_scale(value, "demo") == {"a": 1, "b": [[3]], "d": {"demo": 6}}
    assert at_scale(value, "paper") == {"a": 2, "b": [{"c": 5}], "d": {"demo": 6}}


def test_resolving_changes_nothing_that_it_was_given():
    given = copy.deepcopy(PARAMS)
    resolve(given)
    assert given == PARAMS


def test_errors_of_2020_are_told_in_cases_and_cells_and_missed_cells_apart():
    plan = with_overlay({})["experiments"]
    told = {name: list(plan[name]["tabulate"]["columns"]) for name in ("scd2020_binary", "scd2020_multiclass")}
    assert told["scd2020_binary"][3:8] == ["merged", "merged_cells", "artefacts", "incomplete", "incomplete_missed"]
    assert [key for key in told["scd2020_multiclass"] if key not in told["scd2020_binary"]] == ["auc", "two_types"]
    assert told["scd2020_multiclass"][3:6] == ["merged", "merged_cells", "artefacts"]


def test_columns_keep_the_order_of_the_parent_unless_all_are_named_again():
    below = {"loss": 1, "accuracy": 2, "dice": 3}
    assert list(merged(below, {"dice": 4, "auc": 5})) == ["loss", "accuracy", "dice", "auc"]
    named = merged(below, {"dice": 4, "auc": 5, "loss": 1, "accuracy": None})
    assert list(named) == ["dice", "auc", "loss", "accuracy"]
    assert named == {"loss": 1, "accuracy": None, "dice": 4, "auc": 5}


@pytest.mark.parametrize("labels", ["truth", "auto"])
def test_a_row_trains_on_the_labels_of_its_experiment_or_on_its_own(labels):
    other = {"truth": "auto", "auto": "truth"}[labels]
    plan = with_overlay(experiment(labels=labels, models={"unet": {"labels": other}}))["experiments"]["scd2020_binary"]
    assert {key: row["labels"] for key, row in plan["models"].items()} == {
        key: other if key == "unet" else labels for key in plan["models"]
    }
    assert trains_on_autolabels(plan)
    assert not trains_on_autolabels(with_overlay({})["experiments"]["scd2020_binary"])


def test_an_experiment_takes_over_what_it_is_like():
    plan = with_overlay({"experiments": {"mine": {"like": "scd2020_binary", "title": "Mine", "train": {"steps": 7}},
                                         "theirs": {"like": "mine", "models": {"unet": None}}}})  # fmt: skip
    parent, mine, theirs = (plan["experiments"][name] for name in ("scd2020_binary", "mine", "theirs"))
    assert mine["prepare"] == parent["prepare"]
    assert mine["title"] == theirs["title"] == "Mine"
    assert mine["train"] == parent["train"] | {"steps": 7} == theirs["train"]
    assert {model["train"]["steps"] for model in mine["models"].values()} == {7}
    assert parent["train"]["steps"] != 7
    assert set(theirs["models"]) == set(parent["models"]) - {"unet"}


def test_null_takes_an_entry_out():
    plan = with_overlay(
        experiment(models={"otsu": None}, tabulate={"columns": {"merged": None}}, prepare={"classes": {"cell": None}})
    )
    settings = plan["experiments"]["scd2020_binary"]
    assert "otsu" not in settings["models"]
    assert "merged" not in settings["tabulate"]["columns"]
    assert settings["prepare"]["classes"] == {}


def test_a_row_that_is_taken_out_is_explained_no_more():
    assert resolve(PARAMS)["experiments"]["scd2020_binary"]["explain"]["models"] == ["unet", "deformable_unet"]
    plan = with_overlay(experiment(models={"unet": None}))
    assert plan["experiments"]["scd2020_binary"]["explain"]["models"] == ["deformable_unet"]
    assert plan["experiments"]["scd2020_multiclass"]["explain"]["models"] == ["deformable_unet"]
    assert plan["experiments"]["scd2020_data_size"]["explain"]["models"] == []
    plan = with_overlay(experiment(explain={"features": ["unet", "pspnet"]}, models={"unet": None}))
    assert plan["experiments"]["scd2020_binary"]["explain"]["features"] == ["pspnet"]


def test_an_experiment_knows_the_families_of_its_splits_and_what_compares_them():
    plan = resolve(PARAMS)["experiments"]
    assert plan["scd2020_binary"]["comparison"] is None
    assert set(plan["scd2020_binary"]["families"].values()) == {"all"}
    assert plan["scd2020_data_size"]["comparison"] == "equal"
    assert list(plan["scd2020_data_size"]["families"]) == plan["scd2020_data_size"]["split_names"]
    assert plan["scd2020_patients"]["comparison"] == "optimism"
    assert list(dict.fromkeys(plan["scd2020_patients"]["families"].values())) == ["random", "grouped"]


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_random_and_grouped_folds_of_the_patients_are_as_large(scale):
    plan = with_overlay({"scale": scale})
    simulate = plan["datasets"]["simulated_patients"]["simulate"]
    names = [f"{i:04}" for i in range(simulate["frames"])]
    groups = [f"p{i % simulate['patients']}" for i in range(simulate["frames"])]
    splits = make_splits(plan["experiments"]["scd2020_patients"]["split"], names, names, groups)
    sizes = [(len(split.train), len(split.val), len(split.test)) for split in splits]
    half = len(sizes) // 2
    for random, grouped in zip(sorted(sizes[:half]), sorted(sizes[half:]), strict=True):
        assert max(abs(a - b) for a, b in zip(random, grouped, strict=True)) <= 1


def test_a_search_for_automatic_labels_may_be_asked_for_in_a_word_and_looks_at_labels_by_people():
    for name in ("scd2020_binary", None):
        overlay = {"labels": "auto"} | ({"autolabel": "search"} if name else {})
        overlay = experiment(**overlay) | ({} if name else {"autolabel": "search"})
        changed = with_overlay(overlay)["experiments"]["scd2020_binary"]
        assert changed["autolabel"]["search"] is True
        assert changed["models"]["autolabel"]["settings"]["search"] is True
        assert {key: changed["models"][key]["labels"] for key in ("autolabel", "unet")} == {
            "autolabel": "truth",
            "unet": "auto",
        }
    plain = with_overlay(experiment(labels="auto"))["experiments"]["scd2020_binary"]
    assert plain["models"]["autolabel"]["labels"] == "auto"


def test_a_model_is_complete():
    settings = resolve(PARAMS)["experiments"]["scd2020_binary"]
    for key, model in settings["models"].items():
        assert set(model["train"]) >= {"steps", "learning_rate"}
        assert model["network"] == key
        assert model["seeds"]
    overlay = experiment(autolabel={"threshold": 3}, models={"unet": {"train": {"steps": 9}}})
    changed = with_overlay(overlay)["experiments"]["scd2020_binary"]["models"]
    assert changed["unet"]["train"] == settings["models"]["unet"]["train"] | {"steps": 9}
    assert changed["deformable_unet"] == settings["models"]["deformable_unet"]
    assert changed["autolabel"]["settings"]["threshold"] == 3  # settings_from


def test_what_a_parent_names_need_not_be_in_every_child():
    plan = with_overlay(
        merged(experiment(report={"colours": {"cell": "#112233"}}), {"report": {"colours": {"class1": "#445566"}}})
    )
    assert plan["experiments"]["scd2020_multiclass"]["report"]["colours"]["cell"] == "#112233"
    without = with_overlay({"experiments": {"scd2020_data_size": {"models": {"unet": None}}}})
    assert without["experiments"]["scd2020_data_size"]["tabulate"]["baseline"] == "unet"


def test_null_takes_a_colour_and_a_second_rule_out():
    laid = {"tabulate": {"also": {"empty": None}}, "report": {"colours": {"class1": None}}}
    also = PARAMS["experiments"]["scd2020_multiclass"]["tabulate"]["also"]
    settings = with_overlay({"experiments": {"scd2020_multiclass": laid}})["experiments"]["scd2020_multiclass"]
    assert settings["tabulate"]["also"] == {key: value for key, value in also.items() if key != "empty"}
    assert settings["report"]["colours"] == {}


def test_a_threshold_may_be_a_fraction():
    plan = with_overlay({"tabulate": {"thresholds": {"two_types": "1/3"}}})
    assert plan["experiments"]["scd2020_binary"]["tabulate"]["thresholds"]["two_types"] == "1/3"


def test_all_columns_are_known_without_importing_them():
    from hemoseg.tables.columns import COLUMNS

    assert set(checks.columns()) == set(COLUMNS)
