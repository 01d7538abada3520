"""DVC for real: an experiment reproduced, pushed, cloned, pulled, changed. A changed setting must change the model."""

import hashlib
import json
import re

import pytest
import yaml

pytestmark = pytest.mark.xdist_group("dvc")

EXPERIMENT = "scd2020_binary"
FOLDER = f"results/{EXPERIMENT}/train/unet/fixed/seed0"
MODEL = f"{FOLDER}/model.safetensors"


class Tracked:
    """A git repository with DVC in it."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.folder = workspace.folder

    def __truediv__(self, path):
        return self.workspace / path

    def git(self, *words):
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        return self.workspace.run("git", *identity, *words)

    def dvc(self, *words):
        return self.workspace.run("dvc", *words)

    def difference(self, what):
        """``dvc metrics diff`` or ``dvc params diff`` against the last commit."""
        lines = self.dvc(what, "diff", "HEAD", "--json").splitlines()
        return json.loads(next(line for line in lines if line.startswith("{")))

    def ran(self, *words):
        """The stages that a command of DVC ran."""
        return set(re.findall(r"Running stage '([^']+)'", self.dvc(*words)))

    def digest(self, path=MODEL):
        return hashlib.sha256((self / path).read_bytes()).hexdigest()

    def steps(self):
        return json.loads((self / FOLDER / "model.json").read_text())["steps"]

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


@pytest.fixture(scope="module")
def tracked(pristine, tmp_path_factory):
    """The tiny settings written into params.yaml, which is all that DVC reads, with one row and one split."""
    from plan import merged

    folder = tmp_path_factory.mktemp("dvc")
    tracked = Tracked(pristine.copy(folder / "hemoseg"))
    params = merged(*(yaml.safe_load((tracked / name).read_text()) for name in ("params.yaml", "tests/params.yaml")))
    experiment = params["experiments"][EXPERIMENT]
    experiment["split"] = {"protocol": "fixed", "train": 2, "test": 2, "validation": 1, "by": "frame"}
    experiment["models"] = dict.fromkeys(experiment["models"]) | {"unet": experiment["models"]["unet"]}
    params |= {"experiments": {EXPERIMENT: experiment}, "flagship": [EXPERIMENT]}
    (tracked / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    # Rows are listed in dvc.yaml; whoever takes one out of params.yaml takes it out there.
    stages = yaml.safe_load((tracked / "dvc.yaml").read_text())
    for stage in ("train", "evaluate"):
        stages["stages"][f"{EXPERIMENT}-{stage}"]["matrix"]["model"] = ["unet"]
    stages["stages"][f"{EXPERIMENT}-explain"]["deps"].remove(f"results/{EXPERIMENT}/train/deformable_unet")
    (tracked / "dvc.yaml").write_text(yaml.safe_dump(stages, sort_keys=False))
    tracked.git("init", "--quiet")
    tracked.dvc("remote", "add", "--default", "store", folder / "store")
    tracked.commit("Tiny settings")
    tracked.first = tracked.ran("repro", EXPERIMENT)
    tracked.commit("Reproduce")
    return tracked


def test_repro_makes_the_table_and_a_second_one_runs_nothing(tracked):
    stages = {f"{EXPERIMENT}-{stage}" for stage in ("prepare", "train@unet", "evaluate@unet", "explain")}
    assert tracked.first == {"plan", "simulate@simulated_scd2020", EXPERIMENT} | stages
    assert "unet" in (tracked / f"results/tables/{EXPERIMENT}.csv").read_text()
    assert tracked.ran("repro", EXPERIMENT) == set()
    assert "up to date" in tracked.dvc("status", EXPERIMENT, f"{EXPERIMENT}-train", "plan")
    assert tracked.git("status", "--porcelain") == ""


def test_snakemake_finds_nothing_to_do_after_dvc(tracked):
    targets = [f"results/tables/{EXPERIMENT}.csv", f"reports/build/{EXPERIMENT}.html"]
    assert tracked.workspace.planned("--", *targets) == {}


def test_a_comment_in_params_runs_nothing(tracked):
    params = tracked / "params.yaml"
    before = params.read_bytes()
    params.write_bytes(before + b"# a remark\n")
    try:
        assert tracked.ran("repro", EXPERIMENT) == set()
    finally:
        params.write_bytes(before)


@pytest.fixture(scope="module")
def clone(tracked):
    """Another machine: only what git and the remote hold."""
    tracked.dvc("push", "--run-cache")
    folder = tracked.folder.with_name("clone")
    tracked.git("clone", "--quiet", tracked.folder, folder)
    return Tracked(type(tracked.workspace)(folder))


def test_a_clone_that_changes_one_setting_gets_another_model(tracked, clone):
    clone.dvc("pull", "--run-cache", "--allow-missing")
    assert clone.digest() == tracked.digest()
    assert clone.ran("repro", EXPERIMENT) == set()
    assert clone.steps() == 4

    stages = {f"{EXPERIMENT}-{stage}" for stage in ("train@unet", "evaluate@unet", "explain")}
    assert clone.ran("exp", "run", "--set-param", "train.steps=3", EXPERIMENT) == {"plan", EXPERIMENT} | stages
    assert clone.steps() == 3
    assert clone.digest() != tracked.digest()
    predictions = f"results/{EXPERIMENT}/predict/unet/fixed/seed0/predictions.npz"
    assert clone.digest(predictions) != tracked.digest(predictions)

    shown = clone.difference("metrics")
    dice = shown[f"results/tables/{EXPERIMENT}.metrics.json"]["unet.dice"]
    assert 0 <= dice["new"] <= 1
    assert dice["diff"] == pytest.approx(dice["new"] - dice["old"])
    changed = clone.difference("params")
    assert changed["params.yaml"]["train.steps"] == {"old": 4, "new": 3, "diff": -1}

    # Back to the old value: from the run cache, nothing trained.
    clone.git("checkout", "--", "params.yaml")
    assert not any("train" in stage for stage in clone.ran("repro", f"{EXPERIMENT}-train@unet"))
    assert clone.digest() == tracked.digest()
