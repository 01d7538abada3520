"""The folder that `segment` writes while it is written: what is finished stays, whatever happens to the process."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.errors import InputError
from hemoseg.steps.files import read_json, read_table, write_json, write_table
from hemoseg.steps.segment_inputs import Item
from hemoseg.steps.segmented import FACTS, MARKER
from hemoseg.steps.weights import sha256

ENDINGS = (".tif", ".png", ".geojson", ".zip", ".ome.tif")  # of the files of an image
WORK = ".segment"  # in the folder: notes of finished images, and what is not finished
MUST_AGREE = ("format", "classes", "settings", "versions")  # of the facts, between runs that write one folder


@dataclass(frozen=True)
class Folder:
    """A folder and the facts of the run that writes it."""

    path: Path
    facts: dict[str, Any]

    def clear(self) -> None:
        """Remove what `segment` left there, unless it is a run of the same facts that can be gone on with."""
        if not (self.path / MARKER).is_file():
            return
        told = read_json(self.path / MARKER, FACTS)
        same = told["model"].get("weights_sha256") == self.facts["model"]["weights_sha256"]
        if told["complete"] or not same or any(told[key] != self.facts[key] for key in MUST_AGREE):
            shutil.rmtree(self.path)

    def begin(self, items: Sequence[Item]) -> bool:
        """Make or take up the folder; whether it is finished already.

        Raises:
            InputError: it holds what `segment` did not write, or what another model, other settings or other images
                made.
        """
        if self.path.is_symlink() and not self.path.exists():
            raise InputError(f"{self.path}: a link that leads nowhere; choose another --out")
        if not self.path.exists() or (self.path.is_dir() and self._is_free()):
            write_json(self.path / MARKER, self.facts | {"complete": False})
            self._sweep()
            return False
        if not (self.path / MARKER).is_file():
            raise InputError(f"{self.path}: exists and was not written by this step; choose another --out")
        self._sweep()
        told = read_json(self.path / MARKER, FACTS)
        if differing := [key for key in MUST_AGREE if told[key] != self.facts[key]]:
            raise InputError(
                f"{self.path}: was begun with {self._difference(told, differing[0])}; choose another --out"
            )
        if told["model"].get("weights_sha256") != self.facts["model"]["weights_sha256"]:
            raise InputError(f"{self.path}: was begun with another model; choose another --out, or delete it")
        if not told["complete"]:
            return False
        self._require_same(told, items)
        return True

    def _require_same(self, told: Mapping[str, Any], items: Sequence[Item]) -> None:
        """Refuse items that are others than those of the finished folder, or hold other images by now."""
        there = read_table(self.path / "images.csv", dtype=str)
        skipped = {one["file"] for one in told.get("skipped", [])}
        kept = [item for item in items if item.file not in skipped]
        wanted = [(item.name, item.file, item.page, item.group) for item in kept]
        done = list(there[["image", "file", "page", "group"]].fillna("").itertuples(index=False, name=None))
        if [one[:2] for one in done] != [one[:2] for one in wanted]:
            raise InputError(f"{self.path}: is finished, with other images; choose another --out")
        if done != wanted:
            raise InputError(f"{self.path}: is finished, with other pages or groups; give --replace, or another --out")
        hashes = told.get("images", {})
        for item in kept:
            if hashes.get(item.name, "") not in ("", sha256(item.source.path)):
                cause = f"is finished, but {item.file} is another image by now"
                raise InputError(f"{self.path}: {cause}; give --replace, or another --out")

    def _sweep(self) -> None:
        """Remove what a run had half written when it was killed."""
        for half in self.path.rglob(".*.part"):
            half.unlink()

    def _is_free(self) -> bool:
        """Whether the folder is empty, but for the marker that a killed run had begun to write."""
        return all(file.match(f".{MARKER}.*.part") for file in self.path.iterdir())

    def _difference(self, told: Mapping[str, Any], key: str) -> str:
        """What differs, in words."""
        old, new = told[key], self.facts[key]
        if not isinstance(old, dict):
            return f"{key} {old!r}, not {new!r}"
        name = next((one for one in {**old, **new} if old.get(one) != new.get(one)), key)
        return f"{key} {name} {old.get(name)!r}, not {new.get(name)!r}"

    def work(self, item: Item) -> Path:
        """Where what is not finished of an image lies; emptied where the image is another one by now."""
        folder = self.path / WORK / item.name
        note = folder / "image.json"
        if not note.exists() or read_json(note) != _mark(item):
            shutil.rmtree(folder, ignore_errors=True)
            write_json(note, _mark(item))
        return folder

    def finished(self, item: Item) -> dict[str, Any] | None:
        """What was noted of an image that is finished, if it is still the same."""
        note = self.path / WORK / f"{item.name}.json"
        if not note.exists():
            return None
        told = read_json(note, ["mark", "row", "flags"])
        return told if told["mark"] == _mark(item) else None

    def cells_file(self, item: Item) -> Path:
        """Where the image's rows of the table of cells lie until all are joined."""
        return self.path / WORK / f"{item.name}.csv"

    def finish_image(self, item: Item, row: Mapping[str, Any], cells: pd.DataFrame, flags: Sequence[Any]) -> None:
        """Note that an image is finished; what it needed on the way is removed."""
        write_table(self.cells_file(item), cells)
        told = {"mark": _mark(item), "row": dict(row), "flags": [list(one) for one in flags]}
        told["sha256"] = sha256(item.source.path)
        write_json(self.path / WORK / f"{item.name}.json", told)
        shutil.rmtree(self.path / WORK / item.name, ignore_errors=True)

    def write_tables(self, rows: Sequence[Mapping[str, Any]], flags: Sequence[tuple[str, str, str]]) -> None:
        """Write the tables of images, of patients or slides, and of flags."""
        images = pd.DataFrame(rows)
        write_table(self.path / "images.csv", images)
        write_table(self.path / "groups.csv", counts_by_group(images))
        write_table(self.path / "flags.csv", pd.DataFrame(flags, columns=["image", "flag", "reason"]))

    def finish(self, skipped: Any) -> None:
        """Say that the folder is complete, and of which images."""
        names = read_table(self.path / "images.csv", dtype=str)["image"]
        self._forget(set(names))
        hashes = {name: read_json(self.path / WORK / f"{name}.json").get("sha256", "") for name in names}
        write_json(self.path / MARKER, self.facts | {"images": hashes, "skipped": skipped, "complete": True})
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def _forget(self, names: set[str]) -> None:
        """Remove the files of images that an earlier, unfinished run was given and this one was not."""
        notes = [*(self.path / WORK).glob("*.json"), *(one for one in (self.path / WORK).iterdir() if one.is_dir())]
        begun = {one.stem if one.is_file() else one.name for one in notes}
        for name in begun - names:
            for folder in (one for one in self.path.iterdir() if one.is_dir() and one.name != WORK):
                for ending in ENDINGS:
                    (folder / f"{name}{ending}").unlink(missing_ok=True)


def counts_by_group(images: pd.DataFrame) -> pd.DataFrame:
    """Counts of each patient or slide, summed over its images, in the order in which they come first.

    Args:
        images: rows of images.csv.

    Returns:
        Columns group ("" holds images of which none was named), images, flagged (images with a flag), cells and
        ``n_<class>`` for each class but the background.
    """
    counts = [name for name in images if name == "cells" or name.startswith("n_")]
    table = images[["group"]].assign(images=1, flagged=images["flags"].ne("").astype(int), **images[counts])
    return table.groupby("group", sort=False, as_index=False).sum()


def _mark(item: Item) -> dict[str, Any]:
    """By what an image is known to be the same as in an earlier run."""
    stat = os.stat(item.source.path)
    return {
        "file": item.file, "page": item.page, "group": item.group, "pixel_size_um": item.pixel_size,
        "bytes": stat.st_size, "changed": stat.st_mtime_ns, "size": list(item.source.size),
    }  # fmt: skip
