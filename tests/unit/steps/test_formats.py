"""Every format is written and read again, by us and by the readers that its users have."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile
from matplotlib.colors import to_rgb
from pycocotools import mask as rle
from pycocotools.coco import COCO
from roifile import ImagejRoi, roiread

from hemoseg.errors import InputError
from hemoseg.figures.style import class_colour
from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps import coco, formats, ome, qupath, rois
from hemoseg.steps.claims import settled
from hemoseg.steps.images import write_labels

# As hostile as names can be: markup, quotes, the end of a script, new lines, paths, colons that QuPath splits.
CLASSES = ["background", '<img src=x onerror="a">', 'a"b\\c\n</script>', "../../etc: passwd", "Zelle \U0001f9a0 é"]


def drawn(seed, size=(37, 53), cells=30):
    """Random cells with holes, parts, corners that touch; ids with gaps, classes constant in each."""
    random = np.random.default_rng(seed)
    instances = np.zeros(size, np.int32)
    for cell in random.permutation(np.arange(1, 3 * cells))[:cells]:
        row, column = random.integers(0, size[0]), random.integers(0, size[1])
        part = instances[row : row + random.integers(1, 15), column : column + random.integers(1, 15)]
        part[random.random(part.shape) < random.choice([0.5, 1])] = cell
    kind = np.where(np.arange(3 * cells) > 0, 1 + np.arange(3 * cells) % (len(CLASSES) - 1), 0)
    return instances, kind[instances].astype(np.uint8)


def table_of(instances, classes, name="one"):
    image = np.random.default_rng(0).integers(0, 256, (3, *instances.shape), np.uint8)
    found = measure_cells(instances, classes, image, class_names=CLASSES, pixel_size=0.25)
    return pd.DataFrame({"image": name, "group": ""} | found)


FACTS = {"classes": CLASSES, "pixel_size_um": 0.25}


def written(folder, instances, classes, words="all"):
    """All files of one image, as `segment` lets them be written; its table."""
    cells = table_of(instances, classes)
    chosen = formats.chosen(words)
    write_labels(folder / "instances" / "one.tif", instances)
    row = {"image": "one", "file": "/home/x/one.png", "rows": instances.shape[0], "columns": instances.shape[1]}
    formats.write_formats(folder, "one", instances, cells, FACTS, chosen)
    formats.write_collected(folder, pd.DataFrame([row]), cells, FACTS, chosen)
    return cells


def read_by_us(folder, name, size):
    if name == "ome":
        return ome.read(folder / "ome/one.ome.tif", size), None
    if name == "coco":
        found_size, claims = coco.read(folder / "coco.json")["one"]
        assert found_size == size
    else:
        reader = {"qupath": qupath, "imagej": rois}[name]
        claims = reader.read(folder / formats.FORMATS[name].file.format("one"), size)
    found = settled(claims, size)
    assert not found.notices
    return found.instances, found.kinds


def strictly(text):
    """JSON without the NaN that Python writes and few other readers take."""
    return json.loads(text, parse_constant=lambda sign: pytest.fail(f"{sign} is no JSON"))


@pytest.mark.parametrize("name", formats.FORMATS)
def test_the_same_cells_with_their_ids_and_classes_come_back(name, tmp_path):
    for seed in range(4):
        instances, classes = drawn(seed)
        cells = written(tmp_path, instances, classes, name)
        found, kinds = read_by_us(tmp_path, name, instances.shape)
        assert (found == instances).all()
        if kinds is not None:
            # ImageJ's groups are numbers: there the class's value comes back.
            wanted = cells["class"] if name == "imagej" else cells["class_name"]
            assert kinds == dict(zip(cells["id"], wanted, strict=True))


def test_shapely_reads_the_areas_of_geojson(tmp_path):
    instances, classes = drawn(10)
    cells = written(tmp_path, instances, classes, "qupath")
    content = strictly((tmp_path / "qupath/one.geojson").read_text(encoding="utf-8"))
    shapes = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in content["features"]]
    assert all(shape.is_valid for shape in shapes)
    assert [shape.area for shape in shapes] == cells["area_px"].tolist()
    for shape, feature, row in zip(shapes, content["features"], cells.itertuples(), strict=True):
        assert feature["properties"]["name"] == str(row.id)
        assert feature["properties"]["classification"]["name"] == row.class_name
        colour = [round(255 * part) for part in to_rgb(class_colour(cells["class"][row.Index]))]
        assert feature["properties"]["classification"]["color"] == colour
        assert feature["properties"]["measurements"]["area_um2"] == pytest.approx(shape.area / 16)
        assert shapely.contains_xy(shape, *np.argwhere(instances == row.id)[:, ::-1].T + 0.5).all()


def test_a_cell_renamed_in_qupath_keeps_its_id_and_a_class_in_parts_is_joined(tmp_path):
    instances, classes = drawn(18)
    cells = written(tmp_path, instances, classes, "qupath")
    file = tmp_path / "qupath/one.geojson"
    features = json.loads(file.read_text(encoding="utf-8"))["features"]
    for feature in features:
        feature["id"] = feature["id"].upper()
        feature["properties"]["name"] = "the odd one"
        names = feature["properties"]["classification"]["name"].split(": ")
        feature["properties"]["classification"] = {"names": names}
    file.write_text(json.dumps(features), encoding="utf-8")
    found, kinds = read_by_us(tmp_path, "qupath", instances.shape)
    assert (found == instances).all()
    assert kinds == dict(zip(cells["id"], cells["class_name"], strict=True))


def test_coco_numbers_the_cells_of_all_images_and_scores_those_whose_probability_is_known(tmp_path):
    parts = []
    for number, name in enumerate(("a", "b")):
        instances, classes = drawn(19 + number, cells=9)
        write_labels(tmp_path / "instances" / f"{name}.tif", instances)
        parts.append(table_of(instances, classes, name).assign(probability=0.75 - number / 4))
    parts[1].loc[0, "probability"] = np.nan
    rows = [{"image": name, "file": f"{name}/same.png", "rows": 37, "columns": 53} for name in ("a", "b")]
    coco.write(tmp_path / "coco.json", pd.DataFrame(rows), pd.concat(parts), FACTS)
    found = strictly((tmp_path / "coco.json").read_text(encoding="utf-8"))["annotations"]
    assert [one["id"] for one in found] == list(range(1, len(found) + 1))
    assert [one["image_id"] for one in found] == [1] * len(parts[0]) + [2] * len(parts[1])
    assert list(coco.read(tmp_path / "coco.json")) == ["a", "b"]
    content = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    for image in content["images"]:  # as another tool would hand it back
        del image["hemoseg"]
    (tmp_path / "others.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="two images are called 'same'"):
        coco.read(tmp_path / "others.json")
    assert [one.get("score") for one in found] == [0.75] * len(parts[0]) + [None] + [0.5] * (len(parts[1]) - 1)


def test_pycocotools_reads_the_masks_and_areas_of_coco(tmp_path, capsys):
    instances, classes = drawn(11)
    cells = written(tmp_path, instances, classes, "coco")
    read = COCO(tmp_path / "coco.json")
    assert [kind["name"] for kind in read.loadCats(read.getCatIds())] == CLASSES[1:]
    found = read.loadAnns(read.getAnnIds(imgIds=[1]))
    assert len(found) == len(cells)
    assert read.imgs[1]["file_name"] == "one.png"
    for annotation, row in zip(found, cells.itertuples(), strict=True):
        mask = read.annToMask(annotation)
        assert (mask == (instances == row.id)).all()
        assert annotation["area"] == row.area_px == mask.sum()
        assert annotation["category_id"] == row[cells.columns.get_loc("class") + 1]
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert annotation["bbox"] == box


def test_masks_are_written_as_pycocotools_would_write_them():
    instances, classes = drawn(17, size=(9, 12), cells=8)
    instances[:, 3:6] = 1  # over whole columns
    instances[:, 11] = 2
    found = coco.annotations(instances, table_of(instances, classes))
    for annotation, cell in zip(found, np.unique(instances[instances > 0]), strict=True):
        wanted = rle.encode(np.asfortranarray(instances == cell).astype(np.uint8))
        assert annotation["segmentation"]["counts"] == wanted["counts"].decode()


def test_roifile_reads_the_areas_of_regions(tmp_path):
    instances, classes = drawn(12)
    cells = written(tmp_path, instances, classes, "imagej")
    found = roiread(tmp_path / "rois/one.zip")
    assert [region.name for region in found] == [str(cell) for cell in cells["id"]]
    for region, row in zip(found, cells.itertuples(), strict=True):
        rings = region.coordinates(multi=True) if region.composite else [region.coordinates()]
        # Even-odd: what a ring goes round is taken from what the rings round it have.
        whole = shapely.Polygon()
        for ring in rings:
            whole = whole.symmetric_difference(shapely.Polygon(ring))
        assert whole.area == row.area_px
        assert (region.left, region.top) == tuple(int(value) for value in whole.bounds[:2])
    assert {region.composite for region in found} == {True, False}


def test_names_in_the_zip_are_numbers_and_no_paths(tmp_path):
    instances, classes = drawn(13)
    written(tmp_path, instances, classes, "imagej")
    with zipfile.ZipFile(tmp_path / "rois/one.zip") as archive:
        assert all(name.removesuffix(".roi").isdecimal() for name in archive.namelist())
        assert {entry.date_time for entry in archive.infolist()} == {rois.EPOCH}  # two days make the same file
    assert all(len(region.props.splitlines()) == 1 for region in roiread(tmp_path / "rois/one.zip"))


def test_tifffile_reads_labels_and_the_pixel_size(tmp_path):
    instances, classes = drawn(14)
    written(tmp_path, instances, classes, "ome")
    with tifffile.TiffFile(tmp_path / "ome/one.ome.tif") as file:
        assert file.is_ome
        assert (file.asarray() == instances).all()
        assert file.asarray().dtype == np.uint16
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeY"], pixels["PhysicalSizeXUnit"]) == (0.25, 0.25, "µm")


def test_a_region_that_fiji_drew_has_an_id_and_pixels_and_no_class(tmp_path):
    ring = np.array([[1.7, 1.7], [1.7, 6.7], [6.7, 6.7], [6.7, 1.7]], np.float32)
    ImagejRoi.frompoints(ring, name="5").tofile(tmp_path / "a.zip")
    found = rois.read(tmp_path / "a.zip", (10, 10))
    assert (found.ids, found.kinds) == ([5], [None])
    assert [set(part.tolist()) for part in found.runs[1:]] == [{2, 3, 4, 5, 6}, {2}, {7}]


def test_up_to_65535_cells_are_written_with_16_bits_and_read_at_their_size(tmp_path):
    ome.write(tmp_path / "a.ome.tif", np.array([[0, 65_535]]), None, {})
    assert tifffile.imread(tmp_path / "a.ome.tif").dtype == np.uint16
    with pytest.raises(InputError, match=r"a\.ome\.tif"):
        ome.read(tmp_path / "a.ome.tif", (2, 1))


def test_many_cells_are_written_with_32_bits(tmp_path):
    instances = np.array([[0, 1], [70_000, 2]])
    ome.write(tmp_path / "a.ome.tif", instances, None, {})
    assert tifffile.imread(tmp_path / "a.ome.tif").dtype == np.uint32
    assert (ome.read(tmp_path / "a.ome.tif", (2, 2)) == instances).all()


def test_two_runs_write_the_same_bytes(tmp_path):
    instances, classes = drawn(15)
    for folder in ("a", "b"):
        written(tmp_path / folder, instances, classes)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == len(formats.FORMATS) + 1
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_an_image_without_cells_is_written_and_read(tmp_path):
    instances = np.zeros((5, 7), np.int32)
    written(tmp_path, instances, instances.astype(np.uint8))
    for name in formats.FORMATS:
        found, _ = read_by_us(tmp_path, name, (5, 7))
        assert not found.any()
    assert not COCO(tmp_path / "coco.json").anns


def test_beyond_16_bits_a_region_is_a_composite():
    ring = np.array([[40_000, 5], [40_000, 9], [40_003, 9], [40_003, 5]])
    region = ImagejRoi.frombytes(rois.region_of([[ring]]).tobytes())
    assert region.composite
    assert (rois._rings(region)[0] == ring).all()


def test_formats_are_chosen_by_name():
    assert formats.chosen("") == ()
    assert formats.chosen("ome, qupath") == ("qupath", "ome")
    assert formats.chosen("all") == tuple(formats.FORMATS)
    assert Path("ome/x.ome.tif").as_posix() in formats.files_of("x", formats.chosen("all"))
    with pytest.raises(InputError, match="'cocoo'; choose of"):
        formats.chosen("qupath,cocoo")
