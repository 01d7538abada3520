"""Times over the baseline's, from what train and predict leave."""

import json
from statistics import median

import pytest

from hemoseg.errors import InputError
from hemoseg.steps import times
from hemoseg.steps.files import read_table, write_json

STEP = {"unet": [0.1, 0.3, 0.2], "d": [0.4, 0.5, 0.7]}
IMAGE = {"unet": [1.0, 1.0, 4.0], "d": [1.0, 2.0, 2.0], "otsu": [0.1]}
RATIOS = "row,baseline,quantity,value,words,source\nd,unet,training step,4,almost 4 times,paper\n"


def run(tmp_path, ratios=RATIOS):
    argv = []
    for option, stage, seconds in (("--trained", "train", STEP), ("--predicted", "predict", IMAGE)):
        for model, values in seconds.items():
            for seed, value in enumerate(values):
                folder = tmp_path / stage / model / str(seed)
                facts = {"device": "cpu", "threads": 2} | ({"deformable_backend": "native"} if model == "d" else {})
                write_json(folder / "run.json", facts | {"seconds_per_step": value})
                write_json(folder / "timing.json", {"images": 5, "seconds": 5 * value, "device": "cpu", "threads": 2})
                argv += [option, f"model={model},split=fold1,seed={seed},folder={folder}"]
    (tmp_path / "ratios.csv").write_text(ratios)
    settings = json.dumps({"rows": {"otsu": "Otsu", "unet": "U-Net", "d": "dU-Net"}, "baseline": "unet"})
    out = tmp_path / "times.csv"
    times.main(["--settings", settings, "--published", str(tmp_path / "ratios.csv"), "--out", str(out), *argv])
    return read_table(out)


def test_the_ratio_is_the_median_over_runs_of_the_same_split_and_seed(tmp_path):
    table = run(tmp_path).set_index(["row", "quantity"])
    assert list(table.index) == [
        ("otsu", "test image"), ("unet", "training step"), ("unet", "test image"), ("d", "training step"),
        ("d", "test image"),
    ]  # fmt: skip
    for quantity, seconds in (("training step", STEP), ("test image", IMAGE)):
        line = table.loc["d", quantity]
        pairs = [a / b for a, b in zip(seconds["d"], seconds["unet"], strict=True)]
        expected = [median(seconds["d"]), min(seconds["d"]), max(seconds["d"]), median(pairs), min(pairs), max(pairs)]
        found = line[["seconds", "least", "most", "ratio", "ratio_least", "ratio_most"]].to_list()
        assert found == pytest.approx(expected)
    assert table.loc["otsu"].loc["test image", "ratio"] == pytest.approx(0.1)
    assert table.loc[[("unet", "training step"), ("unet", "test image")], "ratio"].isna().all()


def test_published_ratios_and_the_machine_stand_beside(tmp_path):
    table = run(tmp_path).set_index(["row", "quantity"])
    assert table["published_words"].dropna().to_dict() == {("d", "training step"): "almost 4 times"}
    assert table.loc[("d", "training step"), "published_ratio"] == 4
    assert table["backend"].dropna().to_dict() == dict.fromkeys([("d", "training step"), ("d", "test image")], "native")
    assert set(table["device"]) == {"cpu"}
    assert set(table["threads"]) == {2}


@pytest.mark.parametrize(
    ("ratios", "words"), [("row,baseline\n", "quantity is missing"), (RATIOS + RATIOS.splitlines()[1] + "\n", "twice")]
)
def test_ratios_in_another_form_are_refused(tmp_path, ratios, words):
    with pytest.raises(InputError, match=words):
        run(tmp_path, ratios)
    assert not (tmp_path / "times.csv").exists()


DAMAGES = {
    "a list": ("train", "run.json", "[1, 2]", "run.json: says nothing of 'device'"),
    "nothing": ("predict", "timing.json", "{}", "timing.json: says nothing of 'seconds'"),
    "half": ("predict", "timing.json", '{"seconds": 1, "device": "cpu"}', "timing.json: says nothing of 'images'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_foreign_file_is_refused_by_its_name(tmp_path, damage):
    stage, file, content, words = DAMAGES[damage]
    argv = []
    for option, folder in (("--trained", "train"), ("--predicted", "predict")):
        write_json(tmp_path / folder / "run.json", {"device": "cpu", "threads": 1})
        write_json(tmp_path / folder / "timing.json", {"images": 5, "seconds": 1, "device": "cpu", "threads": 2})
        argv += [option, f"model=u,split=fold1,seed=0,folder={tmp_path / folder}"]
    (tmp_path / stage / file).write_text(content)
    (tmp_path / "ratios.csv").write_text(RATIOS)
    given = ["--published", str(tmp_path / "ratios.csv"), "--out", str(tmp_path / "times.csv"), *argv]
    with pytest.raises(InputError, match=words):
        times.main(["--settings", '{"rows": {"u": "U"}}', *given])
    assert not (tmp_path / "times.csv").exists()


def test_settings_without_rows_are_refused(tmp_path):
    with pytest.raises(InputError, match="rows is missing or no mapping"):
        times.main(["--settings", "{}", "--published", "x", "--out", str(tmp_path / "t.csv"), "--predicted", "x"])
