"""The measured rows as text."""

from collections.abc import Iterator

import bounds


def lines(result: dict) -> Iterator[str]:
    """Everything that was measured, part by part."""
    yield from _machine(result)
    yield from _layers(result["layers"])
    yield from _networks(result["networks"])
    yield from _memory(result["memory"])
    yield ""
    yield "BOUNDS"
    yield from map(bounds.sentence, result["bounds"])


def _machine(result: dict) -> Iterator[str]:
    facts = result["machine"]
    yield f"{facts['device']}, {facts['cpu_model']} ({facts['cpu_capability']}), {facts['threads']} threads"
    yield (
        f"torch {facts['torch']}, kornia {facts['kornia']}, hemoseg {facts['hemoseg']} at {facts['commit']}"
        f"{' with uncommitted changes' if facts['uncommitted_changes'] else ''}, library {facts['library']}"
    )
    for precision, peak in result["peaks"].items():
        yield (
            f"peak {precision}: {peak['flops'] / 1e9:.0f} GFLOP/s (matrix product "
            f"{peak['flops_of_matrix_product'] / 1e9:.0f}, convolution {peak['flops_of_convolution'] / 1e9:.0f}), "
            f"copy {peak['bytes'] / 1e9:.1f} GB/s"
        )


def _layers(rows: list[dict]) -> Iterator[str]:
    yield ""
    yield "LAYERS: ms [quartiles], in plain ones [quartiles], times faster than kornia's form, G multiply-adds, MiB"
    yield "moved, share of the floor by operations (bytes)"
    for task in ("forward", "forward_backward"):
        yield f"{task}:"
        for row in (row for row in rows if row["pass"] == task):
            yield (
                f"  {row['layer']:22}{row['form']:12}{_milliseconds(row['seconds'])} "
                f"{_ratio(row['ratio_to_plain'])} {1 / row['ratio_to_kornia']['median']:6.2f} "
                f"{row['multiply_adds']['all'] / 1e9:7.3f} {row['bytes'] / 2**20:7.1f} {_share(row)}"
            )


def _networks(rows: list[dict]) -> Iterator[str]:
    yield ""
    yield "NETWORKS: ms [quartiles], in plain ones [quartiles], in ones of the compiled form, share of the floor"
    for row in rows:
        fast = next((row["ratio_to"][form]["median"] for form in ("native", "triton") if form in row["ratio_to"]), None)
        of_fast = "      -" if fast is None else f"{fast:7.2f}"
        yield (
            f"  {row['task']:14}{row['size']:4}x{row['size']:<4} B{row['batch']:<3} w{row['width']:<3}"
            f"{row['precision']:9}{row['form']:12}{_milliseconds(row['seconds'])} "
            f"{_ratio(row['ratio_to']['plain'])} {of_fast} {_share(row)}"
        )


def _memory(rows: list[dict]) -> Iterator[str]:
    yield ""
    yield "MEMORY of a training step at its peak: MiB, in plain ones; with glibc's own settings of the allocator"
    for row in rows:
        default = row.get("peak_bytes_default_allocator")
        yield (
            f"  {row['size']:4}x{row['size']:<4} B{row['batch']:<3} w{row['width']:<3}{row['precision']:9}"
            f"{row['form']:12}{row['peak_bytes'] / 2**20:8.0f} {row['ratio_to_plain']:6.2f}"
            f"{'' if default is None else f'  {default / 2**20:8.0f}'}"
        )


def _milliseconds(seconds: dict) -> str:
    median, low, high = (1000 * seconds[key] for key in ("median", "q1", "q3"))
    return f"{median:9.2f} [{low:8.2f} {high:8.2f}]"


def _ratio(ratio: dict) -> str:
    return f"{ratio['median']:6.2f} [{ratio['q1']:5.2f} {ratio['q3']:5.2f}]"


def _share(row: dict) -> str:
    share = row["share_of_floor"]
    return f"{share['operations']:5.0%} ({share['bytes']:4.0%})"
