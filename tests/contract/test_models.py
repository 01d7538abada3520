"""The contract of a network: what training, prediction and the tables take for granted."""

import inspect
import json
from pathlib import Path

import pytest
import torch

from hemoseg import models
from hemoseg.nn.folding import fold_batch_norms
from hemoseg.steps.weights import read_weights, write_weights
from hemoseg.training.batches import Batch, Pool, measure_normalisation
from hemoseg.training.loop import Plan, Training, plain_state
from hemoseg.training.objective import loss_of_logits


def images(batch, channels, *size, seed=0):
    return torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(seed))


# Settings of networks whose defaults are published sizes, with which the contract would take a minute.
SMALLER = {
    "deconvnet": {"width": 8},
    "deeplabv3plus": {"width": 16, "channels": 32},
    "instance_unet": {"width": 4, "anchor": 16.0},
    "mask_rcnn": {"width": 8, "channels": 16, "hidden": 32, "anchor": 8.0, "proposals": 50, "drawn": 32},
    "pspnet": {"width": 16},
    "ternausnet": {"width": 8},
    "vgg16_unet": {"width": 16},
}


def built(module, in_channels=3, classes=2, seed=0):
    torch.manual_seed(seed)
    return module.build(in_channels, classes, **SMALLER.get(module.__name__.split(".")[-1], {}))


def test_every_file_is_a_model_of_one_kind():
    stems = {path.stem for path in Path(models.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(models.names()) == stems
    for name in models.names():
        module = models.load(name)
        assert hasattr(module, "build") != (hasattr(module, "fit") and hasattr(module, "predict"))
        assert module.__doc__


def test_settings_are_keywords_with_defaults(network_file):
    first, second, *rest = inspect.signature(network_file.build).parameters.values()
    assert [first.name, second.name] == ["in_channels", "classes"]
    assert all(p.kind == p.KEYWORD_ONLY and p.default is not p.empty for p in rest)
    with pytest.raises(TypeError):
        network_file.build(3, 2, no_such_setting=1)


@pytest.mark.parametrize(("in_channels", "classes"), [(1, 2), (3, 5), (4, 2)])
@pytest.mark.parametrize("size", [(32, 48), (33, 41), (7, 16)])
def test_logits_have_the_size_of_the_image(network_file, in_channels, classes, size):
    network = built(network_file, in_channels, classes).eval()
    with torch.no_grad():
        logits = network(images(2, in_channels, *size))
    assert logits.shape == (2, classes, *size)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


def test_prediction_may_fold_the_batch_norms(network_file):
    network = built(network_file).double().train()
    for _ in range(3):
        network(3 * images(2, 3, 32, 32).double() + 1)
    x = images(1, 3, 24, 40).double()
    with torch.no_grad():
        wanted = network.eval()(x)
        assert torch.allclose(fold_batch_norms(network)(x), wanted, rtol=1e-8, atol=1e-10)


def test_gradient_reaches_every_parameter(network_file):
    network = built(network_file).train()
    own = getattr(network_file, "compute_loss", loss_of_logits)
    cells = torch.zeros(2, 32, 32, dtype=torch.int64)
    cells[:, 4:20, 6:22] = 1
    batch = Batch(images(2, 3, 32, 32), cells.clone(), torch.arange(2), cells)
    own(network, batch, lambda logits, batch: logits.square().mean()).backward()
    lost = [n for n, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    dead = [n for n, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() == 0]
    assert lost == []
    assert dead == []


def test_same_seed_builds_the_same_weights(network_file):
    states = [built(network_file, seed=seed).state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_evaluation_repeats_itself_and_leaves_the_network_alone(network_file):
    network = built(network_file).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = images(2, 3, 24, 40)
    with torch.no_grad():
        assert torch.equal(network(x), network(x.clone()))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_images_of_a_batch_do_not_see_each_other_in_evaluation(network_file):
    network = built(network_file).eval()
    x = images(3, 3, 24, 40)
    with torch.no_grad():
        whole, alone = network(x), torch.cat([network(image[None]) for image in x])
    assert torch.allclose(whole, alone, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


def test_weights_survive_the_disk(network_file, tmp_path):
    network, other = built(network_file, seed=1), built(network_file, seed=2)
    network.train()(images(2, 3, 32, 32))  # running statistics of batch norm too
    write_weights(tmp_path / "model.safetensors", plain_state(network))
    other.load_state_dict(read_weights(tmp_path / "model.safetensors")[0])
    x = images(1, 3, 24, 40, seed=5)
    with torch.no_grad():
        assert torch.equal(network.eval()(x), other.eval()(x))


def test_what_is_said_of_a_network_can_be_written_as_json(network_file):
    if hasattr(network_file, "describe"):
        assert isinstance(json.loads(json.dumps(network_file.describe(built(network_file)))), dict)


def test_thirty_steps_on_an_easy_task_lower_the_loss(network_file, tiny_samples):
    samples, own = tiny_samples(6, (24, 24)), getattr(network_file, "compute_loss", None)
    pool = Pool(
        samples, measure_normalisation(samples, "training_set"), torch.device("cpu"), "train", cells=own is not None
    )
    network = built(network_file).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    plan = Plan(steps=30, batch_size=2, learning_rate=0.005, weight_decay=0.0, validate_every=30)
    training = Training(network, optimizer, {"train": pool, "val": pool}, plan, seed=0, compute_loss=own)
    losses = [training.step() for _ in range(30)]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
