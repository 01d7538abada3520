"""The answer, on offsets of which it is known whether they follow borders."""

import numpy as np
import pytest

from hemoseg.data.offset_sums import OffsetSums, from_arrays, to_arrays
from hemoseg.figures import offset_plots
from hemoseg.figures.offset_facts import answer, facts, interval

EDGES = np.arange(-1.0, 2.01, 0.25)
BINS, LAYERS, IMAGES = len(EDGES) - 1, 3, 12
NEAR = (EDGES[:-1] >= -0.5) & (EDGES[1:] <= 0.5)


def sums(rng, shape, *, aligned, longer, pixels=200):
    """Sums over pixels with shifts of length 1, of which a share ``aligned`` is along the normal, the rest anywhere."""
    found = np.zeros((*shape, LAYERS, BINS, 5))
    noise = rng.normal(scale=np.sqrt(pixels / 2), size=(*shape, LAYERS, BINS, 2))
    found[..., 0] = found[..., 2] = pixels
    found[..., 1] = pixels * np.where(NEAR, longer, 1.0)
    found[..., 3] = pixels * aligned + noise[..., 0]
    found[..., 4] = noise[..., 1]
    return found


def network(own=(0.0, 1.0), others=(0.0, 1.0), random=(0.0, 1.0), draws=20, frames=IMAGES, scale=1.0):
    rng = np.random.default_rng(0)
    made = [
        sums(rng, shape, aligned=aligned, longer=longer) * scale
        for shape, (aligned, longer) in (((IMAGES,), own), ((IMAGES, 4), others), ((IMAGES, draws), random))
    ]
    return OffsetSums(
        "deformable_unet", 0, "fold1", [f"s{i}" for i in range(IMAGES)], [f"f{i % frames}" for i in range(IMAGES)],
        ["encoder 1, a", "bottom, a", "decoder 1, a"], [1, 2, 1], 5.0, EDGES, *made, ["s0"],
        [[np.full((4, 4), 0.5, np.float32)] * LAYERS],
    )  # fmt: skip


def test_measures_are_those_that_were_put_in():
    found = facts(network(own=(0.4, 2.5), random=(0.1, 1.5)))
    assert found.aligned.own == pytest.approx(0.4, abs=0.03)
    assert found.longer.own == pytest.approx(2.5)
    assert found.longer.others == pytest.approx(1.0)
    assert found.longer.random == pytest.approx(1.5)
    assert found.aligned.gain[0] == pytest.approx(0.4 - found.aligned.others.mean(), abs=0.03)
    assert found.aligned.gain[1] < found.aligned.gain[0] < found.aligned.gain[2]
    assert found.aligned.clear == LAYERS
    assert (found.aligned.low < found.aligned.own).all()


ANSWERS = {
    "no more than chance": (network(), "No: their direction does not depend on where borders are by more than chance"),
    "as random kernels": (
        network(own=(0.3, 2.0), random=(0.35, 2.0)),
        "but 20 of 20 offset kernels drawn at",
    ),
    "more than random": (network(own=(0.3, 2.0), random=(0.1, 2.0)), "Yes: their direction depends on where borders"),
    "nothing drawn": (network(own=(0.3, 2.0), draws=0), "whether any filter's would was not drawn"),
    "an untrained network": (network(own=(0.3, 2.0), scale=0.0), "too few or too small to be compared"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_answer_follows_from_the_numbers(kind):
    one, words = ANSWERS[kind]
    with np.errstate(all="ignore"):
        said = answer(one, facts(one), "dU-Net")
    assert words in said
    assert "nan" not in said
    assert "dU-Net" in said


@pytest.mark.parametrize(
    ("as_good", "draws", "words"),
    [(0, 19, "Yes: "), (1, 20, "Not clearly more"), (0, 18, "too few to tell"), (1, 39, "Yes: "), (2, 39, "Not cl")],
)
def test_ours_counts_as_one_of_the_draws(as_good, draws, words):
    one = network(own=(0.3, 2.0), draws=draws)
    found = facts(one)
    random = np.where(np.arange(draws)[:, None] < as_good, 2.0, 0.0) * np.ones(LAYERS) * found.aligned.own.mean()
    said = answer(one, found._replace(aligned=found.aligned._replace(random=random)), "dU-Net")
    assert words in said
    assert f"{as_good} of {draws} offset kernels" in said


def test_a_gain_whose_interval_holds_0_is_none():
    one = network(own=(0.3, 2.0))
    found = facts(one)
    for low, words in ((-0.01, "No: their direction"), (0.001, "Yes: their direction")):
        aligned = found.aligned._replace(gain=(0.01, low, 0.03))
        assert words in answer(one, found._replace(aligned=aligned), "dU-Net")


def test_the_interval_of_pure_chance_holds_0_as_often_as_it_says():
    held = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        given = [sums(rng, shape, aligned=0.0, longer=1.0) for shape in ((IMAGES,), (IMAGES, 4), (IMAGES, 0))]
        gain = facts(OffsetSums(**(vars(network()) | dict(zip(("own", "others", "random"), given, strict=True)))))
        held += gain.aligned.gain[1] <= 0 <= gain.aligned.gain[2]
    assert held >= 16


def test_the_interval_is_two_standard_deviations_and_knows_frames():
    value, low, high = interval(np.array(1.0), np.array([0.0, 2.0]))
    assert (value, low, high) == (1.0, 1 - 1.96, 1 + 1.96)
    wide = facts(network(own=(0.3, 2.0), frames=2)).aligned.gain
    narrow = facts(network(own=(0.3, 2.0), frames=IMAGES)).aligned.gain
    assert wide[0] == narrow[0]


def test_a_file_gives_back_what_was_written():
    given = [network(), network(draws=0)]
    for one, two in zip(given, from_arrays(to_arrays(given)), strict=True):
        for name, value in vars(one).items():
            if name != "maps":
                assert np.array_equal(value, getattr(two, name)), name
        assert [[field.tolist() for field in fields] for fields in one.maps] == [
            [field.tolist() for field in fields] for fields in two.maps
        ]
    assert from_arrays(to_arrays([])) == []


@pytest.mark.parametrize("draws", [0, 3])
def test_the_figures_are_drawn(draws):
    one = network(own=(0.3, 2.0), draws=draws)
    drawn = offset_plots.by_layer(one, facts(one))
    assert next(label.get_text() for label in drawn.axes[0].get_yticklabels()) == "encoder 1, a · 1:1"
    curves = offset_plots.against_distance(one)
    assert [axes.get_title(loc="left") for axes in curves.axes[:2]] == ["1:1 · 2 layers", "1:2 · 1 layer"]
    assert "12 test images" in offset_plots.distance_caption(one, "dU-Net")
    assert "2.5 px" in offset_plots.layers_caption(one, "dU-Net")
