"""The benchmark of suggested images on its smallest set: what is compared is compared fairly, and written as it was."""

import importlib.util
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from hemoseg.steps.files import read_json

PATH = Path(__file__).parents[3] / "benchmarks" / "suggest" / "run.py"
WAYS = ("random", "gain")
SIZES = (2, 4)
ROUND = 1 + len(WAYS) * 3  # of a seed: first labels; of each way test, labels, test


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What two seeds give, what the first gives again, and who was labelled and tested on the way."""
    spec = importlib.util.spec_from_file_location("suggest_benchmark", PATH)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    seen, trained, dice = [], benchmark.trained, benchmark.dice

    def watched(samples, labelled, *more):
        seen.append(("labelled", list(labelled)))
        return trained(samples, labelled, *more)

    def scored(predictor, samples, test):
        seen.append(("tested", list(test)))
        return dice(predictor, samples, test)

    benchmark.trained, benchmark.dice = watched, scored
    out = tmp_path_factory.mktemp("suggest") / "suggest.json"
    threads, found = torch.get_num_threads(), []
    for seeds in ("2", "1"):  # the second time with the file of the first
        benchmark.main(["--sets", "small", "--strategies", *WAYS, "--seeds", seeds, "--out", str(out)])
        found.append(read_json(out))
    torch.set_num_threads(threads)
    return benchmark, *found, seen


def test_each_strategy_seed_and_number_has_a_row_with_scores(made):
    rows = made[1]["rows"]
    assert sorted((r["strategy"], r["seed"], r["labelled"]) for r in rows) == sorted(product(WAYS, (0, 1), SIZES))
    for row in rows:
        assert row["set"] == "small"
        assert all(0 <= score <= 1 for score in row["dice"].values())
        assert row["mean_dice"] == pytest.approx(sum(row["dice"].values()) / len(row["dice"]), abs=1e-5)
    assert len({row["mean_dice"] for row in rows}) > 2 * len(SIZES)


def test_strategies_begin_with_the_same_images_and_none_is_tested(made):
    scores = {(r["strategy"], r["seed"], r["labelled"]): r["dice"] for r in made[1]["rows"]}
    for way, seed in product(WAYS, (0, 1)):
        assert scores[way, seed, SIZES[0]] == scores["random", seed, SIZES[0]]
    for begin in range(0, len(made[3]), ROUND):
        (_, first), *later = made[3][begin : begin + ROUND]
        assert len(set(first)) == SIZES[0]
        for (_, test), (what, labelled), (_, again) in zip(later[::3], later[1::3], later[2::3], strict=True):
            assert what == "labelled"
            assert labelled[: SIZES[0]] == first
            assert len(set(labelled)) == SIZES[1]
            assert test == again
            assert not {*test} & {*labelled}


def test_what_is_labelled_is_not_drawn_again(made):
    draws = [made[0].chosen("random", None, None, [0, 3], range(5), 3, np.random.default_rng(n)) for n in range(5)]
    assert all(sorted(drawn) == [1, 2, 4] for drawn in draws)


def test_two_runs_give_the_same_rows_and_those_of_other_seeds_stay(made):
    key = "strategy", "seed", "labelled"
    one, other = (sorted(of["rows"], key=lambda row: [row[name] for name in key]) for of in made[1:3])
    assert one == other


def test_a_summary_is_of_the_differences_from_random_with_the_same_seed(made):
    benchmark, told = made[:2]
    scores = {(r["strategy"], r["labelled"], r["seed"]): r["mean_dice"] for r in told["rows"]}
    for line in told["summary"]:
        own, random = ([scores[way, line["labelled"], s] for s in (0, 1)] for way in (line["strategy"], "random"))
        apart = [a - b for a, b in zip(own, random, strict=True)]
        expected = sum(own) / 2, sum(apart) / 2, sum(a > 0 for a in apart), 2
        assert [line[name] for name in ("mean", "minus_random", "won", "seeds")] == pytest.approx(expected, abs=2e-5)
    asked = "--sets small --strategies random gain --seeds"
    assert [of["command"] for of in made[1:3]] == [f"python benchmarks/suggest/run.py {asked} {n}" for n in (2, 1)]
    with pytest.raises(SystemExit):
        benchmark.main(["--sets", "small", "--strategies", "gain"])
