import json

import numpy as np
import pytest

from hemoseg.__main__ import main
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.steps.files import read_arrays, read_json, read_table, write_arrays


@pytest.fixture
def samples(tmp_path):
    """Eight frames of four quadrants, two patients."""
    frames = [f"0{n}" for n in range(8) for _ in range(4)]
    count = len(frames)
    made = Samples(
        images=[np.zeros((1, 2, 2), np.uint8)] * count,
        classes=[],
        instances=[],
        ids=[f"{frame}_{n % 4}" for n, frame in enumerate(frames)],
        frames=frames,
        groups=[f"p{int(frame) % 2}" for frame in frames],
        kinds=[""] * count,
        boxes=np.zeros((count, 4), int),
        frame_sizes=np.full((count, 2), 4),
        class_names=["background", "cell"],
        white=255.0,
    )
    path = tmp_path / "samples.npz"
    write_arrays(path, **to_arrays(made))
    return path


@pytest.fixture
def divided(samples):
    """The same, with a division that the dataset brings: frames 6 and 7 are for the test."""
    path = samples.with_name("divided.npz")
    arrays = read_arrays(samples)
    parts = ["test" if frame >= "06" else "train" for frame in arrays["frames"]]
    write_arrays(path, **(arrays | {"parts": np.array(parts)}))
    return path


def split(samples, leakage="report", **settings):
    settings["leakage"] = leakage
    out, notes = samples.with_name("splits.csv"), samples.with_name("notes.json")
    argv = ["--settings", json.dumps(settings), "--samples", str(samples), "--out", str(out), "--notes", str(notes)]
    status = main(["split", *argv])
    return status, out, notes


def test_the_published_protocol_says_how_many_frames_straddle(samples, capsys):
    status, out, notes = split(samples, protocol="fixed", train=20, test=12)
    assert status == 0
    table = read_table(out, dtype=str)
    assert list(table.columns) == ["split", "sample", "frame", "group", "role"]
    assert table.role.value_counts().to_dict() == {"train": 20, "test": 12}
    sides = table.groupby("frame").role.nunique()
    found = read_json(notes)
    assert found["straddling_frames"] == (sides > 1).sum() > 0
    assert found["straddling_groups"] == 2
    assert found["units"] == "sample"
    assert f"samples of {found['straddling_frames']} frames both train and test" in capsys.readouterr().out


def test_by_frame_no_frame_straddles_and_nothing_is_said_of_frames(samples, capsys):
    status, out, notes = split(samples, protocol="folds", folds=4, by="frame", validation=1, seed=3)
    assert status == 0
    table = read_table(out, dtype=str)
    assert sorted(table["split"].unique()) == ["fold1", "fold2", "fold3", "fold4"]
    assert (table.groupby(["split", "frame"]).role.nunique() == 1).all()
    assert read_json(notes)["straddling_frames"] == 0
    assert read_json(notes)["sizes"]["fold1"] == {"train": 20, "val": 4, "test": 8}
    assert "frames both train and test" not in capsys.readouterr().out


def test_more_folds_than_groups_is_one_sentence_and_no_file(samples, capsys):
    status, out, _ = split(samples, folds=3, by="group")
    assert status == 2
    assert "3 folds need as many groups, there are 2; use fewer folds" in capsys.readouterr().err
    assert not out.exists()


def test_the_table_is_the_same_every_time(samples):
    _, out, _ = split(samples, folds=3, seed=1)
    first = out.read_bytes()
    split(samples, folds=3, seed=1)
    assert out.read_bytes() == first
    split(samples, folds=3, seed=2)
    assert out.read_bytes() != first


def test_folds_that_meet_the_datasets_own_test_set_say_so(divided, capsys):
    status, out, notes = split(divided, folds=3, by="frame", test="given")
    assert status == 0
    table = read_table(out, dtype=str)
    tested = table[table["role"] == "test"].groupby("split")["frame"].agg(set)
    assert tested.to_list() == [{"06", "07"}] * 3
    found = read_json(notes)
    assert (found["given"], found["same_test"]) == (True, True)
    assert found["sizes"]["fold2"] == {"train": 16, "val": 8, "test": 8}
    assert "such as p0, as the dataset divides them" in capsys.readouterr().out


def test_other_folds_are_of_our_own_making(samples):
    found = read_json(split(samples, folds=2, by="frame")[2])
    assert (found["given"], found["same_test"]) == (False, False)


def test_a_dataset_without_parts_is_refused_where_they_are_asked_for(samples, capsys):
    status, out, _ = split(samples, protocol="given")
    assert status == 2
    assert "write train, val or test into column `part` of manifest.csv" in capsys.readouterr().err
    assert not out.exists()


def test_a_leak_is_refused_with_an_example_and_the_remedy_and_nothing_is_written(samples, capsys):
    status, out, notes = split(samples, "refuse", protocol="fixed", train=20, test=12)
    assert status == 2
    said = capsys.readouterr().err
    assert "frames both train and test, such as 0" in said
    assert "2 groups (patients, slides) both train and test, such as p0, `by: group` keeps them together" in said
    assert "`leakage: [frames, groups]` in `split` goes on" in said
    assert not out.exists()
    assert not notes.exists()


@pytest.mark.parametrize(("leakage", "status"), [(["groups"], 0), (["frames", "copies"], 2), ([], 2), ("report", 0)])
def test_what_is_named_passes_and_the_rest_is_refused(samples, leakage, status):
    assert split(samples, leakage, folds=2, by="frame")[0] == status


@pytest.mark.parametrize("leakage", ["allow", True, ["frame"], {"groups": "report"}])
def test_a_setting_of_leakage_that_is_none_is_one_sentence(samples, leakage, capsys):
    status, out, _ = split(samples, leakage, folds=2, by="group")
    assert status == 2
    assert "give refuse, report, or a list of what may leak out of frames, groups" in capsys.readouterr().err
    assert not out.exists()


def test_whole_groups_leak_nothing(samples):
    status, _, notes = split(samples, "refuse", folds=2, by="group")
    assert status == 0
    assert set(read_json(notes)["leakage"]["counts"].values()) == {0}
