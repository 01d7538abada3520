"""The viewer's page as a file: what goes into it, what it lets a browser do, what is refused. No browser is needed."""

import base64
import hashlib
import json
import os
import re
import zlib

import cv2
import numpy as np
import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.figures.viewer import CLASS_COLOURS, Layer, Shown, record
from hemoseg.steps import view
from hemoseg.steps.viewer_page import Page, Wanted, safe_json, write
from tests.segment_folder import HOSTILE, write_folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "seg")


def data_of(page):
    """The page's data, by the id of its block."""
    blocks = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in blocks}


def labels_of(layer, grid):
    """The labels of a layer, decoded as the page's script does."""
    raw = zlib.decompress(base64.b64decode(layer["instances"]))
    labels = np.frombuffer(raw, f"<u{layer['bits'] // 8}").reshape(grid).copy()
    for row in range(1, grid[0]):
        labels[row] ^= labels[row - 1]
    return labels


def shown(instances, **more):
    classes = (instances > 0).astype(np.uint8)
    numbers = np.unique(instances[instances > 0])
    layer = Layer("net", "prediction", instances, classes, {"class": np.ones(len(numbers), int)} | more)
    image = np.zeros((1, *instances.shape), np.uint8)
    return Shown("one", instances.shape, image, 255.0, [layer])


def test_the_page_holds_the_very_labels_that_were_written(folder):
    view.main([str(folder.path), "--out", str(folder.path / "page.html")])
    data = data_of((folder.path / "page.html").read_text(encoding="utf-8"))
    assert [image["name"] for image in data["head"]["images"]] == list(folder.instances)
    for i, (name, instances) in enumerate(folder.instances.items()):
        held = data[f"image-{i}"]
        assert held["name"] == name
        assert (labels_of(held["layers"][0], held["grid"]) == instances).all()
        assert held["layers"][0]["ids"] == list(range(1, instances.max() + 1))


def test_numbers_of_cells_may_have_gaps_and_exceed_16_bits():
    instances = np.zeros((300, 300), np.int32)
    instances[::2, ::2] = np.arange(22_500).reshape(150, 150) * 7 + 5
    held = record(shown(instances), 2000)["layers"][0]
    assert held["bits"] == 16
    assert (np.array([0, *held["ids"]])[labels_of(held, (300, 300))] == instances).all()
    many = np.arange(1, 70_001, dtype=np.int32).reshape(700, 100)
    held = record(shown(many), 2000)["layers"][0]
    assert held["bits"] == 32
    assert (labels_of(held, (700, 100)) == many).all()


def test_a_long_image_is_drawn_coarser_and_its_cells_are_counted_all_the_same():
    instances = np.zeros((400, 1000), np.int32)
    instances[10:12, 10:12], instances[100:300, 200:700] = 1, 2  # the first is lost between the coarser pixels
    held = record(shown(instances), 100)
    assert held["grid"] == [40, 100]
    assert held["size"] == [400, 1000]
    layer = held["layers"][0]
    drawn = labels_of(layer, (40, 100))
    assert layer["ids"] == [1, 2]
    assert set(np.unique(drawn)) <= {0, 1, 2}
    assert (drawn[10:30, 20:70] == 2).all()
    assert (drawn == 2).sum() == 1000
    encoded = np.frombuffer(base64.b64decode(held["picture"].partition(",")[2]), np.uint8)
    assert cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape[:2] == (40, 100)


def test_what_is_no_number_is_null_and_values_must_fit_the_cells():
    instances = np.array([[1, 2]])
    columns = record(shown(instances, probability=[np.nan, 0.123456789]), 9)["layers"][0]["columns"]
    assert columns["probability"] == [None, 0.12346]
    with pytest.raises(ValueError, match="1 values of probability for 2 cells"):
        record(shown(instances, probability=[0.5]), 9)


def test_the_policy_allows_the_one_script_and_the_one_style_of_the_page(folder):
    view.main([str(folder.path)])
    page = (folder.path / "viewer.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)


def test_names_from_outside_end_no_script_and_make_no_tag(folder):
    view.main([str(folder.path)])
    page = (folder.path / "viewer.html").read_text(encoding="utf-8")
    assert HOSTILE in json.dumps(data_of(page)["head"], ensure_ascii=False)  # it is there ...
    assert "<img src=x" not in page  # ... and nowhere as HTML
    assert page.count("</script>") == 2 + len(folder.instances)
    assert "\ud800" not in page


@pytest.mark.parametrize("text", ["</script><script>", "<!--", "]]>", "\u2028\u2029", "\ud800", "&lt;"])
def test_json_in_a_script_holds_nothing_that_html_reads(text):
    safe = safe_json({"a": text})
    assert json.loads(safe) == {"a": text}
    assert re.fullmatch(r"[ -%'-;=?-~]*", safe)  # printable ASCII without <, > and &


def test_images_beyond_the_bound_are_left_out_and_named(tmp_path):
    rng = np.random.default_rng(0)
    noisy = Shown("a", (200, 200), rng.integers(0, 255, (3, 200, 200), np.uint8), 255.0, [])
    images = [Wanted(name, "", lambda name=name: Shown(name, *list(vars(noisy).values())[1:])) for name in "abc"]
    page = Page("t", "s", ["background", "cell"])
    out = tmp_path / "page.html"
    assert write(out, page, images, most_mb=0.3) == (1, ["b", "c"])
    assert "1 of 3 images, as many as the page may hold" in out.read_text()
    assert "Left out: b, c." in out.read_text()
    out.unlink()
    with pytest.raises(InputError, match="'a' alone makes more than"):
        write(out, page, images, most_mb=0.01)
    assert not out.exists()


def test_an_image_that_is_gone_is_shown_without_its_picture(folder):
    for file in (folder.path / "images").iterdir():
        file.unlink()
    view.main([str(folder.path)])
    data = data_of((folder.path / "viewer.html").read_text(encoding="utf-8"))
    assert data["image-0"]["picture"] is None
    assert "not where it was" in data["image-0"]["facts"]["Picture"]


def test_a_folder_whose_name_is_no_text_has_its_page(folder, tmp_path):
    odd = tmp_path / os.fsdecode(b"slide \xff")
    folder.path.rename(odd)
    view.main([str(odd), "--out", str(tmp_path / "page.html")])
    assert "<h1>slide ?, segmented by net" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_only_the_images_that_are_named_are_shown(folder):
    view.main([str(folder.path), "--images", "two"])
    data = data_of((folder.path / "viewer.html").read_text(encoding="utf-8"))
    assert [image["name"] for image in data["head"]["images"]] == ["two"]
    with pytest.raises(InputError, match="holds no image 'three'"):
        view.main([str(folder.path), "--images", "three"])


def test_labels_that_disagree_with_the_list_are_refused(folder):
    cells = pd.read_csv(folder.path / "cells.csv")
    cells.assign(id=cells["id"] + 1).to_csv(folder.path / "cells.csv", index=False)
    with pytest.raises(InputError, match="hold different cells"):
        view.main([str(folder.path)])
    assert not (folder.path / "viewer.html").exists()


def test_truth_of_other_classes_is_refused(folder):
    truth = folder.truth()
    (truth / "dataset.yaml").write_text("classes: [other]\n")
    with pytest.raises(InputError, match="has the classes"):
        view.main([str(folder.path), "--truth", str(truth)])


def test_classes_lie_apart_for_the_colour_blind():
    # Machado, Oliveira and Fernandes 2009 (DOI 10.1109/TVCG.2009.113), severity 1: protan, deutan, tritan; and none.
    seen = {
        "normal": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    from skimage.color import deltaE_ciede2000, rgb2lab

    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in CLASS_COLOURS]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for sight, matrix in seen.items():
        told = (linear @ np.array(matrix).T).clip(0, 1)
        lab = rgb2lab(np.where(told <= 0.0031308, told * 12.92, 1.055 * told ** (1 / 2.4) - 0.055)[None])[0]
        apart = deltaE_ciede2000(lab[:, None], lab[None]) + 100 * np.eye(len(lab))
        assert apart.min() > 10, sight
