"""The compiled form: each library, the layer in one pass, threads, what it refuses and what stands in for it."""

import ctypes
import logging
import subprocess
import sys
from functools import cache

import pytest
import torch
from torch.nn import functional as F

from hemoseg.models import deformable_unet
from hemoseg.nn import deform_conv, deform_native
from hemoseg.nn.deform_conv import DeformConv2d, active_backend

pytestmark = pytest.mark.skipif(
    active_backend("native") != "native", reason="no C++ compiler built the native form at install"
)
RUNNABLE = {"AVX512": 3, "AVX2": 2}.get(torch.backends.cpu.get_cpu_capability(), 1)
LEVELS = ("base", "x86-64-v3", "x86-64-v4")[:RUNNABLE]


def relative(ours, wanted):
    ours, wanted = ours.detach().double(), wanted.detach().double()
    return float((ours - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))


def layer_and_input(channels, outputs, height, width, kernel=3, *, batch=1, scope=2.0, seed=0, **options):
    torch.manual_seed(seed)
    layer = DeformConv2d(channels, outputs, kernel, bias=True, scope=scope, **options).double()
    torch.nn.init.normal_(layer.offset.weight, std=0.5 / (channels * kernel**2) ** 0.5)
    return layer, torch.randn(batch, channels, height, width, dtype=torch.float64)


def run(layer, x, pull):
    """Output and all gradients of a layer."""
    x = x.detach().clone().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(pull)
    return [y, x.grad, layer.offset.weight.grad, layer.weight.grad, layer.bias.grad]


@pytest.fixture(params=LEVELS)
def library(request, monkeypatch):
    """Each library that this processor runs, in the place of the fastest."""
    path = deform_native.FOLDER / f"libdeform-{request.param}.so"
    if not path.exists():
        pytest.skip(f"{path.name} is not for this kind of processor")
    monkeypatch.setattr(deform_native, "_load", lambda: ctypes.CDLL(str(path)))
    return request.param


@cache
def exactly(naive, channels, outputs):
    """What pulls on the output of a layer, and what the loops make of it; the same for every library."""
    layer, x = layer_and_input(channels, outputs, 3, 4, backend="native")
    x.requires_grad_()
    raw = F.conv2d(x, layer.offset.weight, padding=1)
    wanted = naive(x, 2 * torch.tanh(raw), layer.weight, layer.bias)
    pull = torch.randn_like(wanted)
    wanted.backward(pull)
    return pull, [wanted.detach(), x.grad, layer.offset.weight.grad, layer.weight.grad, layer.bias.grad]


@pytest.mark.parametrize("channels", [1, 3, 4, 8, 12, 16, 17, 40])
@pytest.mark.parametrize("outputs", [1, 2, 5, 8, 16, 18, 48])
def test_every_library_has_the_layer_of_the_equations(naive, library, channels, outputs):
    pull, exact = exactly(naive, channels, outputs)
    layer, x = layer_and_input(channels, outputs, 3, 4, backend="native")
    for ours, theirs in zip(run(layer, x, pull), exact, strict=True):
        assert relative(ours, theirs) <= 1e-10
    for ours, theirs in zip(run(layer.float(), x.float(), pull.float()), exact, strict=True):
        assert relative(ours, theirs) <= 1e-5


@pytest.mark.parametrize("scope", [0.0, 0.5, 2.0, 7.5])
@pytest.mark.parametrize("shape", [(8, 8, 70, 53), (16, 16, 41, 9), (3, 2, 1, 130), (5, 4, 130, 1)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_bands_and_tiles_meet_without_a_seam(library, shape, kernel, scope):
    """Images of many bands and tiles, against the kornia form."""
    layer, x = layer_and_input(*shape, kernel, batch=2, scope=scope)
    pull = torch.randn(2, shape[1], *shape[2:], dtype=torch.float64)
    results = []
    for backend in ("native", "kornia"):
        layer.backend = backend
        results.append(run(layer, x, pull))
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() <= 1e-10 * theirs.abs().max() + 1e-14


def test_gradcheck_of_the_layer():
    layer, x = layer_and_input(2, 2, 3, 4, backend="native")
    weights = [p.detach().requires_grad_() for p in (layer.offset.weight, layer.weight, layer.bias)]
    given = (x.requires_grad_(), *weights)
    assert torch.autograd.gradcheck(lambda *values: deform_native.deform_layer(*values, 2.0), given)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_number_of_threads_gives_the_same_bits(threads):
    layer, x = layer_and_input(16, 16, 60, 31, batch=3, backend="native")
    layer, x = layer.float(), x.float()
    pull = torch.randn(3, 16, 60, 31)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        first, again = run(layer, x, pull), run(layer, x, pull)
    finally:
        torch.set_num_threads(before)
    one = run(layer, x, pull)
    for a, b, c in zip(first, again, one, strict=True):
        assert torch.equal(a, b)
        assert relative(a, c) <= 1e-5
    assert torch.equal(first[0], one[0])
    assert torch.equal(first[1], one[1])  # only the kernels' gradients are sums over threads


@pytest.mark.parametrize("frozen", ["x", "offset.weight", "weight", "all but x"])
def test_gradients_that_nobody_asks_for_change_no_other(frozen):
    layer, x = layer_and_input(16, 16, 9, 8, backend="native")
    pull = torch.randn(1, 16, 9, 8, dtype=torch.float64)
    wanted = run(layer, x, pull)
    for name, parameter in layer.named_parameters():
        parameter.requires_grad_(frozen not in (name, "all but x"))
    layer.zero_grad(set_to_none=True)
    given = x.clone().requires_grad_(frozen != "x")
    layer(given).backward(pull)
    found = [None, given.grad, layer.offset.weight.grad, layer.weight.grad, layer.bias.grad]
    for ours, theirs in zip(found[1:], wanted[1:], strict=True):
        assert ours is None or torch.equal(ours, theirs)
    assert sum(value is None for value in found[1:]) == (3 if frozen == "all but x" else 1)


def test_less_is_kept_for_the_backward_pass_than_one_copy_of_the_samples():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        layer, x = layer_and_input(8, 8, 64, 64, backend="native")
        layer(x.requires_grad_())
    assert sum(kept) < 2 * x.numel()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("fused", [True, False])
def test_offsets_that_are_no_numbers_spoil_their_pixels_and_read_no_other_memory(value, fused):
    layer, x = layer_and_input(8, 4, 12, 60, backend="native")
    if fused:
        x[0, 3, 5, 30] = value
        y = layer(x)
    else:
        offset = torch.zeros(1, 18, 12, 60, dtype=torch.float64)
        offset[0, 4, 5, 30] = value
        y = deform_conv.deform_conv2d(x, offset, layer.weight, backend="native")
    good = torch.isfinite(y).all(dim=1)[0]
    if not fused or value != value:  # an infinite value only moves its pixel's points by the scope
        assert not good[5, 30]
    far = torch.ones_like(good)
    far[max(0, 5 - 5) : 5 + 6, 30 - 5 : 30 + 6] = False
    assert good[far].all()
    assert good.sum() >= good.numel() - 121


def test_a_frozen_grid_of_a_graph_is_the_plain_form():
    layer, x = layer_and_input(2, 2, 8, 8)
    exported = torch.export.export(layer, (x,))
    assert torch.allclose(exported.module()(x), layer(x), atol=1e-12)


def test_without_a_library_kornia_runs_and_the_log_says_so_once(monkeypatch, caplog):
    layer, x = layer_and_input(3, 2, 6, 7)
    wanted = deform_conv.deform_conv2d(x, layer.offsets(x), layer.weight, layer.bias, backend="kornia")
    monkeypatch.setattr(deform_native, "_load", lambda: "it was not compiled")
    deform_conv._runs.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            for backend in ("auto", "native", "auto"):
                layer.backend = backend
                assert torch.equal(layer(x), wanted)
                assert active_backend(backend) == "kornia"
    finally:
        deform_conv._runs.cache_clear()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "kornia form; the native form cannot: it was not compiled" in caplog.text


def test_a_broken_library_is_as_good_as_none(monkeypatch, tmp_path):
    (tmp_path / "libdeform-base.so").write_bytes(b"no library")
    (tmp_path / "libdeform-x86-64-v3.so").write_bytes(b"no library")
    monkeypatch.setattr(deform_native, "FOLDER", tmp_path)
    reason = deform_native._load.__wrapped__()
    assert "does not load" in reason


def test_it_is_for_processors():
    assert "not meta" in deform_native.unavailable(torch.device("meta"))
    assert active_backend("native", "meta") == "kornia"


def test_it_shares_the_threads_of_torch():
    """Two pools would spin against each other: a process that ran both has no more threads than torch alone."""
    code = (
        "import torch, os; from hemoseg.nn import deform_native as d; torch.set_num_threads(3)\n"
        "torch.randn(900, 900) @ torch.randn(900, 900); torch.randn(3 * 10**6).add(1).sum()\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "d.deform_layer(torch.randn(4, 8, 64, 64), torch.randn(18, 8, 3, 3), torch.randn(8, 8, 3, 3), None, 2.0)\n"
        "print(before, len(os.listdir('/proc/self/task')), d._parallel() is not None)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out[2] == "True"
    assert out[0] == out[1]


def test_threads_never_add_to_the_same_row_at_once():
    """Bands of one colour may not overlap, however far the offsets reach; a race shows up sooner or later."""
    layer, x = layer_and_input(4, 4, 96, 16, scope=7.0, backend="native")
    pull = torch.randn(1, 4, 96, 16, dtype=torch.float64)
    wanted = run(layer, x, pull)[1]
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    try:
        assert all(torch.equal(run(layer, x, pull)[1], wanted) for _ in range(60))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_network_has_the_same_gradients_in_either_form(checkpoint):
    """One step: training on noise is chaotic, a rounding grows ten thousandfold with each further one."""
    found = {}
    for backend in ("kornia", "native"):
        torch.manual_seed(0)
        network = deformable_unet.build(3, 2, width=4, levels=2, backend=backend, checkpoint=checkpoint).double()
        for module in network.modules():
            if isinstance(module, DeformConv2d):  # at zero offsets kornia's side depends on the column
                torch.nn.init.normal_(module.offset.weight, std=0.1)
        x = torch.randn(2, 3, 20, 24, dtype=torch.float64)
        loss = F.cross_entropy(network(x), (x[:, 0] > 0).long())
        loss.backward()
        found[backend] = {"loss": loss} | {name: p.grad for name, p in network.named_parameters()}
    for name, theirs in found["kornia"].items():
        assert relative(found["native"][name], theirs) <= 1e-9, name
