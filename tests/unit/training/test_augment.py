import pytest
import torch
from torch.nn import functional as F

from hemoseg.training.augment import Augmentation, seed_step
from hemoseg.training.batches import Batch, Normalisation


def blobs(batch=4, side=32, classes=3, seed=0):
    """Class maps of smooth blobs."""
    coarse = torch.randn(batch, classes, 5, 5, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (side, side), mode="bicubic").argmax(1)


def augmented(classes, seed=0, images=None, **settings):
    """The batch whose image is its own class map, after augmentation."""
    images = classes.unsqueeze(1).float() if images is None else images
    seed_step(seed, 0)
    return Augmentation(**settings)(Batch(images, classes, torch.arange(len(classes))))


def test_nothing_asked_for_is_nothing_done():
    classes = blobs()
    after = augmented(classes)
    assert torch.equal(after.classes, classes)
    assert torch.equal(after.images[:, 0], classes.float())


def test_mirrored_image_and_labels_stay_equal_and_every_mirror_comes():
    classes = torch.arange(2 * 3).view(1, 2, 3).repeat(64, 1, 1)
    classes[:, 0, 0] = 255
    after = augmented(classes, flip=True, images=torch.where(classes == 255, -1, classes).unsqueeze(1).float())
    assert torch.equal(after.images[:, 0].long(), torch.where(after.classes == 255, -1, after.classes))
    kinds = [classes[0], classes[0].flip(0), classes[0].flip(1), classes[0].flip(0, 1)]
    counts = [sum(torch.equal(one, kind) for one in after.classes) for kind in kinds]
    assert sum(counts) == 64
    assert min(counts) > 4


@pytest.mark.parametrize(
    "settings",
    [{"rotate": 30.0}, {"scale": (0.7, 1.4)}, {"flip": True, "rotate": 180.0, "scale": (0.8, 1.25)}],
)
@pytest.mark.parametrize("along", [0, 1])
def test_image_and_labels_move_together(settings, along):
    ramp = 20 + 4 * torch.arange(32).view(32, 1).expand(32, 32)
    classes = (ramp if along == 0 else ramp.T).repeat(8, 1, 1)
    after = augmented(classes, **settings)
    known = (after.classes != 255).float().unsqueeze(1)
    inner = F.pad(-F.max_pool2d(-known, 5, 1), (2, 2, 2, 2))[:, 0] > 0  # no outside within two pixels
    assert not torch.equal(after.classes, classes)
    assert inner.double().mean() > 0.3
    # The ramp rises by 4 per pixel; its nearest value is at most half a pixel off, and on the whole not at all.
    apart = after.images[:, 0] - after.classes
    assert apart[inner].abs().max() <= 2.01
    assert apart[inner].mean().abs() < 1e-2


def test_what_comes_in_from_outside_is_ignored():
    classes = torch.zeros(6, 32, 32, dtype=torch.long)
    after = augmented(classes, scale=(0.5, 0.5))
    inside = after.classes == 0
    assert set(after.classes.unique().tolist()) == {0, 255}
    assert inside[:, 9:23, 9:23].all()
    assert not inside[:, :7].any()
    assert not inside[..., 25:].any()
    turned = augmented(classes, rotate=180.0)
    assert (turned.classes == 255).any()


def test_the_image_has_no_empty_corners():
    classes = torch.zeros(6, 32, 32, dtype=torch.long)
    after = augmented(classes, images=torch.full((6, 2, 32, 32), 7.0), rotate=45.0, scale=(0.5, 0.7))
    assert (after.classes == 255).double().mean() > 0.3
    assert torch.allclose(after.images, torch.tensor(7.0))


def test_ignored_pixels_stay_ignored():
    classes = blobs(6)
    classes[:, 8:24, 8:24] = 255
    images = (classes == 255).float().unsqueeze(1)
    after = augmented(classes, images=images, rotate=45.0, scale=(0.9, 1.5))
    sure = after.images[:, 0] > 0.999
    assert sure.double().mean() > 0.1
    assert (after.classes[sure] == 255).all()
    assert set(after.classes.unique().tolist()) <= {0, 1, 2, 255}


@pytest.mark.parametrize("settings", [{"rotate": 45.0}, {"scale": (0.6, 1.7)}])
def test_labels_move_by_nearest_neighbour_and_no_class_comes_between(settings):
    after = augmented(7 * (blobs(8, classes=2) > 0).long(), **settings)
    assert set(after.classes.unique().tolist()) == {0, 7, 255}


def test_254_classes_keep_their_numbers():
    classes = torch.arange(256).clamp(max=255).view(1, 16, 16)
    after = augmented(classes, flip=True, seed=3)
    assert sorted(after.classes.flatten().tolist()) == list(range(256))


def test_grey_values_change_within_their_bounds_and_labels_do_not():
    classes = blobs(32)
    images = torch.randn(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    after = augmented(classes, images=images, brightness=0.5, contrast=0.2)
    assert torch.equal(after.classes, classes)
    slope = (after.images[:, 0, 0, 0] - after.images[:, 1, 5, 7]) / (images[:, 0, 0, 0] - images[:, 1, 5, 7])
    level = after.images[:, 0, 0, 0] - slope * images[:, 0, 0, 0]
    assert torch.allclose(after.images, slope.view(-1, 1, 1, 1) * images + level.view(-1, 1, 1, 1), atol=1e-3)
    assert 0.1 < (slope - 1).abs().max() <= 0.2 + 1e-3
    assert 0.3 < level.abs().max() <= 0.5 + 1e-3


def test_a_step_draws_the_same_again_and_other_steps_and_seeds_do_not():
    draws = {}
    for seed, step in [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (0, 0)]:
        seed_step(seed, step)
        value = tuple(torch.rand(3).tolist())
        assert draws.setdefault((seed, step), value) == value
    assert len(set(draws.values())) == 5


@pytest.mark.parametrize("settings", [{"flip": True}, {"flip": True, "rotate": 180.0, "scale": (0.8, 1.2)}])
def test_cells_and_border_weights_move_with_the_labels(settings):
    classes = blobs(6)
    before = Batch(classes.unsqueeze(1).float(), classes, torch.arange(6), 1000 * classes, classes / 7)
    seed_step(3, 0)
    after = Augmentation(**settings)(before)
    known = after.classes != 255
    assert known.double().mean() > 0.5
    assert not torch.equal(after.classes, classes)
    assert torch.equal(after.instances, torch.where(known, 1000 * after.classes, 0))
    assert torch.allclose(after.border, torch.where(known, after.classes / 7, 0))
    assert torch.equal(after.positions, before.positions)


def test_what_a_batch_does_not_hold_stays_away():
    after = augmented(blobs(), flip=True)
    assert after.instances is None
    assert after.border is None


def colours(batch=16, channels=3, side=12, seed=1):
    """Images in [0, 1] that hold neither black nor white."""
    return 0.1 + 0.8 * torch.rand(batch, channels, side, side, generator=torch.Generator().manual_seed(seed))


def coloured(images, seed=0, normalisation=None, **settings):
    """Images after augmentation."""
    classes = torch.zeros(len(images), *images.shape[-2:], dtype=torch.long)
    seed_step(seed, 0)
    return Augmentation(**settings)(Batch(images, classes, torch.arange(len(images))), normalisation).images


def of_each_channel(values):
    """The one value of each image's channel, after a look that there is but one."""
    first = values[..., :1, :1]
    assert torch.allclose(values, first.expand_as(values), rtol=1e-3)
    return first[..., 0, 0]


def test_a_stain_multiplies_the_optical_density_of_each_channel():
    images = colours()
    factor = of_each_channel(coloured(images, stain=3.0).log() / images.log())
    assert 2 < factor.max() < 3.001
    assert 1 / 3.001 < factor.min() < 1 / 2
    assert (factor.std(dim=1) > 0.05).float().mean() > 0.8


def test_half_of_a_stain_is_common_to_all_channels():
    images = colours(batch=400, side=2)
    factor = of_each_channel(coloured(images, stain=3.0).log() / images.log()).log()
    correlation = torch.corrcoef(factor.T)
    assert 0.35 < correlation[0, 1] < 0.65  # two sums of two equal parts, one of them common: 1/2
    assert 0.35 < correlation[1, 2] < 0.65


@pytest.mark.parametrize("settings", [{"stain": 4.0}, {"hue": 90.0}, {"blur": 3.0}])
def test_white_light_and_black_stay_white_and_black(settings):
    for value in (0.0, 1.0):
        images = torch.full((8, 3, 12, 12), value)
        assert torch.allclose(coloured(images, **settings), images, atol=1e-6)


def test_light_multiplies_each_channel_and_ends_at_white():
    images = colours()
    after = coloured(images, light=2.0)
    assert after.max() == 1
    clipped = (after >= 1).flatten(2).any(2)
    factor = of_each_channel((after / images)[~clipped][:, None])
    assert 1 / 2.001 < factor.min() < 0.7
    assert 1.0 < factor.max() < 2.001


@pytest.mark.parametrize("degrees", [10.0, 120.0])
def test_hue_turns_colours_round_grey(degrees):
    images = 0.35 + 0.3 * colours()  # turned by any angle they stay within [0, 1]
    after = coloured(images, hue=degrees)
    grey, chroma = images.mean(1, keepdim=True), images - images.mean(1, keepdim=True)
    moved = after - after.mean(1, keepdim=True)
    assert torch.allclose(after.mean(1, keepdim=True), grey, atol=1e-5)
    assert torch.allclose(moved.norm(dim=1), chroma.norm(dim=1), atol=1e-5)
    cosine = (moved * chroma).sum(1) / chroma.norm(dim=1) ** 2
    angle = torch.rad2deg(cosine.clamp(-1, 1).acos()).flatten(1).median(dim=1).values
    assert degrees / 2 < angle.max() < degrees + 0.5


def test_images_of_other_than_three_channels_have_no_hue():
    images = colours(channels=4)
    assert torch.allclose(coloured(images, hue=90.0), images)


def test_blur_spreads_a_point_by_at_most_its_standard_deviation():
    images = torch.zeros(32, 1, 33, 33)
    images[:, 0, 16, 16] = 1
    after = coloured(images, blur=2.0)
    away = (torch.arange(33.0) - 16) ** 2
    spread = (after.sum((1, 2)) * away).sum(1)
    assert torch.allclose(after.sum((1, 2, 3)), torch.ones(32), atol=1e-4)
    assert 2.5 < spread.max() < 4.01
    assert spread.min() < 0.5


def test_normalised_images_change_as_those_in_unit_range_do():
    images, mean, sd = colours(), (0.7, 0.5, 0.6), (0.2, 0.1, 0.3)
    settings = {"stain": 2.0, "light": 1.3, "hue": 20.0, "blur": 1.0}
    normalisation = Normalisation(1.0, mean, sd)
    plain = normalisation.apply(coloured(images, **settings))
    assert torch.allclose(
        coloured(normalisation.apply(images), normalisation=normalisation, **settings), plain, atol=1e-4
    )


def test_what_is_not_asked_for_draws_nothing():
    coloured(colours(), stain=1.0, light=1.0, hue=0.0, blur=0.0)
    after = torch.rand(3)
    seed_step(0, 0)
    assert torch.equal(after, torch.rand(3))
