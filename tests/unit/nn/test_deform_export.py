"""The kornia form of the deformable layer as ONNX; other back ends have no such form."""

from collections import Counter

import pytest
import torch

from hemoseg.models import deformable_unet
from hemoseg.nn.deform_conv import DeformConv2d

MISSING = "needs the packages of hemoseg[export]"
onnx, onnxruntime, _ = (pytest.importorskip(name, reason=MISSING) for name in ("onnx", "onnxruntime", "onnxscript"))
# What torch's exporter needs before its first translation takes seconds: once, for all files that translate.
pytestmark = [
    pytest.mark.xdist_group("onnx"),
    pytest.mark.filterwarnings("ignore"),  # of the deprecated exporter, at every line that looks at a shape
]
AXES = {0: "batch", 2: "height", 3: "width"}
# The maintained exporter needs ten times as long for a network, where the test of the step `export` uses it.
MAINTAINED = {"dynamo": True, "dynamic_shapes": (dict.fromkeys(AXES, torch.export.Dim.DYNAMIC),), "verbose": False}
DEPRECATED = {"dynamo": False, "dynamic_axes": {"image": AXES}}
TRACED = (2, 20, 28)
OTHERS = [(1, 9, 33), (3, 37, 14), (1, 1, 1), (2, 1, 9)]
TOLERANCE = 1e-5


class Exported:
    """A module beside its translation; both are functions of an image."""

    def __init__(self, module, channels, path, exporter):
        self.module = module.eval()
        self.channels = channels
        image = self.images(*TRACED)
        torch.onnx.export(self.module, (image,), path, opset_version=18, input_names=["image"], **exporter)
        self.operators = Counter(node.op_type for node in onnx.load(path).graph.node)
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def images(self, batch, *size):
        return torch.rand(batch, self.channels, *size, generator=torch.Generator().manual_seed(sum(size)))

    def distance(self, module, shape):
        """Largest difference of the file from a module on images (batch, height, width)."""
        image = self.images(*shape)
        with torch.inference_mode():
            wanted = module(image)
        (ours,) = self.session.run(None, {"image": image.numpy()})
        assert ours.shape == tuple(wanted.shape)
        return float((torch.from_numpy(ours) - wanted).abs().max())


def drawn_layer(seed):
    torch.manual_seed(seed)
    layer = DeformConv2d(3, 4, bias=True, backend="kornia")
    torch.nn.init.normal_(layer.offset.weight, std=0.3)  # offsets of a pixel or two, beyond the border too
    return layer


def drawn_network(seed):
    torch.manual_seed(seed)
    network = deformable_unet.build(3, 2, width=2, levels=1, backend="kornia")
    for layer in network.modules():
        if isinstance(layer, DeformConv2d):
            torch.nn.init.normal_(layer.offset.weight, std=0.3)
    network.train()
    for _ in range(20):  # batch norm measures what it sees, so that logits are of the order of 1
        network(torch.rand(4, 3, 16, 16))
    return network.eval()


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    return Exported(drawn_layer(0), 3, tmp_path_factory.mktemp("layer") / "layer.onnx", MAINTAINED)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return Exported(drawn_network(0), 3, tmp_path_factory.mktemp("network") / "network.onnx", DEPRECATED)


def test_every_deformable_layer_becomes_one_grid_sample(layer, network):
    assert layer.operators["GridSample"] == 1
    assert network.operators["GridSample"] == sum(isinstance(m, DeformConv2d) for m in network.module.modules()) == 6


@pytest.mark.parametrize("what", ["layer", "network"])
@pytest.mark.parametrize("shape", [TRACED, *OTHERS], ids=str)
def test_file_and_torch_agree_at_every_batch_and_size(request, what, shape):
    exported = request.getfixturevalue(what)
    assert exported.distance(exported.module, shape) <= TOLERANCE


@pytest.mark.parametrize(("what", "drawn"), [("layer", drawn_layer), ("network", drawn_network)])
def test_another_kernel_or_other_offsets_are_far_from_the_file(request, what, drawn):
    exported = request.getfixturevalue(what)
    again, still, other = drawn(0).eval(), drawn(0).eval(), drawn(1).eval()
    for module in still.modules():
        if isinstance(module, DeformConv2d):
            torch.nn.init.zeros_(module.offset.weight)
    assert exported.distance(again, TRACED) <= TOLERANCE
    for module in (still, other):
        assert exported.distance(module, TRACED) > 1000 * TOLERANCE
