"""Progress through images of different sizes: by their pixels, which is what takes time."""

import sys
import time

from tqdm import tqdm

from hemoseg.steps.progress import LINE_SECONDS


class PixelProgress:
    """A bar in a terminal, a line now and then in a log: pixels, images, and the time left.

    Args:
        pixels: of all images.
        images: how many there are.
    """

    def __init__(self, pixels: int, images: int):
        self.total, self.images = pixels, images
        self.done = self.skipped = self.finished = 0
        self.begin = self.shown = time.monotonic()
        self.bar = tqdm(
            total=pixels, desc="segment", unit="px", unit_scale=True, dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip

    def step(self, pixels: int, *, skipped: bool = False) -> None:
        """Count pixels; those that an earlier run did say nothing of the speed."""
        self.done += pixels
        self.skipped += pixels * skipped
        self.bar.update(pixels)
        self._show()

    def image(self) -> None:
        """Count an image that is finished."""
        self.finished += 1
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        seconds = max(now - self.begin, 1e-9)
        rate = (self.done - self.skipped) / seconds
        words = f"{self.finished}/{self.images} images, {self.finished / seconds:.2g} images/s"
        self.bar.set_postfix_str(words, refresh=False)
        if self.bar.disable and (now - self.shown > LINE_SECONDS or self.finished == self.images):
            self.shown = now
            left = (self.total - self.done) / rate if rate else float("nan")
            print(
                f"segment: {words}, {self.done / 1e6:.1f}/{self.total / 1e6:.1f} Mpx, {rate / 1e6:.2f} Mpx/s, "
                f"{left:.0f} s left",
                file=sys.stderr,
            )

    def __enter__(self) -> "PixelProgress":
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()
