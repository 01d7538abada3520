import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hemoseg import __main__, __version__, steps
from hemoseg.__main__ import main, step_names
from hemoseg.errors import InputError


def run(*words):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=120)


def test_the_package_can_be_run_and_its_help_does_not_wait_for_torch():
    code = "import sys; from hemoseg.__main__ import main; main(['--help']); assert 'torch' not in sys.modules"
    for done in (run("-m", "hemoseg", "--help"), run("-c", code)):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("usage: hemoseg STEP [options]")


HEAVY = ["kornia", "lightning_fabric", "matplotlib", "scipy.stats", "sklearn", "torch._dynamo"]


@pytest.mark.parametrize(
    ("modules", "barred"),
    [
        (("steps.train", "steps.predict", "models.deformable_unet", "models.pixel_forest"), HEAVY),
        (("steps.evaluate", "steps.gather", "steps.clinic"), ["torch", *HEAVY]),
    ],
)
def test_steps_that_run_often_start_without_what_few_of_them_need(modules, barred):
    imports = "; ".join(f"import hemoseg.{name}" for name in modules)
    done = run("-c", f"import sys; {imports}; print(*({set(barred)} & set(sys.modules)))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_usage_has_a_line_for_every_step(capsys):
    assert main([]) == 2
    lines = capsys.readouterr().out.splitlines()
    for name in step_names():
        assert any(line.split()[:1] == [name] and len(line.split()) > 3 for line in lines)


def test_steps_are_the_modules_with_a_main():
    folder = Path(steps.__file__).parent
    with_main = {path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8")}
    assert set(step_names()) == with_main
    assert {"train", "predict", "prepare", "split", "evaluate"} <= with_main


@pytest.mark.parametrize("name", step_names())
def test_every_step_has_a_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: hemoseg {name}" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hemoseg {__version__}\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [("trian", "did you mean train?"), ("zzz", "the steps are adapt,"), ("files", "no step 'files'")],
)
def test_an_unknown_step_is_refused_with_the_nearest_name(capsys, name, words):
    assert main([name]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"hemoseg: there is no step '{name}'")
    assert words in said


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (InputError("a.png: broken; export it again"), 2, "hemoseg train: a.png: broken; export it again\n"),
        (OSError(28, "No space left on device", "r/a.npz"), 1, "hemoseg train: r/a.npz: No space left on device; "),
        (OSError(28, "No space left", "in/a.png", None, "out/a.png"), 1, "hemoseg train: out/a.png: No space left; "),
        (OSError("lost"), 1, "hemoseg train: lost; "),
    ],
)
def test_what_a_user_can_mend_is_one_line(monkeypatch, capsys, fault, status, words):
    class Step:
        @staticmethod
        def main(argv):
            raise fault

    monkeypatch.setattr(__main__.importlib, "import_module", lambda name: Step)
    assert main(["train"]) == status
    said = capsys.readouterr().err
    assert said.startswith(words)
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("step", "option", "value", "words"),
    [
        ("segment", "--threads", "0", "0 is no whole number from 1"),
        ("segment", "--white", "nan", "nan is no positive number"),
        ("suggest", "--seed", "-1", "-1 is no whole number from 0"),
        ("count", "--seed", "²", "² is no whole number from 0"),
        ("adapt", "--learning-rate", "nan", "nan is no positive number"),
        ("adapt", "--steps", "1.5", "1.5 is no whole number from 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_before_anything_is_read(capsys, step, option, value, words):
    with pytest.raises(SystemExit) as ended:
        main([step, "model", "frames", "--out", "out", f"{option}={value}"])
    assert ended.value.code == 2
    assert f"argument {option}: {words}" in capsys.readouterr().err


def test_a_fault_of_our_own_is_not_hidden(monkeypatch):
    class Step:
        @staticmethod
        def main(argv):
            raise KeyError("ours")

    monkeypatch.setattr(__main__.importlib, "import_module", lambda name: Step)
    with pytest.raises(KeyError):
        main(["train"])


@pytest.mark.parametrize("text", ["{", "[1]", "3", ""])
def test_settings_that_are_no_object_are_refused(capsys, text):
    assert main(["train", "--settings", text]) == 2
    assert "hemoseg train: --settings: " in capsys.readouterr().err


def test_what_a_lab_calls_stands_first_and_is_there(capsys):
    assert set(steps.FOR_IMAGES) <= set(step_names())
    main(["--help"])
    text = capsys.readouterr().out
    assert text.index("on your own images:") < text.index("steps of the workflow:")
    told = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    assert told[: len(steps.FOR_IMAGES)] == list(steps.FOR_IMAGES)
    assert sorted(told) == step_names()


def test_what_no_rule_calls_is_listed_for_labs():
    rules = [Path("Snakefile"), *Path("workflow").rglob("*.smk"), *Path("workflow").rglob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in rules)
    called = {name for name in step_names() if re.search(rf"(hemoseg |steps[./]){name}\b", text)}
    assert called > {"train", "predict", "segment"}
    public = {"download"}  # fetches the images of others
    assert set(steps.FOR_IMAGES) == set(step_names()) - called - public | {"segment"}
