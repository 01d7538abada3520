"""What a division lets through from training to test: parts of a frame, frames of a group, overlapping tiles, copies.

A model that is tested on what it has trained on, or on what is all but the same, looks better than it is. The training
side holds the validation samples too, since they choose the weights. Where no groups are known nothing can be said of
them; that is counted as unknown, not as clean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hemoseg.data.copies import Copy, find_copies
from hemoseg.data.protocol import KINDS_OF_LEAKAGE
from hemoseg.data.samples import Samples
from hemoseg.data.splits import Split, straddling
from hemoseg.errors import InputError

Pair = tuple[int, int]  # positions of two samples
LISTED = 200  # findings of a kind that are written out; all are counted
WORDS = {
    "frames": "samples of {} frames both train and test",
    "groups": "{} groups (patients, slides) both train and test",
}
REMEDIES = {
    "frames": "`by: frame` keeps them together",
    "groups": "`by: group` keeps them together",
    "overlaps": "`by: frame` keeps them together",
    "copies": "remove one of each two, or give both one `group` in manifest.csv and divide `by: group`",
}


@dataclass(frozen=True)
class Leakage:
    """What stands on both sides of a division.

    Attributes:
        frames: frames of which samples both train (or validate) and test in some split.
        groups: the same of groups that are known.
        overlaps: test and training sample of one frame whose pixels overlap, and the share of the test sample that is
            trained on.
        copies: test and training sample that show the same, and how the one becomes the other.
    """

    frames: list[str]
    groups: list[str]
    overlaps: dict[Pair, float] = field(default_factory=dict)
    copies: dict[Pair, Copy] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {kind: len(getattr(self, kind)) for kind in KINDS_OF_LEAKAGE}


class Sides:
    """Which samples train (or validate) and which are tested, in which split."""

    def __init__(self, splits: Sequence[Split], count: int) -> None:
        self.names = [split.name for split in splits]
        self.known, self.tested = (np.zeros((len(splits), count), np.float32) for _ in range(2))
        for known, tested, split in zip(self.known, self.tested, splits, strict=True):
            known[split.train + split.val] = 1
            tested[split.test] = 1

    def crossing(self, positions: np.ndarray) -> np.ndarray:
        """Pairs of the positions ``(B,)`` with all samples that some split tells apart, bool ``(B, N)``."""
        one_way = self.known[:, positions].T @ self.tested
        return one_way + self.tested[:, positions].T @ self.known > 0

    def ordered(self, pair: Pair) -> tuple[Pair, str]:
        """The pair as test and training sample, and the first split in which it is these."""
        for one, other in (pair, pair[::-1]):
            splits = np.flatnonzero(self.tested[:, one] * self.known[:, other])
            if len(splits):
                return (one, other), self.names[splits[0]]
        raise ValueError(f"samples {pair} are never on two sides")


def find_leakage(samples: Samples, splits: Sequence[Split]) -> Leakage:
    """Everything of `KINDS_OF_LEAKAGE` that a division of samples lets through."""
    sides = Sides(splits, len(samples))
    frame_of = np.unique(np.array(samples.frames), return_inverse=True)[1].reshape(-1)

    def of_two_frames(positions: np.ndarray) -> np.ndarray:
        return sides.crossing(positions) & (frame_of[positions, None] != frame_of[None])

    copies = find_copies(samples.images, of_two_frames)
    return Leakage(
        frames=straddling(list(splits), samples.frames),
        groups=straddling(list(splits), samples.groups),
        overlaps=overlapping(samples.boxes, frame_of, sides),
        copies={sides.ordered((copy.first, copy.second))[0]: copy for copy in copies},
    )


def overlapping(boxes: np.ndarray, frame_of: np.ndarray, sides: Sides) -> dict[Pair, float]:
    """Samples of one frame that share pixels across the sides, and the share of the test sample's pixels.

    Args:
        boxes: (row0, col0, row1, col1) of each sample in its frame, ``(N, 4)``.
        frame_of: number of each sample's frame, ``(N,)``.
        sides: of the division.
    """
    found = {}
    order = np.argsort(frame_of, kind="stable")
    for of_frame in np.split(order, np.flatnonzero(np.diff(frame_of[order])) + 1):
        for first in of_frame:
            others = of_frame[of_frame > first]
            shared = _shared(boxes[first], boxes[others])
            for second in others[(shared > 0) & sides.crossing(np.array([first]))[0, others]]:
                tested, known = sides.ordered((int(first), int(second)))[0]
                pixels = _shared(boxes[tested], boxes[[known]])[0]
                found[tested, known] = float(pixels / np.prod(boxes[tested][2:] - boxes[tested][:2]))
    return found


def _shared(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pixels that a box ``(4,)`` shares with each of the others ``(N, 4)``."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return np.clip(sides, 0, None).prod(axis=1)


def require_none(found: Leakage, samples: Samples, settings: dict[str, Any]) -> None:
    """Refuse what the setting ``leakage`` does not let pass.

    Raises:
        InputError: something leaks; one sentence with what, an example and the remedy.
    """
    refused = [kind for kind in KINDS_OF_LEAKAGE if found.counts()[kind] and kind not in settings["leakage"]]
    if refused:
        told = sentences(found, samples, settings, refused)
        raise InputError(
            f"split: the training would know of the test: {'. '.join(told)}. If it is to be so, "
            f"`leakage: [{', '.join(refused)}]` in `split` goes on and the page says it"
        )


def sentences(
    found: Leakage, samples: Samples, settings: dict[str, Any], kinds: Sequence[str] = KINDS_OF_LEAKAGE
) -> list[str]:
    """What leaks, an example, and what keeps it apart; a sentence for each kind that does."""
    given = settings["test"] == "given"
    told = []
    for kind in (kind for kind in kinds if found.counts()[kind]):
        remedy = REMEDIES[kind]
        if given and kind in ("frames", "groups"):
            remedy = "as the dataset divides them (column `part` of manifest.csv)"
        told.append(f"{_what(found, samples, kind)}, {remedy}")
    return told


def _what(found: Leakage, samples: Samples, kind: str) -> str:
    values = getattr(found, kind)
    if kind in WORDS:
        return f"{WORDS[kind].format(len(values))}, such as {values[0]}"
    (tested, known), how = next(iter(values.items()))
    names = f"{samples.ids[tested]} (test) and {samples.ids[known]} (training)"
    count = len({pair[0] for pair in values})
    if kind == "overlaps":
        return f"{count} test samples overlap training samples, such as {names} by {how:.0%}"
    return f"{count} test samples are copies of training samples, such as {names}: {how.words()}"


def listed(found: Leakage, samples: Samples, sides: Sides) -> dict[str, Any]:
    """What was found as plain values, the first `LISTED` of each kind, and the counts of all."""

    def pairs(values: dict[Pair, Any]) -> list[tuple[dict[str, Any], Any]]:
        shown = list(values.items())[:LISTED]
        return [
            ({"test": samples.ids[one], "train": samples.ids[other], "split": sides.ordered((one, other))[1]}, value)
            for (one, other), value in shown
        ]

    copies = [
        line | {"same": copy.same, "how": copy.words(), "correlation": round(copy.correlation, 4)}
        for line, copy in pairs(found.copies)
    ]
    return {
        "counts": found.counts(),
        "copied_test_samples": len({pair[0] for pair in found.copies}),
        "overlapping_test_samples": len({pair[0] for pair in found.overlaps}),
        "test_samples": int((sides.tested.max(axis=0, initial=0) > 0).sum()),
        "frames": found.frames[:LISTED],
        "groups": found.groups[:LISTED],
        "overlaps": [line | {"share": round(share, 4)} for line, share in pairs(found.overlaps)],
        "copies": copies,
    }
