"""The benchmark of the deformable layers: its counts are torch's, it times no wrong form, its file says everything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.unet import UNet

FOLDER = Path(__file__).parents[3] / "benchmarks" / "deform"


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


def torch_multiply_adds(call):
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("shape", [(2, 3, 8, 16, 12), (1, 16, 2, 8, 8)])
def test_convolutions_and_offset_convolutions_are_counted_as_torch_counts_them(shape):
    import counting

    batch, channels, outputs, height, width = shape
    layer = counting.Layer(*shape)
    x = torch.randn(batch, channels, height, width, requires_grad=True)
    for form, part, made in (("plain", "product", outputs), ("native", "offset_convolution", 18)):
        module = nn.Conv2d(channels, made, 3, padding=1, bias=False)
        assert counting.operations(layer, form, training=False)[part] == torch_multiply_adds(lambda: module(x))  # noqa: B023
    parts = counting.operations(layer, "plain", training=True)
    module = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
    assert sum(parts.values()) == torch_multiply_adds(lambda: module(x).sum().backward())


def test_a_whole_plain_network_is_counted_as_torch_counts_it():
    import counting

    network = UNet(3, 2)
    images = torch.randn(2, 3, 32, 32)
    layers = counting.layers_of_unet(32, 2, width=8)
    for training, call in ((False, lambda: network(images)), (True, lambda: network(images).sum().backward())):
        assert counting.total(layers, "plain", training=training)[0] == torch_multiply_adds(call)


def test_the_kornia_forms_products_are_those_counted():
    import counting
    import forms

    module = forms.build_layer("kornia", 8, 4)
    parts = counting.operations(counting.Layer(1, 8, 4, 16, 16), "kornia", training=False)
    counted = torch_multiply_adds(lambda: module(torch.randn(1, 8, 16, 16)))
    assert parts["product"] + parts["offset_convolution"] == counted  # torch counts no sampling


class Transposed(DeformConv2d):
    """Rows and columns of the offsets swapped: right at offset zero only."""

    def offsets(self, x):
        return super().offsets(x).unflatten(1, (9, 2)).flip(2).flatten(1, 2)


def test_a_form_that_computes_something_else_is_not_timed(monkeypatch):
    import forms
    import layers
    import networks

    def never(*_, **__):
        raise AssertionError("it was timed")

    monkeypatch.setitem(forms.FORMS, "swapped", lambda c, o: Transposed(c, o, backend="kornia"))
    monkeypatch.setattr("paired.time_rounds", never)
    told = {"device": "cpu", "repeats": 1, "peaks": {}}
    with pytest.raises(forms.WrongForm, match="swapped"):
        layers.measure(16, 8, ["plain", "kornia", "swapped"], **told)
    with pytest.raises(forms.WrongForm, match="swapped"):
        networks.measure(16, 1, 8, ["plain", "kornia", "swapped"], **told)


def test_offsets_are_spread_over_two_pixels():
    import forms

    layer = forms.build_layer("kornia", 8, 8)
    offsets = layer.offsets(torch.randn(1, 8, 64, 64))
    assert 1 < offsets.std() < 1.6
    assert offsets.abs().max() <= 2


def test_quick_measures_everything_and_writes_it(tmp_path):
    file = tmp_path / "results" / "deform.json"
    words = [sys.executable, str(FOLDER / "run.py"), "--quick", "--threads", "1", "--json", str(file)]
    # It sets its allocator itself; and its three processes share what Python compiles of torch's modules.
    other = ("MALLOC_", "OMP_", "PYTHONDONTWRITEBYTECODE")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(other)}
    done = subprocess.run(words, capture_output=True, text=True, env=outside, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert set(result) == {"machine", "peaks", "layers", "networks", "memory", "bounds"}
    told = {"device", "cpu_model", "threads", "torch", "kornia", "hemoseg", "library", "command", "commit", "date"}
    assert told <= set(result["machine"])
    forms = {row["form"] for row in result["layers"]}
    assert {"plain", "kornia", "kornia3"} <= forms
    assert len(result["layers"]) == 12 * 2 * len(forms)
    for row in result["layers"]:
        assert {"seconds", "ratio_to_plain", "ratio_to_kornia", "multiply_adds", "bytes", "share_of_floor"} <= set(row)
    assert {row["task"] for row in result["networks"]} == {"training_step", "prediction"}
    assert all(row["ratio_to"]["plain"]["q1"] <= row["ratio_to"]["plain"]["q3"] for row in result["networks"])
    assert all(row["peak_bytes"] > 0 for row in result["memory"])
    for row in result["bounds"]:
        assert ("missed by" in done.stdout) if row["missed_by"] else ("met" in done.stdout)
    assert "BOUNDS" in done.stdout


def test_a_missed_bound_says_by_how_much_and_what_the_operations_make_of_it():
    import bounds

    about = {"size": 512, "batch": 2, "width": 8, "precision": "float32", "task": "training_step"}

    def row(form, seconds, work):
        spread = {"median": seconds}
        ratio_to = {"plain": {"median": seconds / 1.0}, "native": {"median": seconds / 2.5}}
        share = {"operations": 0.5}
        return (
            about
            | {"form": form, "seconds": spread, "ratio_to": ratio_to, "multiply_adds": work}
            | {"share_of_floor": share}
        )

    rows = [row("plain", 1.0, 100), row("native", 2.5, 240), row("kornia", 12.0, 240), row("kornia3", 11.0, 240)]
    memory = [about | {"form": "native", "ratio_to_plain": 1.2}]
    at_most, faster, peak = bounds.judge("cpu", rows, memory)
    assert at_most["missed_by"] == pytest.approx(0.5)
    assert at_most["floor"] == pytest.approx(2.4)
    assert bounds.sentence(at_most).startswith("missed by 0.50")
    assert "2.40" in bounds.sentence(at_most)
    assert faster["measured"] == pytest.approx(4.4)
    assert "kornia3" in faster["bound"]
    assert not faster["missed_by"]
    assert bounds.sentence(peak).startswith("met")
