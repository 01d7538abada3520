"""What a model said of the test samples of one split."""

from dataclasses import dataclass, field

import numpy as np

from hemoseg.data.samples import pack, unpack


@dataclass(frozen=True)
class Predictions:
    """Predictions on the sample's own grid.

    Attributes:
        ids: sample ids, the test samples of one split.
        probabilities: float16 ``(K + 1, H, W)`` per sample, background first; empty for a method without.
        classes: predicted class maps, uint8 ``(H, W)``.
        instances: predicted cells, int32 ``(H, W)``, 0 background: the method's own where it makes them,
            otherwise the 8-connected components of the foreground over all classes.
        boxes: what a detector proposed, float32 ``(n, 5)`` per sample: x0, y0, x1, y1 in pixels and score; empty for a
            model that proposes none.
    """

    ids: list[str]
    probabilities: list[np.ndarray]
    classes: list[np.ndarray]
    instances: list[np.ndarray]
    boxes: list[np.ndarray] = field(default_factory=list)


def to_arrays(predictions: Predictions) -> dict[str, np.ndarray]:
    """Predictions as the plain arrays of one ``.npz`` file."""
    arrays = {"ids": np.array(predictions.ids, dtype=np.str_)}
    for name, dtype in _LISTS.items():
        packed = pack([np.asarray(value, dtype) for value in getattr(predictions, name)])
        arrays |= {f"{name}_{key}": array for key, array in packed.items()}
    return arrays


def from_arrays(arrays: dict[str, np.ndarray]) -> Predictions:
    """The inverse of `to_arrays`."""
    lists = {name: unpack(arrays[f"{name}_values"], arrays[f"{name}_shapes"]) for name in _LISTS}
    return Predictions(ids=[str(name) for name in arrays["ids"]], **lists)


_LISTS = {"probabilities": np.float16, "classes": np.uint8, "instances": np.int32, "boxes": np.float32}
