"""The settings of the repository, with what a test lays over them."""

from pathlib import Path

import yaml
from plan import merged, resolve

REPOSITORY = Path(__file__).parents[1]
PARAMS = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))


def with_overlay(overlay):
    """All settings, resolved."""
    return resolve(merged(PARAMS, overlay))


def experiment(**settings):
    """An overlay of the first experiment."""
    return {"experiments": {"scd2020_binary": settings}}
