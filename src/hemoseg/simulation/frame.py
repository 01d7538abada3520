"""What every kind of specimen gives: one frame and what is true of it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame and what is true of it.

    Attributes:
        image: uint8 or uint16 ``(H, W, C)``: one channel of grey, or red, green, blue and, as a fourth, near infrared
            (no alpha).
        instances: int32 ``(H, W)``; 0 background, 1..n.
        classes: uint8 ``(H, W)``; 0 background, otherwise the position in the kind's ``CLASS_NAMES`` plus one.
        patient: "p00", "p01" ...: the group that must not be torn between training and test; "" where there is none.
        margins: width of the blank left and right margin, px.
        part: "train", "val" or "test" where the data set says itself what tests; "" where it does not.
        kind: of specimen, where it differs between the frames of a data set; "" where it is the settings' own.
    """

    image: np.ndarray
    instances: np.ndarray
    classes: np.ndarray
    patient: str = ""
    margins: tuple[int, int] = (0, 0)
    part: str = ""
    kind: str = ""
