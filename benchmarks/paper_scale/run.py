"""One job of every row at the papers' sizes for a few steps: what a GPU would run for days does begin.

    python benchmarks/paper_scale/run.py [--steps 3] [--experiments scd2020_binary ...] [--rows 1] [--folder DIR]

Plans everything at ``scale: paper``, then trains, predicts and evaluates each row on the first split with the first
seed: the papers' number of frames and their sample sizes, only the number of optimiser steps differs. Prints a line
per row and ends with status 1 where a job fails. On two cores an hour and more for all rows, most of it predictions.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "workflow"))
from plan import resolve  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="optimiser steps of each training")
    parser.add_argument("--experiments", nargs="*", help="all, unless named")
    parser.add_argument("--rows", type=int, help="only so many rows of each, the last ones; all, unless given")
    parser.add_argument("--folder", type=Path, help="where to run; kept, so that a second call goes on")
    args = parser.parse_args()
    plan = resolve(yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8")) | {"scale": "paper"})
    chosen = {name: plan["experiments"][name] for name in args.experiments or plan["experiments"]}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary) / "hemoseg"
        copy_repository(folder)
        overlay = folder / "few_steps.yaml"
        overlay.write_text(json.dumps(few_steps(plan, args.steps)))
        if not snakemake(folder, overlay, "all", "--dry-run"):
            sys.exit("the plan at paper scale fails")
        print(f"the plan of {', '.join(plan['experiments'])} holds", flush=True)
        rows = {name: own_rows(name, experiment)[-(args.rows or 0) :] for name, experiment in chosen.items()}
        failed = [row for name in chosen for row in failing(folder, overlay, name, chosen[name], rows[name])]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def few_steps(plan: dict, steps: int) -> dict:
    """Overlay that leaves every training so few steps: experiments and rows may state their own."""
    few = {"train": {"steps": steps, "validate_every": steps}}
    return few | {
        "experiments": {
            name: few | {"models": dict.fromkeys(experiment["models"], few)}
            for name, experiment in plan["experiments"].items()
        }
    }


def copy_repository(folder: Path) -> None:
    """The files of the repository and the built libraries of the native layer, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    built = [path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("src/hemoseg/nn/native/*.so")]
    for name in [*filter(None, listed.split("\0")), *built]:
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


def own_rows(name: str, experiment: dict) -> list[str]:
    """Rows that run in this experiment."""
    return [key for key, model in experiment["models"].items() if model["home"] == name]


def failing(folder: Path, overlay: Path, name: str, experiment: dict, rows: list[str]) -> list[str]:
    """Those of the rows whose first run fails."""
    failed = []
    for key in rows:
        model = experiment["models"][key]
        run = f"{key}/{experiment['split_names'][0]}/seed{model['seeds'][0]}"
        begin = time.monotonic()
        done = snakemake(folder, overlay, f"results/{name}/evaluate/{run}/pixels.csv")
        print(f"{name} {run}: {'ok' if done else 'FAILED'}, {time.monotonic() - begin:.0f} s", flush=True)
        failed += [] if done else [f"{name} {key}"]
    return failed


def snakemake(folder: Path, overlay: Path, target: str, *options: str) -> bool:
    """Whether Snakemake succeeds at paper scale with the overlay; where it fails, its output is shown."""
    command = ["snakemake", "--cores", "2", *options, "--config", "scale=paper", "--configfile", str(overlay)]
    done = subprocess.run(
        [*command, "--", target], cwd=folder, env=os.environ | {"PYTHONPATH": "src"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout[-3000:], file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    main()
