"""The step `explain` on small networks that were never trained, or whose offsets were drawn at random."""

import json

import numpy as np
import pytest
import torch

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.data import seen_features
from hemoseg.data.offset_sums import from_arrays
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.steps.files import read_arrays, read_table, write_arrays, write_json
from hemoseg.steps.weights import sha256, write_weights

NAMES = [f"s{i}" for i in range(5)]
NETWORKS = {"unet": {"width": 2, "levels": 1}, "deformable_unet": {"width": 2, "levels": 1, "backend": "kornia"}}


def samples(cells=True):
    """Five samples of two sizes, two discs each that touch within 3 px."""
    instances = []
    for i in range(5):
        rows, columns = np.indices((32, 40 if i < 4 else 33))
        labels = np.zeros(rows.shape, np.int32)
        for number, column in enumerate((10 + i, 20 + i), 1):
            labels[(rows - 15) ** 2 + (columns - column) ** 2 <= 16] = number * cells
        instances.append(labels)
    random = np.random.default_rng(0)
    images = [np.clip(200 - 120 * (c > 0) + 5 * random.normal(size=(3, *c.shape)), 0, 255) for c in instances]
    sizes = np.array([c.shape for c in instances])
    return Samples(
        [image.astype(np.uint8) for image in images], [(c > 0).astype(np.uint8) for c in instances], instances, NAMES,
        NAMES, [""] * 5, [""] * 5, np.hstack([np.zeros_like(sizes), sizes]), sizes, ["background", "cell"], 255.0,
    )  # fmt: skip


class Lab:
    """A folder with samples, a split that tests s1 to s4, and model folders."""

    def __init__(self, folder):
        self.folder = folder
        write_arrays(folder / "samples.npz", **to_arrays(samples()))
        rows = [f"f,{name},{name},,{'test' if name > 's0' else 'train'}" for name in NAMES] + ["none,s0,s0,,train"]
        (folder / "splits.csv").write_text("split,sample,frame,group,role\n" + "\n".join(rows) + "\n")
        for name, own in NETWORKS.items():
            self.write_model(name, own)

    def write_model(self, network, own, *, random=False, folder=None, seed=0):
        """What `train` leaves of a network as it was built, its offset kernels drawn at random if asked for."""
        torch.manual_seed(seed)
        module = models.load(network)
        made = module.build(3, 2, **own) if models.is_network(module) else torch.nn.Linear(1, 1)
        for layer in made.modules():
            if random and isinstance(layer, DeformConv2d):
                torch.nn.init.normal_(layer.offset.weight, std=30)
        folder = self.folder / (folder or network)
        write_weights(folder / "model.safetensors", made.state_dict())
        facts = {"network": network, "in_channels": 3, "classes": ["background", "cell"]}
        facts |= {"settings": {"network_settings": own}, "weights_sha256": sha256(folder / "model.safetensors")}
        normalisation = {"white": 255.0, "mean": [0.7] * 3, "sd": [0.2] * 3}
        write_json(folder / "model.json", facts | {"normalisation": normalisation})

    def run(self, *models, split="f", **settings):
        words = ["explain", "--settings", json.dumps({"draws": 3} | settings), "--split", split]
        words += [f"--{name}={self.folder / name}.{end}" for name, end in (("samples", "npz"), ("splits", "csv"))]
        for name in models or NETWORKS:
            words += ["--run", f"model={name},seed=0,folder={self.folder / name}"]
        files = {"sampling": "sampling.csv", "offsets": "offsets.npz", "features": "features.npz"}
        return main([*words, *(f"--{name}={self.folder / file}" for name, file in files.items())])

    def points(self):
        return read_table(self.folder / "sampling.csv", dtype={"sample": str})

    def sums(self):
        return from_arrays(read_arrays(self.folder / "offsets.npz"))

    def features(self):
        return seen_features.from_arrays(read_arrays(self.folder / "features.npz"))


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def test_an_untrained_deformable_network_samples_the_plain_grid_and_has_no_offsets(lab):
    assert lab.run() == 0
    points = lab.points()
    assert set(points["kind"]) == {"centre", "boundary", "touching"}
    assert set(points["sample"]) <= set(NAMES[1:])
    keys = ["kind", "depth", "row", "column", "weight"]
    plain, deformable = (
        points[points["model"] == name].sort_values(keys)[keys].reset_index(drop=True) for name in NETWORKS
    )
    assert plain.equals(deformable)
    counted = points.groupby(["model", "kind", "depth"])["weight"].agg(["size", "sum"])
    assert set(map(tuple, counted.to_numpy())) == {(25, 81), (49, 729)}
    (one,) = lab.sums()
    assert one.model == "deformable_unet"
    assert one.ids == NAMES[1:]
    assert not one.own[..., 1:].any()
    assert not one.random[..., 1:].any()
    assert one.own[..., 0].sum() > 0
    assert not any(field.any() for field in one.maps[0])


def test_offsets_are_summed_by_layer_against_own_and_other_borders(lab):
    lab.write_model("deformable_unet", NETWORKS["deformable_unet"], random=True, folder="moved")
    assert lab.run("moved", at=[["s2", 3, 4]], depths=[1], draws=2, per_kind=0) == 0
    points = lab.points()
    assert set(points["kind"]) == {"given"}
    assert len(points) == 9
    assert np.abs(points["row"] - points["row"].round()).max() > 0.01
    assert (np.abs(points["row"] - 3) <= 3).all()
    (one,) = lab.sums()
    assert one.layers == ["encoder 1, a", "encoder 1, b", "bottom, a", "bottom, b", "decoder 1, a", "decoder 1, b"]
    assert one.strides == [1, 1, 2, 2, 1, 1]
    assert (one.own.shape, one.others.shape) == ((4, 6, 12, 5), (4, 4, 6, 12, 5))
    assert one.random.shape == (4, 2, 6, 12, 5)
    assert one.map_ids == ["s2"]
    assert [field.shape for field in one.maps[0]] == [(32, 40), (32, 40), (16, 20), (16, 20), (32, 40), (32, 40)]
    # s1, s2 and s3 have two others of their size each; s4 has none.
    assert [(one.others[i, ..., 0].sum(axis=(1, 2)) > 0).sum() for i in range(4)] == [2, 2, 2, 0]
    assert (one.random[..., 1].sum(axis=(2, 3)) > 0).all()
    for name in ("own", "random"):
        lengths = getattr(one, name)[..., 1:4].sum(axis=(0, -2))
        assert (lengths[..., 1] <= lengths[..., 0] + 1e-9).all()  # a mean is no longer than what it is a mean of
        assert (np.abs(lengths[..., 2]) <= lengths[..., 1]).all()


def test_the_same_run_gives_the_same_bytes(lab):
    found = []
    for _ in range(2):
        assert lab.run("deformable_unet", depths=[4], offsets="neighbours", features=["deformable_unet"]) == 0
        files = ("sampling.csv", "offsets.npz", "features.npz")
        found.append([(lab.folder / name).read_bytes() for name in files])
    assert found[0] == found[1]


def test_samples_without_a_cell_have_no_pixel(lab):
    write_arrays(lab.folder / "samples.npz", **to_arrays(samples(cells=False)))
    assert lab.run(autolabel={"min_area": 1000}) == 0
    assert lab.points().empty
    assert not lab.sums()[0].own.any()


def test_features_are_seen_in_any_network_and_kernels_only_where_they_are_asked_for(lab):
    lab.write_model("pspnet", {"encoder": "resnet18", "width": 4})
    assert lab.run("pspnet", "unet", features=["unet", "pspnet"], channels=3, models=[]) == 0
    assert lab.points().empty
    assert lab.sums() == []
    told = [(one.model, one.level, len(one.channels), one.maps.shape) for one in lab.features()]
    levels = [(model, level) for model in ("unet", "pspnet") for level in ("low", "high")]
    assert [one[:2] for one in told] == levels
    assert [one[2] for one in told] == [2, 2, 3, 3], "as many as asked for, or all of them"
    assert {one.sample for one in lab.features()} == {"s1"}, "all have two cells of one class: the first"
    assert told[0][3] == (2, 32, 40)
    assert lab.run("pspnet", "unet", features=["pspnet"], models=["unet"]) == 0
    assert set(lab.points()["model"]) == {"unet"}
    assert {one.model for one in lab.features()} == {"pspnet"}


def test_a_network_and_the_one_that_started_from_it_show_the_same_maps(lab):
    for seed, folder in enumerate(("single", "transfer", "other")):
        lab.write_model("unet", {"width": 3 if folder == "other" else 2, "levels": 1}, folder=folder, seed=seed)
    assert lab.run("single", "transfer", "other", features=["single", "transfer", "other"], channels=1, per_kind=0) == 0
    found = {(one.model, one.level): one for one in lab.features()}
    for level in ("low", "high"):
        first, second = found["single", level], found["transfer", level]
        assert (first.layer, first.channels, first.of) == (second.layer, second.channels, second.of)
        assert not np.array_equal(first.maps, second.maps)
        spread = first.maps.std()
        assert len(first.maps) == 1
        assert spread > 0
    assert found["other", "low"].of == 3


OTHERS = {"pspnet": {"encoder": "resnet18", "width": 4}, "instance_unet": {"width": 2, "anchor": 8.0}}
FAULTS = {
    "another network": (("pspnet",), {}, "pspnet: it is no U-Net of plain or deformable 3x3 convolutions; take it"),
    "proposals": (("instance_unet",), {}, "instance_unet: it is no U-Net of plain or deformable 3x3 convolutions"),
    "no network": (("otsu",), {}, "otsu: it is no network and samples nothing; take it out of `explain`"),
    "unknown sample": ((), {"at": [["s9", 1, 1]]}, "at names 's9'; the split tests s1, s2, s3, s4"),
    "a training sample": ((), {"at": [["s0", 1, 1]]}, "at names 's0'"),
    "outside": ((), {"at": [["s1", 32, 1]]}, "at [s1, 32, 1] lies outside the sample's (32, 40)"),
    "half a pixel": ((), {"at": [["s1", 1]]}, "at ['s1', 1]; give [sample, row, column]"),
    "too deep": ((), {"depths": [5]}, "the path 'skip' has 4 layers, not 5; mend `explain.depths`"),
    "no depth": ((), {"depths": []}, "depths []; give numbers of layers"),
    "unknown path": ((), {"path": "down"}, "path 'down'; choose skip or up"),
    "unknown reading": ((), {"offsets": "none"}, "offsets 'none'; choose interpolated or neighbours"),
    "a part of a draw": ((), {"draws": 1.5}, "draws 1.5; give a whole number"),
    "no list of pixels": ((), {"at": None}, "at None; give a list"),
    "no map": ((), {"channels": 0}, "channels 0; give a whole number, 1 or more"),
    "no list of rows": ((), {"features": "unet"}, "features 'unet'; give a list of rows"),
    "no mapping": ((), {"autolabel": None}, "autolabel None; give a mapping"),
    "no distance": ((), {"touching": "x"}, "touching 'x'; give pixels"),
    "unknown key": ((), {"dept": [1]}, "explain settings: unknown key 'dept'; did you mean 'depths'?"),
    "no test samples": ((), {"split": "none"}, "the split 'none' has no test samples"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_explained_is_refused_in_one_sentence(lab, capsys, fault):
    names, settings, words = FAULTS[fault]
    for name in names:
        lab.write_model(name, OTHERS.get(name, {}))
    capsys.readouterr()
    assert lab.run(*names, **settings) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (lab.folder / "sampling.csv").exists()


def test_a_model_of_other_images_or_weights_is_refused(lab, capsys):
    lab.write_model("unet", {"width": 4, "levels": 1}, folder="wide")
    path = lab.folder / "wide/model.json"
    facts = json.loads(path.read_text())
    write_json(path, facts | {"settings": {"network_settings": NETWORKS["unet"]}})
    assert lab.run("wide") == 2
    assert "the weights do not fit 'unet'; train again" in capsys.readouterr().err
    write_json(path, facts | {"in_channels": 4})
    assert lab.run("wide") == 2
    assert "the model reads 4 channels, the samples have others; train again" in capsys.readouterr().err
