"""A lab's own folder, with and without labels, by the README's words; and what is said where a run cannot go on."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

pytestmark = pytest.mark.xdist_group("lab")


@pytest.fixture(scope="module")
def readme(pristine):
    """The README's overlay and its first command."""
    text = (pristine / "README.md").read_text()
    block = re.search(r"```yaml\n(# my-lab.yaml\n.*?)```", text, re.DOTALL)[1]
    command = re.search(r"^snakemake (?:.*my_lab\.csv.*|.*my-lab\.yaml results.*)$", text, re.MULTILINE)[0]
    assert "--configfile my-lab.yaml" in command
    return yaml.safe_load(block), command.split()


@pytest.fixture
def lab(workspace):
    """Five photographs of two sizes with a number per cell, as a lab may have them; nothing else."""
    rng = np.random.default_rng(1)
    for number in range(5):
        shape = (60, 70) if number % 2 else (64, 64)
        labels = np.zeros(shape, np.uint16)
        for cell, row in enumerate((4, 24, 44), start=1):
            column = int(rng.integers(4, 50))
            labels[row : row + 12, column : column + 12] = cell
        image = rng.integers(180, 200, (*shape, 3)).astype(np.uint8)
        image[labels > 0] -= np.uint8(90)
        for folder, values in (("images", image), ("instances", labels)):
            path = workspace / f"data/my_lab/{folder}/field {number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(path)
    return workspace


def test_the_readmes_command_makes_the_table_of_a_labs_folder(lab, readme):
    overlay, command = readme
    (lab / "my-lab.yaml").write_text(yaml.safe_dump(overlay))
    planned = lab.planned(*command[1:])
    experiment = overlay["experiments"]["my_lab"]
    folds = experiment["split"]["folds"]
    assert sum(name.startswith("train unet/") for name in planned) == folds
    assert sum(name.startswith("prepare") for name in planned) == 1

    # The same words at a size for a test: one split of one row that needs no training.
    experiment["split"] = {"protocol": "fixed", "train": 3, "test": 2, "by": "frame", "validation": 0}
    experiment["prepare"]["size"] = [32, 32]
    rows = yaml.safe_load((lab / "params.yaml").read_text())["experiments"][experiment["like"]]["models"]
    experiment["models"] = {name: None for name in rows if name != "otsu"}
    (lab / "my-lab.yaml").write_text(yaml.safe_dump(overlay))
    lab.run(*command)
    table = (lab / "results/tables/my_lab.csv").read_text().splitlines()
    assert any(line.startswith("otsu,") or ",otsu," in line for line in table[1:]), table
    dice = next(line for line in table if ",dice," in line)
    assert max(float(word) for word in dice.split(",") if re.fullmatch(r"0\.\d+|1|1\.0", word)) > 0.8


@pytest.fixture(scope="module")
def label_free(pristine):
    """The README's section on frames without labels, its overlay and its command."""
    text = (pristine / "README.md").read_text().split("\n## Frames without labels\n")[1].split("\n## ")[0]
    block = re.search(r"```yaml\n(# my-frames.yaml\n.*?)```", text, re.DOTALL)[1]
    command = re.search(r"^snakemake .* --configfile my-frames.yaml$", text, re.MULTILINE)[0]
    return text, block, command.split()


def test_the_readmes_command_starts_from_frames_alone(lab, label_free):
    text, block, command = label_free
    frames = {path.stem: Image.open(path).size[::-1] for path in lab.folder.glob("data/my_lab/images/*")}
    (lab / "data/my_lab").rename(lab / "data/my_frames")
    shutil.rmtree(lab / "data/my_frames/instances")
    (lab / "my-frames.yaml").write_text(block)
    planned = lab.planned(*command[1:])
    assert sum(name.startswith("train") for name in planned) == 5
    assert sum(name.startswith("train unet/") for name in planned) == 5

    # The same words at a size for a test.
    overlay = yaml.safe_load(block)
    overlay["experiments"]["my_frames"] |= {"train": {"steps": 2}, "split": {"folds": 2, "by": "frame"}}
    overlay["experiments"]["my_frames"]["prepare"]["size"] = [32, 32]
    (lab / "my-frames.yaml").write_text(yaml.safe_dump(overlay))
    lab.run(*command, timeout=900)
    named = re.findall(r"`((?:results|reports|data)/my_frames[^` ]*|(?:results/tables|reports/build)/[^` ]+)`", text)
    assert len(named) == 7
    assert not [name for name in named if not (lab / name).exists()]

    masks = lab / "results/my_frames/masks/unet"
    counts = pd.read_csv(masks / "counts.csv", dtype={"frame": str}).set_index("frame")["cells"]
    for frame, size in frames.items():
        cells, classes = (np.asarray(Image.open(masks / f"{of}/{frame}.png")) for of in ("instances", "classes"))
        assert cells.shape == classes.shape == size
        assert len(set(cells.ravel()) - {0}) == counts[frame]
        assert set(classes.ravel()) <= {0, 1}
    table = pd.read_csv(lab / "results/tables/my_frames.trust.csv", dtype={"frame": str})
    assert set(table["frame"]) == set(frames) == set(counts.index)
    assert list(table["label_cells"]) == [3] * 5
    page = (lab / "reports/build/my_frames_trust.html").read_text()
    assert "Nothing on this page was compared with truth." in page
    assert all(f"<td>{value:.3f}</td>" in page for value in table["dice"])


@pytest.mark.parametrize("made", [False, True], ids=["nothing made yet", "its table is there"])
def test_a_missing_folder_is_one_sentence(workspace, readme, made):
    overlay, command = readme
    (workspace / "my-lab.yaml").write_text(yaml.safe_dump(overlay))
    target = workspace / next(word for word in command if word.startswith("results/"))
    if made:  # Snakemake would take the table for finished
        target.parent.mkdir(parents=True)
        target.touch()
    said = workspace.run(*command, expect=1)
    assert "data/my_lab: no such folder; put the frames into data/my_lab/images, or mend `dataset`" in said
    assert "Traceback (most recent" not in said
    assert target.exists() is made


def test_a_failing_step_shows_its_sentence_and_leaves_nothing(lab, readme):
    overlay, _ = readme
    (lab / "my-lab.yaml").write_text(yaml.safe_dump(overlay))
    image = lab / "data/my_lab/images/field 2.png"
    image.write_bytes(image.read_bytes()[:200])
    said = lab.run("snakemake", "results/my_lab/samples.npz", "--configfile", "my-lab.yaml", expect=1)
    assert re.search(r"hemoseg prepare: .*field 2\.png: .+; .+", said), said[-3000:]
    assert "Traceback (most recent" not in said
    left = [path.name for path in (lab / "results/my_lab").rglob("*") if path.is_file()]
    assert not [name for name in left if "samples" in name], left


def test_a_simulation_never_clears_a_labs_folder(lab):
    before = sorted(lab.folder.glob("data/my_lab/*/*"))
    simulated = yaml.safe_load((lab / "params.yaml").read_text())["datasets"]["simulated_scd2018"]
    (lab / "mine.yaml").write_text(yaml.safe_dump({"datasets": {"my_lab": simulated}}))
    said = lab.run("snakemake", "data/my_lab", "--configfile", "mine.yaml", expect=1)
    assert "data/my_lab holds frames that were not simulated; rename the dataset, or move the folder" in said
    assert "Traceback (most recent" not in said
    assert sorted(lab.folder.glob("data/my_lab/*/*")) == before
