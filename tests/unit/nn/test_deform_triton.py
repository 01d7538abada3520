"""The Triton kernels, checked without a device: interpreted, and compiled for one."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hemoseg.nn import deform_triton
from hemoseg.nn.deform_triton import deform_conv2d, unavailable

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device")


# Triton decides at its first import whether it interprets: a process for each.
@pytest.mark.parametrize("interpret", ["1", pytest.param("0", marks=cuda)])
def test_laws_hold_interpreted_and_on_a_device(pytestconfig, interpret):
    pytest.importorskip("triton", reason="triton is not installed")
    laws = Path(__file__).with_name("deform_triton_laws.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", laws, "-q", "-p", "no:cacheprovider"],
        env=os.environ | {"TRITON_INTERPRET": interpret},
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_device_that_is_no_cuda_device_is_refused_with_the_reason(draw):
    pytest.importorskip("triton", reason="triton is not installed")
    assert "needs a CUDA device, not cpu" in unavailable(torch.device("cpu"))
    with pytest.raises(RuntimeError, match="not cpu"):
        deform_conv2d(*draw(1, 1, 1, 2, 2, 3)[:3], None)


def test_a_device_that_cannot_is_told_from_one_that_can(monkeypatch):
    triton = pytest.importorskip("triton", reason="triton is not installed")
    device = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no CUDA device" in unavailable(device)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert "the device has 7.5" in unavailable(device)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (10, 0))
    monkeypatch.setattr(triton.runtime.driver.__class__, "active", property(lambda self: 1 / 0))
    assert "driver does not load (division by zero)" in unavailable(device)
    monkeypatch.setattr(triton.runtime.driver.__class__, "active", Absent())
    assert unavailable(device) is None


def test_without_triton_the_module_loads_and_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    spec = importlib.util.spec_from_file_location("fresh", deform_triton.__file__)
    fresh = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fresh", fresh)
    spec.loader.exec_module(fresh)
    assert "triton does not import" in fresh.unavailable(torch.device("cuda"))


def test_products_are_made_as_pytorch_makes_its_own(draw, monkeypatch):
    pytest.importorskip("triton", reason="triton is not installed")
    x, offset, weight, _ = draw(1, 3, 2, 3, 4, 3, dtype=torch.float32)

    def precision():
        return deform_triton._Layer(x, offset, weight, None).plan.PRECISION

    assert precision() == "ieee"
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        assert precision() == "tf32"
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
    monkeypatch.setattr(deform_triton, "FLOAT32_PRODUCTS", "tf32x3")
    assert precision() == "tf32x3"


class Absent:
    """In place of Triton's driver, which needs a device."""

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0


class Compiling:
    """In place of a kernel: launched, it is compiled and not run."""

    def __init__(self, name, made):
        self.name, self.made = name, made

    def __getitem__(self, grid):
        def launch(*tensors, **arguments):
            kernel = deform_triton._compiled(self.name)
            self.made[self.name] = kernel.run(*tensors, grid=grid, warmup=True, **arguments)

        return launch


@pytest.mark.skipif(torch.cuda.is_available(), reason="the laws on the device compile for it")
@pytest.mark.parametrize(("dtype", "wide"), [(torch.float32, 2**31), (torch.bfloat16, 0)])
def test_kernels_compile_for_a_device_that_is_not_there(draw, monkeypatch, tmp_path, dtype, wide):
    triton = pytest.importorskip("triton", reason="triton is not installed")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(triton.runtime.driver, "_active", Absent())
    monkeypatch.setattr(deform_triton, "unavailable", lambda device: None)
    monkeypatch.setattr(deform_triton, "WIDE", wide)
    made = {}
    monkeypatch.setattr(deform_triton, "_kernel", lambda name: (Compiling(name, made), deform_triton.FIXED))
    x, offset, weight, _ = (value.requires_grad_() for value in draw(1, 3, 8, 4, 4, 3, dtype=torch.float32))
    given = x.to(dtype), offset, weight
    deform_conv2d(*given, 2.0).sum().backward()
    assert sorted(made) == ["backward_data", "backward_weight", "forward"]
    assert "red.global.gpu.relaxed.add" in made["backward_data"].asm["ptx"].replace("atom.", "red.")
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    deform_conv2d(*given, 2.0).sum().backward()
    assert sorted(made) == ["backward_data", "backward_weight", "backward_x", "forward"]
    for kernel in made.values():
        assert kernel.asm["cubin"]
        assert not re.search(r"(red|atom)\.global", kernel.asm["ptx"])
