"""Cells go to another tool, are corrected there and come back: what nobody touched is the same, what was is told."""

import importlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from roifile import ROI_TYPE, ImagejRoi, roiread

from hemoseg.__main__ import main as run
from hemoseg.errors import InputError
from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps import formats
from hemoseg.steps.corrected import _image_of
from hemoseg.steps.files import read_table, write_json, write_table
from hemoseg.steps.folders import open_folder, read_frames
from hemoseg.steps.images import read_labels, write_labels

step = importlib.import_module("hemoseg.steps.import")
CLASSES = ["background", "round", "</script><b>sickle"]
SIZE = (40, 60)


def cells_at(*boxes):
    """Cells 1..n as boxes of rows and columns."""
    instances = np.zeros(SIZE, np.int32)
    for number, (top, bottom, left, right) in enumerate(boxes, 1):
        instances[top:bottom, left:right] = number
    return instances


BOXES = [(2, 10, 3, 12), (4, 16, 20, 30), (20, 36, 5, 25), (18, 30, 30, 50)]
KINDS = [1, 2, 1, 2]


def segmented(folder, names=("slide 1", "b"), boxes=BOXES, kinds=KINDS):
    """A folder as `segment` writes it, with all formats; its images beside it."""
    rows, tables = [], []
    for index, name in enumerate(names):
        instances = cells_at(*boxes)
        classes = np.array([0, *kinds], np.uint8)[instances]
        image = np.random.default_rng(index).integers(0, 256, (*SIZE, 3), np.uint8)
        (folder.parent / "frames").mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(folder.parent / "frames" / f"{name}.png"), image)
        write_labels(folder / "instances" / f"{name}.tif", instances.astype(np.uint16))
        write_labels(folder / "classes" / f"{name}.png", classes)
        found = measure_cells(instances, classes, np.moveaxis(image, 2, 0), class_names=CLASSES, pixel_size=0.5)
        tables.append(pd.DataFrame({"image": name, "group": "=patient;1"} | found))
        rows.append({"image": name, "file": str(folder.parent / "frames" / f"{name}.png"), "page": "",
                     "group": "=patient;1", "rows": SIZE[0], "columns": SIZE[1], "channels": 3, "pixel_size_um": 0.5,
                     "scale": 1.0, "cells": len(boxes), "flags": ""})  # fmt: skip
        facts = {"classes": CLASSES, "pixel_size_um": 0.5}
        formats.write_formats(folder, name, instances, tables[-1], facts, formats.FORMATS)
    images, cells = pd.DataFrame(rows), pd.concat(tables)
    formats.write_collected(folder, images, cells, {"classes": CLASSES, "pixel_size_um": None}, formats.FORMATS)
    write_table(folder / "images.csv", images)
    write_table(folder / "cells.csv", cells)
    about = {"format": 1, "model": {"in_channels": 3}, "classes": CLASSES, "settings": {}, "versions": {}}
    write_json(folder / "segment.json", about | {"complete": True})
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What no test changes: to copy it is faster than to write it anew."""
    return segmented(tmp_path_factory.mktemp("made") / "cells").parent


@pytest.fixture
def cells(made, tmp_path):
    """A folder of `segment` with its images beside it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "cells"


def imported(tmp_path, *arguments, of=None):
    """Import into a new folder: the list of changes, and the frames that `prepare` would read of it."""
    out = tmp_path / "dataset"
    step.main([*map(str, arguments), "--of", str(of or tmp_path / "cells"), "--out", str(out)])
    dataset = open_folder(out)
    return read_table(out / "diff.csv", dtype={"image": str, "change": str}), list(read_frames(dataset)), dataset


WAYS = ["qupath", "coco.json", "rois", "ome", "instances", "."]


@pytest.mark.parametrize("way", WAYS)
def test_what_nobody_touched_comes_back_as_it_was(cells, way, tmp_path):
    changes, frames, dataset = imported(tmp_path, tmp_path / "cells" / way)
    assert changes.empty
    assert [frame.id for frame in frames] == ["slide 1", "b"]
    assert dataset.description.classes == dict(enumerate(CLASSES[1:], 1))
    assert dataset.description.pixel_size == 0.5
    for frame in frames:
        assert (frame.instances == cells_at(*BOXES)).all()
        assert (frame.classes == np.array([0, *KINDS])[frame.instances]).all()
        assert frame.group == "=patient;1"
        source = cv2.imread(str(tmp_path / "frames" / f"{frame.id}.png"))[..., ::-1]
        assert (np.moveaxis(frame.image, 0, 2) == source).all()


def told(changes):
    return {row.id: (row.change, round(row.iou, 4), row.area_before, row.area_after) for row in changes.itertuples()}


# Cell 1 is removed, 2 grows by a column, 3 becomes the other class, and one is added that nobody has numbered.
GROWN = (4, 16, 20, 31)
NEW = (32, 38, 40, 56)
WANTED = {
    1: ("removed", 0, 72, 0),
    2: ("reshaped", round(120 / 132, 4), 120, 132),
    3: ("retyped", 1, 320, 320),
    5: ("added", 0, 0, 96),
}


def square(top, bottom, left, right):
    return [[left, top], [left, bottom], [right, bottom], [right, top], [left, top]]


def in_qupath(folder):
    """As QuPath hands objects back: a new one has a UUID of its own, no name, and a class in parts."""
    file = folder / "qupath" / "b.geojson"
    features = json.loads(file.read_text(encoding="utf-8"))["features"]
    features = features[1:]
    features[0]["geometry"]["coordinates"] = [square(*GROWN)]
    features[1]["properties"]["classification"] = {"name": CLASSES[2]}
    polygon = {"type": "MultiPolygon", "coordinates": [[square(*NEW)]]}
    new = {"type": "Feature", "id": "0b7ad7e8-6c54-4d9b-9a6e-000000000001", "geometry": polygon}
    new["properties"] = {"objectType": "annotation", "classification": {"names": ["round"]}}
    line = {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[0, 0], [5, 5]]}, "properties": None}
    file.write_text(json.dumps([*features, new, line]))
    return file


def in_coco(folder):
    """As a labelling tool hands it back: without our fields, and with polygons for what was drawn."""
    file = folder / "coco.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["images"] = [image for image in content["images"] if image["file_name"] == "b.png"]
    image = content["images"][0]["id"]
    kept = [one for one in content["annotations"] if one["image_id"] == image][1:]
    kept[0]["segmentation"] = [np.ravel(square(*GROWN)[:-1]).tolist()]
    kept[1]["category_id"] = 2
    kept.append({"id": 99, "image_id": image, "category_id": 1, "segmentation": [np.ravel(square(*NEW)).tolist()]})
    for one in [*kept, *content["images"]]:
        one.pop("hemoseg", None)
    file.write_text(json.dumps(content | {"annotations": kept}))
    return file


def in_imagej(folder):
    """As Fiji's ROI Manager saves it: what is new is named by its place."""
    file = folder / "rois" / "b.zip"
    regions = roiread(file)[1:]
    regions[0].integer_coordinates = np.array(square(*GROWN)[:-1], np.int32) - (GROWN[2], GROWN[0])
    regions[1].group = 2
    new = ImagejRoi.frompoints(np.array(square(*NEW)[:-1]), name="0035-0048")
    new.group = 1
    file.unlink()
    for region in [*regions, new]:
        region.tofile(file)
    return file


def in_a_painter(folder):
    """A label image in which somebody painted: a new cell has any number, its class is named on the command line."""
    file = folder / "instances" / "b.tif"
    corrected = cells_at(*BOXES)
    corrected[corrected == 1] = 0
    corrected[GROWN[0] : GROWN[1], GROWN[2] : GROWN[3]] = 2
    corrected[NEW[0] : NEW[1], NEW[2] : NEW[3]] = 5
    painted = folder.parent / "painted" / "b_corrected.tif"
    write_labels(painted, corrected)
    assert file.is_file()
    return painted


@pytest.mark.parametrize("correct", [in_qupath, in_coco, in_imagej, in_a_painter])
def test_what_was_changed_is_told_cell_by_cell(cells, correct, tmp_path):
    file = correct(cells)
    changes, frames, _ = imported(tmp_path, file, "--default-class", "round")
    wanted = dict(WANTED)
    if correct is in_a_painter:  # whose file has no classes
        del wanted[3]
    assert told(changes) == wanted
    assert set(changes["image"]) == {"b"}
    facts = changes.set_index("id")[["class_before", "class_after", "row", "column"]]
    expected = [[1, np.nan, 5.5, 7], [2, 2, 9.5, 25], [1, 2, 27.5, 14.5], [np.nan, 1, 34.5, 47.5]]
    np.testing.assert_equal(facts.to_numpy(), [line for n, line in zip(WANTED, expected, strict=True) if n in wanted])
    (frame,) = frames
    assert (frame.instances == 2).sum() == 132
    assert set(frame.classes[frame.instances == 3]) == {1 if correct is in_a_painter else 2}
    assert set(frame.classes[frame.instances == 5]) == {1}


@pytest.mark.parametrize(
    ("told", "name"),
    [("a", "a"), ("a_b", "a_b"), ("a_b-new", "a_b"), ("a_c", "a"), ("a.2", "a"), ("ab", None), ("c", None)],
)
def test_a_file_is_that_images_whose_whole_name_begins_its_own(told, name):
    assert _image_of(told, ["a", "a_b"]) == name


def test_images_that_nobody_corrected_are_taken_when_asked_for(cells, tmp_path):
    changes, frames, _ = imported(tmp_path, tmp_path / "cells/ome/b.ome.tif", "--all", "--link")
    assert changes.empty
    assert [frame.id for frame in frames] == ["slide 1", "b"]
    assert (tmp_path / "dataset/images/b.png").is_symlink()


def test_a_folder_dataset_can_be_corrected_again(cells, tmp_path):
    imported(tmp_path, tmp_path / "cells/qupath")
    instances = read_labels(tmp_path / "dataset/instances/b.png")
    write_labels(tmp_path / "b.png", np.where(instances == 4, 0, instances))
    out = tmp_path / "second"
    step.main([str(tmp_path / "b.png"), "--of", str(tmp_path / "dataset"), "--out", str(out)])
    assert told(read_table(out / "diff.csv")) == {4: ("removed", 0, 240, 0)}


def test_a_folder_of_images_alone_has_no_list_of_changes(cells, tmp_path):
    changes, frames, dataset = imported(
        tmp_path, cells / "coco.json", "--classes", *CLASSES[1:], of=tmp_path / "frames"
    )
    assert changes.empty
    assert dataset.description.classes == dict(enumerate(CLASSES[1:], 1))
    assert (frames[0].instances == cells_at(*BOXES)).all()


def test_overlapping_cells_are_settled_and_told(cells, tmp_path, capsys):
    file = cells / "qupath" / "b.geojson"
    content = json.loads(file.read_text(encoding="utf-8"))
    # 1 is drawn over half of 3, which is larger; 4 is there twice, and once more too thin to have a pixel.
    content["features"][0]["geometry"]["coordinates"] = [square(20, 28, 5, 25)]
    content["features"] += [content["features"][3], json.loads(json.dumps(content["features"][3]))]
    content["features"][5]["geometry"]["coordinates"] = [[[1, 1.1], [1, 1.2], [9, 1.2]]]
    file.write_text(json.dumps(content))
    _, frames, _ = imported(tmp_path, file)
    assert (frames[0].instances == 1).sum() == (frames[0].instances == 3).sum() == 160
    assert sorted(np.unique(frames[0].instances)) == [0, 1, 2, 3, 4]
    said = json.loads((tmp_path / "dataset/import.json").read_text())["notices"]["b"]
    assert any(sentence.startswith("400 pixels lay in several cells") for sentence in said)
    assert any(sentence.startswith("2 cells were left out") for sentence in said)
    assert "400 pixels" in capsys.readouterr().out


def test_of_two_cells_with_one_id_the_first_keeps_it(cells, tmp_path):
    file = cells / "qupath" / "b.geojson"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["features"].append(json.loads(json.dumps(content["features"][0])))
    content["features"][4]["geometry"]["coordinates"] = [square(*NEW)]
    file.write_text(json.dumps(content))
    changes, frames, _ = imported(tmp_path, file)
    assert told(changes) == {5: WANTED[5]}
    assert (frames[0].instances == 1).sum() == 72


def test_ovals_and_rectangles_are_cells_and_lines_are_not(cells, tmp_path):
    regions = [
        ImagejRoi(roitype=ROI_TYPE.OVAL, left=10, right=30, top=5, bottom=15, group=1, name="7"),
        ImagejRoi(roitype=ROI_TYPE.RECT, left=40, right=50, top=5, bottom=15, group=1, name="8"),
        ImagejRoi(roitype=ROI_TYPE.LINE, x1=1, x2=9),
    ]
    file = tmp_path / "b.zip"
    for region in regions:
        region.tofile(file)
    _, frames, _ = imported(tmp_path, file)
    found = frames[0].instances
    rows, columns = np.indices(SIZE) + 0.5
    assert ((found == 7) == (((columns - 20) / 10) ** 2 + ((rows - 10) / 5) ** 2 < 1)).all()
    assert (found[5:15, 40:50] == 8).all()
    assert (found == 8).sum() == 100
    assert "1 regions were left out" in json.loads((tmp_path / "dataset/import.json").read_text())["notices"]["b"][0]


def test_a_crowd_neither_trains_nor_counts(cells, tmp_path):
    file = in_coco(cells)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["annotations"][0]["iscrowd"] = 1
    file.write_text(json.dumps(content))
    _, frames, _ = imported(tmp_path, file)
    assert set(frames[0].classes[frames[0].instances == 2]) == {255}


def test_a_class_is_renamed_or_ignored(cells, tmp_path):
    file = cells / "qupath" / "b.geojson"
    file.write_text(file.read_text(encoding="utf-8").replace('"round"', '"Unsure"'), encoding="utf-8")
    _, frames, _ = imported(tmp_path, file, "--rename", '{"Unsure": null}')
    assert set(frames[0].classes[frames[0].instances == 1]) == {255}


def edit(change):
    """An edit of the GeoJSON of image b."""

    def edited(folder):
        file = folder / "qupath" / "b.geojson"
        content = json.loads(file.read_text(encoding="utf-8"))
        change(content["features"])
        file.write_text(json.dumps(content))
        return [file]

    return edited


def of_coco(change):
    def edited(folder):
        file = folder / "coco.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        change(content)
        file.write_text(json.dumps(content))
        return [file]

    return edited


def text_of(name, content):
    def edited(folder):
        (folder / name).write_bytes(content)
        return [folder / name]

    return edited


REFUSED = [
    (edit(lambda f: f[0]["properties"].update(classification={"name": "alien"})), "'alien', the classes are 'round'"),
    (edit(lambda f: f[0].update(id=None, properties={})), None),  # known by its pixels: its class is that of before
    (edit(lambda f: f.append({**f[0], "id": None, "properties": {}, "geometry": {"type": "Polygon", "coordinates":
          [square(32, 38, 40, 56)]}})), "cell 5 bears no class"),
    (edit(lambda f: f[0]["geometry"].update(coordinates=[[[0, 0], [1e400, 1], [2, 2]]])), "no number"),
    (edit(lambda f: f[0]["geometry"].update(coordinates=[["a", "b"]])), "feature 1 is no polygon"),
    (edit(lambda f: f.append(7)), "no GeoJSON of features"),
    (edit(lambda f: f[0]["geometry"].update(coordinates=[[[10**400, 1], [2, 2], [3, 1]]])), "feature 1 is no polygon"),
    (edit(lambda f: f[0].update(properties=[1])), "feature 1 has properties that are no object"),
    (text_of("b.json", b"{"), "not readable as JSON"),
    (text_of("b.json", b"[" * 100_000), "not readable as JSON"),
    (text_of("b.geojson", b"\xff\xfe\x00"), "not readable as JSON"),
    (text_of("b.zip", b"PK"), "no zip of ImageJ"),
    (text_of("b.png", b"no picture"), "not a PNG"),
    (text_of("b.csv", b"id"), "export it as one of them"),
    (text_of("bc.geojson", b"[]"), "none of the images"),
    (of_coco(lambda c: (c["images"][1].update(width=61), c["annotations"].clear())), "61 pixels there"),
    (of_coco(lambda c: c["annotations"][0].update(image_id=77)), "nothing is said of 77"),
    (of_coco(lambda c: c["annotations"][5]["segmentation"].update(counts="zzzz")), "no readable mask"),
    (of_coco(lambda c: c["annotations"][5]["segmentation"].update(counts=[5, 10**12])), "counts beyond"),
    (of_coco(lambda c: c["annotations"][5]["segmentation"].update(counts=[2**62] * 4)), "counts beyond"),
    (of_coco(lambda c: c["annotations"][5]["segmentation"].update(counts=[2000, 2000])), "counts beyond"),
    (of_coco(lambda c: c["annotations"][5]["segmentation"].update(counts=[1.5, 2])), "no whole numbers"),
    (of_coco(lambda c: c["annotations"][5]["segmentation"].update(size=[60, 40])), "its size is"),
    (of_coco(lambda c: c["annotations"][5].update(segmentation=[[0, 0, 1e9, 1e9, 3, 5]])), "far from the image"),
    (of_coco(lambda c: c["annotations"].extend(
        {"image_id": 1, "category_id": 1, "segmentation": {"size": list(SIZE), "counts": [0, 2400]}} for _ in range(101)
    )), "more than 100 times over"),
    (of_coco(lambda c: c["images"][0].update(width=10**9, height=10**9)), "correct its height"),
    (lambda folder: [folder / "ome", folder / "rois"], "pass one of them"),
    (lambda folder: [folder / "nowhere.png"], "no such file"),
]  # fmt: skip


@pytest.mark.parametrize(("prepared", "cause"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_used_is_refused_in_one_sentence(cells, prepared, cause, tmp_path, capsys):
    argv = ["import", *map(str, prepared(cells)), "--of", str(cells), "--out", str(tmp_path / "dataset")]
    status = run(argv)
    said = capsys.readouterr().err.strip().splitlines()[-1]
    if cause is None:
        assert status == 0
        return
    assert status == 2
    assert cause in said
    assert said.startswith("hemoseg import: ")
    assert not (tmp_path / "dataset").exists()
    assert not list(tmp_path.glob(".dataset*"))


def test_options_that_fit_nothing_are_refused(cells, tmp_path):
    for options, cause in (
        (["--classes", "a"], "names the classes already"),
        (["--default-class", "x"], "no class 'x'"),
        (["--rename", '{"a": "x"}'], "no class 'x'"),
        (["--rename", "x"], "no JSON object"),
        (["--images", str(tmp_path / "cells/ome")], "holds no image 'b'"),
    ):
        with pytest.raises(InputError, match=cause):
            imported(tmp_path, cells / "qupath/b.geojson", *options)


def test_the_description_and_the_list_say_what_was_done(cells, tmp_path):
    imported(tmp_path, in_qupath(tmp_path / "cells"))
    about = yaml.safe_load((tmp_path / "dataset/dataset.yaml").read_text(encoding="utf-8"))
    assert about["classes"] == dict(enumerate(CLASSES[1:], 1))
    assert about["channels"] == 3
    assert "by hand" in about["truth"]
    manifest = read_table(tmp_path / "dataset/manifest.csv")
    assert manifest["changed"].tolist() == [4]
    assert Path(manifest["image"][0]).as_posix() == "images/b.png"
