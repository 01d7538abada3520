"""`segment`: a lab's images go in, every cell comes out once, whatever happens on the way."""

import hashlib
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tifffile
import torch
from PIL import Image

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.data.classes import classes_of_instances
from hemoseg.inference.cells import find_cells
from hemoseg.inference.windows import predict_windows
from hemoseg.steps import found, segment_cells, segment_folder, segment_image
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.mask_folders import open_masks
from hemoseg.steps.opened import open_model
from hemoseg.steps.segment_inputs import find_items
from hemoseg.steps.segmented import read_segmented
from hemoseg.steps.weights import sha256, write_weights

SIZE = (70, 90)
NAMES = ["background", "disc", "sickle"]


def write_model(folder, network="unet", **description):
    """A folder such as `train` leaves: a network as drawn, whose answers change from pixel to pixel, or a method."""
    torch.manual_seed(3)
    module, settings = models.load(network), {"width": 4, "levels": 1} if network == "unet" else {}
    if models.is_network(module):
        tensors = module.build(3, len(NAMES), **settings).state_dict()
    else:
        tensors = {name: torch.from_numpy(value) for name, value in module.fit([], [], [], **settings).items()}
    write_weights(folder / "model.safetensors", tensors)
    told = {
        "model": f"my_{network}", "network": network, "settings": {"network_settings": settings}, "in_channels": 3,
        "classes": NAMES, "input_size": [24, 32], "median_cell_area": 60.0,
        "weights_sha256": sha256(folder / "model.safetensors"),
        "normalisation": {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3} if models.is_network(module) else None,
    }  # fmt: skip
    write_json(folder / "model.json", told | description)
    return folder


def image(size=SIZE, seed=0, dtype=np.uint8):
    """Discs on noisy ground, some of which touch, ``(H, W, 3)``."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    bright = np.full(size, 0.2)
    for _ in range(size[0] * size[1] // 200):
        row, column, radius = random.uniform(0, size[0]), random.uniform(0, size[1]), random.uniform(3, 6)
        bright[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = random.uniform(0.6, 0.8)
    values = bright[..., None] + random.normal(0, 0.02, (*size, 3))
    return (np.clip(values, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def files_of(folder):
    """Every file of a folder with what it holds, but the path that segment.json tells."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*")) if file.is_file()
    }  # fmt: skip


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder with a model and two images, in which the command is given."""
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model")
    (tmp_path / "frames").mkdir()
    Image.fromarray(image()).save(tmp_path / "frames" / "a.png")
    tifffile.imwrite(tmp_path / "frames" / "b.tif", image((50, 64), 1), photometric="rgb", compression="zlib")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def segment(*words, out="out", model="model", expect=0):
    assert main(["segment", model, *map(str, words), "--out", out, "--threads", "1"]) == expect


WINDOWS = '{"window": [32, 32], "overlap": 0.25}'


@pytest.mark.parametrize("cells", ["components", "watershed"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_strips_and_windows_give_what_the_whole_image_gives(lab, monkeypatch, cells, on_disk):
    monkeypatch.setattr(found, "BAND", 500)
    monkeypatch.setattr(segment_cells, "BLOCK", 900)
    monkeypatch.setattr(segment_image, "IN_MEMORY", 100 if on_disk else 10**9)
    settings = f'{{"window": [32, 32], "overlap": 0.25, "cells": "{cells}", "markers": {{"source": "distance"}}}}'
    segment("frames", "--settings", settings, "--probability")
    done = read_segmented("out")
    opened = open_model("model", torch.device("cpu"))
    for name, pixels in (("a", image()), ("b", image((50, 64), 1))):
        whole = torch.from_numpy(np.moveaxis(pixels, -1, 0).astype(np.float32))
        # One window per pass, as on a processor: a batch of four may differ in the last bit.
        said = predict_windows(opened.probability, whole, window=(32, 32), overlap=0.25, batch_size=1)
        classes, instances = find_cells(
            said.argmax(0).numpy().astype(np.uint8), 6.0, cells=cells, boxes=None, markers={"source": "distance"}
        )
        assert instances.max() > 3
        # Of seeds that lie equally deep the whole image's order decides, see `hemoseg.inference.splitting`.
        ties = 0.002 if cells == "watershed" else 0
        assert np.mean(done.classes(name) != classes) <= ties
        assert np.mean(done.instances(name) != instances) <= ties
        classes, instances = done.classes(name), done.instances(name)
        assert np.array_equal(tifffile.imread(f"out/probability/{name}.tif"), np.rint(said.numpy() * 255))
        rows = done.cells_of(name)
        assert rows["id"].tolist() == list(range(1, instances.max() + 1))
        assert rows["area_px"].tolist() == np.bincount(instances.ravel())[1:].tolist()
        assert rows["class"].tolist() == classes_of_instances(classes, instances)[1:].tolist()
        edge = np.unique(np.concatenate([instances[0], instances[-1], instances[:, 0], instances[:, -1]]))
        assert rows.loc[rows["touches_border"], "id"].tolist() == edge[edge > 0].tolist()
        centres = [np.argwhere(instances == number).mean(axis=0) for number in rows["id"]]
        assert np.allclose(rows[["row", "column"]], centres, atol=1e-5)
        assert np.array_equal(done.image(name), np.moveaxis(pixels, -1, 0))


def test_tables_and_files_say_the_same(lab):
    (lab / "groups.csv").write_text("image,group\na,patient 1\nb,patient 2\n")
    segment("frames", "--groups", "groups.csv", "--pixel-size", 0.5, "--formats", "all")
    done = read_segmented("out")
    table = pq.read_table("out/cells.parquet").to_pandas()
    pd.testing.assert_frame_equal(table, done.cells, check_dtype=False)
    assert done.images["group"].tolist() == ["patient 1", "patient 2"]
    assert done.images["cells"].tolist() == [int(done.instances(name).max()) for name in ("a", "b")]
    assert pd.read_csv("out/groups.csv")["cells"].tolist() == done.images["cells"].tolist()
    counts = done.cells.groupby(["image", "class_name"]).size()
    for row in done.images.itertuples():
        assert (row.n_disc, row.n_sickle) == tuple(counts.get((row.image, name), 0) for name in NAMES[1:])
        assert (row.pixel_size_um, row.scale, row.channels) == (0.5, 1, 3)
    assert np.allclose(done.cells["area_um2"], done.cells["area_px"] / 4)
    assert done.facts["classes"] == NAMES
    assert not (lab / "out" / ".segment").exists()
    folder = open_masks(lab / "out", "ours")
    assert set(folder.files["instances"]) == set(folder.files["classes"]) == {"a", "b"}
    assert Image.open("out/overlays/a.png").size == SIZE[::-1]


def test_two_runs_give_the_same_files(lab):
    for out in ("one", "two"):
        segment("frames/b.tif", "--settings", WINDOWS, "--probability", "--formats", "all", out=out)
    assert files_of(lab / "one") == files_of(lab / "two")


def killed(after, *words):
    """Run the command in a child that kills itself with signal 9 when it has finished so many files."""
    child = os.fork()
    if child == 0:
        replace, done = os.replace, 0

        def counted(*paths):
            nonlocal done
            done += 1
            if done > after:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*paths)

        os.replace, status = counted, 1
        try:
            segment(*words, out="killed")
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_each_group_has_the_sum_of_its_images():
    images = pd.DataFrame(
        [["a", "p2", "", 5, 3], ["b", "", "blurred;dark", 1, 0], ["c", "p2", "dark", 7, 7], ["d", "", "", 0, 0]],
        columns=["image", "group", "flags", "cells", "n_sickle"],
    )
    table = segment_folder.counts_by_group(images)
    assert table.columns.tolist() == ["group", "images", "flagged", "cells", "n_sickle"]
    assert table.to_numpy().tolist() == [["p2", 2, 1, 12, 10], ["", 2, 1, 1, 0]]


def test_no_moment_of_the_end_leaves_a_folder_that_lacks_a_file(lab, monkeypatch):
    words, replace, done = ("frames/a.png", "--formats", "coco"), os.replace, []
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *paths: done.append(paths) or replace(*paths))
        segment(*words, out="whole")
    for after in range(len(done) - 6, len(done)):  # the tables of all images, coco.json, the marker
        shutil.rmtree("killed", ignore_errors=True)
        assert killed(after, *words) == -signal.SIGKILL
        segment(*words, out="killed")
        assert files_of(lab / "killed") == files_of(lab / "whole"), after


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_run_that_is_killed_goes_on_to_the_same_files(lab, monkeypatch, on_disk):
    monkeypatch.setattr(segment_image, "IN_MEMORY", 100 if on_disk else 10**9)
    words = ("frames", "--settings", '{"window": [16, 16], "overlap": 0.5}', "--probability")
    segment(*words, out="whole")
    looked, network = [], segment_image.probability_strips
    monkeypatch.setattr(
        segment_image, "probability_strips", lambda *a, **k: looked.append(k["first_row"]) or network(*a, **k)
    )
    ends = []
    for after in (0, 7, 4, 10**9) if on_disk else (4, 10**9):
        ends.append(killed(after, *words))
    assert ends[-2:] == [-signal.SIGKILL, 0]
    segment(*words, out="killed")
    assert looked == []  # the last child had finished
    assert files_of(lab / "killed") == files_of(lab / "whole")


@pytest.mark.parametrize("lost", [False, True])
def test_a_large_image_is_gone_on_with_where_it_stopped(lab, monkeypatch, lost):
    monkeypatch.setattr(segment_image, "IN_MEMORY", 100)
    words = ("frames/a.png", "--settings", '{"window": [16, 16], "overlap": 0.5}')
    assert killed(5, *words) == -signal.SIGKILL
    rows = read_json("killed/.segment/a/strips.json")["rows"]
    assert 0 < rows < SIZE[0]
    with open("killed/.segment/a/classes.raw", "ab") as file:
        file.write(b"half a strip that was never noted")
    if lost:  # with the power some rows went that were noted
        rows -= 3
        os.truncate("killed/.segment/a/probability.raw", len(NAMES) * SIZE[1] * rows + 5)
    begun, network = [], segment_image.probability_strips
    monkeypatch.setattr(
        segment_image, "probability_strips", lambda *a, **k: begun.append(k["first_row"]) or network(*a, **k)
    )
    segment(*words, out="killed")
    assert begun == [rows]
    segment(*words, out="whole")
    assert files_of(lab / "killed") == files_of(lab / "whole")


@pytest.mark.parametrize("after", [3, 14, 20])
def test_files_of_an_image_that_is_no_longer_asked_for_do_not_stay(lab, after):
    assert killed(after, "frames", "--formats", "qupath,ome") == -signal.SIGKILL
    segment("frames/b.tif", "--formats", "qupath,ome", out="killed")
    segment("frames/b.tif", "--formats", "qupath,ome", out="whole")
    assert files_of(lab / "killed") == files_of(lab / "whole")


def test_an_image_that_changed_meanwhile_is_looked_at_anew(lab, monkeypatch):
    monkeypatch.setattr(segment_image, "IN_MEMORY", 100)
    words = ("frames/b.tif", "--settings", '{"window": [16, 16], "overlap": 0}')
    assert killed(4, *words) == -signal.SIGKILL
    assert read_json("killed/.segment/b/strips.json")["rows"] > 0
    tifffile.imwrite("frames/b.tif", image((50, 64), 7), photometric="rgb")
    segment(*words, out="killed")
    segment(*words, out="whole")
    assert files_of(lab / "killed") == files_of(lab / "whole")


@pytest.fixture
def begun(lab, monkeypatch):
    """A run that stopped at its second image, a file cut short; which images later runs look at."""
    Image.open("frames/a.png").save("frames/a.tif", compression=None)
    (lab / "frames" / "a.png").unlink()
    whole = (lab / "frames" / "b.tif").read_bytes()
    (lab / "frames" / "b.tif").write_bytes(whole[: len(whole) // 2])
    segment("frames", expect=2)
    (lab / "frames" / "b.tif").write_bytes(whole)
    looked, network = [], segment_image.probability_strips
    monkeypatch.setattr(segment_image, "probability_strips", lambda *a, **k: looked.append(a[2]) or network(*a, **k))
    return looked


def test_a_finished_image_is_not_looked_at_again(lab, begun):
    segment("frames")
    assert begun == [(50, 64)]
    segment("frames", out="whole")
    assert files_of(lab / "out") == files_of(lab / "whole")


def test_a_finished_image_that_changed_meanwhile_is_looked_at_anew(lab, begun):
    before = (lab / "frames" / "a.tif").stat().st_size
    Image.fromarray(image(seed=7)).save("frames/a.tif", compression=None)
    assert (lab / "frames" / "a.tif").stat().st_size == before
    segment("frames")
    assert begun == [SIZE, (50, 64)]
    segment("frames", out="whole")
    assert files_of(lab / "out") == files_of(lab / "whole")


def test_replace_deletes_all_but_what_the_same_command_began(begun):
    segment("frames", "--replace")
    assert begun == [(50, 64)]
    segment("frames/b.tif", "--replace")  # finished, of other images
    assert read_segmented("out").images["image"].tolist() == ["b"]
    segment("frames/b.tif", "--replace")
    assert begun == [(50, 64)] * 3


def test_replace_deletes_what_other_settings_began(begun):
    segment("frames", "--settings", WINDOWS, expect=2)
    assert begun == []
    segment("frames", "--settings", WINDOWS, "--replace")
    assert begun == [SIZE, (50, 64)]
    assert read_segmented("out").facts["settings"]["window"] == [32, 32]


def test_a_finished_folder_is_left_alone(lab, capsys, monkeypatch):
    segment("frames")
    before = {file: file.stat().st_mtime_ns for file in (lab / "out").rglob("*")}
    segment("frames")
    assert "is finished already" in capsys.readouterr().out
    assert before == {file: file.stat().st_mtime_ns for file in (lab / "out").rglob("*")}
    segment("frames/a.png", expect=2)
    (lab / "groups.csv").write_text("image,group\na,patient 1\nb,patient 2\n")
    segment("frames", "--groups", "groups.csv", expect=2)
    assert "is finished, with other pages or groups" in capsys.readouterr().err
    os.utime("frames/b.tif", (2**32, 2**32))
    segment("frames")
    assert "frames/b.tif is newer than what was made of it; --replace" in capsys.readouterr().err
    segment("frames", "--settings", WINDOWS, expect=2)
    assert "window [1024, 1024], not [32, 32]; choose another --out" in capsys.readouterr().err
    segment("frames", "--settings", WINDOWS, "--replace")
    assert read_segmented("out").facts["settings"]["window"] == [32, 32]
    (lab / "other").mkdir()
    monkeypatch.setattr(torch, "manual_seed", lambda _: torch.seed())  # other weights, all else alike
    write_model(lab / "other")
    segment("frames", "--settings", WINDOWS, model="other", expect=2)
    assert "was begun with another model" in capsys.readouterr().err
    segment("frames", "--settings", WINDOWS, "--replace", model="other")
    (lab / "mine").mkdir()
    (lab / "mine" / "thesis.txt").write_text("years of work")
    segment("frames", "--replace", out="mine", expect=2)
    assert [file.name for file in (lab / "mine").iterdir()] == ["thesis.txt"]


def test_a_finished_folder_is_not_taken_for_that_of_another_image_of_the_same_name(lab, capsys):
    segment("frames")
    times = os.stat("frames/a.png")
    Image.fromarray(image(seed=9)).save("frames/a.png")
    os.utime("frames/a.png", ns=(times.st_atime_ns, times.st_mtime_ns))  # as a copy keeps them
    segment("frames", expect=2)
    assert "frames/a.png is another image by now; give --replace, or another --out" in capsys.readouterr().err
    segment("frames", "--replace")
    assert np.array_equal(read_segmented("out").image("a"), np.moveaxis(image(seed=9), -1, 0))


def test_files_that_differ_by_their_endings_alone_keep_their_groups(lab, capsys):
    tifffile.imwrite("frames/a.tif", image(seed=4), photometric="rgb")
    (lab / "groups.csv").write_text("image,group\na.png,patient 1\nframes\\a.tif,patient 2\nb,patient 3\n")
    segment("frames", "--groups", "groups.csv")
    done = read_segmented("out")
    assert dict(zip(done.images["file"], done.images["group"], strict=True)) == {
        "frames/a.png": "patient 1", "frames/a.tif": "patient 2", "frames/b.tif": "patient 3"
    }  # fmt: skip
    (lab / "groups.csv").write_text("id,group\na,patient 1\na,patient 2\nb,patient 3\n")
    segment("frames", "--groups", "groups.csv", expect=2)
    assert "tells two groups of frames/a.png, patient 1 and patient 2; name each image once" in capsys.readouterr().err


def test_files_of_one_name_in_the_folders_of_two_patients_keep_their_groups(lab, capsys):
    for patient in ("one", "two"):
        (lab / patient).mkdir()
        Image.fromarray(image((24, 24))).save(lab / patient / "a.png")
    (lab / "groups.csv").write_text("image,group\na.png,somebody\none/a.png,patient 1\ntwo/a.png,patient 2\n")
    segment("one", "two", "--groups", "groups.csv")
    assert read_segmented("out").images["group"].tolist() == ["patient 1", "patient 2"]
    assert main(["count", "out", "--groups", "groups.csv", "--out", "counts"]) == 0
    assert pd.read_csv("counts/patients.csv")["group"].unique().tolist() == ["patient 1", "patient 2"]
    (lab / "groups.csv").write_text("image,group\none/a.png,patient 1\n")
    segment("one", "two", "--groups", "groups.csv", out="lost", expect=2)
    assert "tells no group of two/a.png; add a line for each image" in capsys.readouterr().err


def test_a_camera_of_12_bits_is_told_and_asked_for(lab, capsys):
    tifffile.imwrite("camera.tif", image().astype(np.uint16) * 16, photometric="rgb")
    sentence = "16-bit images end below 4096: is that full light, of 12 bits? then say --white 4095 (1 of 1 images)"
    segment("camera.tif")
    assert sentence in capsys.readouterr().err
    segment("camera.tif", "--white", 4095, out="told")
    assert sentence not in capsys.readouterr().err


def test_the_light_of_a_field_is_a_share_of_what_full_light_was_told_to_be(lab):
    from hemoseg.data.field_quality import features, reference

    frames = [features(np.moveaxis(image(seed=seed), -1, 0), np.zeros(SIZE, np.int32)) for seed in range(8)]
    write_json(lab / "model" / "evidence.json", {"frames": reference(frames)})
    tifffile.imwrite("camera.tif", image().astype(np.uint16) * 16, photometric="rgb")
    segment("camera.tif", out="dark")
    segment("camera.tif", "--white", 4080, out="told")
    dark, told = (read_segmented(out).images["flags"][0].split(";") for out in ("dark", "told"))
    assert "dark" in dark
    assert "dark" not in told


def test_a_bad_file_stops_or_is_skipped_as_asked(lab, capsys):
    content = (lab / "frames" / "b.tif").read_bytes()
    (lab / "frames" / "b.tif").write_bytes(content[: len(content) // 2])
    (lab / "frames" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.fromarray(image(seed=5)).save("frames/d.png")
    segment("frames", expect=2)
    assert "c.png: damaged or cut short" in (said := capsys.readouterr().err)
    assert "--skip-bad" in said
    segment("frames", "--skip-bad")
    said = capsys.readouterr().err
    assert said.count("skipped: ") == 2
    done = read_segmented("out")
    assert done.images["image"].tolist() == ["a", "d"]
    assert [one["file"] for one in done.facts["skipped"]] == ["frames/c.png", "frames/b.tif"]
    assert not list((lab / "out").rglob("b.*"))
    segment("frames", "--skip-bad")
    assert "is finished already" in capsys.readouterr().out
    segment("frames/c.png", "--skip-bad", out="none", expect=2)


HOSTILE = (
    "<img src=x onerror=alert(1)>.png", "=cmd|' !A0.png", "-rf.png", "a;b,c\"d.png", "line\nbreak.png",
    "naïve 細胞.png", "A.PNG", "a.png", "a\u0301.png", "á.png", "x" * 200 + ".png", "con.png", "%2e%2e%2f.png",
)  # fmt: skip


def test_no_name_leads_out_of_the_folder_or_into_another_cell(lab):
    (lab / "odd").mkdir()
    for name in HOSTILE:
        Image.fromarray(image((24, 24))).save(lab / "odd" / name, "PNG")
    segment("odd")
    done = read_segmented("out")
    assert len(done.images) == len(HOSTILE) == len({name.casefold() for name in done.images["image"]})
    assert sorted(done.images["file"]) == sorted(f"odd/{name}" for name in HOSTILE)
    for name in done.images["image"]:
        assert not set(name) & set("<>=|'\"!;,\n/\\%")
        assert name[0].isalnum() or name[0] == "_"
        assert len(name) < 90
        assert done.instances(name).shape == (24, 24)
        assert done.file(name).name in HOSTILE
    assert {"naïve 細胞", "A", "a_2", "á"} <= set(done.images["image"])
    assert sorted(path.name for path in lab.iterdir()) == ["frames", "model", "odd", "out"]


def test_a_name_that_a_spreadsheet_would_take_for_a_formula_is_told_as_a_path(lab):
    for name in ("=1+1.png", "@a.png", "usual.png"):
        Image.fromarray(image()).save(name)
    found, _ = find_items(["=1+1.png", "@a.png", "usual.png"], channels=3)
    assert [one.file for one in found] == ["./=1+1.png", "./@a.png", "usual.png"]


def test_a_pixel_size_that_is_given_goes_before_what_the_file_tells(lab):
    size = {f"PhysicalSize{axis}": 0.25 for axis in "XY"} | {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    tifffile.imwrite("sized.ome.tif", image()[..., 0], metadata={"axes": "YX"} | size)
    for given, known in ((None, 0.25), (0.5, 0.5)):
        assert find_items(["sized.ome.tif"], channels=1, pixel_size=given)[0][0].pixel_size == known


def test_names_that_a_file_system_may_take_for_one_are_two(lab):
    for folder, name in (("one", "a.png"), ("two", "A.png")):
        (lab / folder).mkdir()
        Image.fromarray(image((24, 24))).save(lab / folder / name)
    items, _ = find_items(["one", "two", "one"], channels=3)
    assert [item.name for item in items] == ["a", "A_2", "a_3"]


def test_classes_with_odd_names_stay_text(lab):
    names = ["background", "=1+1", '<b>\n,"sickle"']
    write_model(lab / "model", classes=names)
    segment("frames", "--formats", "all")
    done = read_segmented("out")
    assert set(done.cells["class_name"]) <= set(names)
    assert [f"n_{name}" in done.images for name in names[1:]] == [True, True]


def test_an_image_of_twice_the_size_has_the_same_cells_at_half_the_scale(lab):
    large = np.repeat(np.repeat(image(), 2, axis=0), 2, axis=1)
    tifffile.imwrite("large.tif", large, photometric="rgb")
    segment("frames/a.png", out="small")
    segment("large.tif", "--scale", 0.5, out="large")
    small, other = read_segmented("small"), read_segmented("large")
    doubled = np.repeat(np.repeat(small.instances("a"), 2, axis=0), 2, axis=1)
    found = other.instances("large")
    assert (found == doubled).mean() > 0.8  # outlines run between the coarse pixels
    both = (found > 0) & (doubled > 0)
    assert (found == doubled)[both].mean() > 0.95
    assert set(np.unique(found)) == set(np.unique(doubled))
    assert ((other.classes("large") > 0) >= (found > 0)).all()
    assert other.cells["area_px"].sum() == pytest.approx(4 * small.cells["area_px"].sum(), rel=0.1)
    assert other.images["scale"].tolist() == [0.5]


def test_sixteen_bits_are_brightness_and_not_another_image(lab):
    deep = image().astype(np.uint16) * 257
    tifffile.imwrite("deep.tif", deep, photometric="rgb")
    tifffile.imwrite("camera.tif", (deep // 16), photometric="rgb")  # 12 bits
    segment("frames/a.png", "deep.tif")
    done = read_segmented("out")
    assert np.array_equal(done.classes("deep"), done.classes("a"))
    segment("camera.tif", "--white", 65535 / 16, out="camera")
    assert np.mean(read_segmented("camera").classes("camera") == done.classes("a")) > 0.99


def test_why_an_image_should_not_be_counted_is_told_of_that_image(lab):
    Image.new("RGB", SIZE[::-1], "white").save("frames/c.png")
    segment("frames")
    flags, done = pd.read_csv("out/flags.csv"), read_segmented("out")
    told = flags.groupby("image")["flag"].agg(";".join).to_dict()
    assert "saturated" in told["c"]
    assert "100%" in flags.loc[(flags["image"] == "c") & (flags["flag"] == "saturated"), "reason"].item()
    assert dict(zip(done.images["image"], done.images["flags"], strict=True)) == {"a": "", "b": ""} | told


def test_of_classes_equally_probable_the_lowest_is_taken():
    probability = torch.tensor([[0.2, 0.4, 0.3], [0.4, 0.4, 0.4], [0.4, 0.2, 0.4]])[:, None]
    assert segment_image._most_probable(probability).tolist() == [[1, 0, 1]]


def test_grey_images_and_pages(lab):
    stack = np.stack([image((24, 30), seed)[..., 0] for seed in range(3)])
    tifffile.imwrite("stack.tif", stack, photometric="minisblack")
    segment("stack.tif", expect=2)
    segment("stack.tif", "--page", "all")
    done = read_segmented("out")
    assert done.images["image"].tolist() == ["stack_p1", "stack_p2", "stack_p3"]
    assert np.array_equal(done.image("stack_p2"), np.repeat(stack[1][None], 3, axis=0))


@pytest.mark.parametrize("network", ["otsu", "autolabel"])
def test_methods_that_see_an_image_whole(lab, network):
    (lab / network).mkdir()
    write_model(lab / network, network)
    segment("frames/a.png", model=network)
    opened = open_model(network, torch.device("cpu"))
    said = opened.label(np.moveaxis(image(), -1, 0))
    done = read_segmented("out")
    wanted = said.instances
    if wanted is None:
        wanted = find_cells(said.classes, 6.0, cells="components", boxes=None, markers={})[1]
    assert wanted.max() > 3
    assert np.array_equal(done.instances("a") > 0, wanted > 0)
    assert done.images["cells"].tolist() == [len(np.unique(wanted)) - 1]
    assert np.isnan(done.cells["probability"]).all()
