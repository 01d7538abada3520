"""Train one model on one split with one seed; killed at any moment, it resumes where it was."""

import hashlib
import json
import shutil
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch

from hemoseg import models
from hemoseg.data import choice
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.labels.border_weights import border_weights
from hemoseg.steps import arguments, building, pretrained, resuming
from hemoseg.steps.files import write_json, write_table, written_whole
from hemoseg.steps.labelled import median_cell_area, read_samples, read_split, require_labels, role_samples
from hemoseg.steps.weights import code_hash, environment, read_model, sha256, write_weights
from hemoseg.training.batches import Normalisation, Pool, measure_normalisation
from hemoseg.training.loop import SCORES, Plan, Training, plain_state
from hemoseg.training.objective import weighs_borders

HISTORY = ("step", "train_loss", *SCORES, "seconds")


def main(argv: list[str]) -> None:
    """Parse the arguments and train."""
    parser = arguments.parser("train", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="network, network_settings, train")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--autolabels", help="train on these labels instead of the true ones")
    parser.add_argument("--splits", required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--init", help="model folder whose weights the training starts from")
    parser.add_argument("--pretrained", type=Path, help="file of published weights that the training starts from")
    parser.add_argument("--out", type=Path, required=True, help="folder of the trained model")
    parser.add_argument("--resume", type=Path, required=True, help="folder for the state of unfinished trainings")
    parser.add_argument("--checkpoint-seconds", type=float, default=15, help="between two saved states")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--devices", type=int, default=1, help="number of devices")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    building.checked(args.settings)
    pretrained.check_start(args.settings, args.init, args.pretrained)
    torch.set_num_threads(args.threads)

    samples = require_labels(read_samples(args.samples, args.autolabels), args.samples)
    roles = _chosen(args, samples)
    module = models.load(args.settings["network"])
    args.settings = building.settled(module, args.settings, role_samples(samples, roles, "train"))
    if models.is_network(module):
        _train_network(args, module, samples, roles)
    else:
        _fit_classical(args, module, samples, roles)


def _chosen(args: Any, samples: Samples) -> dict[str, list[str]]:
    """Roles of the split with those samples that this model is to train on."""
    train = args.settings["train"]
    only, most = train.get("only", {}), train.get("most")
    choice.check(only, most)
    return choice.choose(samples, read_split(args.splits, args.split), only=only, most=most, seed=args.seed)


def _train_network(args: Any, module: ModuleType, samples: Samples, roles: dict[str, list[str]]) -> None:
    settings = args.settings
    plan = building.plan(settings["train"])
    if plan.batch_size < args.devices:
        raise InputError(f"--devices {args.devices}: a batch of {plan.batch_size} has no sample for each; use fewer")
    fabric = _launched_fabric(args)
    torch.manual_seed(args.seed)
    network = building.build(module, settings, samples)
    if args.init:
        _initialise(network, args.init)
    told = settings.get("pretrained", {})
    begun = pretrained.load(module, network, args.pretrained, told) if args.pretrained else None
    train = role_samples(samples, roles, "train")
    normalisation = measure_normalisation(train, settings["train"]["normalise"])
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    network, optimizer = fabric.setup(network, optimizer)
    own = getattr(module, "compute_loss", None)
    pools = _pools(samples, roles, normalisation, fabric.device, plan, cells=_reads_cells(module, network))
    training = Training(
        network, optimizer, pools, plan, seed=args.seed, backward=fabric.backward, compute_loss=own,
        shard=(fabric.global_rank, fabric.world_size),
    )  # fmt: skip
    state = args.resume / _key(args, roles) / "state.safetensors"
    begin = time.time()
    what = f"{settings['model']} {args.split} seed {args.seed}"
    resuming.run(training, state, what, args.checkpoint_seconds, writes=fabric.is_global_zero)
    if fabric.is_global_zero:
        extra = module.describe(network) if hasattr(module, "describe") else {}
        extra |= {"pretrained": begun, "session_seconds": time.time() - begin}
        _write_network(args, training, samples, train, normalisation, extra)


def _reads_cells(module: ModuleType, network: torch.nn.Module) -> bool:
    """Whether the model has a loss of its own that looks at the cells of a batch."""
    return hasattr(module, "compute_loss") and getattr(module, "reads_cells", lambda _: True)(network)


def _pools(
    samples: Samples,
    roles: dict[str, list[str]],
    normalisation: Normalisation,
    device: torch.device,
    plan: Plan,
    *,
    cells: bool,
) -> dict[str, Pool]:
    """The samples that train, and those that validate if there are any."""
    border = border_weights if weighs_borders(plan.loss) else None
    train = role_samples(samples, roles, "train")
    pools = {"train": Pool(train, normalisation, device, "train", cells=cells, border=border)}
    if roles.get("val"):
        val = role_samples(samples, roles, "val")
        pools["val"] = Pool(val, normalisation, device, "val", cells=plan.touching is not None)
    return pools


def _launched_fabric(args: Any) -> Any:
    # Imported here: methods that are fitted, and the other steps, would pay seconds for it at every start.
    from lightning_fabric import Fabric

    accelerator = "gpu" if args.device == "cuda" else args.device
    try:
        fabric = Fabric(accelerator=accelerator, devices=args.devices, precision=args.settings["train"]["precision"])
    except ValueError as error:  # an unknown precision; the words are Fabric's
        raise InputError(f"train settings or --device: {' '.join(str(error).split())}; correct it") from None
    fabric.launch()
    return fabric


def _initialise(network: torch.nn.Module, folder: str) -> None:
    """Load the weights of another model wherever name and shape agree; the rest stays as drawn."""
    weights, _ = read_model(folder)
    own = network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise InputError(f"{folder}: no weight fits this network; init_from must name a model of the same network")
    network.load_state_dict(own | fitting)
    print(f"{len(fitting)} of {len(own)} tensors start from {folder}", file=sys.stderr)


def _key(args: Any, roles: dict[str, list[str]]) -> str:
    """Names the state of one training: its settings, data, split and seed."""
    facts = [args.settings, sha256(args.samples), args.autolabels and sha256(args.autolabels)]
    facts += [roles, args.seed, args.init and sha256(Path(args.init) / "model.safetensors")]
    facts += [args.pretrained and sha256(args.pretrained), code_hash()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def _write_network(
    args: Any,
    training: Training,
    samples: Samples,
    train: Samples,
    normalisation: Normalisation,
    extra: dict[str, Any],
) -> None:
    last = plain_state(training.network)
    write_weights(args.out / "last.safetensors", last)
    write_weights(args.out / "model.safetensors", training.best if training.best is not None else last)
    write_table(args.out / "history.csv", pd.DataFrame(training.history, columns=list(HISTORY)))
    numbers = {"step": training.best_step, "steps": training.done}
    numbers |= {"parameters": sum(p.numel() for p in training.network.parameters())}
    described = {"normalisation": {"white": normalisation.white, "mean": normalisation.mean, "sd": normalisation.sd}}
    best = "val" in training.pools and training.plan.keeps_best
    described |= {"weights": "best on validation" if best else "last", **numbers}
    _describe(args, samples, train, described)
    run = environment(next(training.network.parameters()).device) | training.balance.described | extra
    run |= {"training_seconds": training.seconds, "seconds_per_step": training.seconds / max(training.done, 1)}
    write_json(args.out / "run.json", run)


def _fit_classical(args: Any, module: ModuleType, samples: Samples, roles: dict[str, list[str]]) -> None:
    """Fit a method that is not trained by steps; its folder has the same files."""
    begin = time.time()
    if args.pretrained:
        raise InputError(f"model {args.settings['network']} takes no published weights; take `pretrained` out")
    train = role_samples(samples, roles, "train")
    fitted = building.fit(module, args.settings, train)
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in fitted.items()}
    write_weights(args.out / "model.safetensors", tensors)
    with written_whole(args.out / "last.safetensors") as temporary:
        shutil.copyfile(args.out / "model.safetensors", temporary)
    write_table(args.out / "history.csv", pd.DataFrame(columns=list(HISTORY)))
    _describe(args, samples, train, {"normalisation": None, "weights": "fitted"})
    extra = module.describe(fitted) if hasattr(module, "describe") else {}
    run = environment("cpu") | extra | {"training_seconds": time.time() - begin}
    write_json(args.out / "run.json", run)


def _describe(args: Any, samples: Samples, train: Samples, extra: dict[str, Any]) -> None:
    """Write model.json: what `predict` and a reader need to know of the weights beside it."""
    description = {
        "format": 1,
        "model": args.settings["model"],
        "network": args.settings["network"],
        "settings": args.settings,
        "seed": args.seed,
        "split": args.split,
        "classes": list(samples.class_names),
        "in_channels": int(samples.images[0].shape[0]),
        "input_size": [int(side) for side in samples.images[0].shape[1:]],
        "training_samples": len(train),
        "training_ids": list(train.ids) if args.settings["train"].get("most") else None,
        "labels": "auto" if args.autolabels else "truth",
        "median_cell_area": median_cell_area(train),
        "weights_sha256": sha256(args.out / "model.safetensors"),
        "samples_sha256": sha256(args.samples),
        "code_sha256": code_hash(),
    }
    write_json(args.out / "model.json", description | extra)
