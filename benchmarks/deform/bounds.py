"""The bounds the project set itself for the deformable layers, held against what was measured."""

from forms import FAST, KORNIA_FORMS

# By precision and width: what a deformable U-Net may cost, in plain ones.
MOST = {
    "cpu": {
        ("float32", 8): {"training_step": 2.0, "prediction": 2.3, "memory": 1.3},
    },
    "cuda": {
        ("bfloat16", 8): {"training_step": 1.5},
        ("bfloat16", 32): {"training_step": 1.3},
    },
}
FASTER_THAN_KORNIA = 4.0  # times at least, on processors


def judge(device: str, networks: list[dict], memory: list[dict]) -> list[dict]:
    """One row for each bound that the measured rows speak of.

    Where a bound is missed, ``floor`` says what the counted operations alone make of the ratio, and ``share`` how
    near both networks come to their own floors.
    """
    fast = FAST[device]
    rows = []
    for row in networks:
        if row["form"] != fast:
            continue
        what = f"{row['task']} {row['size']}x{row['size']} B{row['batch']} width {row['width']} {row['precision']}"
        most = MOST[device].get((row["precision"], row["width"]), {}).get(row["task"])
        if most:
            rows.append(_at_most(f"{what}, {fast} in plain ones", row["ratio_to"]["plain"]["median"], most))
            rows[-1] |= _reasons(row, next(r for r in networks if _same(r, row, "plain")))
        if device == "cpu":
            kornia = [r for r in networks if any(_same(r, row, form) for form in KORNIA_FORMS)]
            faster = min(kornia, key=lambda r: r["seconds"]["median"])
            name = f"{what}, times faster than {faster['form']}"
            rows.append(_at_least(name, faster["ratio_to"][fast]["median"], FASTER_THAN_KORNIA))
            rows[-1] |= {"share": row["share_of_floor"]["operations"]}
    for row in memory:
        most = MOST[device].get((row["precision"], row["width"]), {}).get("memory")
        if most and row["form"] == fast:
            name = f"memory of a training step {row['size']}x{row['size']} B{row['batch']}, {fast} in plain ones"
            rows.append(_at_most(name, row["ratio_to_plain"], most))
    return rows


def _same(row: dict, other: dict, form: str) -> bool:
    keys = ("size", "batch", "width", "precision", "task")
    return row["form"] == form and all(row[key] == other[key] for key in keys)


def _at_most(name: str, measured: float, bound: float) -> dict:
    return {"bound": name, "at": "most", "limit": bound, "measured": measured, "missed_by": max(0.0, measured - bound)}


def _at_least(name: str, measured: float, bound: float) -> dict:
    return {"bound": name, "at": "least", "limit": bound, "measured": measured, "missed_by": max(0.0, bound - measured)}


def _reasons(fast: dict, plain: dict) -> dict:
    return {
        "floor": fast["multiply_adds"] / plain["multiply_adds"],
        "share": fast["share_of_floor"]["operations"],
        "share_of_plain": plain["share_of_floor"]["operations"],
    }


def sentence(row: dict) -> str:
    """A bound in a line: met, or missed by how much and why."""
    verdict = f"missed by {row['missed_by']:.2f}" if row["missed_by"] else "met"
    line = f"{verdict:15} {row['measured']:5.2f}, at {row['at']} {row['limit']:g}: {row['bound']}"
    if row["missed_by"] and "share" in row:
        line += f"; at {row['share']:.0%} of the peak"
    if row["missed_by"] and "floor" in row:
        line += f", plain at {row['share_of_plain']:.0%}; operations alone make it {row['floor']:.2f}"
    return line
