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
