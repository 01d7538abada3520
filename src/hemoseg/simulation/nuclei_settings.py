"""The settings of simulated nuclei: defaults, meaning, bounds.

What the source (touching, PAPERS section 4) states: 448x448 greyscale, about 100 nuclei, 212 of about 800 touching.
The rest is ours, near what two public sets show: the 520x696 frames of the Data Science Bowl 2018 and NuSeT's sample.
"""

from typing import Any

from hemoseg.errors import InputError
from hemoseg.simulation.bounds import bit_depth, numbers, of_kind, refuse_unknown

FIELD = 448 * 448  # px; ``nuclei`` and ``dirt`` are numbers per frame of this area

# Key -> (default, least, most).
NUMBERS: dict[str, tuple[float, float, float]] = {
    "frames": (28, 1, 100_000),  # frames of the data set
    "height": (448, 32, 8192),  # rows
    "width": (448, 32, 8192),  # columns
    "bit_depth": (8, 8, 16),
    "nuclei": (100.0, 0, 2000),  # mean number per 448x448 px; a frame of another size has as many per area
    "diameter": (29.0, 10, 300),  # of the disc of a mean nucleus's area, px
    "touching": (0.27, 0, 1),  # share of the nuclei that stand in pairs or clusters
    "overlapping": (0.35, 0, 1),  # share of the touching neighbours that truly overlap
    "overlap": (0.16, 0, 0.4),  # largest share of a nucleus's area that another may hide
    "mitotic": (0.03, 0, 1),  # share of the nuclei that are condensed and bright: plates and rings of chromosomes
    "apoptotic": (0.025, 0, 1),  # share that are shrunken and bright or in fragments
    "dim": (0.08, 0, 1),  # share of the others with a third of the usual light
    "brightness": (0.22, 0, 0.6),  # how far the light differs between nuclei, as a share of the mean
    "texture": (1.0, 0, 2),  # contrast of chromatin and nucleoli
    "exposure": (0.30, 0.01, 1),  # light of a mean nucleus, 1.0 = white; frames differ by half of it
    "photons": (160.0, 5, 1e9),  # electrons of a mean nucleus's pixel: the noise of light
    "read_noise": (4.0, 0, 1000),  # standard deviation of the sensor's reading, electrons
    "blur": (0.9, 0, 10),  # sigma of the sharpest nucleus's blur, px
    "haze": (1.0, 0, 3),  # light from out of focus: veil, glow of the neighbours, nuclei of other layers
    "shading": (0.5, 0, 0.9),  # share of the light that the darkest place of the field lacks
    "dirt": (8.0, 0, 1000),  # mean number of specks, fibres and debris per 448x448 px
}
WHOLE = ("frames", "height", "width", "bit_depth")


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with defaults filled in.

    Raises:
        InputError: an unknown key, a value of the wrong type or out of bounds, shares that exceed all nuclei.
    """
    refuse_unknown(settings, [*NUMBERS, "kind"])
    checked: dict[str, Any] = {"kind": of_kind(settings, "nuclei")} | numbers(settings, NUMBERS, WHOLE)
    bit_depth(checked["bit_depth"])
    if checked["mitotic"] + checked["apoptotic"] > 1:
        raise InputError("simulate: mitotic and apoptotic: together more than all nuclei; make one smaller")
    return checked
