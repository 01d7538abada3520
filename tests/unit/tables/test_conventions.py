"""Named conventions: whose rules a table follows, and which of its own they put aside."""

from itertools import product

import pytest

from hemoseg.errors import InputError
from hemoseg.tables.conventions import CHOICES, NAMED, named, read, read_also

STRICT = {"average": "per_image", "empty": "skip", "background": "out", "hausdorff_missing": "diagonal"}


def rules_of(conventions):
    return {name: getattr(conventions, name) for name in CHOICES}


def test_strict_rules_hold_whatever_a_table_names_and_published_ones_are_those_that_it_names():
    for values in product(*CHOICES.values()):
        own = dict(zip(CHOICES, values, strict=True))
        assert rules_of(read(own)) == rules_of(read(own | {"convention": "published"})) == own
        assert rules_of(read(own | {"convention": "strict"})) == STRICT


def test_a_name_changes_the_rules_and_no_threshold():
    own = read({"empty": "one", "background": "in", "thresholds": {"incomplete": 0.7}, "accuracy": ["merged"]})
    strict = named(own, "strict")
    assert rules_of(strict) == STRICT
    assert (strict.incomplete, strict.accuracy, strict.convention) == (own.incomplete, own.accuracy, "strict")
    assert named(own, "published") == own


def test_every_name_is_explained_under_the_table():
    for name in NAMED:
        assert read({"convention": name}).words()["convention_rule"].startswith(f"{name}: ")


def test_a_second_table_may_follow_another_name_or_rule_than_the_first():
    own = {"empty": "one", "hausdorff_missing": "skip"}
    assert rules_of(read_also(own | {"also": {"convention": "strict"}})) == STRICT
    assert rules_of(read_also(own | {"convention": "strict", "also": {"empty": "one"}})) == STRICT | {"empty": "one"}


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="convention is 'paper'; it must be one of published, strict"):
        read({"convention": "paper"})
