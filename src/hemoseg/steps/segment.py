"""Segment a lab's own images with a trained model: instances, class maps, overlays, a table of all cells."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hemoseg.errors import InputError
from hemoseg.steps import arguments, formats
from hemoseg.steps.images import unfilled
from hemoseg.steps.opened import Opened, open_model
from hemoseg.steps.pixel_progress import PixelProgress
from hemoseg.steps.predict import choose_device
from hemoseg.steps.running import PRECISIONS
from hemoseg.steps.segment_folder import Folder
from hemoseg.steps.segment_image import Task, segment_image
from hemoseg.steps.segment_inputs import Bad, Item, find_items, with_groups
from hemoseg.steps.segment_outputs import flags_of, row_of, write_cells, write_image
from hemoseg.steps.segment_settings import Settings, scale_of, settle
from hemoseg.steps.segmented import FORMAT, MARKER, read_segmented, read_tables
from hemoseg.steps.stopwatch import Stopwatch
from hemoseg.steps.weights import environment

HELD = 2**25  # pixels: an image up to this size is read once; rows of a larger one are read again when they are needed


def main(argv: list[str]) -> None:
    """Parse the arguments and segment."""
    args = _parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    opened = open_model(args.model, choose_device(args.device), args.precision)
    settings = settle(args.settings, opened)
    items, bad = find_items(
        args.inputs, channels=opened.description["in_channels"], page=args.page, pixel_size=args.pixel_size
    )
    _stop_or_say(bad, args.skip_bad)
    if not items:
        raise InputError("no image is left to segment; give at least one that can be read")
    items = with_groups(items, args.groups)
    scales = {item.name: scale_of(args.scale, opened, item.pixel_size) for item in items}
    for note in sorted({note for _, note in scales.values() if note}):
        print(f"segment: {note}", file=sys.stderr)
    folder = Folder(args.out, _facts(args, opened, settings))
    if args.replace:
        folder.clear()
    if folder.begin(items):
        _say_finished(args.out, items)
        return
    run = _Run(args, opened, settings, folder, {name: scale for name, (scale, _) in scales.items()})
    run.all(items, bad)
    print(_summary(args.out, run.watch))


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser("segment", __doc__)
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="folder that `train` or `share` wrote, BioImage package or ONNX file"
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="image files, folders of images, folder datasets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; one that was begun is gone on with")
    parser.add_argument(
        "--formats", type=formats.chosen, default=(), help=f"also: {', '.join(formats.FORMATS)}, or all"
    )
    parser.add_argument("--probability", action="store_true", help="also each class's probability, a TIFF of 8 bits")
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON: window, overlap, cells ...")
    parser.add_argument("--scale", type=arguments.positive, help="resize images by this factor for the model")
    parser.add_argument("--pixel-size", type=arguments.positive, help="micrometres, before what the files tell")
    parser.add_argument(
        "--white", type=arguments.positive, help="value that means full light, such as 4095 for 12 bits"
    )
    parser.add_argument("--page", help="of a TIFF of several pages: a number from 1, all, mean or max")
    parser.add_argument("--groups", type=Path, help="CSV with columns image and group (patient or slide)")
    parser.add_argument("--replace", action="store_true", help="delete what another `segment` left in --out")
    parser.add_argument("--skip-bad", action="store_true", help="go on where a file cannot be read, and say so")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--precision", default="32-true", choices=list(PRECISIONS))
    parser.add_argument("--threads", type=arguments.whole_from(1), default=os.cpu_count() or 1)
    return parser


def _facts(args: argparse.Namespace, opened: Opened, settings: Settings) -> dict[str, Any]:
    """What segment.json says of the run; nothing of when and how fast it was, so that two runs write the same."""
    description = opened.description
    return {
        "format": FORMAT,
        "model": {
            "name": opened.name, "network": description.get("network", ""), "weights_sha256": opened.sha256,
            "in_channels": description["in_channels"], "path": str(args.model),
        },
        "classes": list(description["classes"]),
        "settings": settings.as_facts() | {
            "scale": args.scale, "pixel_size_um": args.pixel_size, "white": args.white, "page": args.page,
            "probability": args.probability, "formats": list(args.formats), "device": opened.device.type,
            "precision": args.precision,
        },
        "versions": environment(opened.device)["versions"],
        "started_in": os.path.relpath(".", args.out),
    }  # fmt: skip


def _say_finished(out: Path, items: Sequence[Item]) -> None:
    done = os.stat(out / MARKER).st_mtime
    if newer := [item.file for item in items if os.stat(item.source.path).st_mtime > done]:
        words = f"{newer[0]}" + (f" and {len(newer) - 1} more are" if len(newer) > 1 else " is")
        print(f"segment: {words} newer than what was made of it; --replace segments again", file=sys.stderr)
    print(f"{out}: is finished already")


def _stop_or_say(bad: Sequence[Bad], skip: bool) -> None:
    """Stop at the first file that cannot be read, unless such files are to be skipped."""
    for one in bad:
        if not skip:
            raise InputError(f"{one.reason}; or give --skip-bad to go on without such files")
        print(f"segment: skipped: {one.reason}", file=sys.stderr)


class _Run:
    """Segments image after image."""

    def __init__(
        self, args: argparse.Namespace, opened: Opened, settings: Settings, folder: Folder, scales: dict[str, float]
    ):
        self.args, self.opened, self.settings, self.folder, self.scales = args, opened, settings, folder, scales
        self.names = list(opened.description["classes"])
        self.watch = Stopwatch()
        self.notices: Counter[str] = Counter()

    def all(self, items: Sequence[Item], bad: Sequence[Bad]) -> None:
        """All images, then the tables."""
        rows, flags, parts, skipped = [], [], [], list(bad)
        pixels = sum(item.source.size[0] * item.source.size[1] for item in items)
        with PixelProgress(pixels, len(items)) as progress:
            for item in items:
                try:
                    told = self.one(item, progress)
                except InputError as error:
                    skipped.append(Bad(item.file, str(error)))
                    _stop_or_say(skipped[-1:], self.args.skip_bad)
                    continue
                rows.append(told["row"])
                flags += [(item.name, *flag) for flag in told["flags"]]
                parts.append(self.folder.cells_file(item))
        for sentence, count in self.notices.items():
            print(f"segment: {sentence} ({count} of {len(items)} images)", file=sys.stderr)
        if not rows:
            raise InputError("no image could be read; nothing is segmented")
        with self.watch.of("write"):
            sized = any(row["pixel_size_um"] != "" for row in rows)
            write_cells(self.folder.path, parts, self.opened.description["in_channels"], sized)
        self.folder.write_tables(rows, flags)
        self._collected()
        self.folder.finish([{"file": one.file, "reason": one.reason} for one in skipped])

    def _collected(self) -> None:
        """The files of all images together, which are made from the files of each."""
        if later := [name for name in self.args.formats if name not in formats.EACH]:
            images, cells = read_tables(self.folder.path)
            formats.write_collected(self.folder.path, images, cells, {"classes": self.names}, later)

    def one(self, item: Item, progress: PixelProgress) -> dict[str, Any]:
        """What is noted of one image; segmented unless an earlier run has done it."""
        told = self.folder.finished(item)
        if told is not None:
            progress.step(item.source.size[0] * item.source.size[1], skipped=True)
            progress.image()
            return told
        if item.source.size[0] * item.source.size[1] <= HELD:
            with self.watch.of("read"):
                item.source.hold()
                if not (self.args.white or item.white) and (said := unfilled(item.source.whole())):
                    item.source.notices.append(said)
        channels, scale = self.opened.description["in_channels"], self.scales[item.name]
        task = Task(
            item.source.rows, item.source.size, scale, self._brightness(item), self.folder.work(item), progress.step
        )
        try:
            found, words = segment_image(self.opened, task, self.settings, self.watch)
            cells = write_image(
                self.folder.path, item, found, self.names, probability=self.args.probability,
                formats=self.args.formats, watch=self.watch,
            )  # fmt: skip
            with self.watch.of("flags"):
                white = self.args.white or item.white
                flags = [*words, *flags_of(found, self.opened.evidence, scale, channels, white)]
            found.stores.close()
        finally:
            item.source.close()
            self.notices.update(item.source.notices)
        row = row_of(item, cells, self.names, channels, scale, [word for word, _ in flags])
        self.folder.finish_image(item, row, cells, flags)
        progress.image()
        return {"row": row, "flags": flags}

    def _brightness(self, item: Item) -> float:
        """Factor from the image's numbers to those that the model knows."""
        with self.watch.of("read"):
            largest = float(np.iinfo(item.source.rows(0, 1).dtype).max)
        white = self.args.white or item.white or largest
        if self.opened.white is None:  # it knows full light of each type; floats lie in [0, 1]
            return 1.0 if white == largest else 1 / white
        return self.opened.white / white


def _summary(out: Path, watch: Stopwatch) -> str:
    done = read_segmented(out)
    total = sum(watch.seconds.values()) or 1.0
    shares = ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in watch.seconds.items())
    flagged = int((done.images["flags"] != "").sum())
    words = f"; {flagged} flagged, see flags.csv" if flagged else ""
    return f"{out}: {len(done.cells)} cells in {len(done.images)} images{words}; time: {shares}"
