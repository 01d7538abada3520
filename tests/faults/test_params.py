"""Settings that cannot be used, through the engines' own doors: one sentence, a status that is not zero, no job."""

import pytest
import yaml

pytestmark = pytest.mark.xdist_group("dry")


def test_snakemake_says_which_key_was_meant(workspace):
    (workspace / "mine.yaml").write_text(yaml.safe_dump({"train": {"setps": 3}}))
    said = workspace.run("snakemake", "--configfile", "mine.yaml", expect=1)
    assert "params.train: unknown key 'setps'; did you mean steps?" in said
    assert "Traceback (most recent" not in said
    assert not (workspace / "results").exists()


SWALLOWED = {
    "network": (
        {"models": {"unet": {"network": "unnet"}}},
        "network: there is no src/hemoseg/models/unnet.py; did you",
    ),
    "loss": ({"train": {"loss": "focal"}}, "train.loss: there is no src/hemoseg/losses/focal.py; the names are cross_"),
    "notebook": ({"report": {"notebook": "nope"}}, "notebook: there is no reports/notebooks/nope.ipynb; the names are"),
    "dataset": ({"dataset": "nope"}, "data/nope: no such folder; put the frames into data/nope/images, or mend"),
}


@pytest.mark.parametrize("fault", SWALLOWED)
def test_a_mistake_is_said_though_the_results_are_there(workspace, fault):
    settings, words = SWALLOWED[fault]
    page = "reports/build/scd2020_binary.html"
    (workspace / page).parent.mkdir(parents=True, exist_ok=True)
    (workspace / page).touch()
    (workspace / "mine.yaml").write_text(yaml.safe_dump({"experiments": {"scd2020_binary": settings}}))
    said = workspace.run("snakemake", "--dry-run", page, "--configfile", "mine.yaml", expect=1)
    assert words in said
    assert "Traceback (most recent" not in said


def test_dvcs_plan_says_it_too(workspace):
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("batch_size: 5", "batch_size: five"))
    said = workspace.run("python", "workflow/stages.py", "params.yaml", "results/plan", expect=1)
    assert said.strip() == "params.train.batch_size: 'five' is not of type 'integer'"
    assert not (workspace / "results").exists()
