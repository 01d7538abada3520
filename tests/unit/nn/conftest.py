"""The deformable convolution as Eq. 1-5 of scd2018 state it, in loops: what every back end is held against."""

from math import floor

import pytest
import torch

torch.set_num_threads(1)  # the tensors are tiny


def _naive(x, offset, weight, bias=None):
    """Sum over taps, of sums over the four pixels round a point; a pixel outside the image adds nothing."""
    batch, _, height, width = x.shape
    kernel = weight.shape[-1]
    images = []
    for b in range(batch):
        pixels = []
        for row in range(height):
            for column in range(width):
                total = torch.zeros(weight.shape[0], dtype=x.dtype) if bias is None else bias
                for n in range(kernel**2):
                    py = row + n // kernel - kernel // 2 + offset[b, 2 * n, row, column]
                    px = column + n % kernel - kernel // 2 + offset[b, 2 * n + 1, row, column]
                    value = _bilinear(x[b], py, px)
                    total = total + weight[:, :, n // kernel, n % kernel] @ value
                pixels.append(total)
        images.append(torch.stack(pixels, dim=-1).view(-1, height, width))
    return torch.stack(images)


def _bilinear(image, py, px):
    value = torch.zeros(image.shape[0], dtype=image.dtype)
    top, left = floor(py.detach()), floor(px.detach())
    for qy in (top, top + 1):
        for qx in (left, left + 1):
            if 0 <= qy < image.shape[1] and 0 <= qx < image.shape[2]:
                value = value + torch.relu(1 - abs(qy - py)) * torch.relu(1 - abs(qx - px)) * image[:, qy, qx]
    return value


@pytest.fixture
def naive():
    """The function ``(x, offset, weight, bias=None) -> y`` in loops."""
    return _naive


def _draw(batch, channels, outputs, height, width, kernel, *, reach=2.3, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    offset = (2 * torch.rand(batch, 2 * kernel**2, height, width, generator=generator, dtype=torch.float64) - 1) * reach
    coarse = dtype in (torch.bfloat16, torch.float16)  # their numbers round to whole ones more often
    near = (offset - offset.round()).abs() < (0.04 if coarse else 1e-3)
    offset = torch.where(near, offset + (0.125 if coarse else 0.01), offset)
    drawn = (
        normal(batch, channels, height, width),
        offset,
        normal(outputs, channels, kernel, kernel),
        normal(outputs),
    )
    return tuple(value.to(dtype) for value in drawn)


@pytest.fixture
def draw():
    """Random ``x, offset, weight, bias``; offsets are no whole numbers, where the derivative would jump."""
    return _draw
