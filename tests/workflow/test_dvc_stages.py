"""dvc.yaml against what Snakemake would run: each stage depends on all that its rules read, and on nothing else."""

import json
import re
import shlex
import subprocess

import pytest
import yaml
from explanation import explained_rows
from plan import resolve

pytestmark = pytest.mark.xdist_group("dry")
# Names that a job is told beside its settings; they stand in its paths too.
NAMES = {"model", "table", "experiment", "rows"}


@pytest.fixture(scope="module")
def stages(pristine, tmp_path_factory):
    """Every stage as DVC itself resolves it: name to cmd, deps and outs (paths)."""
    from dvc.repo import Repo

    copy = pristine.copy(tmp_path_factory.mktemp("stages") / "hemoseg")
    subprocess.run(["git", "init", "--quiet"], cwd=copy.folder, check=True)
    with Repo(str(copy.folder)) as repo:
        return {
            stage.name: {
                "cmd": stage.cmd,
                "deps": [dep.def_path for dep in stage.deps if not hasattr(dep, "params")],
                "params": [key for dep in stage.deps if hasattr(dep, "params") for key in dep.params],
                "outs": [out.def_path for out in stage.outs],
            }
            for stage in repo.index.stages
        } | {"folder": copy}


@pytest.fixture(scope="module")
def snaked(stages):
    """The stages that call Snakemake: name to (rules, targets)."""
    found = {}
    for name, stage in stages.items():
        if name != "folder" and (words := shlex.split(stage["cmd"]))[0] == "snakemake":
            rules = words[words.index("--allowed-rules") + 1 : words.index("--force")]
            found[name] = (rules, words[words.index("--") + 1 :])
    return found


@pytest.fixture(scope="module")
def jobs(stages, snaked, field):
    """Every job behind all targets: rule, inputs, outputs and the settings that it is told."""
    targets = sorted({target for _, names in snaked.values() for target in names})
    found = []
    for rule, body in stages["folder"].planned_jobs("--printshellcmds", "--", *targets):
        command = body.partition("Shell command: ")[2]
        told = re.search(r"--settings ('.*?'|\{\S*\}) --", command, re.DOTALL)
        found.append(
            {
                "rule": rule,
                "input": field(body, "input").split(", "),
                "output": field(body, "output").split(", "),
                "settings": json.loads(shlex.split(told[1])[0]) if told else {},
            }
        )
    return found


@pytest.fixture(scope="module")
def plan(stages):
    """What the stage `plan` writes, by name."""
    folder = stages["folder"]
    folder.run("bash", "-c", stages["plan"]["cmd"])
    root = folder / "results/plan"
    return {path.relative_to(folder.folder).as_posix(): json.loads(path.read_text()) for path in root.rglob("*.json")}


@pytest.fixture(scope="module")
def behind(stages, snaked, jobs):
    """The jobs that a stage runs: those behind its targets, as far as its rules go, but what it depends on."""

    def of(name):
        rules, waiting = snaked[name][0], list(snaked[name][1])
        found = []
        while waiting:
            path = waiting.pop()
            for job in jobs:
                if job["rule"] in rules and path in job["output"] and job not in found:
                    found.append(job)
                    waiting += [one for one in job["input"] if not under(one, stages[name]["deps"])]
        # No row of params.yaml names an address of published weights, and one that does may come in an overlay.
        assert {job["rule"] for job in found} == set(rules) - {"fetch"}, name
        return found

    return of


def under(path, folders):
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def leaves(value, key=None):
    """(key, value) of every entry of nested settings; a list's entries under the list's key."""
    if isinstance(value, dict):
        return {leaf for inner, content in value.items() for leaf in leaves(content, inner)}
    if isinstance(value, list):
        return {leaf for content in value for leaf in leaves(content, key)}
    return {(key, value)}


def test_a_stage_depends_on_all_that_its_rules_read(stages, snaked, behind, plan):
    for name in snaked:
        made = [path for job in behind(name) for path in job["output"]]
        read = {path for job in behind(name) for path in job["input"] if path and not under(path, made)}
        deps = stages[name]["deps"]
        hashed = {path for dep in deps if dep in plan for path in plan[dep]["code"]}
        uncovered = {path for path in read - hashed if not under(path, deps)}
        assert not uncovered, f"{name} does not depend on {sorted(uncovered)}"


def test_a_stage_depends_on_nothing_that_its_rules_do_not_read(stages, snaked, behind, plan):
    for name in snaked:
        read = {path for job in behind(name) for path in job["input"]}
        for dep in stages[name]["deps"]:
            if dep in plan:
                idle = {path for path in plan[dep]["code"] if not path.startswith("workflow/rules/")} - read
                assert not idle, f"{name} hashes {sorted(idle)} in vain"
            else:
                assert any(under(path, [dep]) for path in read), f"{name} depends on {dep} in vain"


def test_a_stage_is_told_what_its_jobs_are_told(stages, snaked, behind, plan):
    seen = 0
    for name in snaked:
        files = [dep for dep in stages[name]["deps"] if dep in plan]
        assert files, name
        known = {leaf for file in files for leaf in leaves(plan[file]["settings"])}
        for job in behind(name):
            told = {key: value for key, value in job["settings"].items() if key not in NAMES | {"experiments"}}
            assert leaves(told) <= known, f"{name}: {sorted(map(str, leaves(told) - known))}"
            seen += len(leaves(told))
    assert seen > 200


def test_a_stage_keeps_all_that_its_rules_make(stages, snaked, behind):
    for name in snaked:
        made = {path for job in behind(name) for path in job["output"]}
        lost = {path for path in made if not under(path, stages[name]["outs"])}
        assert not lost, f"{name} does not keep {sorted(lost)}"


def training(experiment, row):
    """Which training stage of its experiment trains a row: a stage has one list of dependencies for all its rows."""
    if row["init_from"]:
        return "transfer"
    return "train_auto" if row["labels"] == "auto" != experiment["labels"] else "train"


def test_every_experiment_has_its_stages_and_rows(stages, snaked):
    params = resolve(yaml.safe_load((stages["folder"] / "params.yaml").read_text()))
    expected = {f"simulate@{name}" for name in params["datasets"]}
    for name, experiment in params["experiments"].items():
        expected |= {name, f"{name}-prepare"}
        own = {key: model for key, model in experiment["models"].items() if model["home"] == name}
        trained = {key: training(experiment, row) for key, row in own.items() if row["weights_from"] is None}
        for word, key in [("evaluate", key) for key in own] + [(word, key) for key, word in trained.items()]:
            together = f"{name}-{word}"  # a stage of all rows, where there is one
            expected |= {together if together in stages else f"{together}@{key}"}
            if together in stages:
                folder = "evaluate" if word == "evaluate" else "train"
                assert f"results/{name}/{folder}/{key}/runs.csv" in snaked[together][1]
        expected |= {f"{name}-clinic"} if experiment["clinic"] else set()
        expected |= {f"{name}-trust"} if experiment["trust"] else set()
        expected |= {f"{name}-label_audit"} if experiment["label_audit"] else set()
        expected |= {f"{name}-share"} if experiment["share"] else set()
        expected |= {f"{name}-segment"} if experiment["segment"] else set()
        expected |= {f"{name}-seams"} if experiment["seams"] else set()
        expected |= {f"{name}-explain"} if explained_rows(experiment) else set()
    assert {name for name in stages if "@" in name or "-" in name} <= expected
    assert expected <= set(stages)


def test_params_that_stages_list_exist(stages):
    params = yaml.safe_load((stages["folder"] / "params.yaml").read_text())
    assert set(stages["plan"]["params"]) == set(params)  # a new section is listed too
