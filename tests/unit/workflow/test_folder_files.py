"""Folders of frames as the plan finds them: what a result depends on, and what is refused before any job."""

import pytest
from datasets import folder_files, spare_frames
from refusals import PlanError


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """A lab's folder data/my_lab with one frame."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/my_lab"
    (folder / "images").mkdir(parents=True)
    (folder / "images/field 1.png").touch()
    return folder


def test_every_file_is_listed_and_no_hidden_one(frames):
    (frames / "instances").mkdir()
    for name in ("instances/field 1.png", "images/.DS_Store", "manifest.csv", "notes.txt"):
        (frames / name).touch()
    listed = ["images/field 1.png", "instances/field 1.png", "manifest.csv"]
    assert folder_files("data/my_lab") == [f"data/my_lab/{name}" for name in listed]


def test_a_folder_without_images_is_refused(frames):
    (frames / "images/field 1.png").unlink()
    with pytest.raises(PlanError, match=r"data/my_lab/images: no images; put the frames there"):
        folder_files("data/my_lab")


@pytest.mark.parametrize("name", ["a{1}.png", "a{.png", "a}.png", "<a>.png"])
def test_a_name_that_snakemake_takes_for_a_pattern_is_refused(frames, name):
    (frames / "images" / name).touch()
    with pytest.raises(PlanError, match=r"data/my_lab/images/.*: its name holds [{}<>]+; rename it"):
        folder_files("data/my_lab")


@pytest.mark.parametrize("facts", [None, "name: a lab", "simulated: false", "simulated: 'true'", "- 1", "{"])
def test_a_simulation_does_not_take_the_place_of_a_labs_frames(frames, facts):
    if facts is not None:
        (frames / "dataset.yaml").write_text(facts)
    with pytest.raises(PlanError, match=r"data/my_lab holds frames that were not simulated; rename the dataset, or"):
        spare_frames(["other", "my_lab"])


def test_a_simulation_takes_the_place_of_an_earlier_one(frames):
    (frames / "dataset.yaml").write_text("simulated: true")
    (frames.parent / "empty").mkdir()
    spare_frames(["my_lab", "empty", "none"])
