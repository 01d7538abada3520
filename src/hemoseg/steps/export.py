"""Write a trained network as one ONNX file, or as a BioImage Model Zoo package (.zip), checked before it is kept."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hemoseg import __version__, models
from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.files import written_whole
from hemoseg.steps.graphs import ImageToProbability, NormalisedToLogits, build
from hemoseg.steps.stored import Stored, read_stored
from hemoseg.steps.zoo import write_package

OPSET = 18  # the exporter's own; what is older it would have to convert, what is newer fewer readers know
TOLERANCE = 1e-4  # largest difference of a probability from torch's
# A sampling point is a float32 share of the image's side: its rounding, and with it the difference between two
# runtimes, grows with the side (measured: 1e-5 at 128 pixels, 6e-5 at 512, 1e-4 at 1000, on noise).
CHECKED_SIDE = 256
# Of the pixels, that may differ more where a network unpools: rounding chooses among nearly equal maxima, and so where
# a number is put back. Measured on networks as drawn, whose maxima lie close: none to 0.7 % of the pixels.
CHOSEN_OTHERWISE = 0.02
MOST_BYTES = 2**31 - 2**24  # of weights: one protobuf message is less than 2 GiB
OUTPUTS = {
    "ImageToProbability": ["probability"],
    "ImageToProposals": ["probability", "scores", "deltas"],
    "NormalisedToLogits": ["logits"],
}
AXES = {0: "batch", 2: "height", 3: "width"}  # of the input and the output: any size


def main(argv: list[str]) -> None:
    """Parse the arguments and export."""
    parser = arguments.parser("export", __doc__)
    parser.add_argument("given", nargs="?", type=Path, metavar="MODEL", help="folder of a model, or a package of it")
    parser.add_argument("--model", type=Path, help="the same")
    parser.add_argument("--out", type=Path, required=True, help="file to write: name.onnx, or name.zip, a package")
    args = parser.parse_args(argv)
    if (args.given is None) == (args.model is None):
        raise InputError("export: name one model, such as: hemoseg export MODEL --out model.onnx")
    if args.out.suffix not in (".onnx", ".zip") or args.out.is_dir():
        raise InputError(f"--out {args.out}: names no file of a known kind; choose a name that ends in .onnx or .zip")
    needed = ("onnx", "onnxscript") if args.out.suffix == ".onnx" else ("onnx", "onnxscript", "bioimageio.core")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise InputError(f'{" and ".join(missing)}: not installed; run: pip install "hemoseg[export]"')
    path = args.given or args.model
    stored = read_stored(path)
    graph = build(stored.description, stored.weights, path)
    said = (write_onnx if args.out.suffix == ".onnx" else write_zip)(stored, graph, path, args.out)
    channels, classes = stored.description["in_channels"], len(stored.description["classes"])
    print(f"{args.out}: {channels} channels to {classes} classes; {said}")


def write_onnx(stored: Stored, graph: ImageToProbability, path: Path, out: Path) -> str:
    """Write a model as one ONNX file; a clause on how far it is from torch.

    Args:
        stored: the model.
        graph: its network.
        path: where it lies, for sentences.
        out: the file.

    Raises:
        InputError: ONNX cannot hold it, or the file says something else than torch.
    """
    if not _fits_onnx(stored, path):
        raise InputError(
            f"{path}: {stored.description['network']!r} tells cells apart by steps that depend on what it sees, which "
            "ONNX cannot hold; export a package: --out name.zip"
        )
    with written_whole(out) as temporary:
        temporary.write_bytes(translate(graph, stored.description, stored.evidence))
        return _check(temporary, graph, stored.description)


def write_zip(stored: Stored, graph: ImageToProbability, path: Path, out: Path) -> str:
    """Write a model as a package for the BioImage Model Zoo; arguments as in `write_onnx`.

    Raises:
        InputError: the package fails the zoo's own test.
    """
    onnx = None
    if _fits_onnx(stored, path):
        onnx = translate(NormalisedToLogits(graph.network).eval(), stored.description, stored.evidence)
    return write_package(stored, graph, out, onnx, OPSET)


def _fits_onnx(stored: Stored, path: Path) -> bool:
    if sum(value.nbytes for value in stored.weights.values()) > MOST_BYTES:
        raise InputError(f"{path}: more than 2 GB of weights do not fit into one ONNX file; train a smaller network")
    return not hasattr(models.load(stored.description["network"]), "label")


def translate(
    graph: ImageToProbability | NormalisedToLogits, description: dict[str, Any], evidence: dict[str, Any] | None = None
) -> bytes:
    """The bytes of an ONNX file that does what ``graph`` does, for every batch, height and width.

    Raises:
        InputError: torch cannot translate the network.

    The exporter is torch's maintained one. Measured on one core for the papers' deformable U-Net: 30 to 38 s and 498
    nodes, against 1.3 s and 3220 nodes of the deprecated one; both files agree with torch equally well.
    """
    import onnx

    # Sides that differ and are no multiples of the network's stride: what holds of them alone must not become a rule.
    stride = getattr(graph.network, "stride", 1)
    example = torch.zeros(2, description["in_channels"], 5 * stride + 21, 7 * stride + 27)
    try:
        with _quiet():
            program = torch.onnx.export(
                graph, (example,), opset_version=OPSET, dynamo=True, verbose=False,
                dynamic_shapes=(dict.fromkeys(AXES, torch.export.Dim.DYNAMIC),),
                input_names=["image"], output_names=OUTPUTS[type(graph).__name__],
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        cause = str(error.__cause__ or error).strip().splitlines()[0]
        raise InputError(f"network {description['network']!r}: torch cannot translate it to ONNX ({cause})") from None
    model = program.model_proto
    _strip(model)
    onnx.helper.set_model_props(model, metadata(description, evidence or {}, stride))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def metadata(description: dict[str, Any], evidence: dict[str, Any], stride: int = 1) -> dict[str, str]:
    """What a reader of the file needs to know of it; lists and the files of a model folder are JSON."""
    told = {key: value for key, value in description.items() if key != "training_ids"}  # names of a lab's files
    return {
        "project": f"hemoseg {__version__}",
        "network": description["network"],
        "classes": json.dumps(description["classes"], ensure_ascii=False),
        "channels": str(description["in_channels"]),
        "white_level": str(description["normalisation"]["white"]),
        "weights_sha256": description["weights_sha256"],
        "stride": str(stride),
        "model.json": json.dumps(told, ensure_ascii=False),
        "evidence.json": json.dumps(evidence, ensure_ascii=False),
    }


def _strip(model: Any) -> None:
    """Name the free axes and drop what the exporter notes of the source: lines and paths of this machine."""
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in AXES.items() if len(value.type.tensor_type.shape.dim) == 4 else ():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    del model.graph.value_info[:]  # sizes in between, in symbols that have just been renamed
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes on other packages from the user, who can mend none of them."""
    levels = {logger: logger.level for logger in map(logging.getLogger, ("torch.onnx", "onnx_ir"))}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _check(path: Path, graph: ImageToProbability, description: dict[str, Any]) -> str:
    """A clause on how far the file is from torch.

    Raises:
        InputError: too far.
    """
    if find_spec("onnxruntime") is None:
        return "not checked, since onnxruntime is not installed"
    import onnxruntime

    sides = [min(side, CHECKED_SIDE) for side in description["input_size"]]
    found = differences(path, graph, [(1, *sides), (3, 1, 13)], description["in_channels"])
    runtime = f"onnxruntime {onnxruntime.__version__}"
    far = ~(found <= TOLERANCE)  # not a number counts as too far
    if not far.any():
        return f"differs from torch by {found.max():.1e} at most ({runtime})"
    if getattr(graph.network, "chooses", False) and far.mean() <= CHOSEN_OTHERWISE and np.isfinite(found).all():
        return (
            f"differs from torch by {found[~far].max():.1e} at most ({runtime}), but by up to {found.max():.2f} in "
            f"{far.mean():.2%} of the pixels, where rounding chose another one of nearly equal maxima"
        )
    raise InputError(
        f"the exported network is {found.max():.1e} from torch in {runtime}, more than {TOLERANCE:g}; no file is left; "
        "install the versions of requirements.lock"
    )


def differences(path: Path, graph: ImageToProbability, shapes: list[tuple[int, int, int]], channels: int) -> np.ndarray:
    """Difference between a file in onnxruntime and torch at each pixel, the largest of its probabilities.

    Args:
        path: the ONNX file.
        graph: what it was made from.
        shapes: batch, height and width of the images to compare on.
        channels: of the images.

    Returns:
        float32 ``(n,)``, the pixels of all images; not a number where one of the two gives none.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    found = []
    for batch, height, width in shapes:
        # Blobs of some eight pixels, like cells; a tenth brighter than white, so that the cut at white counts.
        coarse = torch.rand(batch, channels, height // 8 + 2, width // 8 + 2, generator=generator)
        image = 1.1 * graph.normalisation.white * F.interpolate(coarse, size=(height, width), mode="bilinear")
        with torch.inference_mode():
            said = graph(image)
        wanted = (said if isinstance(said, Tensor) else said[0]).numpy()
        found.append(np.abs(session.run(None, {"image": image.numpy()})[0] - wanted).max(axis=1).ravel())
    return np.concatenate(found)
