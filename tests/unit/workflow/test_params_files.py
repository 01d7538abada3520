"""Both engines read the same values: Snakemake through PyYAML (YAML 1.1), DVC through ruamel (YAML 1.2)."""

from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[3]
FILES = [REPOSITORY / "params.yaml", REPOSITORY / "tests/params.yaml", *sorted((REPOSITORY / "params").glob("*.yaml"))]


def leaves(value, path=()):
    """Every value with its place and type."""
    if isinstance(value, dict):
        return {leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key, type(key).__name__))}
    if isinstance(value, list):
        return {leaf for i, inner in enumerate(value) for leaf in leaves(inner, (*path, i))} | {
            (path, len(value), "list")
        }
    return {(path, value, type(value).__name__)}


def both(text):
    return leaves(yaml.safe_load(text)), leaves(YAML(typ="safe", pure=True).load(text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_both_engines_read_the_same(path):
    snakemake, dvc = both(path.read_text(encoding="utf-8"))
    assert snakemake == dvc
    assert len(snakemake) > 5


@pytest.mark.parametrize("text", ["rate: 1e-3", "flip: no", "seed: 010", "flip: on", "time: 1:30"])
def test_a_value_that_they_read_differently_is_found(text):
    snakemake, dvc = both(text)
    assert snakemake != dvc
