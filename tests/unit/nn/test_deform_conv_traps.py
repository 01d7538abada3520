"""Each mistake that looks right is planted here and seen to be wrong, then the layer is seen to be free of it."""

import pytest
import torch
from kornia.geometry.transform import remap
from torch.nn import functional as F

from hemoseg.nn.deform_conv import BACKENDS, DeformConv2d, active_backend, deform_conv2d

backends = pytest.mark.parametrize("backend", sorted({active_backend(name) for name in BACKENDS}))


def planted(x, offset, weight, *, grid=None, **flags):
    """The kornia form of a 3x3 layer, with the grid in the dtype ``grid`` and any flags."""
    grid = grid or offset.dtype
    height, width = x.shape[-2:]
    step_y, step_x = (t.reshape(1, 9, 1, 1).to(grid) for t in torch.meshgrid(*[torch.arange(-1, 2)] * 2, indexing="ij"))
    map_y = (torch.arange(height).to(grid).view(1, 1, -1, 1) + step_y) + offset[:, 0::2].to(grid)
    map_x = (torch.arange(width).to(grid).view(1, 1, 1, -1) + step_x) + offset[:, 1::2].to(grid)
    flags = {"align_corners": True} | flags
    maps = [m.reshape(len(x), 9 * height, width).to(x.dtype) for m in (map_x, map_y)]
    sampled = remap(x, *maps, mode="bilinear", **flags)
    return (weight.flatten(1) @ sampled.view(len(x), -1, height * width)).view(len(x), -1, height, width)


def error(ours, wanted):
    """Relative root mean square."""
    ours, wanted = ours.detach().double(), wanted.detach().double()
    return float((ours - wanted).norm() / wanted.norm())


def test_the_plant_is_right_where_nothing_is_planted(draw):
    x, offset, weight, _ = draw(1, 2, 2, 16, 16, 3)
    assert error(planted(x, offset, weight), deform_conv2d(x, offset, weight)) < 1e-12


@backends
@pytest.mark.parametrize("flag", [False, None])
def test_kornias_default_alignment_would_be_wrong(naive, draw, backend, flag):
    x, offset, weight, _ = draw(1, 2, 2, 9, 10, 3, reach=1.5)
    wanted = naive(x, offset, weight)
    assert error(planted(x, offset, weight, align_corners=flag), wanted) > 0.1
    assert error(deform_conv2d(x, offset, weight, backend=backend), wanted) < 1e-12


@backends
@pytest.mark.parametrize("padding", ["border", "reflection"])
def test_other_paddings_would_be_wrong(naive, draw, backend, padding):
    x, offset, weight, _ = draw(1, 2, 2, 9, 10, 3, reach=1.5)
    wanted = naive(x, offset, weight)
    assert error(planted(x, offset, weight, padding_mode=padding), wanted) > 0.1
    assert error(deform_conv2d(x, offset, weight, backend=backend), wanted) < 1e-12


@backends
@pytest.mark.parametrize("size", [(1, 7), (7, 1)])
def test_kornias_axis_of_one_pixel_would_be_wrong(draw, backend, size):
    x, offset, weight, _ = draw(1, 2, 2, *size, 3)
    offset = torch.zeros_like(offset)
    wanted = F.conv2d(x, weight, padding=1)
    assert error(planted(x, offset, weight), wanted) > 0.1
    assert error(deform_conv2d(x, offset, weight, backend=backend), wanted) < 1e-12


@backends
def test_a_bfloat16_grid_would_be_garbage_and_autocast_keeps_it_exact(draw, backend):
    x, _, _, _ = draw(1, 4, 1, 24, 300, 3, dtype=torch.float32)
    torch.manual_seed(0)
    layer = DeformConv2d(4, 4, backend=backend)
    torch.nn.init.normal_(layer.offset.weight, std=0.1)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer.offset(x).dtype == torch.bfloat16
        offset = layer.offsets(x)
        given = deform_conv2d(x, offset, layer.weight, backend=backend)
        ours = layer(x)
    assert offset.dtype == torch.float32
    wanted = deform_conv2d(x.double(), offset.double(), layer.weight.detach().double(), backend=backend)
    assert error(planted(x, offset, layer.weight.detach(), grid=torch.bfloat16), wanted) > 0.1
    assert error(given, wanted) < 1e-3
    exact = layer.double()
    assert error(ours, exact(x.double()).detach()) < 2e-2


@backends
def test_autocast_gradients_stay_close_to_float64(draw, backend):
    coarse, *_ = draw(1, 4, 1, 3, 5, 3, dtype=torch.float32)
    # Smooth, so that a position that rounding puts across a whole pixel changes the derivative little.
    x = F.interpolate(coarse, (12, 20), mode="bicubic")
    torch.manual_seed(0)
    layer = DeformConv2d(4, 4, backend=backend)
    torch.nn.init.normal_(layer.offset.weight, std=0.1)
    exact = DeformConv2d(4, 4, backend=backend).double()
    exact.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    y.square().sum().backward()
    exact(x.double()).square().sum().backward()
    assert error(layer.weight.grad, exact.weight.grad) < 2e-2
    assert error(layer.offset.weight.grad, exact.offset.weight.grad) < 0.1


@backends
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_at_zero_offset_is_alive_where_relu_would_kill_it(naive, draw, backend, dtype):
    x, offset, weight, _ = draw(1, 2, 2, 6, 7, 3, dtype=dtype)
    dead, alive = (torch.zeros_like(offset).requires_grad_() for _ in range(2))
    naive(x, dead, weight).square().sum().backward()
    deform_conv2d(x, alive, weight, backend=backend).square().sum().backward()
    assert dead.grad.abs().max() == 0
    assert (alive.grad.abs() > 1e-6).double().mean() > 0.8


@backends
def test_offsets_start_at_zero_and_learn(draw, backend):
    x, *_ = draw(2, 3, 1, 10, 10, 3, dtype=torch.float32)
    torch.manual_seed(0)
    layer = DeformConv2d(3, 4, backend=backend)
    assert layer.offsets(x).abs().max() == 0
    plain = F.conv2d(x, layer.weight, padding=1)
    assert error(layer(x), plain) < 1e-5
    target = torch.roll(plain.detach(), 1, dims=-1)
    optimizer = torch.optim.Adam(layer.offset.parameters(), lr=0.02)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = (layer(x) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert (layer.offset.weight.abs() > 0).double().mean() > 0.95
    assert losses[-1] < 0.9 * losses[0]


@backends
@pytest.mark.parametrize("scope", [0.5, 2.0, 7.0])
def test_offsets_are_bounded_by_the_scope(draw, backend, scope):
    x, *_ = draw(1, 3, 1, 8, 8, 3, dtype=torch.float32)
    layer = DeformConv2d(3, 2, scope=scope, backend=backend)
    torch.nn.init.normal_(layer.offset.weight, std=100)
    offsets = layer.offsets(x * 1e4)
    assert offsets.abs().max() == scope
    torch.nn.init.normal_(layer.offset.weight, std=0.01)
    raw = F.conv2d(x, layer.offset.weight, padding=1)
    assert torch.allclose(layer.offsets(x), scope * torch.tanh(raw), atol=1e-6)


def test_layer_has_a_kernel_and_an_offset_kernel_without_bias():
    layer = DeformConv2d(3, 5, 3)
    shapes = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    assert shapes == {"weight": (5, 3, 3, 3), "offset.weight": (18, 3, 3, 3)}
    assert DeformConv2d(3, 5, 5, bias=True).bias.shape == (5,)
    with pytest.raises(ValueError, match="unknown back end 'fast'"):
        DeformConv2d(3, 5, backend="fast")


@pytest.mark.parametrize("width", [256, 512])
def test_kornias_zero_offsets_would_take_a_side_that_depends_on_the_column(draw, width):
    x, offset, weight, _ = draw(1, 2, 2, 4, width, 3, dtype=torch.float32)

    def gradient(at, dtype, form):
        moved = torch.full_like(offset, at, dtype=dtype).requires_grad_()
        form(x.to(dtype), moved, weight.to(dtype)).sum().backward()
        return moved.grad.double()

    right = gradient(1e-9, torch.float64, deform_conv2d)
    assert error(gradient(0, torch.float32, planted), right) > 0.1
    for backend in {active_backend(name) for name in BACKENDS} - {"kornia"}:
        ours = gradient(0, torch.float32, lambda *given, form=backend: deform_conv2d(*given, backend=form))
        assert error(ours, right) < 1e-5


@backends
def test_weights_by_the_absolute_distance_would_never_learn(draw, backend):
    """Eq. 4 as it is printed, relu(1 - |q - p|): torch's derivative of |.| at 0 is 0."""
    x, offset, weight, _ = draw(1, 1, 1, 6, 7, 1)

    def as_printed(x, offset, weight):
        rows, columns = torch.arange(6.0), torch.arange(7.0)
        py, px = rows.view(1, 6, 1) + offset[:, 0], columns.view(1, 1, 7) + offset[:, 1]
        near_y = torch.relu(1 - (py.unsqueeze(-1) - rows).abs())
        near_x = torch.relu(1 - (px.unsqueeze(-1) - columns).abs())
        return weight.view(1, 1, 1, 1) * torch.einsum("bijr,bijc,brc->bij", near_y, near_x, x[:, 0]).unsqueeze(1)

    assert error(as_printed(x, offset, weight), deform_conv2d(x, offset, weight, backend=backend)) < 1e-12
    for form, learns in ((as_printed, False), (lambda *given: deform_conv2d(*given, backend=backend), True)):
        still = torch.zeros_like(offset).requires_grad_()
        form(x, still, weight).square().sum().backward()
        assert bool(still.grad.abs().max() > 1e-3) == learns
