"""The reference form of the deformable convolution: kornia's `remap`, then one matrix product.

Plain torch all through: it runs on every device, exports to ONNX (GridSample) and can be differentiated twice.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def deform_conv2d(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """See `hemoseg.nn.deform_conv.deform_conv2d`.

    At an offset that is a whole number the derivative is from a side that depends on the column and the image's width:
    kornia's normalised coordinates round to either side of the pixel, in float64 as in float32.
    """
    # Below float32 the grid itself is not exact (bfloat16 counts whole pixels only up to 256).
    exact = torch.float64 if x.dtype == torch.float64 else torch.float32
    with torch.autocast(x.device.type, enabled=False):
        columns = _sample_taps(x.to(exact), offset.to(exact), weight.shape[-1])
        y = torch.matmul(weight.to(exact).flatten(1), columns)  # (B, O, H W)
    y = y.view(x.shape[0], weight.shape[0], *x.shape[-2:])
    if bias is not None:
        y = y + bias.to(exact).view(1, -1, 1, 1)
    layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    return y.to(x.dtype).contiguous(memory_format=layout)


def _sample_taps(x: Tensor, offset: Tensor, kernel: int) -> Tensor:
    """Values under each tap: ``(B, C k^2, H W)``, ordered as a flattened kernel."""
    from kornia.geometry.transform import remap  # here, so that where another form runs no process waits for kornia

    batch, channels, height, width = x.shape
    taps = kernel**2
    if batch == 0:
        return x.new_zeros(0, channels * taps, height * width) + (x.sum() + offset.sum()) * 0
    reach = kernel // 2
    rows = torch.arange(height, device=x.device, dtype=x.dtype).view(1, 1, height, 1)
    columns = torch.arange(width, device=x.device, dtype=x.dtype).view(1, 1, 1, width)
    steps = torch.arange(taps, device=x.device)
    step_rows = (steps // kernel - reach).to(x.dtype).view(1, taps, 1, 1)
    step_columns = (steps % kernel - reach).to(x.dtype).view(1, taps, 1, 1)
    map_y = (rows + step_rows + offset[:, 0::2]).reshape(batch, taps * height, width)
    map_x = (columns + step_columns + offset[:, 1::2]).reshape(batch, taps * height, width)
    # kornia's scale of an axis of one pixel is 1, not 0: the zeros that lie beyond the image make it two. A graph that
    # is exported would freeze the condition, so there every image has them.
    always = torch.compiler.is_exporting() or torch.jit.is_tracing()
    x = F.pad(x, (0, int(always or width == 1), 0, int(always or height == 1)))
    # align_corners must be True: kornia turns pixel maps into coordinates by that rule whatever flag is passed.
    sampled = remap(x.contiguous(), map_x, map_y, mode="bilinear", padding_mode="zeros", align_corners=True)
    return sampled.view(batch, channels * taps, height * width)
