"""Kill -9 at random moments: trainings resume to the same bytes, tables are the old or the new one, never half.

    python benchmarks/kills/run.py [--kills 100] [--tables 300] [--rows 2000000] [--seed 0]

Every training and every table is written by a forked child, which has the imports already. Ends with status 1 at the
first difference.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import kornia.augmentation  # noqa: F401 - imported once, before the forks
import lightning_fabric  # noqa: F401
import numpy as np
import pandas as pd

from hemoseg.__main__ import run_step
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.models import unet  # noqa: F401
from hemoseg.steps import train  # noqa: F401
from hemoseg.steps.files import read_table, write_arrays, write_table, write_text

TRAIN = {"steps": 30, "batch_size": 2, "learning_rate": 0.001, "weight_decay": 0.0, "validate_every": 7}
TRAIN |= {"loss": "cross_entropy", "normalise": "training_set", "precision": "32-true", "augment": {"flip": True}}
SETTINGS = {"model": "unet", "network": "unet", "network_settings": {"width": 2, "levels": 1}, "train": TRAIN}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of trainings")
    parser.add_argument("--tables", type=int, default=300, help="kills while a table is written")
    parser.add_argument("--rows", type=int, default=2_000_000, help="of that table")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    draw = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        kill_trainings(Path(folder), args.kills, draw)
        kill_tables(Path(folder), args.tables, args.rows, draw)


def kill_trainings(folder: Path, kills: int, draw: random.Random) -> None:
    """Kill trainings until they were killed often enough; each must end as the uninterrupted one did."""
    write_samples(folder)
    begin = time.monotonic()
    finish(fork(lambda: training(folder, "whole")))
    seconds = time.monotonic() - begin
    whole = outcome(folder, "whole")
    done = finished = 0
    while done < kills:
        name = f"killed{finished}"
        while not killed_after(draw.uniform(0, seconds), lambda name=name: training(folder, name)):
            done += 1
            for file in ("model.safetensors", "last.safetensors"):
                path = folder / name / file
                check(not path.exists() or path.read_bytes() == whole[file], f"{name}: {file} is half-written")
        check(outcome(folder, name) == whole, f"{name} after {done} kills differs from the uninterrupted training")
        finished += 1
    pair = [fork(lambda: training(folder, "pair")) for _ in range(2)]
    for child in pair:
        finish(child)
    check(outcome(folder, "pair") == whole, "two trainings on one folder differ from one")
    print(f"trainings: {done} kills, {finished} finished, all as the uninterrupted one ({seconds:.1f} s)", flush=True)


def kill_tables(folder: Path, kills: int, rows: int, draw: random.Random) -> None:
    """Kill the writing of a table over another one; what stands there is one of the two."""
    path = folder / "tables" / "table.csv"
    # As `write_table` hands them on; large, so that most kills fall into the writing itself.
    texts = [
        f"row,value\n{''.join(f'{row},{row * 7 + version}{chr(10)}' for row in range(rows))}" for version in (0, 1)
    ]
    begin = time.monotonic()
    for text in texts:
        finish(fork(lambda text=text: write_text(path, text)))
    seconds = (time.monotonic() - begin) / len(texts)
    done, seen = 0, [0, 0]
    while done < kills:
        found = path.read_text()
        check(found in texts, f"after {done} kills the table has {len(found)} of {len(texts[0])} characters")
        version = texts.index(found)
        seen[version] += 1
        done += not killed_after(draw.uniform(0, seconds), lambda version=version: write_text(path, texts[1 - version]))
        left = [file for file in path.parent.iterdir() if file != path]
        check(all(file.name.endswith(".part") for file in left), f"left behind: {left}")
        for file in left:
            file.unlink()
    print(f"tables: {done} kills, {seen[0]} times the one and {seen[1]} times the other stood there whole", flush=True)


def write_samples(folder: Path) -> None:
    """Eight images with a bright cell each, and one split of them."""
    rng = np.random.default_rng(0)
    labels = [np.zeros((16, 16), np.int32) for _ in range(8)]
    for label in labels:
        row, column = rng.integers(1, 9, 2)
        label[row : row + 6, column : column + 6] = 1
    images = [rng.integers(0, 90, (3, 16, 16)).astype(np.uint8) + np.uint8(120) * (label > 0) for label in labels]
    ids = [f"s{i}" for i in range(8)]
    boxes, sizes = np.tile([0, 0, 16, 16], (8, 1)), np.tile([16, 16], (8, 1))
    blank = [""] * 8
    samples = Samples(
        images=[image.astype(np.uint8) for image in images], classes=[label.astype(np.uint8) for label in labels],
        instances=labels, ids=ids, frames=ids, groups=blank, kinds=blank, boxes=boxes, frame_sizes=sizes,
        class_names=["background", "cell"], white=255.0,
    )  # fmt: skip
    write_arrays(folder / "samples.npz", **to_arrays(samples))
    roles = ["train"] * 5 + ["val"] * 2 + ["test"]
    write_table(folder / "splits.csv", pd.DataFrame({"split": "fixed", "sample": ids, "role": roles}))


def training(folder: Path, name: str) -> int:
    """Run the training of one output folder; its state is saved after every step."""
    words = ["--settings", json.dumps(SETTINGS), "--samples", f"{folder}/samples.npz"]
    words += ["--splits", f"{folder}/splits.csv", "--split", "fixed", "--seed", "0", "--device", "cpu"]
    words += ["--checkpoint-seconds", "0", "--resume", f"{folder}/resume/{name}", "--out", f"{folder}/{name}"]
    return run_step("train", words)


def outcome(folder: Path, name: str) -> dict[str, object]:
    """What must not depend on interruptions: weights byte by byte, description, history without its seconds."""
    files = {file: (folder / name / file).read_bytes() for file in ("model.safetensors", "last.safetensors")}
    history = read_table(folder / name / "history.csv").drop(columns="seconds")
    return files | {"model.json": (folder / name / "model.json").read_text(), "history": history.to_csv(index=False)}


def fork(work: Callable[[], object]) -> int:
    """Process id of a child that does the work."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        os._exit(int(bool(work())))
    return child


def finish(child: int) -> None:
    """Wait for a child that must end well."""
    check(os.waitpid(child, 0)[1] == 0, "a process that nobody killed failed")


def killed_after(seconds: float, work: Callable[[], object]) -> bool:
    """Do the work in a child and kill it after some seconds; True where it had ended well by then."""
    child = fork(work)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            check(status == 0, f"a resumed process failed with {status}")
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    check(status == 0 or os.WIFSIGNALED(status), f"a process failed with {status} before it was killed")
    return status == 0


def check(right: bool, fault: str) -> None:
    """End with the fault unless all is right."""
    if not right:
        sys.exit(f"FAULT: {fault}")


if __name__ == "__main__":
    main()
