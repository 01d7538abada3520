"""The benchmark of the networks: every network of the project is in it, its file holds what it prints."""

import json
import subprocess
import sys
from pathlib import Path

import torch

from hemoseg import models

FOLDER = Path(__file__).parents[3] / "benchmarks" / "models"
# One process for both questions: torch takes seconds to start.
CODE = "import run; print(*{row[0] for scale in ('demo', 'paper') for row in run.networks(scale)}); run.main()"


def test_every_network_is_a_row_and_what_is_asked_for_is_measured_on_a_machine_with_a_name(tmp_path):
    words = ["--scale", "demo", "--size", "40", "32", "--batch", "2", "--repeats", "2", "--device", "cpu"]
    words += ["--threads", "1", "--rows", "unet", "deformable_unet", "--out", str(tmp_path / "found.json")]
    command = [sys.executable, "-c", CODE, *words]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    every = {name for name in models.names() if models.is_network(models.load(name))}
    assert set(done.stdout.split("\n")[0].split()) == every
    found = json.loads((tmp_path / "found.json").read_text())
    plain, deformable = sorted(found["rows"], key=lambda row: row["flops"])
    assert (plain["network"], deformable["network"]) == ("unet", "deformable_unet")
    for row in (plain, deformable):
        made = models.load(row["network"]).build(3, 3, **row["settings"])
        assert row["parameters"] == sum(part.numel() for part in made.parameters())
        assert row["seconds_batch_1"]["median"] > 0
        assert row["images_per_second"]["q1"] <= row["images_per_second"]["median"] <= row["images_per_second"]["q3"]
        assert f"| {row['parameters']:,} | {row['flops'] / 1e9:.1f} |" in done.stdout
    assert plain["flops_by_formula"] == 0 < deformable["flops_by_formula"] < deformable["flops"]
    assert {"device", "cpu_model", "threads", "torch", "commit"} <= set(found["machine"])
    assert (found["size"], found["batch"], found["machine"]["device"]) == ([40, 32], 2, "cpu")
    assert torch.__version__ in found["machine"]["torch"]
