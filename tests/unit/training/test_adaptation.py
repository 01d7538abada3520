import numpy as np
import pytest
import torch

from hemoseg.data.samples import IGNORE
from hemoseg.nn.unet import UNet
from hemoseg.training.adaptation import Adaptation, Adapting, agreed, teaches
from hemoseg.training.batches import Normalisation

SIZE = (32, 48)
SETTINGS = Adapting(steps=4, rounds=2, batch_size=2, learning_rate=0.01)


def frames(number=3, seed=0):
    """Dark discs on bright ground, uint16 in [0, 40000], and where they are."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    images, masks = [], []
    for _ in range(number):
        at = rng.uniform(6, [26, 42], (4, 2))
        mask = np.any([(rows - r) ** 2 + (columns - c) ** 2 <= 25 for r, c in at], axis=0)
        images.append((np.where(mask, 12000, 32000) + rng.normal(0, 1500, (3, *SIZE))).astype(np.uint16))
        masks.append(mask)
    return images, masks


def adaptation(images, masks, settings=SETTINGS, **told):
    torch.manual_seed(0)
    network = UNet(3, 2, width=4, levels=2, head="conv1x1")
    normalisation = Normalisation(65535.0, (0.5,) * 3, (0.2,) * 3)
    return Adaptation(network, normalisation, images, masks, window=(32, 32), settings=settings, **told)


def logits(one, image):
    with torch.inference_mode():
        return one.network.eval()(one._input(image))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_agreed_teaches_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    classes, threshold = rng.integers(0, 4, SIZE).astype(np.uint8), rng.random(SIZE) < 0.5
    found = agreed(classes, threshold)
    for at in np.ndindex(SIZE):
        same = (classes[at] > 0) == threshold[at]
        assert found[at] == (classes[at] if same else IGNORE)


def test_a_network_that_sees_cells_everywhere_or_nowhere_is_taught_nothing():
    mask = frames()[1][0]
    assert teaches(mask.astype(np.uint8), mask)
    assert not teaches(np.ones(SIZE, np.uint8), mask)
    assert not teaches(np.zeros(SIZE, np.uint8), mask)
    assert not teaches(np.zeros(SIZE, np.uint8), np.zeros(SIZE, bool))
    for constant in (0, 1):
        one = adaptation(*frames())
        one.classes_of = lambda image, value=constant: np.full(SIZE, value, np.uint8)
        before = {name: value.clone() for name, value in one.network.state_dict().items()}
        assert list(one.train()) == [0, 0]
        assert all(torch.equal(value, before[name]) for name, value in one.network.state_dict().items())


def test_after_measuring_the_light_and_gain_of_each_channel_do_not_matter():
    images, masks = frames()
    gain, light = np.array([0.3, 0.7, 0.5]), np.array([20000, 5000, 9000])
    other = [np.rint(one * gain[:, None, None] + light[:, None, None]).astype(np.uint16) for one in images]
    one, shifted = adaptation(images, masks), adaptation(other, masks)
    before = (logits(one, images[0]) - logits(one, other[0])).abs().max()
    one.measure()
    shifted.measure()
    assert (logits(one, images[0]) - logits(shifted, other[0])).abs().max() < 0.01 < before


def test_a_model_that_normalises_nothing_keeps_that():
    one = adaptation(*frames(), keeps_normalisation=True)
    own = one.normalisation
    one.measure()
    assert one.normalisation == own


def test_training_on_what_is_agreed_finds_cells_where_labels_are_right():
    images, masks = frames(4)
    one = adaptation(images, masks, Adapting(steps=25, rounds=1, batch_size=4, learning_rate=0.01, augment={}))
    one.measure()
    told = {id(image): mask.astype(np.uint8) for image, mask in zip(images, masks, strict=True)}
    one.classes_of = lambda image: told[id(image)]
    losses = []
    assert list(one.train(losses.append)) == [4]
    del one.classes_of
    one.measure()
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    held, truth = frames(2, seed=9)
    for image, mask in zip(held, truth, strict=True):
        assert ((one.classes_of(image) > 0) == mask).mean() > 0.95


def test_the_same_seed_gives_the_same_weights_and_no_step_trains_nothing():
    states = []
    for settings in (SETTINGS, SETTINGS, Adapting(steps=0)):
        one = adaptation(*frames(), settings)
        one.classes_of = lambda image: frames()[1][0].astype(np.uint8)
        one.thresholds = [frames()[1][0]] * 3
        taught = list(one.train())
        states.append((taught, torch.cat([value.flatten().float() for value in one.network.state_dict().values()])))
    assert states[0][0] == [3, 3]
    assert torch.equal(states[0][1], states[1][1])
    assert not torch.equal(states[0][1], states[2][1])
    assert states[2][0] == []
