import random
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from hemoseg.inference.windows import borders, predict_windows, ramp, window_starts
from hemoseg.metrics.seams import profile, seam

lengths = st.integers(1, 40)
windows = st.tuples(st.integers(1, 17), st.integers(1, 17))
overlaps = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.75, 0.8, 0.9])


def picture(channels, *size, seed=0):
    return torch.rand(channels, *size, generator=torch.Generator().manual_seed(seed))


@given(length=lengths, window=st.integers(1, 45), overlap=overlaps)
def test_windows_cover_the_length_and_overlap_as_asked(length, window, overlap):
    starts = window_starts(length, window, overlap)
    assert starts == sorted(set(starts))
    if window >= length:
        assert starts == [0]
        return
    assert (starts[0], starts[-1]) == (0, length - window)
    apart = [b - a for a, b in pairwise(starts)]
    assert max(apart) <= max(1, int(window * (1 - overlap) + 1e-9))
    assert max(apart) - min(apart) <= 1


@given(window=windows, overlap=overlaps)
def test_weights_are_positive_symmetric_and_at_most_one(window, overlap):
    weight = ramp(window, overlap)
    assert weight.shape == window
    assert weight.min() > 0
    assert weight.max() <= 1
    assert torch.equal(weight, weight.flip(0, 1))
    assert weight[window[0] // 2, window[1] // 2] == weight.max()


@settings(deadline=None)
@given(size=st.tuples(lengths, lengths), window=windows, overlap=overlaps, batch=st.integers(1, 5))
def test_a_predictor_that_copies_gives_the_image(size, window, overlap, batch):
    image = picture(2, *size)
    said = predict_windows(lambda images: images, image, window=window, overlap=overlap, batch_size=batch)
    assert said.shape == image.shape
    assert said.dtype == torch.float32
    assert (said - image).abs().max() < 130 * 2**-24  # up to 130 windows over a pixel, and each sum rounds once


@settings(deadline=None)
@given(size=st.tuples(lengths, lengths), window=windows, overlap=overlaps)
def test_probabilities_sum_to_one_whatever_each_window_says(size, window, overlap):
    generator = torch.Generator().manual_seed(1)

    def noisy(images):
        assert images.shape[-2:] == window
        return torch.randn(len(images), 3, *images.shape[-2:], generator=generator).softmax(1)

    said = predict_windows(noisy, picture(1, *size), window=window, overlap=overlap)
    assert (said.sum(0) - 1).abs().max() < 1e-5
    assert said.min() >= 0


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
def test_a_constant_stays_constant(overlap):
    said = predict_windows(
        lambda images: torch.full((len(images), 2, 8, 8), 0.5), picture(3, 21, 30), window=(8, 8), overlap=overlap
    )
    assert torch.allclose(said, torch.full((2, 21, 30), 0.5), atol=1e-6)


def test_a_predictor_that_looks_around_leaves_no_seam_where_windows_overlap_enough():
    kernel = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(2))
    image = picture(1, 40, 52)

    def local(images):
        return F.conv2d(images, kernel)  # no padding: what a window cannot see is filled from its border

    def filled(images):
        return F.pad(local(images), (1, 1, 1, 1), mode="replicate")

    said = predict_windows(filled, image, window=(16, 16), overlap=0.5)
    hard = predict_windows(filled, image, window=(16, 16), overlap=0.0)
    wanted = filled(image[None])[0]
    error, without = (said - wanted).abs(), (hard - wanted).abs()
    assert error.mean() < 0.5 * without.mean()
    assert error.max() < 0.5 * without.max()


def test_a_seam_between_windows_is_blended_linearly():
    calls = iter([0.0, 1.0])

    def step(images):
        return torch.stack([torch.full((1, 4, 8), next(calls)) for _ in images])

    said = predict_windows(step, picture(1, 4, 12), window=(4, 8), overlap=0.5)[0]
    assert said[:, :4].abs().max() == 0
    assert (said[:, 8:] - 1).abs().max() == 0
    assert torch.allclose(said[0, 4:8], torch.tensor([1, 3, 5, 7]) / 8)


def test_without_a_window_the_image_goes_through_in_one_pass():
    seen = []
    image = picture(3, 9, 14)
    said = predict_windows(lambda images: seen.append(images.shape) or images, image, window=None, overlap=0.5)
    assert seen == [(1, 3, 9, 14)]
    assert torch.equal(said, image)


@pytest.mark.parametrize("size", [(3, 5), (3, 40), (40, 3), (1, 1)])
def test_an_image_smaller_than_the_window_is_filled_by_reflection_and_cut_back(size):
    seen = []
    image = picture(2, *size)
    said = predict_windows(lambda images: seen.append(images) or images, image, window=(8, 8), overlap=0.5)
    assert all(images.shape[-2:] == (8, 8) for images in seen)
    assert (said - image).abs().max() < 1e-6
    if size == (3, 5):
        assert torch.equal(seen[0][0, 0, :, 0], image[0, [0, 1, 2, 2, 1, 0, 0, 1], 0])
        assert torch.equal(seen[0][0, 0, 0], image[0, 0, [0, 1, 2, 3, 4, 4, 3, 2]])


def test_windows_go_through_in_batches_and_repeat_exactly():
    sizes = []
    image = picture(1, 30, 30)

    def predictor(images):
        sizes.append(len(images))
        return torch.cat([images, 1 - images], dim=1)

    said = [predict_windows(predictor, image, window=(16, 16), overlap=0.5, batch_size=3) for _ in range(2)]
    assert max(sizes) == 3
    assert sum(sizes) == 2 * 9
    assert torch.equal(*said)


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 1.5])
def test_an_overlap_outside_0_and_1_is_refused(overlap):
    with pytest.raises(ValueError, match="overlap must be in"):
        predict_windows(lambda images: images, picture(1, 4, 4), window=(2, 2), overlap=overlap)


@given(length=lengths, window=st.integers(1, 45), overlap=overlaps)
def test_borders_are_where_a_window_begins_or_ends_within_the_image(length, window, overlap):
    covered = [
        [start <= place < start + window for start in window_starts(length, window, overlap)] for place in range(length)
    ]
    wanted = [line for line in range(1, length) if covered[line] != covered[line - 1]]
    assert borders(length, window, overlap).tolist() == wanted


def network(seed=0):
    """Two zero-padded convolutions: within 3 px of a window's border they see what is not there."""
    generator = torch.Generator().manual_seed(seed)
    kernels = [torch.randn(shape, generator=generator) for shape in ((8, 3, 3, 3), (2, 8, 5, 5))]

    def predict(images):
        inner = F.conv2d(images - 0.5, kernels[0], padding=1).relu()
        return (F.conv2d(inner, kernels[1], padding=2) / 4).softmax(1)

    return predict


@pytest.mark.parametrize("size", [(61, 75), (100, 131), (33, 32)])
def test_neither_the_size_of_a_batch_nor_the_order_of_the_windows_changes_the_result(size):
    window, image, predict = (32, 40), picture(3, *size), network()
    said = {n: predict_windows(predict, image, window=window, overlap=0.5, batch_size=n) for n in (1, 2, 3, 7, 100)}
    filled = image.numpy()
    for axis in (1, 2):
        missing = max(0, window[axis - 1] - filled.shape[axis])
        filled = np.pad(filled, [(0, missing if each == axis else 0) for each in range(3)], mode="symmetric")
    weight = ramp(window, 0.5).double()
    corners = list(product(*(window_starts(n, w, 0.5) for n, w in zip(filled.shape[1:], window, strict=True))))
    random.Random(0).shuffle(corners)
    total, mass = torch.zeros(2, *filled.shape[1:]).double(), torch.zeros(filled.shape[1:]).double()
    for row, column in corners:
        part = (slice(row, row + window[0]), slice(column, column + window[1]))
        total[:, *part] += weight * predict(torch.from_numpy(filled[:, *part].copy())[None])[0].double()
        mass[part] += weight
    wanted = (total / mass)[:, : size[0], : size[1]]
    for one in said.values():
        assert one.shape == (2, *size)
        assert (one - wanted).abs().max() < 1e-6


def smooth(*size, seed=0):
    """Blobs of some 12 px, as cells are."""
    coarse = torch.rand(1, 3, size[0] // 12 + 2, size[1] // 12 + 2, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=size, mode="bilinear")[0]


@pytest.mark.parametrize("seed", range(3))
def test_hard_tiles_leave_a_seam_and_blended_windows_none_beyond_what_lines_elsewhere_have(seed):
    image, predict, found = smooth(256, 320, seed=seed), network(seed), {}
    for way, window, overlap in (("tiles", (32, 32), 0.0), ("windows", (32, 32), 0.5), ("whole", None, 0.5)):
        said = predict_windows(predict, image, window=window, overlap=overlap).numpy()
        found[way] = seam(profile(said, *(borders(n, 32, overlap) for n in said.shape[1:])))
    assert found["tiles"].ratio > 2
    assert found["tiles"].ratio > 1.5 * found["tiles"].highest
    for way in ("windows", "whole"):
        assert found[way].ratio < 1.05 * found[way].highest
        assert 0.8 < found[way].ratio < 1.2
