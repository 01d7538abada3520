"""A set of samples: what `prepare` cuts from the frames and every later step works on."""

import json
from dataclasses import dataclass, field, replace

import numpy as np

IGNORE = 255  # class id of pixels that neither train nor count


@dataclass(frozen=True)
class Samples:
    """Images of one experiment with what is known of them; sizes may differ between samples.

    Attributes:
        images: one array ``(C, H, W)`` per sample in the source's dtype (uint8 or uint16).
        classes: class maps, uint8 ``(H, W)``; 0 background, 1..K, 255 ignored. Empty without labels.
        instances: cell labels, int32 ``(H, W)``; 0 background. Empty where only classes are known.
        ids: unique name per sample, ``<frame>`` or ``<frame>_<row0>_<col0>``.
        frames: id of the frame that a sample was cut from.
        groups: patient or slide, "" where it is not known.
        kinds: what the frame shows where a dataset tells ("rbc", "macrophage"), else "".
        boxes: int ``(N, 4)``, (row0, col0, row1, col1) of the sample in its frame, in frame pixels.
        frame_sizes: int ``(N, 2)``, (rows, columns) of the frame.
        class_names: names of class 1..K; index 0 is "background".
        white: value that means 1.0 in ``images`` (255, 65535 or the dataset's white level).
        pixel_size: micrometres per frame pixel, NaN where it is not known.
        info: what a report says of the data.
        parts: what the dataset means each sample for ("train", "val", "test"), "" where it does not tell; empty where
            nobody asked it.
    """

    images: list[np.ndarray]
    classes: list[np.ndarray]
    instances: list[np.ndarray]
    ids: list[str]
    frames: list[str]
    groups: list[str]
    kinds: list[str]
    boxes: np.ndarray
    frame_sizes: np.ndarray
    class_names: list[str]
    white: float
    pixel_size: float = float("nan")
    info: dict = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def has_labels(self) -> bool:
        return len(self.classes) > 0

    @property
    def has_instances(self) -> bool:
        return len(self.instances) > 0

    def index(self, ids: list[str]) -> list[int]:
        """Positions of the named samples."""
        position = {name: i for i, name in enumerate(self.ids)}
        return [position[name] for name in ids]

    def take(self, positions: list[int]) -> "Samples":
        """The samples at ``positions``, in that order."""

        def pick(values: list) -> list:
            return [values[i] for i in positions] if len(values) else []

        return replace(
            self,
            images=pick(self.images),
            classes=pick(self.classes),
            instances=pick(self.instances),
            ids=pick(self.ids),
            frames=pick(self.frames),
            groups=pick(self.groups),
            kinds=pick(self.kinds),
            parts=pick(self.parts),
            boxes=self.boxes[positions],
            frame_sizes=self.frame_sizes[positions],
        )

    def image(self, position: int) -> np.ndarray:
        """One image as the networks see it: float32 ``(C, H, W)`` in [0, 1]."""
        return np.clip(self.images[position].astype(np.float32) / np.float32(self.white), 0, 1)


def pack(arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of one dtype and any sizes as two plain arrays: ``values`` (flat) and ``shapes``."""
    if not arrays:
        return {"values": np.zeros(0, np.uint8), "shapes": np.zeros((0, 0), np.int64)}
    values = np.concatenate([array.ravel() for array in arrays])
    return {"values": values, "shapes": np.array([array.shape for array in arrays], np.int64)}


def unpack(values: np.ndarray, shapes: np.ndarray) -> list[np.ndarray]:
    """The inverse of `pack`: views into ``values``."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes]) if len(shapes) else np.zeros(0, int)
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    return [values[a:b].reshape(shape) for a, b, shape in zip(starts, ends, shapes, strict=True)]


def to_arrays(samples: Samples) -> dict[str, np.ndarray]:
    """Samples as the plain arrays of one ``.npz`` file; the dtypes of the source are kept."""
    arrays: dict[str, np.ndarray] = {}
    for name, least in (("images", None), ("classes", np.uint8), ("instances", _label_dtype(samples.instances))):
        values = getattr(samples, name)
        packed = pack([v.astype(least) for v in values] if least else list(values))
        arrays |= {f"{name}_{key}": array for key, array in packed.items()}
    for name in _TEXTS:
        arrays[name] = np.array(getattr(samples, name), dtype=np.str_)
    arrays |= {"boxes": samples.boxes, "frame_sizes": samples.frame_sizes}
    arrays |= {"white": np.float64(samples.white), "pixel_size": np.float64(samples.pixel_size)}
    return arrays | {"info": np.array(json.dumps(samples.info, sort_keys=True))}


def from_arrays(arrays: dict[str, np.ndarray]) -> Samples:
    """The inverse of `to_arrays`."""
    lists = {
        name: unpack(arrays[f"{name}_values"], arrays[f"{name}_shapes"]) for name in ("images", "classes", "instances")
    }
    lists["instances"] = [labels.astype(np.int32) for labels in lists["instances"]]
    texts = {name: [str(text) for text in arrays[name]] for name in _TEXTS}
    return Samples(
        **lists,
        **texts,
        boxes=arrays["boxes"],
        frame_sizes=arrays["frame_sizes"],
        white=float(arrays["white"]),
        pixel_size=float(arrays["pixel_size"]),
        info=json.loads(str(arrays["info"])),
    )


_TEXTS = ("ids", "frames", "groups", "kinds", "parts", "class_names")


def _label_dtype(instances: list[np.ndarray]) -> type:
    """uint16 where every cell number fits: half the file of int32."""
    return np.uint16 if all(labels.max(initial=0) < 2**16 for labels in instances) else np.int32
