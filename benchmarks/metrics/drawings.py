"""Frames of drawn cells with predictions that err as networks do, for the benchmark of measures."""

import cv2
import numpy as np

from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples

CLASSES = ("background", "discoid", "elongated", "other")


def frame(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Instances and classes of truth and of prediction, ``(H, W)`` each.

    Cells are ellipses on a jittered grid, many of which touch. Of the predicted ones 5 % are lost, 10 % bear a class
    by chance, all are off by about a pixel; a few are made up.
    """
    side = (shape[0] * shape[1] / cells) ** 0.5
    images = [np.zeros(shape, kind) for kind in (np.int32, np.uint8, np.int32, np.uint8)]
    centres = np.stack(np.meshgrid(np.arange(side / 2, shape[1], side), np.arange(side / 2, shape[0], side)), axis=-1)
    for number, centre in enumerate(centres.reshape(-1, 2), start=1):
        centre = centre + rng.uniform(-0.15, 0.15, 2) * side
        axes, angle, kind = rng.uniform(0.6, 0.96, 2) * side, rng.uniform(0, 180), int(rng.integers(1, len(CLASSES)))
        _draw(images[0], images[1], (centre, axes, angle), number, kind)
        if rng.random() < 0.1:
            kind = int(rng.integers(1, len(CLASSES)))
        if rng.random() < 0.95:
            found = (centre + rng.normal(0, 1, 2), axes * rng.uniform(0.9, 1.1, 2), angle)
            _draw(images[2], images[3], found, number, kind)
    for number in range(max(1, cells // 100)):
        centre = rng.uniform(0, 1, 2) * shape[::-1]
        _draw(images[2], images[3], (centre, np.full(2, side / 4), 0.0), 10**6 + number, 1)
    return tuple(images)


def _draw(instances: np.ndarray, classes: np.ndarray, ellipse: tuple, number: int, kind: int) -> None:
    centre, axes, angle = ellipse
    box = (tuple(map(float, centre)), tuple(map(float, axes)), float(angle))
    cv2.ellipse(instances, box, number, -1)
    cv2.ellipse(classes, box, kind, -1)


def probabilities(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probabilities whose largest is mostly the class map, float16 ``(C, H, W)`` as predictions.npz stores them."""
    planes = [cv2.GaussianBlur((classes == c).astype(np.float32), (0, 0), 1.5) for c in range(len(CLASSES))]
    logits = 6 * np.stack(planes) + rng.normal(0, 0.3, (len(CLASSES), *classes.shape)).astype(np.float32)
    soft = np.exp(logits)
    return (soft / soft.sum(axis=0)).astype(np.float16)


def drawn(
    number: int, shape: tuple[int, int], cells: int, *, soft: bool, seed: int = 0
) -> tuple[Samples, Predictions, list]:
    """So many frames as the step evaluate reads them, with probabilities if ``soft``."""
    rng = np.random.default_rng(seed)
    frames = [frame(shape, cells, rng) for _ in range(number)]
    ids = [f"frame{i:03d}" for i in range(number)]
    samples = Samples(
        images=[np.zeros((1, *shape), np.uint8)] * number,
        classes=[one[1] for one in frames],
        instances=[one[0] for one in frames],
        ids=ids,
        frames=ids,
        groups=[f"patient{i % 8}" for i in range(number)],
        kinds=[""] * number,
        boxes=np.tile([0, 0, shape[1], shape[0]], (number, 1)),
        frame_sizes=np.tile(shape, (number, 1)),
        class_names=list(CLASSES),
        white=255.0,
    )
    planes = [probabilities(one[3], rng) for one in frames] if soft else []
    return samples, Predictions(ids, planes, [one[3] for one in frames], [one[2] for one in frames], []), frames
