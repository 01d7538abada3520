"""Write a trained network as a package for the BioImage Model Zoo, and let the zoo's own tools test it."""

import hashlib
import io
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import nn

from hemoseg import __version__, models
from hemoseg.errors import InputError
from hemoseg.figures.pictures import as_colours, as_rgb
from hemoseg.steps.example_image import example_image
from hemoseg.steps.files import write_json, written_whole
from hemoseg.steps.stored import DESCRIPTION, EVIDENCE, WEIGHTS, Stored
from hemoseg.steps.weights import write_weights
from hemoseg.steps.zoo_description import address_of, sides, zoo_description
from hemoseg.tables.model_card import model_card

TESTED_SIDE = 128  # pixels of the test tensors, about
COVER_SIDE = 256  # pixels of each half of the cover
STRIDE = 32  # of networks that do not tell theirs: what their coarsest map has at most
EXAMPLES = "\n## Cover and test tensors\n\nA simulated field of cells, and what the model says of it.\n"
SAME_DATE = (1980, 1, 1, 0, 0, 0)  # of all files: the same model makes the same package


def write_package(stored: Stored, graph: nn.Module, out: Path, onnx: bytes | None, opset: int) -> str:
    """Write the package, test it; a clause on what the zoo's tools said.

    Args:
        stored: the model.
        graph: its network with normalisation and softmax (`hemoseg.steps.graphs.build`).
        out: the ZIP file.
        onnx: the network alone, normalised image to logits, as the bytes of an ONNX file; none where ONNX cannot hold
            it: then the weights are torch's own, which whoever has hemoseg installed can run.
        opset: of ``onnx``.

    Raises:
        InputError: the package fails the zoo's test; no file is left.
    """
    stride = getattr(graph.network, "stride", STRIDE)
    with tempfile.TemporaryDirectory(prefix="hemoseg-zoo-") as name, written_whole(out) as temporary:
        folder = Path(name)
        _write_model(stored, folder)
        _write_examples(stored.description, graph, stride, folder)
        weights = _write_onnx(onnx, opset, folder) if onnx else _write_torch(stored, graph, folder)
        files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
        content = zoo_description(stored.description, stored.evidence, stride=stride, weights=weights, files=files)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        (folder / "bioimageio.yaml").write_text(text, encoding="utf-8")
        _zip(folder, temporary)
        said = tested(temporary, stored.evidence)
    return said


def _write_model(stored: Stored, folder: Path) -> None:
    """The model as hemoseg itself reads it, and its card; names of a lab's files stay behind."""
    told = {key: value for key, value in stored.description.items() if key != "training_ids"}
    write_json(folder / DESCRIPTION, told)
    write_json(folder / EVIDENCE, stored.evidence)
    write_weights(folder / WEIGHTS, stored.weights)
    if _sha256(folder / WEIGHTS) != told["weights_sha256"]:  # of an older header
        write_json(folder / DESCRIPTION, told | {"weights_sha256": _sha256(folder / WEIGHTS)})
    (folder / "README.md").write_text(model_card(told, stored.evidence) + EXAMPLES, encoding="utf-8")


def _write_examples(description: Mapping[str, Any], graph: nn.Module, stride: int, folder: Path) -> None:
    """Test tensors and cover from a simulated field: torch's answer is what every other runtime has to give."""
    told = sides(stride)
    side = told["min"] + -(-max(0, TESTED_SIDE - told["min"]) // stride) * stride
    image = example_image(
        description["in_channels"], (side, side + stride), description.get("median_cell_area", 0.0),
        description["normalisation"]["white"],
    )  # fmt: skip
    with torch.inference_mode():
        said = graph(torch.from_numpy(image)[None])
    probability = said if isinstance(said, torch.Tensor) else said[0]
    np.save(folder / "test_input.npy", image[None])
    np.save(folder / "test_output.npy", probability.numpy())
    shown = np.clip(image / description["normalisation"]["white"], 0, 1)
    classes = probability[0].argmax(0).numpy().astype(np.uint8)
    halves = [as_rgb(shown)[:, :side], as_colours(classes)[:, :side]]
    pictures = [Image.fromarray((255 * half).astype(np.uint8)).resize((COVER_SIDE,) * 2) for half in halves]
    cover = Image.new("RGB", (2 * COVER_SIDE, COVER_SIDE))
    for number, picture in enumerate(pictures):
        cover.paste(picture, (number * COVER_SIDE, 0))
    cover.save(folder / "cover.png")


def _write_onnx(onnx: bytes, opset: int, folder: Path) -> dict[str, Any]:
    (folder / "network.onnx").write_bytes(onnx)
    comment = f"translated by torch from the attached {WEIGHTS}"
    return {
        "onnx": {
            "source": "network.onnx", "sha256": _sha256(folder / "network.onnx"), "opset_version": opset,
            "comment": comment,
        }
    }  # fmt: skip


def _write_torch(stored: Stored, graph: nn.Module, folder: Path) -> dict[str, Any]:
    """Weights in torch's own file: plain tensors, which `torch.load` reads with ``weights_only``."""
    content = io.BytesIO()
    torch.save({name: value.contiguous() for name, value in stored.weights.items()}, content)
    (folder / "network.pt").write_bytes(content.getvalue())
    described = stored.description
    told = {"in_channels": described["in_channels"], "classes": len(described["classes"])}
    return {
        "pytorch_state_dict": {
            "source": "network.pt", "sha256": _sha256(folder / "network.pt"),
            "architecture": {
                "import_from": models.load(described["network"]).__name__, "callable": "build",
                "kwargs": told | described["settings"]["network_settings"],
            },
            "pytorch_version": torch.__version__.split("+")[0],
            "comment": f"runs where hemoseg {__version__} is installed",
        }
    }  # fmt: skip


def tested(path: Path, evidence: Mapping[str, Any]) -> str:
    """What the zoo's own validation and test run say of a package, without the network.

    Raises:
        InputError: either fails.
    """
    import bioimageio.core
    import bioimageio.spec
    from loguru import logger

    address = address_of(evidence.get("data", {}), evidence.get("sharing", {}))
    known = {address: None} if address else {}  # not looked up: a package is made offline, too
    for room in ("bioimageio.core", "bioimageio.spec"):
        logger.disable(room)  # warnings on what a description might say besides
    context = bioimageio.spec.ValidationContext(known_files=known, log_warnings=False, progressbar=False)
    with warnings.catch_warnings(), context:
        warnings.simplefilter("ignore")  # the tools' own notes on each other
        summary = bioimageio.core.test_model(path, devices=["cpu"])
    if summary.status != "passed":
        faults = [error.msg for detail in summary.details for error in detail.errors]
        cause = " ".join("; ".join(faults).split())[:300]
        raise InputError(
            f"the package fails the test of bioimageio.core ({cause}); no file is left; "
            "install the versions of requirements.lock"
        )
    return f"valid and tested by bioimageio.core {bioimageio.core.__version__}"


def _zip(folder: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(path.name, SAME_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
