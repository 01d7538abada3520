"""Every experiment of params.yaml can be planned at both scales, before anything has run."""

import pytest

from tests.overlaid import PARAMS

pytestmark = pytest.mark.xdist_group("dry")

SCALES = ("demo", "paper")


def chosen(value, scale):
    """A value of params.yaml at a scale; written apart from the workflow's own way."""
    return value[scale] if isinstance(value, dict) and "paper" in value else value


def own(name, *path):
    """A setting of an experiment: its own, its parent's, or the shared one."""
    block = PARAMS["experiments"][name]
    for key in path:
        block = (block or {}).get(key)
    if block is not None:
        return block
    parent = PARAMS["experiments"][name].get("like")
    if parent:
        return own(parent, *path)
    block = PARAMS
    for key in path:
        block = (block or {}).get(key)
    return block


def splits(name, scale):
    protocol = chosen(own(name, "split", "protocol"), scale)
    if protocol == "folds":
        divided = own(name, "split", "by")
        return chosen(own(name, "split", "folds"), scale) * (len(divided) if isinstance(divided, list) else 1)
    return 1 if protocol in ("fixed", "given") else len(chosen(own(name, "split", "sizes"), scale))


def models(name):
    parent = PARAMS["experiments"][name].get("like")
    rows = dict(models(parent)) if parent else {}
    rows |= PARAMS["experiments"][name].get("models") or {}
    return {key: row for key, row in rows.items() if row is not None}


def borrowed(name):
    """Rows whose runs are another experiment's: those that it has, where none of them is changed here."""
    source = PARAMS["experiments"][name].get("runs_of")
    return set(models(source)) - set(PARAMS["experiments"][name].get("models") or {}) if source else set()


def runs(name, scale, *, trained):
    seeds = {
        key: chosen(row.get("seeds") or own(name, "seeds"), scale)
        for key, row in models(name).items()
        if not (trained and row.get("weights_from")) and key not in borrowed(name)
    }
    return splits(name, scale) * sum(map(len, seeds.values()))


@pytest.fixture(scope="module", params=SCALES)
def scale(request):
    return request.param


@pytest.fixture(scope="module")
def planned(pristine, scale):
    """The jobs of everything, as lines of (rule, experiment)."""
    output = pristine.run("snakemake", "--dry-run", "--config", f"scale={scale}", "--", "all")
    jobs, rule = [], ""
    for line in output.splitlines():
        if line.startswith(("rule ", "localrule ")):
            rule = line.split()[1].rstrip(":")
        elif line.strip().startswith("wildcards: "):
            wildcards = dict(word.split("=") for word in line.split(": ")[1].split(", "))
            jobs.append((rule, wildcards.get("experiment")))
    return jobs


@pytest.mark.parametrize("name", PARAMS["experiments"])
def test_an_experiment_has_a_job_per_model_split_and_seed(planned, scale, name):
    assert planned.count(("train", name)) == runs(name, scale, trained=True)
    for rule in ("predict", "evaluate"):
        assert planned.count((rule, name)) == runs(name, scale, trained=False), rule
    for rule in ("prepare", "split", "tabulate", "report"):
        assert planned.count((rule, name)) == 1, rule


def test_the_papers_sizes_are_planned():
    assert runs("scd2020_binary", "paper", trained=True) == 5 * (4 * 1 + 4 * 3)  # methods without steps have one seed


def test_demo_builds_the_flagship_pages_only(pristine, field):
    planned = pristine.planned("demo")
    pages = {field(body, "output") for name, body in planned.items() if name == "report"} - {""}
    assert pages <= {f"reports/build/{name}.html" for name in PARAMS["flagship"]}
    assert sum(name.startswith("index") for name in planned) == 1
