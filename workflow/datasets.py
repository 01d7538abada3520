"""Files of a folder dataset, listed while the workflow is planned."""

from pathlib import Path

from refusals import PlanError

FOLDERS = ("images", "instances", "classes", "masks")
TABLES = ("manifest.csv", "dataset.yaml")


def folder_files(folder: str) -> list[str]:
    """Every file of a folder dataset that a result depends on.

    Raises:
        PlanError: there is no such folder, or no images in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise PlanError(f"{folder}: no such folder; put the frames into {folder}/images, or mend `dataset`")
    files = [path for name in FOLDERS for path in sorted((root / name).glob("*")) if not path.name.startswith(".")]
    if not any(path.parent.name == "images" for path in files):
        raise PlanError(f"{folder}/images: no images; put the frames there")
    return [path.as_posix() for path in [*files, *(root / name for name in TABLES)] if path.exists()]
