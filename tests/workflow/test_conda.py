"""`--use-conda`: every rule goes through it, and turning it on or off runs nothing again.

No conda is needed: stand_in_conda answers in its place. That environment.yml can be solved is not shown here.
"""

import ast
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.xdist_group("workflow")

REPOSITORY = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in_conda" / "bin"
# conda-forge's name to PyPI's, an import's to its distribution's, a distribution's to the one that brings it.
PYPI = {"pytorch": "torch"}
DISTRIBUTION = {
    "PIL": "pillow", "cv2": "opencv-python-headless", "yaml": "pyyaml", "skimage": "scikit-image",
    "lightning_fabric": "lightning-fabric", "nbformat": "nbconvert", "traitlets": "nbconvert",
    "matplotlib": "seaborn", "IPython": "ipykernel", "sklearn": "scikit-learn",
}  # fmt: skip
# Export and PDF are no rules of the workflow; a torch for CUDA brings the triton that fits it.
OPTIONAL = {"bioimageio", "loguru", "onnx", "onnxruntime", "onnxscript", "triton", "weasyprint"}
ONE = "results/scd2020_binary/evaluate/{}/runs.csv"


@pytest.fixture
def conda_path():
    return {"PATH": os.pathsep.join([str(STAND_IN), str(Path(sys.executable).parent), os.environ["PATH"]])}


def test_switching_conda_on_and_off_runs_nothing_again(flow, conda_path):
    with_conda, without = ONE.format("otsu"), ONE.format("unet")
    said = flow.run(with_conda, options=["--use-conda"], **conda_path)
    assert "Activating conda environment: .snakemake/conda/" in said
    flow.run(without)
    assert flow.planned(flow.page, with_conda, without) == {}
    said = flow.run(flow.page, with_conda, without, options=["--dry-run", "--use-conda"], **conda_path)
    assert "Nothing to be done" in said


def test_the_same_jobs_are_planned_with_conda_and_without(pristine, conda_path, field):
    def jobs(*options, **variables):
        planned = pristine.planned_jobs(*options, "--config", "scale=demo", "--", "all", **variables)
        return sorted((rule, field(body, "input"), field(body, "output")) for rule, body in planned)

    plain = jobs()
    assert len(plain) > 40
    assert jobs("--use-conda", **conda_path) == plain


def test_every_rule_names_the_environment(pristine):
    rules = [part for path in (pristine / "workflow/rules").glob("*.smk") for part in rules_of(path.read_text())]
    assert len(rules) >= 12
    for text in rules:
        assert '    conda:\n        "../../environment.yml"' in text, text.splitlines()[0]
        assert "    log:\n" in text, text.splitlines()[0]


def rules_of(text):
    return re.findall(r"^rule \w+:\n(?:(?: .*)?\n)+", text, re.MULTILINE)


def dependencies():
    """Name to version of environment.yml, by PyPI's names."""
    entries = yaml.safe_load((REPOSITORY / "environment.yml").read_text())["dependencies"]
    lines = [(line, "=") for line in entries if isinstance(line, str) and line != "pip"]
    lines += [(line, "==") for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    found = {}
    for line, sign in lines:
        parsed = re.fullmatch(rf"([a-z0-9][a-z0-9._-]*){sign}(\d+(?:\.\d+)*)", line)
        assert parsed, f"environment.yml: {line!r} is no name{sign}version"
        found[PYPI.get(parsed[1], parsed[1])] = parsed[2]
    return found


def test_the_environment_has_the_locked_versions():
    lines = (REPOSITORY / "requirements.lock").read_text().lower().splitlines()
    locked = dict(line.split(";")[0].strip().split("==") for line in lines)
    found = dependencies()
    assert found.pop("python") == "3.11"
    assert found == {name: locked[name] for name in found}


def test_the_environment_holds_all_that_the_steps_import():
    imported = set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    needed = {DISTRIBUTION.get(name, name) for name in imported - sys.stdlib_module_names - {"hemoseg"} - OPTIONAL}
    assert "torch" in needed
    assert needed <= set(dependencies())
