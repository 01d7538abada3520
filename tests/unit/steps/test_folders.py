import numpy as np
import pytest
import yaml

from hemoseg.errors import InputError
from hemoseg.steps.folders import keep_only, open_folder, read_frames, white_of
from tests.image_files import put


def cells(rows=20, columns=24):
    labels = np.zeros((rows, columns), np.uint16)
    labels[2:8, 2:8] = 1
    labels[10:16, 12:20] = 2
    return labels


def dataset(folder, ids=("a", "b"), **description):
    """Colour images without labels."""
    for number, name in enumerate(ids):
        put(folder, f"images/{name}.png", np.full((20, 24, 3), 50 + number, np.uint8))
    if description:
        (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    return folder


def frames(folder, declared=None, partial=False):
    return list(read_frames(open_folder(folder, declared, partial)))


def test_images_alone_are_a_dataset_without_labels(tmp_path):
    first, second = frames(dataset(tmp_path))
    assert (first.id, second.id) == ("a", "b")
    assert first.image.shape == (3, 20, 24)
    assert first.classes is None
    assert first.instances is None


def test_instances_alone_make_every_cell_a_cell(tmp_path):
    dataset(tmp_path, ["a"])
    put(tmp_path, "instances/a.png", cells())
    (frame,) = frames(tmp_path)
    assert open_folder(tmp_path).description.classes == {1: "cell"}
    assert np.array_equal(frame.instances, cells())
    assert np.array_equal(frame.classes, cells() > 0)


@pytest.mark.parametrize("top", [1, 255])
def test_masks_alone_make_classes_without_instances(tmp_path, top):
    dataset(tmp_path, ["a"])
    put(tmp_path, "masks/a.png", ((cells() > 0) * top).astype(np.uint8))
    (frame,) = frames(tmp_path)
    assert np.array_equal(frame.classes, cells() > 0)
    assert frame.instances is None


def test_classes_and_instances_go_together_and_255_is_ignored_in_cells_too(tmp_path):
    dataset(tmp_path, ["a"], classes=["rbc", "other"])
    put(tmp_path, "instances/a.png", cells())
    classes = np.where(cells() == 1, 2, np.where(cells() == 2, 255, 0)).astype(np.uint8)
    put(tmp_path, "classes/a.png", classes)
    (frame,) = frames(tmp_path)
    assert np.array_equal(frame.classes, classes)
    assert np.array_equal(frame.instances, cells())


def test_the_kind_of_a_frame_names_the_class_of_its_cells(tmp_path):
    dataset(tmp_path, classes=["rbc", "macrophage"])
    (tmp_path / "manifest.csv").write_text("id,kind\na,macrophage\nb,rbc\n")
    for name in "ab":
        put(tmp_path, f"instances/{name}.png", cells())
    assert [frame.classes.max() for frame in frames(tmp_path)] == [2, 1]


def test_undeclared_classes_are_called_by_their_numbers_with_a_notice(tmp_path):
    dataset(tmp_path, ["a"])
    put(tmp_path, "classes/a.png", np.array(cells() * 2, np.uint8))
    opened = open_folder(tmp_path)
    assert opened.description.classes == {n: f"class {n}" for n in (1, 2, 3, 4)}
    assert "names no classes" in opened.sentences()[0]


def test_what_a_caller_declares_goes_before_dataset_yaml(tmp_path):
    dataset(tmp_path, ["a"], classes={1: "x", 3: "y"}, pixel_size_um=0.1)
    description = open_folder(tmp_path, {"classes": ["cell"], "white_level": 200}).description
    assert description.classes == {1: "cell"}
    assert description.pixel_size == 0.1
    assert white_of(open_folder(tmp_path, {"white_level": 200}), np.uint8) == 200


def test_white_is_the_largest_value_unless_the_dataset_says_else(tmp_path):
    dataset(tmp_path, white_level=4095)
    assert white_of(open_folder(tmp_path), np.uint16) == 4095
    assert white_of(open_folder(dataset(tmp_path / "other")), np.uint16) == 65535


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_manifest_as_excel_writes_it_is_read(tmp_path, separator, end):
    dataset(tmp_path)
    lines = [["ID", " Image ", "group"], ["P1-b", "images\\b.png", " P-1 "], ["a", "images/a.png", ""], ["", "", ""]]
    text = end.join(separator.join(line) for line in lines) + end
    (tmp_path / "manifest.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [(frame.id, frame.group) for frame in frames(tmp_path)] == [("P1-b", "P-1"), ("a", "")]


def test_images_that_the_manifest_does_not_name_are_not_used_and_said(tmp_path):
    dataset(tmp_path, ["a", "b", "c"])
    (tmp_path / "manifest.csv").write_text("id\nb\n")
    opened = open_folder(tmp_path)
    assert [entry.id for entry in opened.entries] == ["b"]
    assert any("does not name it" in sentence for sentence in opened.sentences())


def test_images_may_be_links_into_a_cache(tmp_path):
    dataset(tmp_path / "cache", ["x"])
    (tmp_path / "set/images").mkdir(parents=True)
    (tmp_path / "set/images/a.png").symlink_to(tmp_path / "cache/images/x.png")
    (tmp_path / "set/manifest.csv").write_text("id,image\na,images/a.png\n")
    assert [frame.id for frame in frames(tmp_path / "set")] == ["a"]


def test_one_notice_counts_all_images_it_is_about(tmp_path):
    for name in "abc":
        put(tmp_path, f"images/{name}.png", np.zeros((5, 6, 4), np.uint8))
    opened = open_folder(tmp_path)
    assert all(frame.image.shape[0] == 3 for frame in read_frames(opened))
    assert len(opened.sentences()) == 1
    assert "(3 of 3 images)" in opened.sentences()[0]


def test_frames_are_read_one_at_a_time(tmp_path):
    dataset(tmp_path)
    (tmp_path / "images/b.png").write_bytes(b"")
    assert next(read_frames(open_folder(tmp_path))).id == "a"


def test_images_without_labels_are_ignored_ground_where_that_is_allowed(tmp_path):
    dataset(tmp_path)
    put(tmp_path, "instances/b.png", cells())
    first, second = frames(tmp_path, partial=True)
    assert (first.classes == 255).all()
    assert first.instances.max() == 0
    assert second.instances.max() == 2


def chosen(folder, only):
    dataset = open_folder(folder)
    keep_only(dataset, only)
    return [entry.id for entry in dataset.entries], dataset.sentences()


@pytest.fixture
def grouped(tmp_path):
    """Four images in two groups, one of another kind."""
    for name in "abcd":
        put(tmp_path, f"images/{name}.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "manifest.csv").write_text("id,group,kind\na,g1,rbc\nb,g1,rbc\nc,g2,rbc\nd,g2,wbc\n")
    return tmp_path


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        ({}, "abcd"),
        ({"group": ["g2"]}, "cd"),
        ({"group": ["g2", "g1"]}, "abcd"),
        ({"group": ["g2"], "kind": ["rbc"]}, "c"),
    ],
)
def test_images_are_taken_by_columns_of_the_manifest(grouped, only, wanted):
    ids, sentences = chosen(grouped, only)
    assert "".join(ids) == wanted
    assert bool(sentences) == (wanted != "abcd")


@pytest.mark.parametrize(
    ("only", "words"),
    [
        ({"group": ["g3"]}, r"no image has the group 'g3' that prepare\.only asks for; there are 'g1', 'g2'|'g1'"),
        ({"group": ["g1"], "kind": ["wbc"]}, "no image has the kind 'wbc'"),
        ({"id": []}, r"prepare\.only leaves no image"),
    ],
)
def test_asking_for_images_that_are_not_there_is_refused(grouped, only, words):
    with pytest.raises(InputError, match=words):
        chosen(grouped, only)
