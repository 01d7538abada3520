"""Which samples a model takes part with, against what is listed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.data.choice import check, choose
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError

KINDS = ["rbc", "rbc", "macrophage", "mixed", "mixed", "mixed", "mixed", "mixed"]


def made(kinds):
    number = len(kinds)
    ids, frames = [f"f{i // 2}_{i}" for i in range(number)], [f"f{i // 2}" for i in range(number)]
    return Samples([], [], [], ids, frames, [""] * number, kinds, np.zeros((number, 4)), np.zeros((number, 2)), [], 255)


@pytest.fixture
def samples():
    return made(KINDS)


@pytest.fixture
def roles(samples):
    return {"train": samples.ids[:6], "val": samples.ids[6:7], "test": samples.ids[7:]}


def test_only_names_what_trains_and_validates_and_leaves_the_test(samples, roles):
    single = choose(samples, roles, only={"kind": ["rbc", "macrophage"]}, most=None, seed=0)
    assert single == {"train": samples.ids[:3], "val": [], "test": samples.ids[7:]}
    mixed = choose(samples, roles, only={"kind": ["mixed"]}, most=None, seed=0)
    assert mixed == {"train": samples.ids[3:6], "val": samples.ids[6:7], "test": samples.ids[7:]}
    assert choose(samples, roles, only={}, most=None, seed=0) == roles


def test_columns_are_joined_and_an_id_is_that_of_the_frame(samples, roles):
    frame = samples.frames[4]
    chosen = choose(samples, roles, only={"kind": ["mixed", "rbc"], "id": [frame]}, most=None, seed=0)
    assert chosen["train"] == [name for name, one in zip(samples.ids[:6], samples.frames, strict=False) if one == frame]


@given(seed=st.integers(0, 2**31), fewer=st.integers(1, 6), more=st.integers(1, 6))
def test_fewer_are_among_more_and_keep_the_order_of_the_split(seed, fewer, more):
    samples = made([""] * 6)
    roles = {"train": samples.ids, "test": []}
    fewer, more = sorted((fewer, more))
    few, many = (choose(samples, roles, only={}, most=n, seed=seed)["train"] for n in (fewer, more))
    assert (len(few), len(many)) == (fewer, more)
    assert set(few) <= set(many)
    assert many == [name for name in samples.ids if name in many]
    turned = choose(samples, {"train": samples.ids[::-1], "test": []}, only={}, most=fewer, seed=seed)["train"]
    assert set(turned) == set(few), "the draw depends on the samples, not on their order"


def test_seeds_draw_different_samples(samples, roles):
    drawn = {tuple(choose(samples, roles, only={}, most=3, seed=seed)["train"]) for seed in range(20)}
    assert len(drawn) > 5


@pytest.mark.parametrize(
    ("only", "most", "words"),
    [
        ({"kind": ["mixt"]}, None, "leaves no sample to train on; kind is one of 'macrophage', 'mixed', 'rbc'"),
        ({"part": ["train"]}, None, "leaves no sample"),
        ({"kind": ["rbc"]}, 3, "most 3 samples are asked for, 2 are there; ask for fewer"),
    ],
)
def test_what_is_not_there_is_refused(samples, roles, only, most, words):
    with pytest.raises(InputError, match=words):
        choose(samples, roles, only=only, most=most, seed=0)


@pytest.mark.parametrize(
    ("only", "most"), [({"kinds": ["a"]}, None), ({"kind": "mixed"}, None), (["mixed"], None), ({}, 0), ({}, True)]
)
def test_settings_that_make_no_sense_are_refused(only, most):
    with pytest.raises(InputError, match="give"):
        check(only, most)
