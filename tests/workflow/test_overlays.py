"""The overlays of real sets plan what they promise without the sets, and find what they promise in them."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from plan import merged, resolve

from hemoseg.data.samples import IGNORE
from hemoseg.steps.prepare import prepare

pytestmark = pytest.mark.xdist_group("dry")

REPOSITORY = Path(__file__).parents[2]
ROWS = {
    "smear_binary": ["unet", "pspnet", "deeplabv3plus", "deformable_unet", "region_growing", "ilastik"],
    "smear_multiclass": ["unet", "pspnet", "deeplabv3plus", "deformable_unet"],
    "smear_lab": ["unet"],
    "nuclei_touching": ["iu_dice", "u_bce", "iu_bce", "iuw_bce", "iu_bce_dice", "iuw_bce_dice"],
    "label_free_smear": ["autolabel", "otsu", "label_free_unet", "unet"],
    "sickle_cells": ["unet", "pspnet", "deeplabv3plus", "deformable_unet"],
    "autocsc_steps": ["u_base", "u_single", "u_transfer", "short_single", "short_transfer"],
    "autolabel_real": ["threshold_contours", "gaussian", "morphology", "all", "searched", "literal_all"],
    "autolabel_real_white_cells": ["threshold_contours", "gaussian", "morphology", "all", "searched", "literal_all"],
}


def planned_experiment(name):
    files = [REPOSITORY / "params.yaml", REPOSITORY / f"params/{name}.yaml"]
    first, second = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    return resolve(merged(first, second))["experiments"][name]


def samples_of(name):
    """What `prepare` makes of a real set."""
    experiment = planned_experiment(name)
    dataset = experiment["dataset"]
    folders = [Path(root) / dataset for root in (os.environ.get("HEMOSEG_REAL_DATA"), REPOSITORY / "data") if root]
    found = next((folder for folder in folders if (folder / "images").is_dir()), None)
    if found is None:
        pytest.skip(f"no real set {dataset}: set HEMOSEG_REAL_DATA or link it to data/{dataset}")
    return prepare(str(found), experiment["prepare"])


def test_every_overlay_is_looked_at():
    assert {path.stem for path in (REPOSITORY / "params").glob("*.yaml")} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_an_overlay_has_the_papers_methods_and_says_how_to_run_it(name):
    assert set(ROWS[name]) <= set(planned_experiment(name)["models"])
    head = (REPOSITORY / f"params/{name}.yaml").read_text(encoding="utf-8").split("\nexperiments:")[0]
    assert f"snakemake reports/build/{name}.html --configfile params/{name}.yaml" in head


def test_one_dry_run_plans_every_overlay_from_the_names_of_the_files_alone(workspace):
    planned = [planned_experiment(name) for name in ROWS]
    looked_at = {Path(experiment["segment"]["images"]).name for experiment in planned if experiment["segment"]}
    datasets = {experiment["dataset"] for experiment in planned} | looked_at
    for dataset in (name for name in datasets if not name.startswith("simulated_")):
        (workspace / f"data/{dataset}/images").mkdir(parents=True)
        (workspace / f"data/{dataset}/images/a.png").touch()
    overlays = [f"params/{name}.yaml" for name in ROWS]
    targets = [f"reports/build/{name}.html" for name in ROWS]
    targets += ["results/smear_lab/segmented/smear_frames/images.csv"]
    output = workspace.run("snakemake", "--dry-run", "--printshellcmds", *targets, "--configfile", *overlays)
    assert "segment results/smear_lab/shared/unet data/smear_frames --out" in output
    assert "--scale 0.2 --formats qupath,coco --threads" in output
    for name in ROWS:
        experiment = planned_experiment(name)
        trained = [model for model in experiment["models"].values() if model["weights_from"] is None]
        runs = sum(len(model["seeds"]) for model in trained) * len(experiment["split_names"])
        assert len(re.findall(rf"^rule train:\n(?: +.*\n)*? +wildcards: experiment={name},", output, re.M)) == runs


@pytest.mark.real_data
def test_a_sickle_tile_has_one_cell_of_one_type_and_its_neighbours_are_ignored():
    samples = samples_of("sickle_cells")
    assert len(samples) == 501
    hidden = [(classes == IGNORE).mean() for classes in samples.classes]
    for classes, cells in zip(samples.classes, samples.instances, strict=True):
        assert cells.max() == 1
        assert len(set(np.unique(classes)) - {0, IGNORE}) == 1
        assert np.array_equal(cells > 0, (classes > 0) & (classes != IGNORE))
    assert 0.1 < np.mean(hidden) < 0.25, "a sixth of the tiles' area are neighbours"
    assert np.mean(np.array(hidden) > 0) > 0.8, "most tiles show some"


@pytest.mark.real_data
def test_leukocytes_neither_train_nor_count_and_two_types_are_left():
    samples = samples_of("smear_multiclass")
    assert samples.class_names == ["background", "uninfected", "infected"]
    assert set(np.unique(np.concatenate([classes.ravel() for classes in samples.classes]))) == {0, 1, 2, IGNORE}
    infected = sum(
        len(np.unique(cells[classes == 2])) for classes, cells in zip(samples.classes, samples.instances, strict=True)
    )
    assert infected == 137
