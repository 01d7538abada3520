"""Images that show the same: equal pixel for pixel, or one turned, mirrored, shifted, brighter or saved anew.

Equal images have equal hashes. For the others each image becomes a small picture of its contrast (`data.pictures`), and
three things are asked of it, in this order, because each costs more than the one before:

1. which other images have a similar spectrum (`spectra`), which neither turns nor mirrors change, and shifts hardly;
2. of these few, in which of the eight positions of a square and at which shift the two fit best: the highest peaks of
   the phase correlation (Kuglin and Hines 1975);
3. how well they correlate where they then overlap (Pearson). A pair at `LEAST` or above shows the same, if its peak is
   as sharp as copies make it without what all images have in common (`SHARP`), and, where one is shifted, if there is
   enough to see that chance does not do it (`SURE`): of two frames with three cells each, two may well stand alike
   somewhere.

Time grows with the square of the number of images in the first step, a matrix product, and in proportion in the others;
memory grows in proportion. What is not found: views that overlap by less than `OVERLAP` or hold few cells where they
do, magnified parts of an image, turns by other angles than quarters, a single cell photographed twice (it looks as much
like its neighbour), and one scene that most images of a set show, since what they share counts as the instrument's.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy import fft

from hemoseg.data.pictures import SIDE, contrast_of, layers_of, positions_of_square, spectra, window

LEAST = 0.93  # correlation of copies; benchmarks/leakage shows what others reach
OVERLAP = 0.5  # share of the picture in which two shifted views must agree
STILL = 0.9  # share from which on a view counts as not shifted
SHARP = 0.45  # least phase correlation, as a share of the overlap; an image with itself has 1
SURE = 8.0  # least standard errors that Fisher's z of a shifted view lies above 0
PEAKS = 6  # shifts that are tried
PAIRS = 6000  # pairs looked at in a small set
NEAREST = (6, 64)  # least and most candidates of an image
BLOCK = 256  # images compared with all others at a time

Crossing = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Copy:
    """Two images that show the same.

    Attributes:
        first: position of one image.
        second: position of the other, larger than ``first``.
        correlation: of the pictures where they overlap; 1 where all pixels are equal.
        same: whether all pixels are equal.
        mirrored: whether the second is mirrored, left to right, before it fits the first.
        turned: degrees by which it is then turned, counter-clockwise.
        shifted: rows and columns by which it is then moved, as shares of the first image.
    """

    first: int
    second: int
    correlation: float = 1.0
    same: bool = False
    mirrored: bool = False
    turned: int = 0
    shifted: tuple[float, float] = (0.0, 0.0)

    def words(self) -> str:
        """How the second image differs from the first."""
        if self.same:
            return "the same pixels"
        parts = ["mirrored"] if self.mirrored else []
        parts += [f"turned by {self.turned} degrees"] if self.turned else []
        share = max(map(abs, self.shifted))
        parts += [f"shifted by {share:.0%}"] if share > 1 / SIDE else []
        return ", ".join(parts) or "nearly the same pixels"


def find_copies(images: Sequence[np.ndarray], crossing: Crossing) -> list[Copy]:
    """Pairs of images that show the same; images of one value show nothing and are nobody's copy.

    Args:
        images: arrays ``(C, H, W)``, of any sizes and of any number type.
        crossing: given positions ``(B,)``, which pairs with all N images matter, bool ``(B, N)``.

    Returns:
        Pairs, sorted; of images with equal pixels each with the first that matters.
    """
    shows = np.array([image.size > 0 and image.min() != image.max() for image in images], bool)
    same = _same(images, shows, crossing)
    pictures = layers_of([contrast_of(image) for image in images], shows)
    found = {(copy.first, copy.second): copy for copy in same}
    for first, second in _candidates(spectra(pictures[:, 1]), shows, crossing):
        if (first, second) not in found and (copy := compare(pictures, first, second)) is not None:
            found[first, second] = copy
    return [found[pair] for pair in sorted(found)]


def _same(images: Sequence[np.ndarray], shows: np.ndarray, crossing: Crossing) -> list[Copy]:
    """Images whose shape and pixels are equal."""
    alike: dict[tuple, list[int]] = {}
    for position in np.flatnonzero(shows):
        image = np.ascontiguousarray(images[position])
        digest = hashlib.blake2b(image, digest_size=16).digest()
        alike.setdefault((image.shape, image.dtype.str, digest), []).append(int(position))
    copies = []
    for positions in (np.array(some) for some in alike.values() if len(some) > 1):
        pairs = crossing(positions)[:, positions] & ~np.eye(len(positions), dtype=bool)
        for position, matters in zip(positions, pairs, strict=True):
            if matters.any():
                copies.append(Copy(*sorted((int(position), int(positions[matters.argmax()]))), same=True))
    return copies


def _candidates(rows: np.ndarray, shows: np.ndarray, crossing: Crossing) -> list[tuple[int, int]]:
    """Pairs of each image and the images whose spectra are most like its own."""
    count = len(rows)
    nearest = min(int(np.clip(PAIRS // max(count, 1), *NEAREST)), count - 1)
    pairs: set[tuple[int, int]] = set()
    if nearest < 1:
        return []
    for start in range(0, count, BLOCK):
        block = np.arange(start, min(start + BLOCK, count))
        matters = crossing(block) & shows[block, None] & shows[None]
        matters[np.arange(len(block)), block] = False
        likeness = np.where(matters, rows[block] @ rows.T, -2)
        best = np.argpartition(-likeness, nearest - 1, axis=1)[:, :nearest]
        for position, others in zip(block, best, strict=True):
            pairs |= {tuple(sorted((int(position), int(i)))) for i in others if likeness[position - start, i] > -2}
    return sorted(pairs)


def compare(pictures: np.ndarray, first: int, second: int) -> Copy | None:
    """How the second of the pictures ``(N, 2, S, S)`` becomes the first, or None where they do not show the same."""
    fixed, moving = pictures[first], positions_of_square(pictures[second])
    peaks = _phase_correlation(fixed[1], moving[:, 1])
    tried = np.argpartition(-peaks, PEAKS, axis=None)[:PEAKS]
    best, place = 0.0, (0, 0.0, 0.0)
    for peak in tried[peaks.ravel()[tried] >= SHARP * OVERLAP]:
        position, row, column = (int(i) for i in np.unravel_index(peak, peaks.shape))
        for rows in (row, row - SIDE):
            for columns in (column, column - SIDE):
                value = _correlation(fixed[0], moving[position, 0], rows, columns)
                best, place = max((best, place), (value, (position, rows, columns)))
    if best > 0.8 * LEAST:
        best, place = _between_pixels(fixed[0], moving[place[0], 0], best, place)
    if best < LEAST or not _is_sure(fixed[1], peaks[place[0]], best, place):
        return None
    shifted = (place[1] / SIDE, place[2] / SIDE)
    return Copy(first, second, best, mirrored=place[0] > 3, turned=90 * (place[0] % 4), shifted=shifted)


def _phase_correlation(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Phase correlation of one picture with several, cyclic, 1 where they are equal, ``(B, SIDE, SIDE)``."""
    one, others = (_phases(picture) for picture in (fixed, moving))
    known = _band().sum() * 2 / SIDE**2  # about: what an image reaches with itself
    return fft.irfft2(one * np.conj(others), s=(SIDE, SIDE)) / known


def _phases(pictures: np.ndarray) -> np.ndarray:
    spectrum = fft.rfft2(pictures * window())
    return _band() * spectrum / (np.abs(spectrum) + 1e-6)


@cache
def _band() -> np.ndarray:
    """Frequencies that `contrast_of` keeps."""
    away = np.hypot(fft.fftfreq(SIDE)[:, None], fft.rfftfreq(SIDE)[None]) * SIDE
    return ((away > 1.5) & (away < SIDE / 3.2)).astype(np.float32)


def _correlation(fixed: np.ndarray, moving: np.ndarray, rows: int, columns: int) -> float:
    """Pearson's, where the second picture, moved by rows and columns, covers the first; 0 where less than `OVERLAP`."""
    if (SIDE - abs(rows)) * (SIDE - abs(columns)) < OVERLAP * SIDE**2:
        return 0.0
    one = fixed[max(rows, 0) : SIDE + min(rows, 0), max(columns, 0) : SIDE + min(columns, 0)]
    other = moving[max(-rows, 0) : SIDE + min(-rows, 0), max(-columns, 0) : SIDE + min(-columns, 0)]
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0


def _is_sure(fixed: np.ndarray, peaks: np.ndarray, correlation: float, place: tuple) -> bool:
    """Whether two pictures that correlate so at a place are copies, and do not look alike by chance.

    A shifted view is asked for more. Of its pixels about as many are independent as waves share its power, times the
    share of the area that holds it: the squared sum over the sum of squares counts both.
    """
    rows, columns = (round(shift) for shift in place[1:])
    part = fixed[max(rows, 0) : SIDE + min(rows, 0), max(columns, 0) : SIDE + min(columns, 0)]
    overlap = part.size / SIDE**2
    near = np.arange(-1, 2)  # a shift between pixels has its peak beside the best one
    peak = peaks[np.ix_((rows + near) % SIDE, (columns + near) % SIDE)].max()
    if peak < SHARP * overlap or overlap >= STILL:
        return bool(peak >= SHARP * overlap)
    power = np.abs(fft.fft2(part - part.mean())) ** 2
    waves = power.sum() ** 2 / (power**2).sum()
    filled = (part**2).sum() ** 2 / (part**4).sum() / part.size
    return bool(np.arctanh(min(correlation, 0.999)) * np.sqrt(waves * filled) >= SURE)


def _between_pixels(fixed: np.ndarray, moving: np.ndarray, best: float, place: tuple) -> tuple[float, tuple]:
    """The same, over shifts by quarters of a pixel."""
    position, rows, columns = place
    for down in (-0.5, -0.25, 0.0, 0.25, 0.5):
        for right in (-0.5, -0.25, 0.0, 0.25, 0.5):
            matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
            moved = cv2.warpAffine(moving, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
            value = _correlation(fixed, moved, rows, columns)
            best, place = max((best, place), (value, (position, rows + down, columns + right)))
    return best, place
