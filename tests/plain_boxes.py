"""Boxes (left, top, right, bottom) in plain numbers, for tests that hold tensors against loops."""


def share(a, b):
    """Intersection over union of two boxes; of whole numbers a quotient without a rounding before it."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union if union else 0.0
