"""Words of the page that compares folders of masks."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemoseg.figures.words import count_of

BOLD = "Bold: the best of the folders; the sections below say how sure that is."
KINDS = {"mask": "masks", "instances": "numbered cells", "classes": "class maps"}


def badges(facts: Mapping[str, Any], common: Mapping[str, Any], convention: str) -> list[tuple[str, str]]:
    """Short facts of the first screen."""
    told = [count_of(facts["images"], "image")]
    told += [count_of(facts["groups"], "group")] if facts["groups"] else ["no groups known"]
    told += [count_of(facts["cells"], "true cell")] if common["with_cells"] else ["cells not told apart"]
    told += [count_of(len(common["class_names"]) - 1, "class").replace("classs", "classes")]
    told += [f"convention {convention}"]
    size = facts["pixel_size"]
    told += [f"{size:g} µm per pixel" if size else "pixel size not told"]
    return [(text, "") for text in told]


def folders(told: Mapping[str, Any]) -> pd.DataFrame:
    """What each folder holds and where it lies."""
    kinds = told["common"]["kinds"]
    rows = [
        {
            "name": name,
            "holds": " and ".join(KINDS[kind] for kind in kinds[name]),
            "images": len(next(iter(one["files"].values()))),
            "folder": one["path"],
        }
        for name, one in told["folders"].items()
    ]
    return pd.DataFrame(rows)
