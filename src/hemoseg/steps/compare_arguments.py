"""The command line of `compare`, with the help that is its manual."""

import argparse
import textwrap
from pathlib import Path

from hemoseg.data.mask_kinds import CLASSES, INSTANCES, MASK
from hemoseg.steps import arguments
from hemoseg.steps.mask_folders import AUTO, EMPTY, REFUSE, SKIP
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import NAMED

PURPOSE = """\
Compare folders of masks with the truth, and with each other: is A better than B on
these images, and how sure is it? No model is needed, and it does not matter whose
program made the masks.
"""
MANUAL = f"""\
folders
  Each of TRUTH, A, B, ... holds label images itself, or in instances/, classes/ or masks/
  (a folder dataset, or what `hemoseg restore` wrote). Images are matched by the names of
  their files without the suffix; where all names of a rival end alike (x_cp_masks.png),
  the ending is taken off. PNG or TIFF, one number per pixel, 8, 16 or 32 bit:
    mask       0 and 1, or 0 and 255
    instances  0 background, 1, 2, ... a number per cell
    classes    0 background, 1, 2, ... a class; 255 is ignored in TRUTH
  --kind auto tells them apart by their numbers and prints what it took them for. A mask
  may stand beside numbered cells: its cells are its 8-connected parts. Where TRUTH does
  not tell cells apart nothing is said of cells, unless --cells-from-parts.
  Masks hold no probabilities: of calibration and ROC nothing can be said.
  TRUTH's dataset.yaml (class names, pixel_size_um), manifest.csv (column group) and
  images/ are used where they are there and the options do not say otherwise.

conventions
  strict     ours: scores per image, then their mean; an image where a class neither is
             nor was found is left out; missed or made up, it costs the worst there is
             (overlap 0, distance the image's diagonal); averages leave the background out
  published  the papers' habit: a class on one side only has no distance and is left out;
             averages take the background in
  The page has every definition, and says which choices would change the order.

columns
  The usual ones are those that the folders allow. --columns takes any of these ids:
{textwrap.fill(", ".join(COLUMNS), 88, initial_indent="  ", subsequent_indent="  ")}

out
  compare.html              the page: opens offline, loads nothing
  compare.csv               the table: a line per rival, column and class
  compare.images.csv        the same for every single image
  compare.pixels.csv, .cells.csv   counts of pixels per image and class; facts of every cell
  compare.confusion.csv     which class was taken for which
  compare.intervals.csv     95 % intervals of the table's numbers over the images (or groups)
  compare.differences.csv   every two rivals on the same images: difference, interval, tests
  compare.ranking.csv       how often each rival has each rank when images are drawn anew
  compare.panel.csv, .absences.csv   ranks under other conventions; images without a class
  compare.conventions.json, .statistics.json   what the numbers mean
  compare.json              what was compared

examples
  hemoseg compare truth otsu unet --out compared
  hemoseg compare data/lab results/lab/masks/unet cellpose_out --names U-Net Cellpose \\
      --groups patients.csv --images data/lab/images --out compared
  hemoseg compare truth a b --kind classes --class-names normal,sickle,other --out compared

exit status
  0 done, 2 bad input (one sentence says what and what to do), 1 a fault of the disk.
  In both of the latter cases --out is as it was before.
"""


def parser() -> argparse.ArgumentParser:
    """Arguments of `compare`."""
    made = arguments.parser("compare", PURPOSE)
    made.formatter_class, made.epilog = argparse.RawDescriptionHelpFormatter, MANUAL
    made.add_argument("truth", type=Path, metavar="TRUTH", help="folder of what is right")
    made.add_argument("rivals", type=Path, nargs="+", metavar="A", help="folders to compare with it, and with A each")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write, or to write anew")
    made.add_argument(
        "--names", nargs="+", default=[], metavar="NAME", help="what to call A, B, ... (default: folders)"
    )
    made.add_argument("--kind", choices=[AUTO, MASK, INSTANCES, CLASSES], default=AUTO, help="what the files hold")
    made.add_argument("--class-names", type=_listed, default=[], metavar="X,Y", help="of classes 1, 2, ...")
    made.add_argument("--ignore", type=int, metavar="N", help="number in TRUTH that does not count (classes: 255)")
    made.add_argument("--cells-from-parts", action="store_true", help="TRUTH's cells are its 8-connected parts")
    made.add_argument("--min-area", type=_at_least_0, metavar="PX", help="least cell (default: 0.1 of the median one)")
    made.add_argument("--missing", choices=[REFUSE, EMPTY, SKIP], default=REFUSE, help="an image that a rival lacks")
    made.add_argument("--groups", type=Path, metavar="CSV", help="columns id and group: patient or slide of each image")
    made.add_argument("--pixel-size", type=_positive, metavar="UM", help="micrometres per pixel")
    made.add_argument("--tolerance", type=_at_least_0, default=2, metavar="PX", help="of boundaries (default: 2 px)")
    made.add_argument("--tolerance-um", type=_at_least_0, metavar="UM", help="the same in micrometres")
    made.add_argument("--images", type=Path, metavar="DIR", help="raw images, to show masks on")
    made.add_argument("--convention", choices=sorted(NAMED), default="strict", help="how counts become scores")
    made.add_argument("--columns", type=_listed, default=[], metavar="X,Y", help="columns to show, by id")
    made.add_argument("--no-page", action="store_true", help="write no compare.html")
    return made


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _positive(text: str) -> float:
    if not 0 < (number := float(text)) < float("inf"):
        raise ValueError(text)
    return number


def _at_least_0(text: str) -> float:
    if not 0 <= (number := float(text)) < float("inf"):
        raise ValueError(text)
    return number


_positive.__name__, _at_least_0.__name__ = "positive number", "number of at least 0"  # what argparse calls them
