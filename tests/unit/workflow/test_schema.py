"""The schema tells every key of params.yaml and no other."""

from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((REPOSITORY / "workflow/schemas/params.schema.yaml").read_text(encoding="utf-8"))


def properties(schema, place="params"):
    for name, inner in schema.get("properties", {}).items():
        yield f"{place}.{name}", inner
        yield from properties(inner, f"{place}.{name}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from properties(schema["additionalProperties"], f"{place}.*")


def all_properties():
    yield from properties(SCHEMA)
    for name, definition in SCHEMA["$defs"].items():
        yield from properties(definition, name)


@pytest.mark.parametrize(("place", "schema"), list(all_properties()))
def test_every_property_is_described(place, schema):
    definition = SCHEMA["$defs"].get(schema.get("$ref", "").rpartition("/")[2], {})
    assert schema.get("description") or definition.get("description"), place


def test_every_object_forbids_unknown_keys():
    free = {"simulate", "autolabel", "settings", "margin_crop", "dataset"}  # checked by the steps themselves
    for place, schema in all_properties():
        if schema.get("type") == "object" and place.rpartition(".")[2] not in free:
            assert "additionalProperties" in schema, place
