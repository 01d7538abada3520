from functools import cache

import pytest
import torch
from torch.nn import functional as F

from hemoseg.nn.deform_conv import BACKENDS, active_backend, deform_conv2d

SHAPES = [  # batch, channels, outputs, height, width, kernel
    (2, 3, 2, 5, 4, 3),
    (1, 1, 1, 4, 6, 3),
    (1, 2, 3, 5, 4, 1),
    (1, 2, 2, 4, 5, 5),
    (1, 2, 2, 1, 6, 3),
    (1, 2, 2, 6, 1, 3),
    (2, 2, 2, 1, 1, 3),
    (1, 1, 2, 2, 2, 5),
    (1, 4, 4, 5, 3, 3),
    (1, 8, 8, 4, 5, 3),
    (1, 9, 5, 3, 4, 3),
    (1, 16, 18, 3, 5, 3),
    (1, 24, 33, 3, 3, 3),
    (1, 300, 2, 2, 3, 3),
    (1, 2, 300, 2, 3, 3),
    (1, 8, 2, 3, 50, 3),  # longer than a tile of the native form
    (1, 2, 2, 3, 3, 7),
]
backends = pytest.mark.parametrize("backend", sorted({active_backend(name) for name in BACKENDS}))


def relative(ours, wanted):
    ours, wanted = ours.detach().double(), wanted.detach().double()
    return float((ours - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))


@cache
def exactly(naive, draw, shape, **options):
    """Output of the loops in float64, what pulls on it, and the gradients; the same for all back ends."""
    drawn = draw(*shape, **options)
    given = [value.to(torch.float64, copy=True).requires_grad_() for value in drawn]
    y = naive(*given)
    pull = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype).to(drawn[0].dtype)
    y.backward(pull.double())
    return y.detach(), pull, [value.grad for value in given]


@backends
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reach", [0.9, 2.3])
def test_layer_and_its_gradients_are_those_of_the_equations(naive, draw, backend, shape, reach):
    given = [value.requires_grad_() for value in draw(*shape, reach=reach)]
    wanted, pull, gradients = exactly(naive, draw, shape, reach=reach)
    ours = deform_conv2d(*given, backend=backend)
    assert relative(ours, wanted) <= 1e-10
    ours.backward(pull)
    for mine, theirs in zip(given, gradients, strict=True):
        assert relative(mine.grad, theirs) <= 1e-10


# kornia's coordinates run from -1 to 1: in float32 they cannot hold 1e-5 of a pixel of a wide image, and a point they
# round across a whole number has another derivative.
@backends
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lower_precision_keeps_its_dtype_and_stays_close(naive, draw, backend, dtype, shape):
    bound = 2e-2 if dtype == torch.bfloat16 else 1e-3 if backend == "kornia" else 1e-5
    given = [value.requires_grad_() for value in draw(*shape, dtype=dtype)]
    wanted, pull, gradients = exactly(naive, draw, shape, dtype=dtype)
    ours = deform_conv2d(*given, backend=backend)
    assert ours.dtype == dtype
    assert relative(ours, wanted) <= bound
    ours.backward(pull)
    for name, mine, theirs in zip(("x", "offset", "weight", "bias"), given, gradients, strict=True):
        if backend != "kornia" or name != "offset":
            assert relative(mine.grad, theirs) <= bound
        assert mine.grad.dtype == dtype


@backends
@pytest.mark.parametrize("side", [512, 2048])
def test_wide_images_keep_float32_exact(draw, backend, side):
    x, offset, weight, _ = draw(1, 1, 1, 3, side, 3, dtype=torch.float32)
    for image, moved in ((x, offset), (x.mT.contiguous(), offset.mT.contiguous())):
        wanted = deform_conv2d(image.double(), moved.double(), weight.double(), backend="kornia")
        ours = deform_conv2d(image, moved, weight, backend=backend)
        assert relative(ours, wanted) <= (1e-3 if backend == "kornia" else 1e-5)


@backends
def test_gradcheck(draw, backend):
    given = tuple(value.requires_grad_() for value in draw(1, 2, 2, 3, 4, 3))
    assert torch.autograd.gradcheck(lambda *values: deform_conv2d(*values, backend=backend), given)


@backends
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(7, 9), (1, 8), (8, 1), (1, 1)])
def test_zero_offsets_are_the_plain_zero_padded_convolution(draw, backend, kernel, size):
    x, offset, weight, bias = draw(2, 3, 4, *size, kernel)
    ours = deform_conv2d(x, torch.zeros_like(offset), weight, bias, backend=backend)
    assert relative(ours, F.conv2d(x, weight, bias, padding=kernel // 2)) <= 1e-12


@backends
@pytest.mark.parametrize("width", [64, 192, 256, 500, 512])
def test_zero_offsets_are_the_plain_convolution_in_float32(draw, backend, width):
    x, offset, weight, _ = draw(1, 2, 2, 24, width, 3, dtype=torch.float32)
    for image, moved in ((x, offset), (x.mT, offset.mT)):
        ours = deform_conv2d(image, torch.zeros_like(moved), weight, backend=backend)
        assert relative(ours, F.conv2d(image, weight, padding=1)) <= 1e-4


@backends
@pytest.mark.parametrize("shift", [(1, 0), (0, -1), (-2, 3), (4, -4)])
def test_whole_offsets_read_the_shifted_image(draw, backend, shift):
    x, offset, weight, _ = draw(1, 2, 3, 6, 7, 3)
    offset = torch.tensor(shift, dtype=x.dtype).repeat(9).view(1, 18, 1, 1).expand_as(offset)
    wide = F.pad(x, (5, 5, 5, 5))
    dy, dx = shift
    wanted = F.conv2d(wide[..., 4 + dy : 12 + dy, 4 + dx : 13 + dx], weight)
    assert relative(deform_conv2d(x, offset, weight, backend=backend), wanted) <= 1e-12


@pytest.mark.parametrize("size", [(5, 6), (7, 8), (13, 32)])
@pytest.mark.parametrize("backend", sorted({active_backend(name) for name in BACKENDS} - {"kornia"}))
def test_derivative_at_whole_offsets_is_the_right_hand_one(draw, backend, size):
    x, offset, weight, _ = draw(1, 2, 2, *size, 3)
    gradients = []
    for nudge in (0.0, 1e-9):
        moved = torch.full_like(offset, nudge).requires_grad_()
        deform_conv2d(x, moved, weight, backend=backend).sum().backward()
        gradients.append(moved.grad)
    assert gradients[0].abs().max() > 0.1
    assert relative(gradients[0], gradients[1]) < 1e-6


@backends
def test_points_beyond_the_image_read_zero(draw, backend):
    x, offset, weight, bias = draw(1, 2, 2, 5, 6, 3)
    for far in (-300.0, 300.0, 1e6):
        y = deform_conv2d(x, torch.full_like(offset, far), weight, bias, backend=backend)
        assert torch.equal(y, bias.view(1, -1, 1, 1).expand_as(y))


@backends
@pytest.mark.parametrize("edge", ["top", "left", "bottom", "right"])
def test_values_fade_linearly_over_the_last_pixel(backend, edge):
    x = torch.ones(1, 1, 4, 5, dtype=torch.float64)
    out = {"top": (-0.25, 0), "left": (0, -0.25), "bottom": (0.25, 0), "right": (0, 0.25)}[edge]
    offset = torch.tensor(out, dtype=x.dtype).view(1, 2, 1, 1).expand(1, 2, 4, 5)
    y = deform_conv2d(x, offset, torch.ones(1, 1, 1, 1, dtype=x.dtype), backend=backend)[0, 0]
    border = {"top": y[0], "left": y[:, 0], "bottom": y[-1], "right": y[:, -1]}[edge]
    assert torch.allclose(border, torch.full_like(border, 0.75))
    assert float(y.sum()) == pytest.approx(20 - 0.25 * border.numel())


@backends
def test_even_channels_move_rows_and_odd_channels_columns(backend):
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(11.0), indexing="ij")
    ramp = (10 * rows + columns)[None, None].double()
    weight = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
    weight[0, 0, 1, 2] = 1  # tap 5: one to the right of the centre
    offset = torch.zeros(1, 18, 9, 11, dtype=torch.float64)
    offset[:, 10], offset[:, 11] = 0.5, -0.25
    moved = deform_conv2d(ramp, offset, weight, backend=backend)[0, 0, 2:-2, 2:-2]
    assert torch.allclose(moved, ramp[0, 0, 2:-2, 2:-2] + 1 + 5 - 0.25)
    offset[:, 10:12] = 0
    offset[:, [8, 9, 12, 13]] = 1.5  # neighbours of tap 5 have no weight
    still = deform_conv2d(ramp, offset, weight, backend=backend)[0, 0, 2:-2, 2:-2]
    assert torch.allclose(still, ramp[0, 0, 2:-2, 2:-2] + 1)


@backends
def test_memory_layout_changes_nothing_but_itself(draw, backend):
    x, offset, weight, bias = draw(2, 4, 3, 6, 7, 3)
    wanted = deform_conv2d(x, offset, weight, bias, backend=backend)
    last = deform_conv2d(x.contiguous(memory_format=torch.channels_last), offset, weight, bias, backend=backend)
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert wanted.is_contiguous()
    strided = torch.zeros(2, 8, 12, 14, dtype=x.dtype)[:, ::2, ::2, ::2]
    strided.copy_(x)
    turned = offset.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    kernel = weight.contiguous(memory_format=torch.channels_last)
    assert not strided.is_contiguous()
    for ours in (last, deform_conv2d(strided, turned, kernel, bias, backend=backend)):
        assert relative(ours, wanted) <= 1e-14


@backends
def test_empty_batch_gives_an_empty_batch_with_gradients(draw, backend):
    x, offset, weight, bias = (value.requires_grad_() for value in draw(0, 3, 4, 5, 6, 3))
    y = deform_conv2d(x, offset, weight, bias, backend=backend)
    assert y.shape == (0, 4, 5, 6)
    y.sum().backward()
    assert weight.grad.abs().max() == 0
    assert offset.grad.shape == (0, 18, 5, 6)
    assert x.grad.shape == x.shape


@backends
def test_images_of_a_batch_do_not_touch(draw, backend):
    x, offset, weight, bias = draw(3, 2, 2, 5, 6, 3)
    whole = deform_conv2d(x, offset, weight, bias, backend=backend)
    for b in range(3):
        assert relative(deform_conv2d(x[b : b + 1], offset[b : b + 1], weight, bias), whole[b : b + 1]) <= 1e-12


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": torch.zeros(2, 3, 2, 2)}, "square and odd"),
        ({"weight": torch.zeros(2, 3, 3, 5)}, "square and odd"),
        ({"weight": torch.zeros(2, 4, 3, 3)}, "3 channels, the kernel reads 4"),
        ({"offset": torch.zeros(1, 9, 5, 6)}, r"\(1, 9, 5, 6\), expected \(1, 18, 5, 6\)"),
        ({"offset": torch.zeros(1, 18, 6, 5)}, r"expected \(1, 18, 5, 6\)"),
        ({"offset": torch.zeros(2, 18, 5, 6)}, r"expected \(1, 18, 5, 6\)"),
        ({"bias": torch.zeros(1)}, r"bias has shape \(1,\), expected \(2,\)"),
        ({"x": torch.zeros(3, 5, 6)}, "4 axes"),
        ({"backend": "fast"}, "unknown back end 'fast'; the back ends are auto, kornia, native, triton"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    given = {"x": torch.zeros(1, 3, 5, 6), "offset": torch.zeros(1, 18, 5, 6), "weight": torch.zeros(2, 3, 3, 3)}
    with pytest.raises(ValueError, match=words):
        deform_conv2d(**(given | change))


def test_the_back_end_that_runs_has_a_name():
    assert active_backend("kornia") == "kornia"
    assert active_backend() in BACKENDS
    assert active_backend() != "auto"
