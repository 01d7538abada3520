import json

import numpy as np
import pandas as pd
import pytest

from hemoseg.__main__ import main
from hemoseg.data.samples import Samples, from_arrays, to_arrays
from hemoseg.errors import InputError
from hemoseg.steps.autolabel import checked, label_samples, quality
from hemoseg.steps.files import read_arrays, write_arrays


def drawn(kinds=("rbc", "macrophage"), labels=True):
    """Bright images with four dark squares each."""
    truth = np.zeros((64, 64), np.int32)
    for n, (row, column) in enumerate([(8, 8), (8, 40), (40, 8), (40, 40)]):
        truth[row : row + 14, column : column + 14] = n + 1
    image = np.where(truth > 0, 80, 220).astype(np.uint8)
    count = len(kinds)
    return Samples(
        images=[np.stack([image] * 3)] * count,
        classes=[(truth > 0).astype(np.uint8)] * count if labels else [],
        instances=[truth] * count if labels else [],
        ids=[f"s{n}" for n in range(count)],
        frames=[f"s{n}" for n in range(count)],
        groups=[""] * count,
        kinds=list(kinds),
        boxes=np.array([[0, 0, 64, 64]] * count),
        frame_sizes=np.array([[64, 64]] * count),
        class_names=["background", "rbc", "macrophage"],
        white=255.0,
    )


def test_the_command_writes_labels_without_images_and_their_quality(tmp_path):
    paths = {name: str(tmp_path / name) for name in ("samples.npz", "auto.npz", "quality.csv")}
    write_arrays(paths["samples.npz"], **to_arrays(drawn()))
    settings = json.dumps({"class_of_kind": {"macrophage": "macrophage"}})
    argv = ["--samples", paths["samples.npz"], "--out", paths["auto.npz"], "--quality", paths["quality.csv"]]
    assert main(["autolabel", "--settings", settings, *argv]) == 0
    labels = from_arrays(read_arrays(paths["auto.npz"]))
    assert labels.ids == ["s0", "s1"]
    assert labels.images == []
    assert [int(one.max()) for one in labels.instances] == [4, 4]
    assert [int(one.max()) for one in labels.classes] == [1, 2]
    table = pd.read_csv(paths["quality.csv"])
    assert table.cells.tolist() == table.true_cells.tolist() == [4, 4]
    assert (table.dice > 0.9).all()
    assert np.allclose(table.jaccard, table.dice / (2 - table.dice))


def test_a_dataset_without_truth_has_an_empty_quality_table(tmp_path):
    samples = drawn(labels=False)
    table = quality(samples, label_samples(samples, checked({})))
    assert len(table) == 0
    assert "dice" in table


def test_ignored_pixels_and_samples_do_not_count():
    samples = drawn()
    labels = label_samples(samples, checked({}))
    classes = [samples.classes[0].copy(), np.full((64, 64), 255, np.uint8)]
    classes[0][:32] = 255
    known = Samples(**{**vars(samples), "classes": classes})
    table = quality(known, labels)
    assert table["sample"].tolist() == ["s0"]
    assert table.tp[0] + table.fn[0] == 2 * 14 * 14


def test_morphology_goes_to_the_kinds_that_are_named():
    samples = drawn()
    bridged = samples.images[0].copy()
    bridged[:, 14:16, 20:42] = 80
    samples = Samples(**{**vars(samples), "images": [bridged] * 2})
    labels = label_samples(samples, checked({"morphology": ["macrophage"], "min_area": 60}))
    assert [int(one.max()) for one in labels.instances] == [3, 4]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"windows": 3}, "did you mean 'window'"),
        ({"polarity": "black"}, "choose auto, dark or bright"),
        ({"window": 0}, "make them positive"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(settings)


def test_a_class_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="there is no class 'lymphocyte'; the classes are rbc, macrophage"):
        label_samples(drawn(), checked({"class_of_kind": {"rbc": "lymphocyte"}}))


SEARCH = {"search": {"offset": [0.9, 0.1], "window": [0.4], "gaussian": [True], "min_area": [1], "morphology": [False]}}


def searched(folder, samples, settings=SEARCH):
    """What the command leaves: its exit status, and the files that it was asked for."""
    paths = {name: folder / name for name in ("samples.npz", "auto.npz", "quality.csv", "chosen.json")}
    write_arrays(paths["samples.npz"], **to_arrays(samples))
    argv = ["--settings", json.dumps(settings), "--samples", str(paths["samples.npz"]), "--out", str(paths["auto.npz"])]
    status = main(["autolabel", *argv, "--quality", str(paths["quality.csv"]), "--chosen", str(paths["chosen.json"])])
    return status, paths


def test_the_settings_that_made_the_labels_are_written_beside_them(tmp_path, capsys):
    status, paths = searched(tmp_path, drawn())
    assert status == 0
    told = json.loads(paths["chosen.json"].read_text())
    assert told["search"]["samples"] == ["s0", "s1"]
    assert set(told["search"]["kinds"]) == {"rbc", "macrophage"}
    assert told["settings"]["kinds"]["rbc"]["offset"] == 0.1, "nothing differs by 0.9 of the grey range"
    assert told["settings"]["kinds"]["rbc"]["polarity"] == "dark"
    again = label_samples(drawn(), told["settings"])
    made = from_arrays(read_arrays(paths["auto.npz"]))
    assert all(np.array_equal(a, b) for a, b in zip(made.instances, again.instances, strict=True))
    assert "mean IoU 1.000 on the 1 labelled image of kind rbc that chose it among 4" in capsys.readouterr().out


def test_without_a_search_the_settings_are_written_too(tmp_path):
    _, paths = searched(tmp_path, drawn(), {"offset": 0.1})
    told = json.loads(paths["chosen.json"].read_text())
    assert told["search"] == {}
    assert told["settings"]["offset"] == 0.1


def test_a_search_is_the_same_every_time(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        searched(tmp_path / name, drawn())
    for name in ("auto.npz", "quality.csv", "chosen.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("which", ["no labels", "nothing known", "kept for testing"])
def test_a_search_without_a_labelled_image_is_refused_in_one_sentence(tmp_path, capsys, which):
    samples = drawn(labels=which != "no labels")
    if which == "nothing known":
        samples = Samples(**{**vars(samples), "classes": [np.full((64, 64), 255, np.uint8)] * 2})
    if which == "kept for testing":
        samples = Samples(**{**vars(samples), "parts": ["test"] * 2})
    status, paths = searched(tmp_path, samples)
    said = capsys.readouterr().err
    assert status == 2
    assert "autolabel.search needs labels of a few images" in said
    assert "put some into masks/, classes/ or instances/" in said
    assert said.count("\n") == 1
    assert not any(paths[name].exists() for name in ("auto.npz", "quality.csv", "chosen.json"))


def test_images_kept_for_testing_have_no_say(tmp_path):
    samples = Samples(**{**vars(drawn()), "parts": ["train", "test"]})
    _, paths = searched(tmp_path, samples)
    told = json.loads(paths["chosen.json"].read_text())
    assert told["search"]["samples"] == ["s0"]
    assert list(told["search"]["kinds"]) == ["rbc"]
