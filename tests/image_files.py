"""Images written for folder datasets of tests."""

from PIL import Image


def put(folder, name, values):
    """Write ``values`` ``(H, W)`` or ``(H, W, 3)`` below ``folder``."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(file)
