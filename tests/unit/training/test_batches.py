import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.errors import InputError
from hemoseg.training.batches import (
    Normalisation,
    Pool,
    draw_by_kind,
    draw_positions,
    measure_normalisation,
)

CPU = torch.device("cpu")


@given(seed=st.integers(0, 2**31), size=st.integers(1, 9), pool=st.integers(1, 12), passes=st.integers(1, 4))
def test_every_sample_comes_once_per_pass(seed, size, pool, passes):
    steps = -(-passes * pool // size)
    drawn = torch.cat([draw_positions(seed, step, size, pool) for step in range(steps)]).tolist()
    assert len(drawn) == steps * size
    for number in range(passes):
        assert sorted(drawn[number * pool : (number + 1) * pool]) == list(range(pool))


@given(seed=st.integers(0, 2**31), step=st.integers(0, 10**6), size=st.integers(1, 9), pool=st.integers(1, 12))
def test_a_steps_samples_depend_on_nothing_but_its_number(seed, step, size, pool):
    first = draw_positions(seed, step, size, pool)
    torch.manual_seed(step)
    torch.randn(3)
    assert torch.equal(first, draw_positions(seed, step, size, pool))


@given(seed=st.integers(0, 2**31), a=st.integers(1, 3), b=st.integers(1, 3), passes=st.integers(1, 3))
def test_a_batch_has_its_number_of_each_kind_and_each_kind_passes_of_its_own(seed, a, b, passes):
    kinds = ["a", "b", "b", "c", "b", "a"]
    drawn = torch.stack([draw_by_kind(seed, step, {"a": a, "b": b}, kinds) for step in range(6 * passes)]).tolist()
    assert all([kinds[i] for i in batch] == ["a"] * a + ["b"] * b for batch in drawn)
    of_b = [i for batch in drawn for i in batch[a:]]
    assert all(sorted(of_b[n : n + 3]) == [1, 2, 4] for n in range(0, len(of_b) // 3 * 3, 3))


def test_kinds_are_shuffled_apart():
    orders = [draw_by_kind(3, number, {"a": 20, "b": 20}, ["a"] * 20 + ["b"] * 20).view(2, 20) for number in range(4)]
    assert not any(torch.equal(one[0], one[1] - 20) for one in orders)


def test_a_kind_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"no training sample is of kind 'mixt'; kinds are mixed, rbc"):
        draw_by_kind(0, 0, {"mixt": 2}, ["rbc", "mixed"])
    with pytest.raises(InputError, match="not told"):
        draw_by_kind(0, 0, {"rbc": 2}, ["", ""])


def test_passes_and_seeds_are_shuffled_differently():
    orders = [tuple(draw_positions(seed, number, 20, 20).tolist()) for seed in range(4) for number in range(4)]
    assert len(set(orders)) == 16
    assert tuple(range(20)) not in orders


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, None), (np.uint16, None), (np.uint16, 4095)])
def test_normalised_training_images_have_mean_0_and_sd_1(tiny_samples, dtype, white):
    samples = tiny_samples(6, (9, 14), channels=4, dtype=dtype, white=white)
    pool = Pool(samples, measure_normalisation(samples, "training_set"), CPU, "train")
    images = pool.batch(torch.arange(6)).images.double()
    assert images.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (images.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-4


def test_white_is_one_and_what_is_brighter_too(tiny_samples):
    samples = tiny_samples(2, (4, 4), dtype=np.uint16, white=1000)
    samples.images[0][:] = 3000
    samples.images[1][:] = 500
    measured = measure_normalisation(samples, "training_set")
    assert measured.mean == pytest.approx((0.75,) * 3)
    plain = measure_normalisation(samples, "none")
    images = Pool(samples, plain, CPU, "train").batch(torch.arange(2)).images
    for position in range(2):
        assert np.allclose(images[position].numpy(), samples.image(position))


def test_a_constant_channel_becomes_zero(tiny_samples):
    samples = tiny_samples(3, (6, 6))
    for image in samples.images:
        image[1] = 77
    normalisation = measure_normalisation(samples, "training_set")
    images = Pool(samples, normalisation, CPU, "train").batch(torch.arange(3)).images
    assert normalisation.sd[1] == 1.0
    assert images[:, 1].abs().max() < 1e-5
    assert images[:, 0].std() > 0.5


def test_no_normalisation_leaves_images_between_0_and_1(tiny_samples):
    samples = tiny_samples(2, (5, 6), dtype=np.uint16)
    assert measure_normalisation(samples, "none") == Normalisation(65535.0, (0.0,) * 3, (1.0,) * 3)
    images = Pool(samples, measure_normalisation(samples, "none"), CPU, "train").batch(torch.arange(2)).images
    assert np.allclose(images.numpy(), np.stack([samples.image(i) for i in range(2)]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_batch_holds_the_samples_asked_for(tiny_samples, dtype):
    samples = tiny_samples(5, (6, 7), classes=3, dtype=dtype)
    samples.classes[4][0] = 255
    pool = Pool(samples, measure_normalisation(samples, "none"), CPU, "train")
    batch = pool.batch(torch.tensor([4, 1]))
    assert batch.images.dtype == torch.float32
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.classes.dtype == torch.int64
    assert np.array_equal(batch.classes.numpy(), np.stack([samples.classes[4], samples.classes[1]]))
    assert np.allclose(batch.images[1].numpy(), samples.image(1))
    assert batch.positions.tolist() == [4, 1]


def test_samples_of_several_sizes_are_refused(tiny_samples):
    samples = tiny_samples(2, (6, 6))
    samples.images[1] = samples.images[1][:, :5]
    with pytest.raises(InputError, match=r"the train samples have 2 sizes; set prepare.size"):
        Pool(samples, measure_normalisation(samples, "none"), CPU, "train")


def test_a_role_without_samples_is_refused(tiny_samples):
    samples = tiny_samples(2, (6, 6))
    normalisation = measure_normalisation(samples, "none")
    with pytest.raises(InputError, match="the split has no val samples"):
        Pool(samples.take([]), normalisation, CPU, "val")
    for kind in ("none", "training_set"):
        with pytest.raises(InputError, match="the split has no train samples"):
            measure_normalisation(samples.take([]), kind)


def test_a_pool_holds_cells_and_border_maps_where_they_are_asked_for(tiny_samples):
    samples = tiny_samples(4, (8, 9))
    normalisation, made = measure_normalisation(samples, "none"), []

    def border(cells):
        made.append(cells)
        return (cells * 0.5).astype(np.float32)

    chosen = torch.tensor([2, 0])
    plain = Pool(samples, normalisation, CPU, "train").batch(chosen)
    assert (plain.instances, plain.border) == (None, None)
    pool = Pool(samples, normalisation, CPU, "train", cells=True, border=border)
    for _ in range(3):
        batch = pool.batch(chosen)
    assert len(made) == 4  # once per sample, not per batch
    for place, position in enumerate(chosen.tolist()):
        assert np.array_equal(batch.instances[place].numpy(), samples.instances[position])
        assert np.array_equal(batch.border[place].numpy(), samples.instances[position] * 0.5)


@pytest.mark.parametrize("asked", [{"cells": True}, {"border": lambda cells: cells}])
def test_cells_that_no_sample_tells_apart_are_refused(tiny_samples, asked):
    samples = dataclasses.replace(tiny_samples(4, (8, 9)), instances=[])
    with pytest.raises(InputError, match="the train samples tell no cells apart"):
        Pool(samples, measure_normalisation(samples, "none"), CPU, "train", **asked)
