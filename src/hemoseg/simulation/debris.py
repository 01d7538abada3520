"""What lies among unstained cells and is none: platelets and fragments, dust, fibres, droplets, ghosts of red cells.

Forms are those of `artefacts`, seen without a stain. Dust may lie on cells; nothing of it is in the truth.
"""

from typing import Any

import numpy as np

from hemoseg.simulation.artefacts import OVER_CELLS, draw_artefact
from hemoseg.simulation.bright_field import Layers
from hemoseg.simulation.cell_kinds_settings import FIELD_UM
from hemoseg.simulation.exact import Draws
from hemoseg.simulation.optics import Stain
from hemoseg.simulation.scene import TRIES, Scene

# Kind to how often it comes, the light that it takes and the light that it bends; ours.
KINDS = {
    "platelet": (0.30, 0.14, 0.80),
    "platelet_clump": (0.10, 0.14, 0.70),
    "dust": (0.22, 0.80, 0.0),
    "precipitate": (0.06, 0.30, 0.40),
    "fibre": (0.06, 0.60, 0.20),
    "ring": (0.12, 0.90, 0.0),
    "ghost": (0.14, 0.25, 1.6),
}
NO_STAIN = Stain(*[(1.0, 1.0, 1.0, 1.0)] * 5)


def add_debris(layers: Layers, scene: Scene, known: dict[str, Any], draws: Draws) -> None:
    """Add debris to the layers of a crop; what finds no room beside the cells is left out."""
    height, width = scene.owner.shape
    pixel = known["pixel_size_um"]
    diameter = (known["rbc_um"][0] + known["rbc_um"][1]) / 2 / pixel
    shares = [share for share, _, _ in KINDS.values()]
    for _ in range(draws.count(known["debris"] * height * width * pixel * pixel / (FIELD_UM * FIELD_UM))):
        kind = list(KINDS)[draws.pick(shares)]
        _, taken, bent = KINDS[kind]
        amount = draw_artefact(kind, diameter, known["blur_um"] / pixel, NO_STAIN, draws).amount
        for _ in range(TRIES):
            row = draws.whole(0, height - 1) - amount.shape[0] // 2
            column = draws.whole(0, width - 1) - amount.shape[1] // 2
            frame, inner = scene.window(amount.shape, row, column)
            if kind in OVER_CELLS or not scene.owner[frame][amount[inner] != 0].any():
                layers.grey[frame] += amount[inner] * int(taken * 4096) >> 12
                layers.path[frame] += np.maximum(amount[inner], 0) * int(bent * 4096) >> 12
                break
