"""What the Triton kernels obey, interpreted (``TRITON_INTERPRET=1``) or on a CUDA device (``=0``)."""

import os
from types import SimpleNamespace

import pytest
import torch
import triton
import triton.language as tl
from torch.nn import functional as F

from hemoseg.nn import deform_triton
from hemoseg.nn.deform_triton import deform_conv2d
from hemoseg.nn.deform_triton_kernels import corner_index, locate

DEVICE = "cpu" if os.environ["TRITON_INTERPRET"] == "1" else "cuda"
SHAPES = [  # batch, channels, outputs, height, width, kernel
    (2, 3, 2, 5, 7, 3),  # more pixels than two programs have
    (1, 1, 1, 4, 6, 3),
    (1, 2, 2, 2, 3, 5),
    (2, 2, 18, 1, 1, 3),
    (1, 33, 65, 1, 2, 3),
    (1, 300, 1, 3, 3, 1),
]
TYPES = [(torch.float32, 1e-5), (torch.float16, 5e-3), (torch.bfloat16, 2e-2)]
scopes = pytest.mark.parametrize("scope", [None, 1.7])


on_a_device = pytest.mark.skipif(DEVICE == "cpu", reason="the interpreter is no device")


def relative(found, wanted):
    found, wanted = (value.detach().double().cpu() for value in (found, wanted))
    return float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))


def pull_on(x, weight):
    """The gradient that arrives at the output."""
    seeded = torch.Generator().manual_seed(1)
    return torch.randn(x.shape[0], weight.shape[0], *x.shape[-2:], generator=seeded, dtype=torch.float64).to(x)


def results(layer, x, offset, weight):
    leaves = [value.detach().clone().requires_grad_() for value in (x, offset, weight)]
    y = layer(*leaves)
    y.backward(pull_on(x, weight))
    return [y.detach(), *(leaf.grad for leaf in leaves)]


def ours(scope):
    return lambda *values: deform_conv2d(*values, scope)


def error(naive, scope, *given):
    """Largest relative error of the output and the gradients, from what the loops make of the same numbers."""
    found = results(ours(scope), *given)
    assert [value.dtype for value in found] == [given[0].dtype, *(value.dtype for value in given)]
    exact = [value.double().cpu() for value in given]
    wanted = results(lambda x, t, weight: naive(x, t if scope is None else scope * torch.tanh(t), weight), *exact)
    return max(map(relative, found, wanted))


@pytest.fixture
def draw(draw):
    """The same numbers, where the kernels run."""
    return lambda *shape, **options: tuple(value.to(DEVICE) for value in draw(*shape, **options))


@pytest.fixture(autouse=True)
def one_block_size(monkeypatch):
    """To try several for each shape would take minutes."""
    monkeypatch.setattr(deform_triton, "_kernel", lambda name: (deform_triton._compiled(name), deform_triton.FIXED))


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(("shape", "scope"), [*((shape, None) for shape in SHAPES), (SHAPES[0], 1.7), (SHAPES[2], 1.7)])
def test_layer_and_its_gradients_are_those_of_the_equations(naive, draw, shape, scope):
    assert error(naive, scope, *draw(*shape)[:3]) <= 1e-10


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
@scopes
def test_each_type_stays_within_its_rounding(naive, draw, dtype, bound, scope):
    assert error(naive, scope, *draw(1, 5, 3, 4, 5, 3, dtype=dtype)[:3]) <= bound


@pytest.mark.parametrize(
    ("shape", "scope", "fast"), [((1, 1, 1, 2, 2, 1), 1.7, False), ((1, 3, 2, 2, 3, 3), None, True)]
)
def test_gradcheck(draw, shape, scope, fast):
    given = tuple(value.requires_grad_() for value in draw(*shape)[:3])
    assert torch.autograd.gradcheck(ours(scope), given, fast_mode=fast, nondet_tol=1e-12)


@pytest.mark.parametrize(("shape", "scope"), [((1, 3, 2, 2, 3, 3), 0.8), ((1, 18, 17, 4, 3, 1), None)])
def test_gathering_is_adding(naive, draw, deterministic, shape, scope):
    assert error(naive, scope, *draw(*shape, reach=1.4)[:3]) <= 1e-10


def test_gathering_finds_the_farthest_offset(naive, draw, deterministic):
    x, offset, weight, _ = draw(1, 2, 2, 2, 5, 1, reach=0.9)
    offset[0, 1, 1, 0] = 3.5
    offset[0, 0, 0, 2] = 1e30
    assert error(naive, None, x, offset, weight) <= 1e-10


@pytest.mark.parametrize("kernel", [1, 3])
def test_zero_offsets_are_the_plain_zero_padded_convolution(draw, kernel):
    x, offset, weight, _ = draw(2, 3, 4, 5, 7, kernel)
    wanted = F.conv2d(x, weight, padding=kernel // 2)
    for numbers, scope in ((0 * offset, None), (0 * offset, 2.0), (offset, 0.0)):
        assert relative(deform_conv2d(x, numbers, weight, scope), wanted) <= 1e-12


@pytest.mark.parametrize(("dy", "dx"), [(1, 0), (0, -1), (-2, 3), (4, -4)])
def test_whole_offsets_read_the_shifted_image(draw, dy, dx):
    x, offset, weight, _ = draw(1, 2, 3, 6, 7, 3)
    offset = torch.tensor([dy, dx]).to(x).repeat(9).view(1, 18, 1, 1).expand_as(offset)
    wanted = F.conv2d(F.pad(x, (5, 5, 5, 5))[..., 4 + dy : 12 + dy, 4 + dx : 13 + dx], weight)
    assert relative(deform_conv2d(x, offset, weight, None), wanted) <= 1e-12


def test_derivative_at_whole_offsets_is_the_right_hand_one(draw):
    x, offset, weight, _ = draw(1, 2, 2, 4, 5, 3)
    on, near = (results(ours(None), x, torch.full_like(offset, nudge), weight)[2] for nudge in (0.0, 1e-9))
    assert on.abs().max() > 0.1
    assert relative(on, near) < 1e-6


def test_points_beyond_the_image_read_zero_and_pull_on_nothing(draw):
    x, offset, weight, _ = draw(1, 2, 2, 3, 4, 3, dtype=torch.float32)
    for far in (-300.0, 300.0, 1e30):
        assert not any(value.any() for value in results(ours(None), x, torch.full_like(offset, far), weight))


@scopes
def test_a_nan_offset_is_a_nan_output_there_and_nowhere_else(draw, scope):
    x, offset, weight, _ = draw(1, 3, 2, 4, 5, 3)
    offset[0, 7, 2, 3] = float("nan")
    y, grad_x, *_ = results(ours(scope), x, offset, weight)
    struck = torch.zeros_like(y, dtype=torch.bool)
    struck[:, :, 2, 3] = True
    assert torch.equal(y.isnan(), struck)
    assert grad_x.isfinite().all()


def test_positions_do_not_round_on_wide_images(draw):
    rounded = [value.float() for value in draw(1, 1, 1, 1, 600, 1)[:3]]
    exact = deform_conv2d(*(value.double() for value in rounded), None)
    assert relative(deform_conv2d(*rounded, None), exact) <= 5e-7


def test_layout_changes_nothing_and_channels_come_out_last(draw):
    x, offset, weight, _ = draw(2, 4, 3, 3, 4, 3)
    wanted = results(ours(None), x, offset, weight)
    strided = x.repeat(1, 2, 2, 2).as_strided(x.shape, (384, 96, 16, 2))
    strided.copy_(x)
    turned = offset.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    last = offset.contiguous(memory_format=torch.channels_last)
    for image, moved in ((strided, turned), (x.contiguous(memory_format=torch.channels_last), last)):
        y = deform_conv2d(image.requires_grad_(), moved.requires_grad_(), weight, None)
        assert y.is_contiguous(memory_format=torch.channels_last)
        y.backward(pull_on(x, weight).transpose(0, 1).contiguous().transpose(0, 1))
        assert max(map(relative, (y, image.grad, moved.grad), wanted)) <= 1e-14


@triton.jit
def addresses(found, tile, pixels, height, width, plan: tl.constexpr):
    _, live, image, row, column = locate(tile, pixels, height, width, plan, 16)
    at, _ = corner_index(image, row[:, None], column[:, None], live[:, None], tl.arange(0, 2), height, width, 2)
    tl.store(found + tl.arange(0, 32), tl.reshape(at, (32,)))


def test_addresses_in_large_tensors_do_not_wrap(draw, monkeypatch):
    monkeypatch.setattr(deform_triton, "WIDE", 0)
    plan = deform_triton._Layer(*draw(1, 2, 1, 1, 1, 1)[:3], None).plan
    found = torch.zeros(32, dtype=torch.int64, device=DEVICE)
    addresses[(1,)](found, 2**27 + 3, 2**33, 2**13, 2**13, plan)
    assert found.tolist() == list(range(2**32 + 96, 2**32 + 128))


def test_empty_batch_gives_an_empty_batch_with_gradients(draw):
    x, offset, weight, _ = (value.requires_grad_() for value in draw(0, 3, 4, 5, 6, 3))
    y = deform_conv2d(x, offset, weight, 2.0)
    y.sum().backward()
    assert (y.shape, x.grad.shape, offset.grad.shape) == ((0, 4, 5, 6), x.shape, offset.shape)
    assert weight.grad.abs().max() == 0


def test_under_autocast_the_input_decides_the_type(naive, draw):
    x, offset, weight, _ = draw(1, 3, 2, 4, 5, 3, dtype=torch.float32)
    with torch.autocast(DEVICE, torch.bfloat16):
        assert error(naive, 2.0, x.bfloat16(), offset, weight) <= 2e-2
        assert error(naive, 2.0, x, offset, weight) <= 1e-5


@pytest.mark.parametrize("needed", range(3))
def test_one_gradient_alone_is_the_same(draw, needed):
    given = draw(1, 3, 2, 3, 4, 3)[:3]
    _, *wanted = results(ours(2.0), *given)
    given[needed].requires_grad_()
    deform_conv2d(*given, 2.0).backward(pull_on(given[0], given[2]))
    assert [value.grad is not None for value in given] == [n == needed for n in range(3)]
    assert relative(given[needed].grad, wanted[needed]) <= 1e-14


def test_nothing_is_kept_but_what_was_given(draw):
    given = [value.requires_grad_() for value in draw(1, 3, 2, 3, 4, 3)[:3]]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda value: kept.append(value) or value, lambda value: value):
        deform_conv2d(*given, 2.0)
    assert [value.data_ptr() for value in kept] == [value.data_ptr() for value in given]


def test_trying_block_sizes_leaves_no_trace(naive, draw, monkeypatch):
    if DEVICE == "cpu":  # Triton's driver, which times, needs a device
        driver = SimpleNamespace(get_benchmarker=lambda: lambda call, quantiles: [call() or 1.0] * 3)
        monkeypatch.setattr("triton.runtime.driver._active", driver)
    monkeypatch.setattr(deform_triton, "_kernel", lambda name: (deform_triton._tuned(name), {}))
    for _ in ("tried", "known"):
        assert error(naive, 1.7, *draw(1, 2, 3, 4, 9, 1)[:3]) <= 1e-10


def test_there_is_no_second_derivative(draw):
    given = [value.requires_grad_() for value in draw(1, 1, 1, 2, 2, 1)[:3]]
    y = ours(None)(*given)
    first = torch.autograd.grad(y, given, torch.ones_like(y).requires_grad_(), create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first[0].sum().backward()


@on_a_device
@scopes
def test_results_repeat_to_the_bit(draw, deterministic, scope):
    given = draw(2, 16, 16, 65, 67, 3, dtype=torch.float32)[:3]
    assert all(map(torch.equal, results(ours(scope), *given), results(ours(scope), *given)))


@on_a_device
def test_layer_is_torchvisions(draw):
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed")
    given = draw(2, 16, 8, 33, 31, 3)[:3]
    wanted = results(lambda *values: ops.deform_conv2d(*values, padding=1), *given)
    assert max(map(relative, results(ours(None), *given), wanted)) <= 1e-10
