"""Trial for one decision: the fused layer's forward pass in numba, beside the native library in one process.

    python benchmarks/deform/numba_form.py [--threads 2] [--repeats 9] [--size 512]

numba is no dependency: `python -m pip install numba==0.68.1` first. Same algorithm as the native form: rows of tiles,
offsets, tanh, samples of whole channel vectors and products, of which nothing leaves the caches. numba keeps no sums in
vectors by itself, so products and samples are written out, a name for each number, and handed to LLVM's SLP vectoriser:
in plain loops they take ten and two times as long. Both forms run the same number of threads, each in its own pool.
"""

import argparse
import os
import sys
import time

from conditions import reenter

TILE = 48  # pixels of a row worked on together, as in the native form
GROUP = 8  # pixels that share one load of weights
MARGIN = 4  # zeros round the image: kernel's reach 1, offset's reach 2, the second corner 1
# tanh as a ratio of polynomials in x^2 (odd over even), right to float32's rounding below the limit.
TANH_LIMIT = 7.90531110763549805
ODD = (4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08, -8.60467152213735e-11,
       2.00018790482477e-13, -2.76076847742355e-16)  # fmt: skip
EVEN = (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--size", type=int, default=512, help="side of the image of the 8->8 layer; 16->16 has half")
    args = parser.parse_args()
    os.environ["NUMBA_SLP_VECTORIZE"] = "1"
    reenter(args.threads)
    begin = time.perf_counter()
    try:
        import numba
    except ImportError:
        sys.exit("numba is not installed: python -m pip install numba==0.68.1")
    print(f"numba {numba.__version__}: import {time.perf_counter() - begin:.2f} s")
    numba.set_num_threads(args.threads)
    import torch

    torch.set_num_threads(args.threads)
    for channels, size in ((8, args.size), (16, args.size // 2)):
        compare(channels, size, args.repeats)


def compare(channels: int, size: int, repeats: int) -> None:
    """Print compile time, largest difference, and both times, for a layer of as many outputs as channels."""
    import paired
    import torch
    from forms import build_layer

    layer = build_layer("native", channels, channels)
    x = torch.randn(1, channels, size, size).contiguous(memory_format=torch.channels_last)
    begin = time.perf_counter()
    run = compiled(layer)
    run(x)
    compiling = time.perf_counter() - begin
    with torch.inference_mode():
        error = float((run(x) - layer(x)).abs().max() / layer(x).abs().max())
        if not error < 1e-4:
            sys.exit(f"FAULT: numba's layer differs from the native one by {error:.1e}")
        rounds = paired.time_rounds({"native": lambda: layer(x), "numba": lambda: run(x)}, repeats, "cpu")
    native, other = (1000 * paired.spread(rounds[name])["median"] for name in ("native", "numba"))
    ratio = paired.ratios(rounds, "numba", "native")
    print(
        f"{channels}->{channels} @{size}: compiled in {compiling:.1f} s, differs by {error:.0e}; "
        f"native {native:.2f} ms, numba {other:.2f} ms, "
        f"ratio {ratio['median']:.2f} [{ratio['q1']:.2f} {ratio['q3']:.2f}]"
    )


def compiled(layer):
    """The function of x that numba makes of a layer's weights."""
    import numpy as np
    import torch
    from torch.nn import functional as F

    channels, scope = layer.weight.shape[1], np.float32(layer.scope)
    forward = make_forward(channels, layer.weight.shape[0])
    kernels = [w.detach().permute(2, 3, 1, 0).flatten(0, 2) for w in (layer.offset.weight, layer.weight)]
    offset_kernel, kernel = (F.pad(w, (0, -w.shape[1] % 8)).contiguous().numpy() for w in kernels)

    def run(x):
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, MARGIN, MARGIN + TILE, MARGIN, MARGIN))
        y = torch.empty(x.shape[0], *x.shape[2:], kernel.shape[1])
        forward(padded.numpy(), offset_kernel, kernel, scope, y.numpy())
        return y.permute(0, 3, 1, 2)

    return run


def make_forward(channels: int, outputs: int):
    """``forward(x, offset_kernel, kernel, scope, y)`` for these channels."""
    import numba
    import numpy as np

    u, f = np.uint64, np.float32
    jit = numba.njit(fastmath={"contract"}, error_model="numpy", inline="never")
    odd, even, limit = tuple(map(f, ODD)), tuple(map(f, EVEN)), f(TANH_LIMIT)
    offsets_of = make_product(jit, 3, 3 * channels, 24)
    outputs_of = make_product(jit, 1, 9 * channels, outputs)
    take_samples = make_sampling(jit, channels)

    @jit
    def locate(raw, scope, fraction, place):
        for i in range(TILE * 24):
            v = min(max(raw[i], -limit), limit)
            s = v * v
            p = odd[0] + s * (odd[1] + s * (odd[2] + s * (odd[3] + s * (odd[4] + s * (odd[5] + s * odd[6])))))
            o = scope * (v * p / (even[0] + s * (even[1] + s * (even[2] + s * even[3]))))
            near = np.floor(o)
            fraction[i] = o - near
            place[i] = np.int32(near)

    @numba.njit(parallel=True, fastmath={"contract"}, error_model="numpy")
    def forward(padded, offset_kernel, kernel, scope, y):
        batch, height, width, _ = y.shape
        row_step = padded.shape[2] * channels
        x, wo, w = padded.reshape(-1), offset_kernel.reshape(-1), kernel.reshape(-1)
        for r in numba.prange(batch * height):
            raw, fraction = np.empty(TILE * 24, f), np.empty(TILE * 24, f)
            place = np.empty(TILE * 24, np.int32)
            samples, out = np.empty(TILE * 9 * channels, f), np.empty(TILE * outputs, f)
            row = (r // height) * padded.shape[1] + r % height + MARGIN
            for first in range(0, width, TILE):
                start = row * row_step + (first + MARGIN) * channels
                offsets_of(x, u(start - row_step - channels), u(row_step), u(channels), wo, raw)
                locate(raw, scope, fraction, place)
                take_samples(x, start, u(row_step), fraction, place, samples)
                outputs_of(samples, u(0), u(0), u(9 * channels), w, out)
                count = min(TILE, width - first)
                y[r // height, r % height, first : first + count].reshape(-1)[:] = out[: count * outputs]

    return forward


def make_sampling(jit, channels: int):
    """``take_samples(x, start, row_step, fraction, place, samples)``: every value by name, read before one is put."""
    lines = ["def take_samples(x, start, row_step, fraction, place, samples):", f"  for p in range({TILE}):"]
    lines += ["    for n in range(9):", "      i = p * 24 + 2 * n"]
    lines += ["      row, column = n // 3 - 1 + place[i], n % 3 - 1 + p + place[i + 1]"]
    lines += [f"      a, to = u(start + row * i64(row_step) + column * {channels}), u((p * 9 + n) * {channels})"]
    lines += [
        f"      b, fy, fx = a + u({channels}), fraction[i], fraction[i + 1]",
        "      d, e = a + row_step, b + row_step",
    ]
    for n in range(channels):
        lines += [f"      l{n} = x[a + u({n})] + fy * (x[d + u({n})] - x[a + u({n})])"]
        lines += [f"      r{n} = x[b + u({n})] + fy * (x[e + u({n})] - x[b + u({n})])"]
    lines += [f"      samples[to + u({n})] = l{n} + fx * (r{n} - l{n})" for n in range(channels)]
    return jit(defined(lines))


def make_product(jit, segments: int, length: int, outputs: int):
    """``product(x, start, segment_step, step, w, out)``: a tile's runs of numbers times ``w``, every sum by name."""
    lines = ["def product(x, start, segment_step, step, w, out):", f"  for p in range(u(0), u({TILE}), u({GROUP})):"]
    for block in range(0, outputs, 16):
        lanes = range(min(outputs - block, 16))
        lines += [f"    s{i}_{n} = f(0)" for i in range(GROUP) for n in lanes]
        lines += [f"    for g in range(u({segments})):", f"      for k in range(u({length})):"]
        lines += [f"        at = (g * u({length}) + k) * u({outputs}) + u({block})"]
        lines += [f"        w{n} = w[at + u({n})]" for n in lanes]
        for i in range(GROUP):
            lines += [f"        v = x[start + g * segment_step + (p + u({i})) * step + k]"]
            lines += [f"        s{i}_{n} += v * w{n}" for n in lanes]
        for i in range(GROUP):
            lines += [f"    out[(p + u({i})) * u({outputs}) + u({block + n})] = s{i}_{n}" for n in lanes]
    return jit(defined(lines))


def defined(lines: list[str]):
    """The function that these lines of Python define."""
    import numpy as np

    names = {"u": np.uint64, "f": np.float32, "i64": np.int64}
    exec("\n".join(lines), names)
    return names[lines[0].split("(")[0].removeprefix("def ")]


if __name__ == "__main__":
    main()
