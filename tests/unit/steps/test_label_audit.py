"""The step on frames whose labels are known, with planted faults of every kind; then its page."""

import json
from pathlib import Path

import numpy as np
import pytest

from hemoseg.__main__ import main
from hemoseg.data import predictions as predictions_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.steps.files import read_json, read_table, write_arrays
from hemoseg.steps.label_audited import LabelAudited
from hemoseg.tables.label_audit import TEXTS

NAMES = ["background", "round", "long"]
NOTEBOOK = Path("reports/notebooks/label_audit.ipynb")
CELLS = ((12, 12), (12, 40), (40, 12), (40, 40), (64, 26))  # row and column; the last is cut by the next frame's tile
FACTOR = 2  # a pixel of a sample is two by two in its frame


def truth(frame):
    """Class map and cells of a frame of two tiles, one above the other, 80 x 52; class by column."""
    instances, classes = np.zeros((80, 52), np.int32), np.zeros((80, 52), np.uint8)
    for number, (row, column) in enumerate(CELLS, 1):
        own = np.hypot(*(np.indices((80, 52)) - np.reshape((row + frame, column), (2, 1, 1)))) <= 7
        instances[own], classes[own] = number, 1 + (column > 20)
    return classes, instances


def said(classes, by=0.9):
    """Probabilities of a model that sees these classes."""
    return np.where(np.arange(3)[:, None, None] == classes, by, (1 - by) / 2).astype(np.float32)


def tiles(array):
    return [np.ascontiguousarray(array[..., :64, :]), np.ascontiguousarray(array[..., 64:, :])]


@pytest.fixture
def lab(tmp_path):
    """Three frames cut in two; the labels of b swap a class, miss a cell, make one up and shift one."""
    frames = {"a": truth(0), "b": truth(1), "c": truth(2)}
    known = {name: [one.copy() for one in maps] for name, maps in frames.items()}
    classes, instances = known["b"]
    classes[instances == 2] = 1
    for array in known["b"]:
        array[frames["b"][1] == 3] = 0  # missed
    own = instances == 4
    for array in known["b"]:
        array[own] = 0
    shifted = np.roll(own, 4, axis=1)
    instances[shifted], classes[shifted] = 4, 2
    instances[60:78, 42:50], classes[60:78, 42:50] = 6, 2  # nothing is there
    write(tmp_path, known, frames)
    return tmp_path


def write(root, known, seen, probabilities=True):
    cut = [(name, row, part) for name in known for part, row in enumerate((0, 64))]
    pieces = [[tiles(one)[part] for one in known[name]] for name, _, part in cut]
    boxes = [np.array((row, 0, min(row + 64, 80), 52)) * FACTOR + (10, 30, 10, 30) for _, row, _ in cut]
    samples = Samples(
        images=[np.repeat((200 - 120 * (labels > 0)).astype(np.uint8)[None], 3, 0) for _, labels in pieces],
        classes=[classes for classes, _ in pieces],
        instances=[instances for _, instances in pieces],
        ids=[f"{name}_{row}" for name, row, _ in cut],
        frames=[name for name, _, _ in cut],
        groups=["p1"] * len(cut),
        kinds=[""] * len(cut),
        boxes=np.array(boxes),
        frame_sizes=np.tile((200, 180), (len(cut), 1)),
        class_names=NAMES,
        white=255.0,
        info={"simulated": False},
        parts=[""] * len(cut),
    )
    write_arrays(root / "exp/samples.npz", **to_arrays(samples))
    for fold, names in (("fold1", "ab"), ("fold2", "c")):
        here = [i for i, (name, _, _) in enumerate(cut) if name in names]
        theirs = [[tiles(one)[part] for one in seen[name]] for name, _, part in (cut[i] for i in here)]
        told = [said(classes) for classes, _ in theirs] if probabilities else []
        maps = [list(one) for one in zip(*theirs, strict=True)]
        made = Predictions([samples.ids[i] for i in here], told, *maps)
        folder = root / "exp/predict/judge" / fold / "seed0"
        write_arrays(folder / "predictions.npz", **predictions_format.to_arrays(made))


def audit(root, **settings):
    files = [str(root / f"exp/predict/judge/{fold}/seed0/predictions.npz") for fold in ("fold1", "fold2")]
    told = ["--samples", str(root / "exp/samples.npz"), "--predictions", *files]
    out = [str(root / f"tables/exp.label_audit.{end}") for end in ("csv", "json")]
    return main(["label_audit", "--settings", json.dumps(settings), *told, "--out", out[0], "--facts", out[1]])


def read(root):
    table = read_table(root / "tables/exp.label_audit.csv", dtype=TEXTS)
    return table, read_json(root / "tables/exp.label_audit.json")


def page_of(settings, root):
    """What the notebook shows, run in this process."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown, names = [], {}
    exec("".join(cells[0]["source"]), names)
    names |= {"settings": settings, "results": str(root)}
    for cell in cells[1:]:
        exec("".join(cell["source"]), names)
        names["display"] = shown.append  # the first cell imports the real one and shows nothing
    return "".join(piece.data for piece in shown)


def test_every_planted_fault_is_on_the_list_and_nothing_else(lab):
    assert audit(lab, least=0.4) == 0
    table, facts = read(lab)
    assert set(table["frame"]) == {"b"}
    assert sorted(table["problem"]) == ["missed", "not_there", "outline", "wrong_class"]
    rows = table.set_index("problem")
    assert (rows.loc["wrong_class", "label"], rows.loc["wrong_class", "suggested"]) == ("round", "long")
    assert (rows.loc["missed", "label"], rows.loc["missed", "suggested"]) == ("background", "round")
    assert (rows.loc["not_there", "label"], rows.loc["not_there", "suggested"]) == ("long", "background")
    assert facts["problems"] == dict.fromkeys(facts["problems"], 0) | dict.fromkeys(rows.index, 1)
    assert (facts["frames"], facts["labels"], facts["found"]) == (3, 15, 15), "a cell that a cut divides counts once"
    assert facts["of_class"] == {"round": 2 + 2 + 2, "long": 3 + 3 + 3}
    assert facts["same_class"] == {"round": [5, 6], "long": [8, 8]}, "one label is not there at all"


def test_places_are_those_of_the_frame_as_published(lab):
    audit(lab, least=0.4)
    table, _ = read(lab)
    row = table.set_index("problem").loc["missed"]
    (middle, column), top, left = (CELLS[2][0] + 1, CELLS[2][1]), 10, 30
    assert abs(row["row"] - (top + FACTOR * middle)) <= FACTOR
    assert abs(row["column"] - (left + FACTOR * column)) <= FACTOR
    box = [top + FACTOR * (middle - 7), left + FACTOR * (column - 7)]
    box += [top + FACTOR * (middle + 8), left + FACTOR * (column + 8)]
    assert list(row[["row0", "column0", "row1", "column1"]]) == box


def test_a_frame_without_a_cell_is_a_frame_that_was_looked_at(lab):
    frames = {name: truth(number) for number, name in enumerate("abc")}
    nothing = tuple(np.zeros_like(one) for one in frames["a"])
    write(lab, frames | {"a": nothing}, frames)
    assert audit(lab) == 0
    table, facts = read(lab)
    assert (facts["frames"], facts["labels"]) == (3, 10)
    assert list(table["problem"]) == ["missed"] * 5
    write(lab, dict.fromkeys("abc", nothing), dict.fromkeys("abc", nothing))
    assert audit(lab) == 0
    assert read(lab)[0].empty


def test_predictions_of_another_size_are_refused(lab, capsys):
    path = lab / "exp/predict/judge/fold1/seed0/predictions.npz"
    made = predictions_format.from_arrays(dict(np.load(path)))
    made.classes[0] = made.classes[0][:-1]
    write_arrays(path, **predictions_format.to_arrays(made))
    assert audit(lab) == 2
    assert "a_0: labels and prediction differ in size; run predict again" in capsys.readouterr().err


def test_labels_that_the_model_shares_are_not_on_the_list(lab):
    frames = {name: truth(number) for number, name in enumerate("abc")}
    write(lab, frames, frames)
    assert audit(lab) == 0
    table, facts = read(lab)
    assert table.empty
    assert set(facts["problems"].values()) == {0}
    assert facts["expected_wrong_class"] == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"probabilities": False}, "hold no probabilities; name a row of label_audit that has them"),
        ({"known": "classes"}, "no labels tell cells apart; add instances"),
    ],
)
def test_what_cannot_be_audited_is_refused_in_a_sentence(lab, capsys, change, told):
    frames = {name: truth(number) for number, name in enumerate("abc")}
    write(lab, frames, frames, change.get("probabilities", True))
    if "known" in change:
        path = lab / "exp/samples.npz"
        arrays = dict(np.load(path))
        arrays |= {"instances_values": np.zeros(0, np.uint16), "instances_shapes": np.zeros((0, 0), np.int64)}
        write_arrays(path, **arrays)
    assert audit(lab) == 2
    assert told in capsys.readouterr().err
    assert not (lab / "tables").exists()


def test_the_page_shows_each_problem_with_the_cell_that_is_meant(lab):
    audit(lab, least=0.4)
    row = {"label": "Judge", "home": "exp", "seeds": [0]}
    section = {"model": "judge", "first": 3, "least": 0.4, "min_area_share": 0.1}
    settings = {"experiment": "exp", "title": "T", "dataset": "lab", "scale": "demo", "models": {"judge": row}}
    settings |= {"families": {"fold1": "", "fold2": ""}, "label_audit": section}
    found = LabelAudited(settings, lab)
    (missed,) = found.doubtful("missed")
    assert missed.image.shape[1:] == missed.label.shape == missed.found.shape
    assert not missed.label[missed.found == missed.cell].any()
    (swapped,) = found.doubtful("wrong_class")
    rows, columns = np.nonzero(swapped.label == swapped.cell)
    assert len(rows) == 149, "the whole cell, a disc of radius 7"
    middle = (np.array(swapped.label.shape) - 1) / 2
    assert np.abs(middle - (rows.mean(), columns.mean())).max() <= 1
    page = page_of(settings, lab)
    assert "15 labelled cells in 3 frames that it did not train on. In doubt: 1 another class" in page
    for title in ("Another class", "Cells that no label has", "Labels where the model sees no cell", "Other outlines"):
        assert f"<h2>{title}</h2>" in page
    assert "One label, two cells</h2>" not in page
