"""Faults while a job runs: killed, stopped, a full disk, a loss that is no number."""

import importlib.util
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from hemoseg.__main__ import main
from hemoseg.steps.files import read_table
from hemoseg.steps.weights import read_weights

pytestmark = pytest.mark.xdist_group("runtime")

REPOSITORY = Path(__file__).parents[2]
KILLS = REPOSITORY / "benchmarks" / "kills" / "run.py"


@pytest.fixture(scope="module")
def kills():
    """The benchmark's module, for its samples and settings."""
    spec = importlib.util.spec_from_file_location("kills", KILLS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def job(kills, tmp_path):
    """``job("train", steps=9)``: the arguments of a step on small samples in the test's folder."""
    kills.write_samples(tmp_path)

    def arguments(step, **settings):
        samples = ["--samples", f"{tmp_path}/samples.npz"]
        if step == "split":
            told = {"protocol": "folds", "folds": 2, "leakage": "report"} | settings
            words = ["--out", f"{tmp_path}/out/splits.csv", "--notes", f"{tmp_path}/out/splits.json"]
            return ["split", "--settings", json.dumps(told), *samples, *words]
        told = kills.SETTINGS | {"train": kills.TRAIN | settings}
        words = ["--splits", f"{tmp_path}/splits.csv", "--split", "fixed", "--seed", "0", "--device", "cpu"]
        words += ["--resume", f"{tmp_path}/resume", "--out", f"{tmp_path}/out/model"]
        return ["train", "--settings", json.dumps(told), *samples, *words]

    return arguments


def written(folder):
    """Every file under a folder, the state of unfinished trainings left out."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def sentence(capsys):
    """The one line that a step ends with."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hemoseg ")]
    assert len(lines) == 1, lines
    return lines[0]


def test_killed_trainings_and_tables_come_out_as_if_nobody_had_killed_them():
    command = [sys.executable, KILLS, "--kills", "4", "--tables", "20", "--rows", "400000"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trainings: " in done.stdout
    assert "tables: 20 kills" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_at_a_step_and_keeps_the_state(job, tmp_path, number):
    command = [sys.executable, "-m", "hemoseg", *job("train", steps=1_000_000), "--checkpoint-seconds", "0"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    end = time.monotonic() + 120
    while not list(tmp_path.glob("resume/*/state.safetensors")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(number)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 128 + number, text
    (state,) = tmp_path.glob("resume/*/state.safetensors")
    _, numbers = read_weights(state)
    assert f"stopped by a signal at step {numbers['done']}; the same command goes on from here" in text
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in text


@contextmanager
def largest_file(size):
    """No file can grow beyond ``size`` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("step", "size"), [("split", 40), ("train", 2000)])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(job, tmp_path, capsys, step, size):
    with largest_file(size):
        status = main(job(step, **({"steps": 2, "validate_every": 2} if step == "train" else {})))
    assert status == 1
    assert sentence(capsys).endswith("nothing half-written is left behind")
    assert written(tmp_path) == ["samples.npz", "splits.csv"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB at ``out``; skips where none may be mounted."""
    folder = tmp_path / "out"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    try:
        refused = subprocess.run(mount, capture_output=True, text=True).stderr.strip()
    except FileNotFoundError:
        refused = "there is no mount command"
    if refused:
        pytest.skip(f"no small disk may be mounted: {refused}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
def test_a_small_disk_that_fills_up_is_one_sentence(job, small_disk, capsys):
    (small_disk / "filling").write_bytes(bytes(48 * 1024))
    assert main(job("train", steps=2, validate_every=2)) == 1
    assert "No space left on device; nothing half-written" in sentence(capsys)
    assert not [name for name in written(small_disk) if name.endswith(".part")]


@pytest.mark.root
def test_a_read_only_disk_is_one_sentence(job, small_disk, capsys):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert main(job("split")) == 1
    assert "Read-only file system" in sentence(capsys)


def test_a_file_where_the_results_should_lie_is_one_sentence(job, tmp_path, capsys):
    (tmp_path / "out").write_text("in the way")
    assert main(job("split")) == 1
    assert f"{tmp_path}/out: " in sentence(capsys)


def test_a_loss_that_is_no_number_stops_with_its_step_and_keeps_the_last_good_model(job, tmp_path, capsys):
    assert main(job("train", learning_rate=1e30)) == 2
    said = sentence(capsys)
    assert re.search(r"the loss is (nan|inf) at step [23]; ", said), said
    (kept,) = tmp_path.glob("resume/*/last_good.safetensors")
    assert str(kept) in said
    tensors, _ = read_weights(kept)
    assert all(np.isfinite(tensor.numpy()).all() for tensor in tensors.values())
    assert not (tmp_path / "out").exists()


def test_stale_temporary_files_disturb_nothing(job, tmp_path):
    stale = tmp_path / "out" / ".splits.csv.0a1b2c3d.part"
    stale.parent.mkdir()
    stale.write_bytes(b"split,sam")
    assert main(job("split")) == 0
    assert len(read_table(tmp_path / "out/splits.csv")) == 16
