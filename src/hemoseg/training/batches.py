"""Samples in the memory of the device, and the batch of a step as a function of (seed, step)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hemoseg.data.samples import Samples
from hemoseg.errors import InputError

KIND_SEED = 1_000_003  # keeps the passes over one kind apart from those over the next
# Makes a map float32 (H, W) of a sample's cells int (H, W).
MapOfCells = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Batch:
    """What a training step sees.

    Attributes:
        images: float32 ``(B, C, H, W)``, normalised.
        classes: int64 ``(B, H, W)``; 255 is ignored.
        positions: which samples of the pool they are, int64 ``(B,)``.
        instances: cells, int64 ``(B, H, W)``, 0 background; none where the pool holds none.
        border: how much more a pixel weighs because it lies between cells, float32 ``(B, H, W)``; none where the pool
            holds no such maps.
    """

    images: Tensor
    classes: Tensor
    positions: Tensor
    instances: Tensor | None = None
    border: Tensor | None = None


@dataclass(frozen=True)
class Normalisation:
    """``(image / white - mean) / sd`` per channel; images that are all alike get an sd of 1."""

    white: float
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    def apply(self, images: Tensor) -> Tensor:
        """Normalise ``(..., C, H, W)`` in the source's numbers to float32; what is brighter than white is white."""
        mean, sd = self.tensors(images.device)
        return ((images.float() / self.white).clamp(max=1) - mean) / sd

    def tensors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and sd, float32 ``(C, 1, 1)``."""
        shape = (len(self.mean), 1, 1)
        mean = torch.tensor(self.mean, dtype=torch.float32, device=device).view(shape)
        return mean, torch.tensor(self.sd, dtype=torch.float32, device=device).view(shape)


def measure_normalisation(samples: Samples, kind: str) -> Normalisation:
    """Mean and sd of the training images (``kind="training_set"``) or 0 and 1 (``kind="none"``).

    Raises:
        InputError: there are no samples.
    """
    _not_empty(samples, "train")
    channels = samples.images[0].shape[0]
    if kind == "none":
        return Normalisation(samples.white, (0.0,) * channels, (1.0,) * channels)
    total = np.zeros((2, channels))
    pixels = 0
    for position in range(len(samples)):
        image = samples.image(position).astype(np.float64)
        total += [image.sum(axis=(1, 2)), (image**2).sum(axis=(1, 2))]
        pixels += image[0].size
    mean = total[0] / pixels
    sd = np.sqrt(np.maximum(total[1] / pixels - mean**2, 0))
    sd = np.where(sd > 1e-6, sd, 1.0)
    return Normalisation(samples.white, tuple(mean.tolist()), tuple(sd.tolist()))


def _not_empty(samples: Samples, role: str) -> None:
    if len(samples) == 0:
        raise InputError(f"the split has no {role} samples; lower split.validation or give more images")


class Pool:
    """The samples of one role, held on the device in the source's dtype.

    Args:
        samples: those of the role.
        normalisation: of their images.
        device: where they are held.
        role: "train" or "val", for sentences.
        cells: whether batches carry the cells.
        border: makes the map of each sample's cells that `Batch.border` is cut from, once, here; none makes none.

    Raises:
        InputError: no samples, or samples of several sizes (a batch needs one size), or cells are asked for and the
            samples do not tell them apart.
    """

    def __init__(
        self,
        samples: Samples,
        normalisation: Normalisation,
        device: torch.device,
        role: str,
        *,
        cells: bool = False,
        border: MapOfCells | None = None,
    ):
        _not_empty(samples, role)
        sizes = {image.shape for image in samples.images}
        if len(sizes) > 1:
            raise InputError(f"the {role} samples have {len(sizes)} sizes; set prepare.size, or prepare.layout: tiles")
        images = np.stack(samples.images)
        # Few torch operations know uint16, so 16-bit images are held as int32.
        self.images = torch.from_numpy(images if images.dtype == np.uint8 else images.astype(np.int32)).to(device)
        self.classes = torch.from_numpy(np.stack(samples.classes)).to(device)
        self.normalisation = normalisation
        self.class_names = tuple(samples.class_names)
        self.kinds = tuple(samples.kinds)
        if (cells or border) and not samples.has_instances:
            raise InputError(
                f"the {role} samples tell no cells apart, and the model or its loss needs them; give instances"
            )
        held = np.stack(samples.instances) if cells else None
        weights = np.stack([border(one) for one in samples.instances]) if border else None
        self.instances = None if held is None else torch.from_numpy(held).to(device)
        self.border = None if weights is None else torch.from_numpy(weights).to(device)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, positions: Tensor) -> Batch:
        """The samples at ``positions`` as a batch."""
        positions = positions.to(self.images.device)
        images = self.normalisation.apply(self.images[positions])
        return Batch(
            images.contiguous(memory_format=torch.channels_last),
            self.classes[positions].long(),
            positions,
            None if self.instances is None else self.instances[positions].long(),
            None if self.border is None else self.border[positions],
        )


def draw_positions(seed: int, step: int, size: int, pool: int, chances: Tensor | None = None) -> Tensor:
    """Samples of step ``step``: shuffled passes over the pool, cut into batches, none twice in a pass.

    With ``chances``, float64 ``(pool,)``, each sample is drawn with its chance instead, independently of the others.

    A pure function, so that a resumed training sees what an uninterrupted one does.
    """
    if chances is not None:
        # Joined as in _shuffled; the third number keeps the draws apart from passes and from augmentation.
        state = int(np.random.SeedSequence((seed, step, 2)).generate_state(1, np.uint64)[0] >> 1)
        return torch.multinomial(chances, size, replacement=True, generator=torch.Generator().manual_seed(state))
    first = step * size
    passes = range(first // pool, (first + size - 1) // pool + 1)
    order = torch.cat([_shuffled(seed, number, pool) for number in passes])
    start = first - passes[0] * pool
    return order[start : start + size]


def draw_by_kind(seed: int, step: int, numbers: Mapping[str, int], kinds: Sequence[str]) -> Tensor:
    """Samples of step ``step`` with a fixed number of each kind, int64, kind after kind.

    Each kind goes through shuffled passes of its own, as `draw_positions` does over all.

    Args:
        seed: of the training.
        step: 0, 1, ...
        numbers: of samples in a batch, by kind.
        kinds: of the samples of the pool.

    Raises:
        InputError: no sample of the pool is of such a kind.
    """
    drawn = []
    for number, (kind, size) in enumerate(numbers.items()):
        positions = torch.tensor([i for i, one in enumerate(kinds) if one == kind])
        if not len(positions):
            known = ", ".join(sorted(set(kinds) - {""})) or "not told (column `kind` of manifest.csv)"
            raise InputError(f"train settings: per_kind: no training sample is of kind {kind!r}; kinds are {known}")
        drawn.append(positions[draw_positions(seed + KIND_SEED * number, step, size, len(positions))])
    return torch.cat(drawn)


def _shuffled(seed: int, number: int, pool: int) -> Tensor:
    # The two numbers are joined by numpy's SeedSequence: seed 1, pass 2 and seed 2, pass 1 must differ.
    state = int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0] >> 1)
    return torch.randperm(pool, generator=torch.Generator().manual_seed(state))
