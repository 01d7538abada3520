import itertools
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from hemoseg.data.protocol import families, one_test_set
from hemoseg.data.splits import Split, assert_disjoint, make_splits, straddling
from hemoseg.errors import InputError


def quartered(frames, groups=5):
    """Ids, frames and groups of frames cut into quadrants."""
    ids = [f"f{n:03}_{q}" for n in range(frames) for q in range(4)]
    names = [one.split("_")[0] for one in ids]
    return ids, names, [f"p{int(name[1:]) % groups}" for name in names]


UNITS = {"sample": 0, "frame": 1, "group": 2}


@limits(deadline=None)
@given(
    st.integers(10, 30),
    st.integers(2, 5),
    st.sampled_from(sorted(UNITS)),
    st.sampled_from([0, 0.1, 0.3, 1]),
    st.integers(0, 99),
)
def test_folds_test_every_sample_once_and_share_no_unit(frames, folds, by, validation, seed):
    data = quartered(frames, groups=7)
    settings = {"protocol": "folds", "folds": folds, "by": by, "validation": validation, "seed": seed}
    splits = make_splits(settings, *data)
    assert [split.name for split in splits] == list(families(settings))
    tested = Counter(position for split in splits for position in split.test)
    assert tested == dict.fromkeys(range(len(data[0])), 1)
    units = data[UNITS[by]]
    sizes = []
    for split in splits:
        assert sorted(split.train + split.val + split.test) == list(range(len(data[0])))
        sides = [{units[i] for i in side} for side in (split.train, split.val, split.test)]
        assert len(set.union(*sides)) == sum(map(len, sides))
        assert bool(split.val) == bool(validation)
        sizes.append(len(sides[2]))
    assert max(sizes) - min(sizes) <= 1


def test_the_published_folds_of_314_images_have_63_63_63_63_62():
    names = [f"i{n}" for n in range(314)]
    splits = make_splits({"protocol": "folds", "folds": 5}, names, names, [""] * 314)
    assert [len(split.test) for split in splits] == [63, 63, 63, 63, 62]


def test_the_published_88_and_40_quadrants_straddle_and_frames_do_not():
    data = quartered(32)
    settings = {"protocol": "fixed", "train": 88, "test": 40}
    (by_sample,) = make_splits(settings, *data)
    assert (by_sample.name, len(by_sample.train), len(by_sample.test)) == ("fixed", 88, 40)
    assert straddling([by_sample], data[1])
    (by_frame,) = make_splits(settings | {"by": "frame"}, *data)
    assert (len(by_frame.train), len(by_frame.test)) == (88, 40)
    assert straddling([by_frame], data[1]) == []


@limits(deadline=None)
@given(st.sampled_from(["sample", "frame"]), st.sampled_from([0, 0.2, 2]), st.integers(0, 99))
def test_growing_training_sets_are_nested_over_one_test_set(by, validation, seed):
    data = quartered(40)
    settings = {
        "protocol": "sizes",
        "sizes": [80, 12, 40],
        "test": 64,
        "by": by,
        "validation": validation,
        "seed": seed,
    }
    splits = make_splits(settings, *data)
    assert [split.name for split in splits] == list(families(settings)) == ["n12", "n40", "n80"]
    assert [len(split.train) + len(split.val) for split in splits] == [12, 40, 80]
    for small, large in itertools.pairwise(splits):
        assert small.test == large.test
        assert set(small.train) <= set(large.train)
        assert set(small.val) <= set(large.val)
    assert len(splits[0].test) == 64


def test_folds_by_two_units_are_two_families_of_the_folds_of_each():
    data = quartered(20)
    settings = {"protocol": "folds", "folds": 5, "seed": 3}
    both = make_splits(settings | {"by": ["frame", "group"]}, *data)
    assert [split.name for split in both] == list(families(settings | {"by": ["frame", "group"]}))
    assert families(settings | {"by": ["frame", "group"]}) == {
        f"{family}_fold{k}": family for family in ("random", "grouped") for k in range(1, 6)
    }
    for part, unit in ((both[:5], "frame"), (both[5:], "group")):
        alone = make_splits(settings | {"by": unit}, *data)
        assert [(s.train, s.val, s.test) for s in part] == [(s.train, s.val, s.test) for s in alone]
    assert len(straddling(both[:5], data[2])) == 5
    assert straddling(both[5:], data[2]) == []


def test_every_size_is_a_family_and_all_folds_are_one():
    assert families({"protocol": "sizes", "sizes": [20, 10], "test": 3}) == {"n10": "n10", "n20": "n20"}
    assert families({"folds": 2, "by": ["group"]}) == {"fold1": "all", "fold2": "all"}
    assert families({"protocol": "fixed", "train": 3, "test": 3}) == {"fixed": "all"}


def test_a_seed_gives_one_division_whatever_the_order_of_the_samples():
    ids, frames, groups = quartered(12)
    settings = {"protocol": "folds", "folds": 3, "by": "frame", "seed": 4}
    first = make_splits(settings, ids, frames, groups)
    back = make_splits(settings, ids[::-1], frames[::-1], groups[::-1])
    last = len(ids) - 1
    assert [sorted(s.test) for s in first] == [sorted(last - i for i in s.test) for s in back]
    other = make_splits(settings | {"seed": 5}, ids, frames, groups)
    assert [s.test for s in first] != [s.test for s in other]


def test_the_division_of_a_seed_never_changes():
    names = [f"i{n}" for n in range(10)]
    splits = make_splits({"protocol": "folds", "folds": 5, "seed": 0}, names, names, [""] * 10)
    assert [split.test for split in splits] == [[7, 8], [1, 5], [3, 4], [2, 0], [9, 6]]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"folds": 6, "by": "group"}, r"6 folds need as many groups, there are 5"),
        ({"folds": 9, "by": "frame"}, r"9 folds need as many frames, there are 8"),
        ({"protocol": "fixed", "train": 30, "test": 8}, r"train asks for 30 samples where 24 of 32 are left"),
        ({"protocol": "fixed", "train": 8, "test": 2, "by": "frame"}, r"test is smaller than any frame"),
        ({"protocol": "sizes", "sizes": [8, 40], "test": 8}, r"n40 asks for"),
        ({"protocol": "sizes", "sizes": [8]}, r"needs 'test'"),
        ({"protocol": "kfold"}, r"'kfold' is none of folds, fixed, sizes, given"),
        ({"fold": 5}, r"unknown key 'fold'; did you mean 'folds'"),
        ({"by": "patient"}, r"'patient' is none of sample, frame, group"),
        ({"by": ["frame", "patient"]}, r"'patient' is none of sample, frame, group"),
        ({"by": ["frame", "frame"]}, r"name each unit once"),
        ({"by": []}, r"name each unit once"),
        ({"protocol": "fixed", "train": 8, "test": 8, "by": ["frame", "group"]}, r"divides folds only"),
        ({"folds": 1}, r"one fold leaves nothing"),
        ({"folds": 2, "by": "frame", "validation": 4}, r"validation leaves nothing to train on"),
        ({"validation": -0.1}, r"cannot be negative"),
    ],
)
def test_what_cannot_be_divided_is_refused_in_one_sentence(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        make_splits(settings, *quartered(8))


@pytest.mark.parametrize("by", ["group", ["frame", "group"]])
def test_a_missing_group_is_named(by):
    ids, frames, groups = quartered(4)
    with pytest.raises(InputError, match=r"f000_2 has no group.*manifest.csv"):
        make_splits({"folds": 2, "by": by}, ids, frames, [*groups[:2], "", *groups[3:]])


def test_a_leak_is_proved():
    leaking = Split("fold1", [0, 1], [], [2])
    assert_disjoint(leaking, ["a", "b", "c"])
    with pytest.raises(AssertionError, match="share a unit"):
        assert_disjoint(leaking, ["a", "b", "a"])


def test_the_names_are_known_without_heavy_imports():
    code = (
        "import sys, hemoseg.data.protocol; print([m for m in ('numpy', 'pandas', 'cv2', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "given",
    [{"folds": "2"}, {"folds": True}, {"validation": "0.1"}, {"protocol": "sizes", "sizes": ["a"], "test": 1},
     {"protocol": "sizes", "sizes": 10, "test": 1}, {"protocol": "fixed", "train": "4", "test": 2}],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(given):
    with pytest.raises(InputError, match=r"split settings: .*(is no (whole )?number; correct it|give a list)"):
        families(given)


def official(train, test, val=0):
    """Names and parts of a set that brings its own division, in no order."""
    parts = ["test", "train", "val"] * max(train, test, val)
    left = {"train": train, "test": test, "val": val}
    chosen = []
    for part in parts:
        if left[part]:
            left[part] -= 1
            chosen.append(part)
    return [f"i{n:03}" for n in range(len(chosen))], chosen


def split_of(settings, names, parts, groups=None):
    return make_splits(settings, names, names, groups or [""] * len(names), parts)


def of_part(parts, *wanted):
    return [i for i, part in enumerate(parts) if part in wanted]


def test_the_published_folds_of_164_images_validate_33_33_33_33_32_and_meet_one_test_set_of_40():
    names, parts = official(164, 40)
    settings = {"protocol": "folds", "folds": 5, "test": "given"}
    splits = split_of(settings, names, parts)
    assert [split.name for split in splits] == list(families(settings))
    assert [len(split.val) for split in splits] == [33, 33, 33, 33, 32]
    assert all(sorted(split.test) == of_part(parts, "test") for split in splits)
    validated = sorted(position for split in splits for position in split.val)
    assert validated == of_part(parts, "train")
    assert all(sorted(split.train + split.val) == of_part(parts, "train") for split in splits)
    assert one_test_set(settings)
    assert not one_test_set(settings | {"test": None})
    assert not one_test_set({"protocol": "given"})


@limits(deadline=None, max_examples=30)
@given(
    st.integers(4, 20), st.integers(1, 6), st.integers(0, 4), st.sampled_from([0, 0.2, 1]),
    st.sampled_from(["folds", "sizes", "fixed"]),
)  # fmt: skip
def test_a_given_test_set_is_met_by_every_protocol_and_never_learnt_from(train, test, val, validation, protocol):
    names, parts = official(train, test, val)
    settings = {
        "protocol": protocol,
        "folds": 2,
        "train": 3,
        "sizes": [2, 4],
        "test": "given",
        "validation": validation,
    }
    splits = split_of(settings, names, parts)
    for split in splits:
        assert sorted(split.test) == of_part(parts, "test")
        assert set(split.train + split.val) <= set(of_part(parts, "train", "val"))
        assert split.train


def test_the_folds_of_a_set_do_not_move_when_its_test_set_grows():
    validated = []
    for test in (2, 30):
        names = [f"a{n:02}" for n in range(20)] + [f"b{n:02}" for n in range(test)]
        splits = split_of({"test": "given", "folds": 4}, names, ["train"] * 20 + ["test"] * test)
        validated.append([split.val for split in splits])
    assert validated[0] == validated[1]


def test_a_given_division_is_taken_as_it_is():
    names, parts = official(9, 4, 3)
    (split,) = split_of({"protocol": "given", "validation": 0.5}, names, parts)
    assert split.name == "given"
    assert families({"protocol": "given", "test": 7}) == {"given": "all"}
    for side, part in ((split.train, "train"), (split.val, "val"), (split.test, "test")):
        assert sorted(side) == of_part(parts, part)


def test_validation_is_carved_where_a_given_division_names_none():
    names, parts = official(10, 4)
    (split,) = split_of({"protocol": "given", "validation": 3}, names, parts)
    assert (len(split.train), len(split.val)) == (7, 3)
    assert sorted(split.train + split.val) == of_part(parts, "train")


@pytest.mark.parametrize("settings", [{"protocol": "given"}, {"folds": 2, "test": "given"}])
@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([], "does not say what an image is meant for; write train, val or test into column `part`"),
        ([""] * 4, "does not say what an image is meant for"),
        (["train", "train", "testing", "test"], "sample i002 is meant for 'testing'; did you mean test"),
        (["train", "train", "", "test"], "sample i002 is meant for no part; write train"),
        (["train"] * 4, "no image is meant for part test"),
        (["test"] * 4, "no image is meant for part train"),
    ],
)
def test_a_division_that_a_dataset_does_not_tell_is_refused(settings, parts, sentence):
    with pytest.raises(InputError, match=sentence):
        split_of(settings, [f"i{n:03}" for n in range(4)], parts)


def test_a_group_on_two_sides_of_a_given_division_is_refused_by_group_and_told_otherwise():
    names, parts = official(4, 2, 2)
    groups = ["p1", *[f"q{i}" for i in range(len(names) - 2)], "p1"]
    ends = {parts[0], parts[-1]}
    assert ends == {"test", "train"}
    with pytest.raises(InputError, match=r"group p1 has samples of the parts test and train; mend column `part`"):
        split_of({"protocol": "given", "by": "group"}, names, parts, groups)
    assert straddling(split_of({"protocol": "given"}, names, parts, groups), groups) == ["p1"]


def test_folds_may_part_what_the_dataset_means_for_training_and_validation():
    names, parts = official(4, 2, 4)
    groups = [f"g{i // 2}" if part != "test" else "t" for i, part in enumerate(parts)]
    both = {
        group for group in groups if {p for g, p in zip(groups, parts, strict=True) if g == group} == {"train", "val"}
    }
    assert both
    assert split_of({"folds": 2, "test": "given", "by": "group"}, names, parts, groups)
    with pytest.raises(InputError, match="parts train and val"):
        split_of({"protocol": "given", "by": "group"}, names, parts, groups)


def test_folds_by_two_units_meet_no_given_test_set():
    with pytest.raises(InputError, match="name one unit for test: given"):
        families({"by": ["frame", "group"], "test": "given"})


def test_another_word_for_the_test_set_is_refused():
    with pytest.raises(InputError, match=r"test 'official' is no whole number; correct it, or test: given"):
        families({"folds": 2, "test": "official"})
