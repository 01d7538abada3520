"""What was run, as tables for people: trainings, versions, hashes, times."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

NOTHING = "–"


def duration(seconds: float) -> str:
    """``0.04 s``, ``12 s``, ``4 min 03 s``, ``2 h 05 min``."""
    if pd.isna(seconds):
        return NOTHING
    if seconds < 10:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def trainings(runs: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """A row per model: network, parameters, steps, seconds to train and to predict an image.

    Args:
        runs: model, split, seed and what ``model.json``, ``run.json`` and ``timing.json`` say, a row per run.
        labels: label of each model.
    """
    rows = []
    for model, of_model in runs.groupby("model", sort=False):
        first = of_model.iloc[0]
        rows.append(
            {
                "model": labels[model],
                "network": first["network"],
                "runs": len(of_model),
                "parameters": _whole(first.get("parameters")),
                "steps": _span(of_model, "steps"),
                "best step": _span(of_model, "step"),
                "training": duration(of_model["training_seconds"].mean()),
                "per step": duration(_mean(of_model, "seconds_per_step")),
                "prediction per image": _per_image(of_model),
            }
        )
    return pd.DataFrame(rows)


def costs(runs: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """A row per network: parameters, counted operations of the first test image, images per second.

    Args:
        runs: as for `trainings`; a model whose operations were not counted has no row.
        labels: label of each model.
    """
    rows = []
    for model, of_model in runs.dropna(subset=["flops"]).groupby("model", sort=False):
        first = of_model.iloc[0]
        height, width = first["flops_image"]
        rows.append(
            {
                "model": labels[model],
                "parameters": _whole(first.get("parameters")),
                "operations per image": f"{of_model['flops'].mean() / 1e9:.3g} GFLOP",
                "of": f"{height}×{width} px",
                "images per second": f"{1 / _seconds_per_image(of_model):.3g}",
                "device": str(first["device"]),
            }
        )
    return pd.DataFrame(rows)


COSTS = (
    "Operations of the first test image, its windows included, mean over the runs: convolutions and matrix products "
    "counted while they ran, two to a multiply-add, deformable layers by formula; norms, activations, pooling and "
    "interpolation are not counted. Images per second of the whole prediction, cells included, one image at a time; "
    "times are of this machine, as busy as it was. `benchmarks/models/run.py` measures all networks alone, at 512×512."
)


def device_sentence(runs: pd.DataFrame) -> str:
    """On what the trainings ran."""
    devices = ", ".join(dict.fromkeys(runs["device"].astype(str)))
    threads = _span(runs, "threads")
    return f"Device: {devices}; threads per training: {threads}. Times are of these machines, as busy as they were."


def times_table(times: pd.DataFrame) -> pd.DataFrame:
    """Seconds and ratios as a reader wants them, a row per model and quantity (`tables.times.HEADER`)."""
    rows = []
    for line in times.to_dict("records"):
        seconds, least, most = (_short(line[name]) for name in ("seconds", "least", "most"))
        words = line["published_words"]
        rows.append(
            {
                "model": line["label"],
                "per": line["quantity"],
                "median (range)": f"{seconds} ({least} to {most})" if line["runs"] > 1 else seconds,
                "runs": line["runs"],
                "over the baseline": _ratio(line),
                "published": NOTHING if pd.isna(words) else words,
                "back end": NOTHING if pd.isna(line["backend"]) else line["backend"],
                "device": f"{line['device']}, threads: {line['threads']}",
            }
        )
    return pd.DataFrame(rows)


def _ratio(line: Mapping[str, Any]) -> str:
    if pd.isna(line["ratio"]):
        return NOTHING
    span = f" ({line['ratio_least']:.2f} to {line['ratio_most']:.2f})" if line["runs"] > 1 else ""
    return f"{line['ratio']:.2f}{span}"


def ratio_sentence(times: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Times over the baseline's where a paper claims a ratio, beside it; empty where there is none."""
    sentences = []
    claimed = times[times["published_words"].notna() & times["ratio"].notna()]
    for _, lines in claimed.groupby("row", sort=False):
        parts = [
            f"{line['ratio']:.1f} times as long per {line['quantity']} (published: {line['published_words']})"
            for line in lines.to_dict("records")
        ]
        name, other = lines["label"].iloc[0], labels[lines["baseline"].iloc[0]]
        backends = ", ".join(dict.fromkeys(lines["backend"].dropna())) or "unknown"
        told = f"{name} took, against {other}, {' and '.join(parts)}; deformable back end {backends}"
        sentences.append(f"{told}. Published: {lines['source'].iloc[0]}.")
    return " ".join(sentences)


def backends_of(runs: pd.DataFrame) -> list[str]:
    """Which implementations of the deformable layer ran."""
    return sorted(set(runs["deformable_backend"].dropna().astype(str))) if "deformable_backend" in runs else []


def programs_of(runs: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """``ilastik row: ilastik itself``, for each row whose method runs one of several programs."""
    if "ran" not in runs:
        return []
    ran = runs.dropna(subset=["ran"]).groupby("model", sort=False)["ran"]
    return [f"{labels[model]} row: {', '.join(dict.fromkeys(told))}" for model, told in ran]


def versions(runs: pd.DataFrame) -> pd.DataFrame:
    """Versions of what ran; several where runs differ."""
    found: dict[str, dict[str, None]] = {}
    for described in runs["versions"]:
        for name, version in described.items():
            found.setdefault(name, {})[str(version)] = None
    return pd.DataFrame([{"package": name, "version": ", ".join(v)} for name, v in found.items()])


def hashes(runs: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """SHA-256 (first 16 digits) of samples, weights and code of each run."""
    return pd.DataFrame(
        {
            "model": [labels[model] for model in runs["model"]],
            "split": runs["split"].to_list(),
            "seed": runs["seed"].to_list(),
            "trained on": runs["labels"].to_list(),
            "weights kept": runs["weights"].to_list(),
            **{
                what: runs[f"{what}_sha256"].str[:16].to_list()
                for what in ("samples", "weights", "code")
                if f"{what}_sha256" in runs
            },
        }
    )


def stages(runs: pd.DataFrame, measured: Mapping[str, float]) -> pd.DataFrame:
    """Seconds per stage: measured by the engine where it runs once, summed over runs for train and predict.

    Stages that were measured twice keep the engine's time, which includes the start of the process.
    """
    seconds = {
        "train (sum of runs)": runs["training_seconds"].sum(),
        "predict (sum of runs)": runs["predict_seconds"].sum(),
    }
    seconds = dict(measured) | {k: v for k, v in seconds.items() if k.split()[0] not in measured}
    return pd.DataFrame([{"stage": name, "time": duration(value)} for name, value in seconds.items()])


def _mean(rows: pd.DataFrame, column: str) -> float:
    return float(rows[column].mean()) if column in rows else float("nan")


def _whole(value: Any) -> str:
    return NOTHING if value is None or pd.isna(value) else f"{int(value):,}".replace(",", "\u2009")


def _span(rows: pd.DataFrame, column: str) -> str:
    known = rows[column].dropna() if column in rows else []
    if not len(known):
        return NOTHING
    least, most = int(min(known)), int(max(known))
    return _whole(least) if least == most else f"{_whole(least)} to {_whole(most)}"


def _seconds_per_image(rows: pd.DataFrame) -> float:
    images = rows["predict_images"].sum()
    return float(rows["predict_seconds"].sum() / images) if images else float("nan")


def _per_image(rows: pd.DataFrame) -> str:
    return _short(_seconds_per_image(rows), below=1)


def _short(seconds: float, below: float = 0.1) -> str:
    """A duration with its figures, in milliseconds ``below`` so many seconds."""
    return f"{seconds * 1000:.3g} ms" if seconds < below else duration(seconds)
