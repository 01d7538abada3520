"""Which samples of a role a model takes part with: all, those of some kinds, or a number of them."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from hemoseg.data.samples import Samples
from hemoseg.errors import InputError

COLUMNS = ("id", "group", "kind", "part")  # of manifest.csv, as `prepare.only` has them


def choose(
    samples: Samples,
    roles: Mapping[str, Sequence[str]],
    *,
    only: Mapping[str, Sequence[str]],
    most: int | None,
    seed: int,
) -> dict[str, list[str]]:
    """Roles with fewer samples that train and validate; what tests stays as it is.

    Args:
        samples: of the experiment.
        roles: sample ids by role (train, val, test).
        only: column (id, group, kind, part) to the values taken, of training and validation samples.
        most: number of training samples, drawn at random from those that are left; none takes all. Of one seed fewer
            are always among more.
        seed: of that draw.

    Raises:
        InputError: an unknown column or value, nothing is left to train on, or fewer than asked for.
    """
    position = {name: number for number, name in enumerate(samples.ids)}
    chosen = {role: [name for name in ids if _taken(samples, position[name], only)] for role, ids in roles.items()}
    chosen |= {"test": list(roles.get("test", ()))}
    if not chosen.get("train") and roles.get("train"):
        raise InputError(f"train settings: only {dict(only)!r} leaves no sample to train on; {_there(samples, only)}")
    if most is not None:
        if most > len(chosen["train"]):
            raise InputError(
                f"train settings: most {most} samples are asked for, {len(chosen['train'])} are there; ask for fewer"
            )
        drawn = sorted(chosen["train"])
        random.Random(seed).shuffle(drawn)
        kept = set(drawn[:most])
        chosen["train"] = [name for name in chosen["train"] if name in kept]
    return chosen


def check(only: Any, most: Any) -> None:
    """Refuse settings of `choose` that make no sense.

    Raises:
        InputError: an unknown column, values that are no list, or a number that is none.
    """
    lists = isinstance(only, Mapping) and all(isinstance(values, list | tuple) for values in only.values())
    if not lists or not set(only) <= set(COLUMNS):
        raise InputError(
            f"train settings: only {only!r}; give lists for {', '.join(COLUMNS)}, such as {{kind: [mixed]}}"
        )
    if most is not None and (type(most) is not int or most < 1):
        raise InputError(f"train settings: most {most!r}; give a number of samples, 1 or more, or null")


def _taken(samples: Samples, position: int, only: Mapping[str, Sequence[str]]) -> bool:
    return all(_value(samples, column, position) in values for column, values in only.items())


def _value(samples: Samples, column: str, position: int) -> str:
    # The id is that of the frame: its parts are taken together, as `prepare.only` takes them.
    values = samples.frames if column == "id" else getattr(samples, f"{column}s")
    return values[position] if len(values) else ""


def _there(samples: Samples, only: Mapping[str, Sequence[str]]) -> str:
    known = {column: sorted({_value(samples, column, i) for i in range(len(samples.ids))})[:6] for column in only}
    return "; ".join(f"{column} is one of {', '.join(map(repr, values))}" for column, values in known.items())
