"""Published weights through the whole workflow: fetched once, verified, told in the run; another file trains again."""

import hashlib
import json

import pytest
import torch

from hemoseg.nn.resnet import ResNet

pytestmark = pytest.mark.xdist_group("workflow")
RUN = "results/scd2020_binary/train/pspnet/fixed/seed0/run.json"
SAMPLES = "results/scd2020_binary/samples.npz"
TINY = {"width": 4, "stride": 32}


def write_published(path, seed):
    torch.manual_seed(seed)
    torch.save(ResNet(3, "resnet18", width=4).state_dict(), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def overlay(**pretrained):
    return {"experiments": {"scd2020_binary": {"models": {"pspnet": {"settings": TINY, "pretrained": pretrained}}}}}


@pytest.fixture
def with_samples(workspace, flow):
    """A workspace of the test's own in which everything up to the samples is done."""
    for name in (SAMPLES, "results/scd2020_binary/splits.csv", "results/scd2020_binary/splits.json"):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_bytes((flow / name).read_bytes())
    return type(flow)(workspace)


def test_weights_are_fetched_told_and_watched(with_samples, server):
    flow, (served, address) = with_samples, server
    digest = write_published(served / "resnet18.pth", 1)
    only = ["--cores", "1", "--allowed-rules", "fetch", "train"]
    wrong = overlay(url=f"{address}/resnet18.pth", sha256="0" * 64)
    said = flow.run(RUN, overlay=wrong, options=only, expect=1)
    assert f"resnet18.pth: sha256 is {digest}, stated is {'0' * 64}; nothing was kept" in said + logs(flow)
    assert not list((flow / "data").glob("weights/*"))

    right = overlay(url=f"{address}/resnet18.pth", sha256=digest)
    flow.run(RUN, overlay=right, options=only)
    told = json.loads((flow / RUN).read_text())["pretrained"]
    assert told == {"from": f"{address}/resnet18.pth", "sha256": digest}
    assert [path.name for path in (flow / "data/weights").iterdir()] == [f"{digest}.pth"]

    path = flow / "data/weights" / f"{digest}.pth"
    assert flow.planned(RUN, overlay=right, options=only[2:]) == {}
    write_published(path, 2)
    assert set(flow.planned(RUN, overlay=right, options=only[2:])) == {"train pspnet/fixed/0"}
    # A file is used where it lies, and nothing is fetched for it, even from the folder of what is fetched.
    kept = overlay(path=f"data/weights/{path.name}")
    assert set(flow.planned(RUN, overlay=kept, options=only[2:])) == {"train pspnet/fixed/0"}


def logs(flow):
    return "".join(path.read_text() for path in (flow / "results/logs/fetch").glob("*.log"))
