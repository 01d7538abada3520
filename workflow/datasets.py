"""Files of a folder dataset, listed while the workflow is planned."""

from collections.abc import Iterable
from pathlib import Path

import yaml
from refusals import PlanError

FOLDERS = ("images", "instances", "classes", "masks")
TABLES = ("manifest.csv", "dataset.yaml")


def folder_files(folder: str) -> list[str]:
    """Every file of a folder dataset that a result depends on.

    Raises:
        PlanError: there is no such folder, no images in it, or a name that Snakemake would take for a pattern.
    """
    root = Path(folder)
    if not root.is_dir():
        raise PlanError(f"{folder}: no such folder; put the frames into {folder}/images, or mend `dataset`")
    files = [path for name in FOLDERS for path in sorted((root / name).glob("*")) if not path.name.startswith(".")]
    if not any(path.parent.name == "images" for path in files):
        raise PlanError(f"{folder}/images: no images; put the frames there")
    for path in files:
        if marks := "".join(sorted(set(path.name) & set("{}<>"))):
            raise PlanError(f"{path.as_posix()}: its name holds {marks}; rename it")
    return [path.as_posix() for path in [*files, *(root / name for name in TABLES)] if path.exists()]


def spare_frames(names: Iterable[str]) -> None:
    """See that no simulation would take the place of frames that a lab brought: both engines clear the folder first.

    Raises:
        PlanError: the folder of a simulated dataset holds something else.
    """
    for name in names:
        folder = Path("data", name)
        if any(not path.name.startswith(".") for path in folder.glob("*")) and not _is_simulated(folder):
            raise PlanError(
                f"params.datasets.{name}: {folder.as_posix()} holds frames that were not simulated; "
                "rename the dataset, or move the folder"
            )


def _is_simulated(folder: Path) -> bool:
    try:
        facts = yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(facts, dict) and facts.get("simulated") is True
