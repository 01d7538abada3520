"""The section `segment` of an experiment: a lab's own images, segmented with one of its trained models."""

from pathlib import Path
from typing import Any

from refusals import PlanError, require_model
from shared_model import first_run

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
DEFAULTS = {"formats": [], "pixel_size_um": None, "scale": None}


def complete_segment(name: str, experiment: dict[str, Any]) -> dict[str, Any] | None:
    """The section with its defaults; None where the experiment has none.

    The model is that of the experiment's section `share`, whose evidence then comes with it, or the training of the
    row's first run.

    Args:
        name: of the experiment.
        experiment: with its models, splits and its section `share` complete.

    Raises:
        PlanError: the row is not there.
    """
    if experiment["segment"] is None:
        return None
    place, told = f"params.experiments.{name}.segment", experiment["segment"]
    require_model(f"{place}.model", told["model"], experiment["models"])
    shared = experiment["share"] is not None and experiment["share"]["model"] == told["model"]
    run = first_run(experiment, told["model"])
    return DEFAULTS | told | {"shared": shared} | run | {"name": Path(told["images"]).name}


def image_files(folder: str) -> list[str]:
    """The images of a folder, or of the part ``images`` of a folder dataset, and what tells of them.

    Raises:
        PlanError: there is none, or a name that Snakemake would take for a pattern.
    """
    root = Path(folder)
    inner = root / "images"
    here = inner if inner.is_dir() else root
    files = sorted(p for p in here.glob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not files:
        raise PlanError(f"{here.as_posix()}: no images; put the frames there, or mend `segment.images`")
    for path in files:
        if marks := "".join(sorted(set(path.name) & set("{}<>"))):
            raise PlanError(f"{path.as_posix()}: its name holds {marks}; rename it")
    tables = [root / name for name in ("manifest.csv", "dataset.yaml") if inner.is_dir()]
    return [path.as_posix() for path in [*files, *tables] if path.exists()]
