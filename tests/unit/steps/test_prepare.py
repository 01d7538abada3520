import json

import numpy as np
import pytest
from PIL import Image

from hemoseg.__main__ import main
from hemoseg.data.samples import from_arrays
from hemoseg.errors import InputError
from hemoseg.steps.files import read_arrays
from hemoseg.steps.prepare import prepare
from tests.image_files import put


@pytest.fixture
def lab(tmp_path):
    """Three frames of 60 x 100 with margins of 8 and 12 px, two cells each, classes 1 and 3, one ignored."""
    folder = tmp_path / "lab"
    random = np.random.default_rng(0)
    for number, name in enumerate("abc"):
        image = random.integers(120, 220, (60, 100, 3)).astype(np.uint8)
        image[:, :8] = image[:, 88:] = 3
        labels = np.zeros((60, 100), np.uint16)
        labels[5:20, 20:40] = 12
        labels[35:50, 50:70] = 7
        put(folder, f"images/{name}.png", image)
        put(folder, f"instances/{name}.png", labels)
        classes = np.select([labels == 12, labels == 7], [1, 3 if number else 255])
        put(folder, f"classes/{name}.png", classes.astype(np.uint8))
    (folder / "manifest.csv").write_text("id,group,kind\na,p1,rbc\nb,p2,\nc,p1,rbc\n")
    (folder / "dataset.yaml").write_text(
        "name: my lab\nclasses: {1: disc, 3: sickle}\npixel_size_um: 0.1\nlicence: CC0\nsimulated: true\n"
    )
    return folder


def test_the_command_writes_samples_that_say_where_they_are_from(lab, tmp_path):
    out = tmp_path / "samples.npz"
    settings = {"margin_crop": True, "layout": "quadrants", "size": [32, 32]}
    assert main(["prepare", "--settings", json.dumps(settings), "--data", str(lab), "--out", str(out)]) == 0
    samples = from_arrays(read_arrays(out))
    assert len(samples) == 12
    assert samples.ids[:4] == ["a_0_8", "a_0_48", "a_30_8", "a_30_48"]
    assert samples.groups[::4] == ["p1", "p2", "p1"]
    assert samples.kinds[::4] == ["rbc", "", "rbc"]
    assert samples.class_names == ["background", "disc", "sickle"]
    assert samples.white == 255
    assert samples.pixel_size == 0.1
    assert samples.info["dataset"] == "my lab"
    assert samples.info["simulated"] is True
    assert samples.info["licence"] == "CC0"
    assert samples.info["margins"]["c"] == [8, 12]
    assert all(image.shape == (3, 32, 32) for image in samples.images)


def test_classes_merge_and_a_cell_of_unknown_class_is_a_cell_all_the_same(lab):
    kept = prepare(str(lab), {})
    assert np.unique(kept.classes[0]).tolist() == [0, 1, 255]
    merged = prepare(str(lab), {"classes": {"cell": "all"}})
    assert merged.class_names == ["background", "cell"]
    assert np.array_equal(merged.classes[0] == 1, kept.classes[0] > 0)
    assert merged.instances[0].max() == 2


def test_16_bit_images_keep_their_type_and_their_white_level(tmp_path):
    put(tmp_path, "images/a.png", np.full((9, 9), 2048, np.uint16))
    samples = prepare(str(tmp_path), {"dataset": {"white_level": 4096}})
    assert samples.images[0].dtype == np.uint16
    assert samples.image(0) == pytest.approx(0.5)
    assert prepare(str(tmp_path), {}).image(0) == pytest.approx(2048 / 65535)


def test_images_of_any_size_go_into_one_set(tmp_path):
    for number in range(3):
        put(tmp_path, f"images/{number}.png", np.full((30 + number, 40, 3), 9, np.uint8))
    assert [image.shape[1] for image in prepare(str(tmp_path), {}).images] == [30, 31, 32]
    assert {image.shape for image in prepare(str(tmp_path), {"size": [16, 16]}).images} == {(3, 16, 16)}


def test_auto_accepts_images_without_labels_and_truth_does_not(lab):
    (lab / "instances/b.png").unlink()
    (lab / "classes/b.png").unlink()
    with pytest.raises(InputError, match="no labels for b"):
        prepare(str(lab), {})
    samples = prepare(str(lab), {"labels": "auto"})
    assert (samples.classes[1] == 255).all()
    assert samples.classes[0].max() == 255
    assert (samples.classes[2] < 255).all()


def test_the_same_input_gives_the_same_bytes(lab, tmp_path):
    for name in ("one.npz", "two.npz"):
        main(["prepare", "--data", str(lab), "--out", str(tmp_path / name)])
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_notice_is_kept_for_the_report_and_printed(lab, tmp_path, capsys):
    with Image.open(lab / "images/a.png") as picture:
        picture.convert("RGBA").save(lab / "images/a.png")
    main(["prepare", "--data", str(lab), "--out", str(tmp_path / "s.npz")])
    samples = from_arrays(read_arrays(tmp_path / "s.npz"))
    assert len(samples.info["notices"]) == 1
    assert "transparency and dropped" in samples.info["notices"][0]
    assert "notice: its last channel" in capsys.readouterr().out


def test_what_the_dataset_means_an_image_for_reaches_its_samples(lab, tmp_path):
    (lab / "manifest.csv").write_text("id;Part\nb; Test \na;train\nc;\n")
    out = tmp_path / "s.npz"
    for settings, times in (({}, 1), ({"layout": "quadrants", "size": [16, 16]}, 4)):
        main(["prepare", "--data", str(lab), "--settings", json.dumps(settings), "--out", str(out)])
        samples = from_arrays(read_arrays(out))
        assert samples.parts == ["test"] * times + ["train"] * times + [""] * times
        assert samples.take([times, 0]).parts == ["train", "test"]


def test_nothing_is_known_of_parts_without_a_manifest(lab):
    assert prepare(str(lab), {}).parts == [""] * 3
