"""Colours and type that all figures share: a model or a class looks the same wherever it is drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

# scd2020: class 1 red, 2 blue, 3 yellow, 4 green; what comes after is ours.
CLASS_COLOURS = (
    *("#e6443c", "#3f7fd0", "#f2c12e", "#43a35a"),
    *("#b06fd0", "#39b5b8", "#f08a3c", "#d976a8", "#9aa53a", "#8c7460"),
)
BACKGROUND = "#14181f"
PALETTE = (BACKGROUND, *CLASS_COLOURS)  # by class id, where an experiment names no colours of its own
# Classes differ in hatches and lines too, for those who do not tell their colours apart.
CLASS_HATCHES = ("", "////", "....", "xxxx", "----", "||||", "oooo", "++++")
CLASS_LINES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1.2, 1, 1.2)))
# Okabe and Ito's colours: told apart by the colour-blind, and drawn with different lines besides.
AGREEMENT = {"found": "#ffffff", "spurious": "#e69f00", "missed": "#0a84e0", "wrong class": "#cc79a7"}
NETWORK_COLOURS = ("#2b6cb0", "#c0293f", "#2f8f5b", "#b7791f", "#7b4fa3", "#0f8b8d")
CLASSICAL_COLOURS = ("#7d8794", "#b39b7d", "#4a5460", "#c4ccd6")
GROUP_MARKERS = "osD^vP*Xhp<>"
INK, SOFT, LINE = "#1d2430", "#5b6575", "#dfe3ea"

matplotlib.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.edgecolor": SOFT,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": LINE,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
        "hatch.linewidth": 0.7,
    }
)


def figure(width: float, height: float) -> Figure:
    """An empty figure in inches, with axes that keep out of each other's way."""
    made = Figure(figsize=(width, height), layout="constrained")
    made.get_layout_engine().set(w_pad=0.05, h_pad=0.05, wspace=0.02, hspace=0.02)
    return made


def plain(text: Any) -> str:
    """Text from data as matplotlib shall draw it: a dollar sign is no formula, a leading underscore hides nothing."""
    shown = "".join(c if c.isprintable() else " " for c in str(text)).replace("$", r"\$")
    return f"\N{ZERO WIDTH SPACE}{shown}" if shown.startswith("_") else shown


def shortened(text: Any, length: int = 26) -> str:
    """Text with its middle left out where it is longer than ``length``."""
    text = str(text)
    half = (length - 1) // 2
    return plain(text if len(text) <= length else f"{text[:half]}…{text[-half:]}")


def model_colours(models: Mapping[str, Mapping[str, Any]], trained: Sequence[str]) -> dict[str, str]:
    """A colour per model key: strong ones for what is trained by steps, quiet ones for the classical methods."""
    strong = [key for key in models if key in trained]
    quiet = [key for key in models if key not in trained]
    colours = {key: NETWORK_COLOURS[i % len(NETWORK_COLOURS)] for i, key in enumerate(strong)}
    return colours | {key: CLASSICAL_COLOURS[i % len(CLASSICAL_COLOURS)] for i, key in enumerate(quiet)}


def palette(class_names: Sequence[str], chosen: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """A colour per class, background first: the chosen one of its name, else that of its id."""
    return tuple((chosen or {}).get(name) or class_colour(number) for number, name in enumerate(class_names))


def class_colour(class_id: int, colours: Sequence[str] = PALETTE) -> str:
    """Colour of class 1, 2, ...; of the background for 0. Where there are more classes than colours they repeat."""
    return colours[1 + (class_id - 1) % (len(colours) - 1)] if class_id else colours[0]


def class_hatch(class_id: int) -> str:
    """Hatch of class 1, 2, ... in a class map; the first has none."""
    return CLASS_HATCHES[(class_id - 1) % len(CLASS_HATCHES)]


def class_line(class_id: int) -> Any:
    """Line of the outline of class 1, 2, ..."""
    return CLASS_LINES[(class_id - 1) % len(CLASS_LINES)]


def group_colours(groups: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """A colour per patient or slide, in sorted order."""
    names = sorted(set(groups))
    palette = matplotlib.colormaps["viridis"](np.linspace(0.05, 0.92, max(len(names), 2)))
    return {name: tuple(palette[i][:3]) for i, name in enumerate(names)}
