"""Draws and arithmetic whose results are the same bits on every machine.

How a frame becomes machine independent, in four rules that all modules of this room keep:

1. Randomness is PCG64 seeded by ``SeedSequence((stream, seed, number))``; only whole numbers, 53-bit fractions and raw
   bytes are drawn. Bell-shaped values are sums of such draws: numpy's own normal draw calls the C library.
2. Floating point is float64 with ``+ - * /`` and square roots alone, one operation per numpy call or Python operator.
   IEEE 754 fixes each of these results to the last bit, whatever the vector width; nothing is fused or reordered, for
   neither sums over an axis nor dot products are formed from floats.
3. Sines, cosines and exponentials, which C libraries round differently, are series of rule 2 (below).
4. Filters work on whole numbers: `cv2.GaussianBlur` and ``INTER_LINEAR_EXACT`` on 8/16-bit images are fixed-point.
"""

import cv2
import numpy as np

UNIT = 8192  # 1.0 of thickness or of natural-log optical density, in fixed-point images
LIMIT = 32767  # largest optical density that is told apart: 4.0, a transmission of 1.8 %

_PI = 3.141592653589793
_SERIES_TERMS = 12


def transmission_table() -> np.ndarray:
    """exp(-d / UNIT) for d = 0..LIMIT, uint16 with 65535 for 1.0 (Beer and Lambert's law as a table)."""
    step = np.arange(LIMIT + 1, dtype=np.float64) / UNIT / 1024
    value = np.ones_like(step)
    for k in range(_SERIES_TERMS, 0, -1):
        value = 1 - step * value / k
    for _ in range(10):
        value = value * value
    return np.rint(value * 65535).astype(np.uint16)


def direction(turn: float) -> tuple[float, float]:
    """Cosine and sine of ``turn`` full turns, by their series."""
    turn = turn - int(turn)
    turn = turn + 1 if turn < 0 else turn
    quarter = int(turn * 4)
    angle = (turn - quarter / 4) * 2 * _PI
    cosine = sine = 1.0
    for k in range(_SERIES_TERMS, 0, -1):
        cosine = 1 - angle * angle * cosine / ((2 * k - 1) * (2 * k))
        sine = 1 - angle * angle * sine / ((2 * k) * (2 * k + 1))
    sine = angle * sine
    return ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))[quarter % 4]


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a uint8 or uint16 image, fixed-point; a sigma below 0.2 px changes nothing."""
    if sigma < 0.2:
        return image
    return cv2.GaussianBlur(
        image, (0, 0), round(sigma, 3), borderType=cv2.BORDER_REPLICATE, hint=cv2.ALGO_HINT_ACCURATE
    )


def enlarge(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear enlargement of a uint16 image, fixed-point."""
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)


def fixed(values: np.ndarray, most: float = 7.9) -> np.ndarray:
    """Float values >= 0 as uint16 in units of 1 / UNIT."""
    return np.rint(np.minimum(np.maximum(values, 0), most) * UNIT).astype(np.uint16)


class Draws:
    """A stream of random draws that depends on its numbers alone.

    Args:
        stream: what the draws are for (frames and patients never share a stream).
        seed: the data set's seed, >= 0.
        number: frame or patient.
    """

    def __init__(self, stream: int, seed: int, number: int):
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((stream, seed, number))))

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def bell(self, mean: float, spread: float) -> float:
        """Bell-shaped around ``mean`` with standard deviation ``spread``; never further than 3.5 of them."""
        total = 0.0
        for _ in range(4):
            total += float(self._generator.random())
        return mean + spread * (total - 2.0) * 1.7320508075688772

    def whole(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self._generator.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with ``probability``."""
        return float(self._generator.random()) < probability

    def count(self, mean: float) -> int:
        """A whole number around ``mean`` (triangular over 0.5 to 1.5 times it), the mean kept."""
        value = mean * (0.5 + (float(self._generator.random()) + float(self._generator.random())) / 2)
        return int(value) + self.chance(value - int(value))

    def direction(self) -> tuple[float, float]:
        """Cosine and sine of a random angle."""
        return direction(float(self._generator.random()))

    def pick(self, weights: list[float]) -> int:
        """Position of one of ``weights``, drawn in proportion to them."""
        total = 0.0
        for weight in weights:
            total += weight
        left = float(self._generator.random()) * total
        for position, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return position
        return max(position for position, weight in enumerate(weights) if weight > 0)

    def grid(self, rows: int, columns: int) -> np.ndarray:
        """Uniform values in [0, 1), float64 ``(rows, columns)``."""
        return self._generator.random((rows, columns))

    def bytes(self, count: int) -> np.ndarray:
        """Uniform bytes, uint8 ``(count,)``."""
        return np.frombuffer(self._generator.bytes(count), np.uint8)
