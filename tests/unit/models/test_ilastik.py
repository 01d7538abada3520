import io
import os
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from hemoseg.errors import InputError
from hemoseg.labels.ilastik_project import project_bytes
from hemoseg.models import ilastik, pixel_forest

SMALL = {"trees": 5, "scales": [0.7, 1.6], "strokes": 3, "length": 10}
STAND_IN = Path(__file__).with_name("stand_in_ilastik.py")


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch, tmp_path):
    """Neither a variable nor a PATH that leads to an ilastik."""
    monkeypatch.delenv(ilastik.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


@pytest.fixture
def stand_in(tmp_path):
    """An executable that runs the stand-in; it is no ilastik."""
    path = tmp_path / "bin/run_ilastik.sh"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    path.chmod(0o755)
    return path


def images(classes=(0, 1), seed=0, size=(30, 44)):
    random = np.random.default_rng(seed)
    maps = [random.choice(classes, size=(3, 4)).repeat(10, 0).repeat(11, 1).astype(np.uint8) for _ in range(3)]
    for each in maps:
        each[:10, :11], each[20:, 33:] = classes[0], classes[-1]
    pictures = [np.stack([0.2 + 0.3 * each] * 2) + 0.02 * random.standard_normal((2, *size)) for each in maps]
    return [each.astype(np.float32) for each in pictures], maps, [each.astype(np.int32) for each in maps]


def test_without_ilastik_it_is_our_forest_and_says_so(capsys):
    given = images()
    fitted, ours = ilastik.fit(*given, **SMALL), pixel_forest.fit(*given, **SMALL)
    assert "no ilastik found" in capsys.readouterr().err
    assert set(fitted) == set(ours)
    assert all(np.array_equal(fitted[key], ours[key]) for key in ours)
    assert ilastik.describe(fitted) == {"ran": "our random forest (no ilastik found)"}
    said, theirs = (m.predict(given[0][0], fitted, **SMALL) for m in (ilastik, pixel_forest))
    assert np.array_equal(said.probability, theirs.probability)


@pytest.mark.parametrize("named", [True, False])
def test_the_stand_in_reads_the_project_and_its_answer_comes_back(named, stand_in, monkeypatch):
    if named:
        monkeypatch.setenv(ilastik.VARIABLE, str(stand_in))
    else:
        monkeypatch.setenv("PATH", str(stand_in.parent), prepend=os.pathsep)
    given = images(classes=(0, 1, 3))
    fitted = ilastik.fit(*given, **SMALL)
    assert ilastik.describe(fitted) == {"ran": "ilastik itself"}
    assert fitted["classes"].tolist() == [0, 1, 3]  # ilastik's labels 1, 2, 3: it knows no gaps
    said = ilastik.predict(given[0][0], fitted, **SMALL)
    assert said.probability.shape == (4, 30, 44)
    assert not said.probability[2].any()
    assert (said.classes == given[1][0]).mean() > 0.95


def test_the_project_holds_the_strokes_that_our_forest_would_learn_from(stand_in, monkeypatch):
    monkeypatch.setenv(ilastik.VARIABLE, str(stand_in))
    pictures, maps, cells = images()
    maps[1][:] = 255  # no lane of its own
    fitted = ilastik.fit(pictures, maps, cells, **SMALL)
    strokes = [m for m in pixel_forest.strokes_of(maps, pixel_forest.checked(SMALL)) if m.any()]
    with h5py.File(io.BytesIO(fitted["project"].tobytes())) as project:
        assert len(project["Input Data/infos"]) == len(strokes) == 2
        for number, marks in enumerate(strokes):
            (block,) = project[f"PixelClassification/LabelSets/labels{number:03d}"].values()
            rows, columns, _ = (part.split(":") for part in block.attrs["blockSlice"][1:-1].split(","))
            redrawn = np.zeros_like(marks)
            redrawn[int(rows[0]) : int(rows[1]), int(columns[0]) : int(columns[1])] = block[..., 0]
            assert np.array_equal(redrawn, marks)
        assert np.array_equal(project["Input Data/local_data/image0001"][()], pictures[2].transpose(1, 2, 0))


def test_only_chosen_families_are_selected():
    image, marks = np.zeros((1, 4, 5), np.float32), np.eye(4, 5, dtype=np.uint8)
    made = project_bytes([image], [marks], labels=1, scales=[1.0, 2.0], families=["hessian"])
    with h5py.File(io.BytesIO(made)) as project:
        group = project["FeatureSelections"]
        chosen = [
            name for name, row in zip(group["FeatureIds"][()], group["SelectionMatrix"][()], strict=True) if all(row)
        ]
    assert chosen == [b"HessianOfGaussianEigenvalues"]


def test_a_constant_image_is_background_and_starts_nothing(stand_in, monkeypatch):
    monkeypatch.setenv(ilastik.VARIABLE, str(stand_in))
    fitted = ilastik.fit(*images(), **SMALL)
    monkeypatch.setenv("STAND_IN", "fails")
    assert not ilastik.predict(np.full((2, 9, 9), 0.2, np.float32), fitted, **SMALL).classes.any()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("fails", "failed with status 1; its last words: 'RuntimeError: the scales are too large"),
        ("forgets", "left no probabilities"),
        ("crops", r"probabilities for 2 labels of \(30, 44\)"),
        ("sleeps", "no answer within 1 s"),
    ],
)
def test_an_ilastik_that_does_not_answer_is_told_in_a_sentence(behaviour, words, stand_in, monkeypatch):
    monkeypatch.setenv(ilastik.VARIABLE, str(stand_in))
    given = images()
    fitted = ilastik.fit(*given, **SMALL)
    monkeypatch.setenv("STAND_IN", behaviour)
    if behaviour == "sleeps":
        monkeypatch.setattr(ilastik, "SECONDS", 1)
    with pytest.raises(InputError, match=words):
        ilastik.predict(given[0][0], fitted, **SMALL)


def test_another_machine_refuses_in_place_of_taking_the_other_method(stand_in, monkeypatch):
    monkeypatch.setenv(ilastik.VARIABLE, str(stand_in))
    given = images()
    real = ilastik.fit(*given, **SMALL)
    monkeypatch.delenv(ilastik.VARIABLE)
    with pytest.raises(InputError, match="fitted with ilastik, which this machine has not"):
        ilastik.predict(given[0][0], real, **SMALL)
    ours = ilastik.fit(*given, **SMALL)
    monkeypatch.setenv(ilastik.VARIABLE, str(stand_in))
    monkeypatch.setenv("STAND_IN", "fails")
    assert ilastik.predict(given[0][0], ours, **SMALL).probability is not None  # nothing was started


def test_a_variable_that_names_no_executable_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(ilastik.VARIABLE, str(tmp_path / "none.sh"))
    with pytest.raises(InputError, match=r"HEMOSEG_ILASTIK=.*none\.sh: no executable"):
        ilastik.fit(*images(), **SMALL)
