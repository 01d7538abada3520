"""The import closure against Python itself: whatever a step imports is in it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import closure
import pytest

REPOSITORY = Path(__file__).parents[3]
ORACLE = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(f"hemoseg.{name}")
print(json.dumps([m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "hemoseg"]))
"""
NESTED = """
try:
    from hemoseg.nested import tried
except ImportError:
    from hemoseg.nested import caught
else:
    from hemoseg.nested import well
finally:
    from hemoseg.nested import last
for one in ():
    while one:
        from hemoseg.nested import looped
else:
    if one:
        from hemoseg.nested import conditional
    else:
        from hemoseg.nested import otherwise
class Held:
    async def late(self):
        with self:
            from hemoseg.nested import within
        match self:
            case 1:
                from hemoseg.nested import matched
"""


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize(
    "modules",
    [
        ("steps.train", "models.deformable_unet", "losses.cross_entropy"),
        ("steps.report", "steps.tabulate", "steps.evaluate", "figures"),
        ("steps.simulate", "simulation.smear"),
    ],
    ids=lambda modules: modules[0],
)
def test_what_python_imports_is_in_the_closure(at_root, modules):
    ran = subprocess.run(
        [sys.executable, "-c", ORACLE, *modules], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    imported = {Path(file).relative_to(REPOSITORY).as_posix() for file in json.loads(ran.stdout) if file}
    found = set(closure.code_of(*modules))
    assert imported <= found
    assert f"src/hemoseg/{modules[0].replace('.', '/')}.py" in imported


def test_a_network_is_in_its_own_closure_only(at_root):
    deformable = set(closure.code_of("steps.train", "models.deformable_unet"))
    plain = set(closure.code_of("steps.train", "models.unet"))
    assert "src/hemoseg/nn/deform_conv.py" in deformable - plain
    assert "src/hemoseg/nn/unet.py" in deformable & plain


def test_compiled_sources_are_in_the_closure_of_the_module_that_loads_them(at_root):
    sources = {path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("src/hemoseg/nn/native/*.?pp")}
    assert len(sources) > 3
    assert sources <= set(closure.code_of("steps.train", "models.deformable_unet"))
    assert not sources & set(closure.code_of("steps.train", "models.unet"))


def test_the_closure_of_a_small_package(tmp_path, monkeypatch):
    files = {
        "__init__.py": "",
        "__main__.py": "import hemoseg.errors\n",
        "errors.py": "",
        "a/__init__.py": "from hemoseg import errors\n",
        "a/one.py": "def late():\n    from hemoseg.b import two\n",
        "b/__init__.py": "",
        "b/two.py": "import numpy\nimport hemoseg.a.one\nimport hemoseg.c\n",
        "b/three.py": "",
        "c.py": NESTED,
    }
    names = re.findall(r"nested import (\w+)", NESTED)
    assert len(names) == 9
    files |= {f"nested/{name}.py": "" for name in ("__init__", *names)}
    for name, text in files.items():
        path = tmp_path / "src/hemoseg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    closure._file_of.cache_clear()
    closure._imports.cache_clear()
    try:
        found = [path.removeprefix("src/hemoseg/") for path in closure.code_of("a.one")]
        with pytest.raises(FileNotFoundError, match=r"no module hemoseg\.a\.none"):
            closure.code_of("a.none")
    finally:
        closure._file_of.cache_clear()
        closure._imports.cache_clear()
    assert found == sorted(set(files) - {"b/three.py"})
