import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.figures import convergence


def history(mean_iu, error=None, model="unet", seed=0):
    error = [np.nan] * len(mean_iu) if error is None else error
    rows = {"step": 20 * np.arange(1, len(mean_iu) + 1), "val_mean_iu": mean_iu, "val_instance_error": error}
    return pd.DataFrame(rows).assign(model=model, split="fixed", seed=seed)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_step_reaches_99_percent_and_none_before_it_does(scores):
    (_, told), *others = convergence.reached(history(scores)).iterrows()
    assert not others
    assert told["step"] == 20 * min(i + 1 for i, score in enumerate(scores) if score >= 0.99 * max(scores))
    assert told["before"] == told["step"] - 20
    assert told["best"] == max(scores)
    assert told["best_step"] == 20 * (scores.index(max(scores)) + 1)


def test_of_the_instance_error_it_is_the_share_of_separated_cells_that_counts():
    told = convergence.reached(history([0.5] * 4, [0.9, 0.108, 0.2, 0.1])).set_index("measure")
    assert told.loc["val_instance_error", ["best", "best_step", "step", "before"]].tolist() == [0.1, 80, 40, 20]


def test_a_training_without_the_score_is_left_out():
    told = convergence.reached(pd.concat([history([0.4, 0.8]), history([0.1, 0.3], [0.5, 0.4], "iu")]))
    assert told[["model", "measure"]].to_numpy().tolist() == [
        ["unet", "val_mean_iu"], ["iu", "val_mean_iu"], ["iu", "val_instance_error"],
    ]  # fmt: skip


def test_the_figure_marks_each_training_where_it_got_there_and_words_say_it():
    runs = pd.concat([history([0.5, 0.9, 0.91], [0.9, 0.2, 0.1], seed=seed) for seed in (0, 1)])
    drawn = convergence.draw(runs, {"unet": "U-Net"}, {"unet": "#333333"})
    marks = [line for line in drawn.axes[0].lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [(60, 0.91)] * 2
    assert [axes.get_xlabel() for axes in drawn.axes] == ["optimiser step"] * 2
    assert convergence.sentence(runs, {"unet": "U-Net"}) == [
        "U-Net: mean IU 0.9100 at best, 99 % of it by step 60; instance error 0.1000 at best, 99 % of it by step 60."
    ]
