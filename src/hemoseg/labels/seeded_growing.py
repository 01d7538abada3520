"""Seeded region growing of Adams and Bischof with a tolerance that ends it.

Adams and Bischof, "Seeded region growing", IEEE Trans. PAMI 16 (1994), 641-647, https://doi.org/10.1109/34.295913
"""

from collections import deque

import numpy as np

LEVELS = 1024  # steps into which differences below the tolerance are sorted; the paper's images have 256 grey levels


def grow(grey: np.ndarray, seeds: np.ndarray, tolerance: float) -> np.ndarray:
    """Regions grown from seeds, the most similar pixel of all borders first.

    As in the paper, a pixel that touches a region (4-connected) waits in a list sorted by its difference from the mean
    that the region has at that moment; the first of the list joins the region that it waits for, unless another one
    was quicker, and changes that region's mean. The paper goes on until all pixels are taken, for its seeds cover the
    ground too; here a pixel waits only where its difference is below the tolerance, and what no region takes is ground.
    Differences in the same of `LEVELS` steps are equal, and equal ones are taken in the order in which they came.

    Args:
        grey: float ``(H, W)``.
        seeds: int ``(H, W)``, 1..n, 0 where there is none.
        tolerance: a pixel waits below this difference from a region's mean; in units of ``grey``, above 0.

    Returns:
        Region of every pixel, int32 ``(H, W)``, 0 where no region came.
    """
    # Plain lists with a frame of taken pixels: no test for the border, and far quicker to index than arrays.
    values = np.pad(grey.astype(float) * (LEVELS / tolerance), 1).ravel()
    framed = np.pad(seeds.astype(np.int64), 1, constant_values=-1).ravel()
    taken = np.flatnonzero(framed > 0)
    pixels = np.bincount(framed[taken], minlength=1).tolist()
    sums = np.bincount(framed[taken], values[taken], minlength=1).tolist()
    width = grey.shape[1] + 2
    regions = framed.tolist()
    _take(values.tolist(), regions, taken.tolist(), pixels, sums, (-width, -1, 1, width))
    return np.array(regions, np.int32).reshape(-1, width)[1:-1, 1:-1].copy()


def _take(
    values: list[float],
    regions: list[int],
    joined: list[int],
    pixels: list[int],
    sums: list[float],
    around: tuple[int, ...],
) -> None:
    """Let the regions take pixels until nothing waits; ``regions``, ``pixels`` and ``sums`` change in place."""
    waiting: list[deque[tuple[int, int]]] = [deque() for _ in range(LEVELS)]
    begin = iter(joined)
    lowest = 0
    while True:
        if (pixel := next(begin, None)) is not None:
            region = regions[pixel]
        else:
            while lowest < LEVELS and not waiting[lowest]:
                lowest += 1
            if lowest == LEVELS:
                return
            pixel, region = waiting[lowest].popleft()
            if regions[pixel]:
                continue
            regions[pixel] = region
            pixels[region] += 1
            sums[region] += values[pixel]
        mean = sums[region] / pixels[region]
        for step in around:
            near = pixel + step
            if not regions[near] and (level := int(abs(values[near] - mean))) < LEVELS:
                waiting[level].append((near, region))
                if level < lowest:
                    lowest = level
