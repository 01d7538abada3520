"""The machine a table was made on, and the peaks that its floors rest on."""

import platform
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

PEAK_SIDE = {"cpu": 1536, "cuda": 8192}  # of the multiplied matrices
PEAK_BATCH = {"cpu": 2, "cuda": 128}  # images of the convolution
COPY_BYTES = {"cpu": 256 * 2**20, "cuda": 2**31}  # far beyond the caches


def describe(device: str) -> dict[str, object]:
    """What a figure cannot be read without."""
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "cpu_model": _cpu_model(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "kornia": version("kornia"),
        "hemoseg": version("hemoseg"),
        "python": platform.python_version(),
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no", "src", "benchmarks")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def loaded_library() -> str | None:
    """Name of the compiled back end that this process has in memory."""
    try:
        mapped = Path("/proc/self/maps").read_text().split()
    except OSError:
        return None
    return next((Path(word).name for word in mapped if "libdeform-" in word), None)


def measure_peaks(device: str, dtype: torch.dtype = torch.float32, *, quick: bool = False) -> dict[str, float]:
    """Operations per second (two to a multiply-add) and bytes per second of a large copy.

    The peak of operations is that of a large matrix product or of a convolution of many channels, whichever is higher:
    on some processors torch's matrix products come from a library that uses half of the vector unit.
    """
    product = _rate_of_product(device, dtype, 256 if quick else PEAK_SIDE[device])
    convolution = _rate_of_convolution(device, dtype, 1 if quick else PEAK_BATCH[device])
    source = torch.ones((2**22 if quick else COPY_BYTES[device]) // 4, device=device)
    target = torch.ones_like(source)
    copied = 2 * 4 * source.numel() / _best_seconds(lambda: target.copy_(source), device)
    rates = {"flops_of_matrix_product": product, "flops_of_convolution": convolution}
    return rates | {"flops": max(rates.values()), "bytes": copied}


def _rate_of_product(device: str, dtype: torch.dtype, side: int) -> float:
    a, b = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * side**3 / _best_seconds(lambda: torch.mm(a, b, out=out), device)


def _rate_of_convolution(device: str, dtype: torch.dtype, batch: int, channels: int = 256, side: int = 64) -> float:
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False, device=device, dtype=dtype)
    layer.to(memory_format=torch.channels_last)
    x = torch.rand(batch, channels, side, side, device=device).to(dtype, memory_format=torch.channels_last)
    with torch.inference_mode():
        return 2 * 9 * channels**2 * side**2 * batch / _best_seconds(lambda: layer(x), device)


def _best_seconds(call, device: str, tries: int = 7) -> float:
    best = float("inf")
    for _ in range(tries):
        synchronise(device)
        begin = time.perf_counter()
        call()
        synchronise(device)
        best = min(best, time.perf_counter() - begin)
    return best


def synchronise(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(*words: str) -> str | None:
    try:
        found = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
