import pytest
import torch
from torch import nn

from hemoseg.nn.batch_statistics import measure_statistics


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)
    )


def batches(number=3):
    generator = torch.Generator().manual_seed(1)
    return [5 + 2 * torch.randn(2, 2, 10, 12, generator=generator) for _ in range(number)]


def test_the_first_norm_has_the_mean_of_the_batches_moments():
    made, given = network(), batches()
    assert measure_statistics(made, given) == 2
    seen = [made[0](batch).detach() for batch in given]
    mean = torch.stack([one.mean((0, 2, 3)) for one in seen]).mean(0)
    variance = torch.stack([one.var((0, 2, 3)) for one in seen]).mean(0)
    assert torch.allclose(made[1].running_mean, mean, atol=1e-5)
    assert torch.allclose(made[1].running_var, variance, atol=1e-4)


def test_outputs_become_those_of_statistics_of_the_batch_itself():
    made, (given,) = network(), batches(1)
    made[3].p = 0.0
    made.train()
    expected = made(given).detach()
    measure_statistics(made, [given])
    assert torch.allclose(made(given), expected, atol=0.05)  # running variances are unbiased, those of a batch are not


def test_weights_modes_and_momenta_stay_as_they_were_and_dropout_is_off():
    made = network()
    weights = {name: value.clone() for name, value in made.named_parameters()}
    measure_statistics(made, batches())
    first = made[5].running_mean.clone()
    measure_statistics(made, batches())
    assert torch.equal(first, made[5].running_mean)  # nothing of chance is left in it
    assert all(torch.equal(value, weights[name]) for name, value in made.named_parameters())
    assert not any(part.training for part in made.modules())
    assert [made[i].momentum for i in (1, 5)] == [0.1, 0.1]


def test_momenta_come_back_where_a_batch_fails():
    made = network()
    with pytest.raises(RuntimeError):
        measure_statistics(made, [torch.zeros(1, 3, 8, 8)])
    assert [made[i].momentum for i in (1, 5)] == [0.1, 0.1]
    assert measure_statistics(nn.Conv2d(1, 1, 1), [torch.zeros(1, 1, 4, 4)]) == 0
