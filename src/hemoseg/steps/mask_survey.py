"""Look at folders of label images before anything is counted: what they hold, and whether they can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from hemoseg.data.mask_kinds import CLASSES, INSTANCES, MASK, Seen, kind_of, seen
from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError
from hemoseg.labels.areas import areas
from hemoseg.labels.components import connected_components
from hemoseg.steps.comparable import Common, Labels, read_truth
from hemoseg.steps.images import read_labels
from hemoseg.steps.mask_folders import ANY, AUTO, MaskFolder

WORDS = {MASK: "masks", CLASSES: "classes", INSTANCES: "numbered cells"}
BACKGROUND = "background"


@dataclass(frozen=True)
class Asked:
    """What the user said of the folders: kind, names of the classes, ignored number, whether parts are cells."""

    kind: str = AUTO
    class_names: Sequence[str] = ()
    ignore: int | None = None
    cells_from_parts: bool = False


class _Look(NamedTuple):
    """What was seen of a folder: its images by part and name."""

    folder: MaskFolder
    images: Mapping[str, Mapping[str, Seen]]

    @property
    def of_any(self) -> list[Seen]:
        return list(self.images.get(ANY, {}).values())


def survey(
    truth: MaskFolder, rivals: Sequence[MaskFolder], ids: Sequence[str], asked: Asked, declared: Sequence[str] = ()
) -> Common:
    """Look at every image once, so that whatever is wrong is said before anything is counted.

    Args:
        truth: the folder that is right.
        rivals: the others, matched to it.
        ids: images to look at.
        asked: what the user said.
        declared: names of the classes 1, 2, ... by the truth's dataset.yaml.

    Raises:
        InputError: an image cannot be read, differs in size, or holds what cannot be compared.
    """
    looks = [_look(folder, ids, asked.ignore) for folder in (truth, *rivals)]
    true, *others = looks
    for other in others:
        _require_same_size(true, other)
    kinds = {true.folder.name: _kinds_of_truth(true, asked)}
    kinds |= {other.folder.name: _kinds_of_rival(other, kinds[true.folder.name], asked) for other in others}
    several = _several_classes(looks, kinds)
    notices = _kind_notice(looks, kinds, asked)
    names = list(asked.class_names) or list(declared)
    names = (names or _numbered_names(true, several)) if several else names if len(names) == 1 else ["cell"]
    if several:
        _require_known_classes(looks, len(names))
    has_class_maps = CLASSES in (*kinds[true.folder.name], *truth.files)
    ignore = IGNORE if asked.ignore is None and has_class_maps else asked.ignore
    with_cells = INSTANCES in kinds[true.folder.name] or asked.cells_from_parts
    notices += _dropped(looks, kinds, several)
    common = Common(kinds, [BACKGROUND, *names], several, with_cells, ignore, notices=notices)
    sizes = {name: one.shape for name, one in next(iter(true.images.values())).items()}
    found = [_areas(read_truth(truth, name, common)) for name in ids]
    cells = np.concatenate(found) if found else np.zeros(0)
    return Common(kinds, common.class_names, several, with_cells, ignore, cells, sizes, notices)


def _look(folder: MaskFolder, ids: Sequence[str], ignore: int | None) -> _Look:
    shown = tqdm(ids, desc=f"look at {folder.name}", unit="image", leave=False, disable=None)
    images: dict[str, dict[str, Seen]] = {part: {} for part in folder.files}
    for name in shown:
        for part, files in folder.files.items():
            if name in files:
                images[part][name] = seen(read_labels(files[name]), ignore)
    return _Look(folder, images)


def _require_same_size(true: _Look, other: _Look) -> None:
    first = next(iter(true.folder.files.values()))
    shapes = {name: one.shape for name, one in next(iter(true.images.values())).items()}
    for look in (true, other):
        for part, images in look.images.items():
            for name, one in images.items():
                if one.shape != shapes[name]:
                    here, there = (f"{rows} x {columns}" for rows, columns in (one.shape, shapes[name]))
                    raise InputError(
                        f"{look.folder.files[part][name]}: {here} pixels where {first[name]} has {there}; "
                        "export both at the size of the image"
                    )


def _kinds_of_truth(look: _Look, asked: Asked) -> tuple[str, ...]:
    if asked.kind != AUTO:
        return (asked.kind,)
    if not look.of_any:
        return tuple(look.images)
    return (CLASSES,) if len(asked.class_names) > 1 else (kind_of(look.of_any),)


def _kinds_of_rival(look: _Look, of_truth: tuple[str, ...], asked: Asked) -> tuple[str, ...]:
    """A rival's files hold what the truth's do, where their numbers allow."""
    if asked.kind != AUTO:
        return (asked.kind,)
    if not look.of_any:
        return tuple(look.images)
    if all(one.two_valued for one in look.of_any):
        ones = all(set(one.numbers.tolist()) <= {1} for one in look.of_any)
        return (CLASSES,) if ones and of_truth == (CLASSES,) else (MASK,)
    if len(of_truth) > 1:
        return (kind_of(look.of_any),)
    return (INSTANCES,) if of_truth == (MASK,) else of_truth


def _several_classes(looks: Sequence[_Look], kinds: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether all folders tell classes.

    Raises:
        InputError: the truth tells nothing but classes, and a rival none.
    """
    true, *others = looks
    if CLASSES not in kinds[true.folder.name]:
        return False
    without = [other for other in others if CLASSES not in kinds[other.folder.name]]
    if without and kinds[true.folder.name] == (CLASSES,):
        holds = " and ".join(WORDS[kind] for kind in kinds[without[0].folder.name])
        raise InputError(
            f"{without[0].folder.path}: holds {holds}, but {true.folder.path} classes; pass class maps, or compare the "
            "foreground alone with --kind mask"
        )
    return not without


def _numbered_names(true: _Look, several: bool) -> list[str]:
    """Names of classes that nobody named, by the highest number of the truth."""
    images = (true.images.get(CLASSES) or true.images[ANY]).values()
    highest = max((int(one.classes.max(initial=0)) for one in images), default=1)
    if highest > IGNORE:
        raise InputError(
            f"{true.folder.path}: holds class {highest}, classes are 1..254; if these are cells, say --kind instances"
        )
    return [f"class {number}" for number in range(1, max(highest, 1) + 1)] if highest > 1 else ["cell"]


def _require_known_classes(looks: Sequence[_Look], classes: int) -> None:
    true, *others = looks
    for look in (true, *others):
        part = CLASSES if CLASSES in look.images else ANY
        for name, one in look.images[part].items():
            highest = int((one.classes if look is true else one.numbers).max(initial=0))
            if highest > classes:
                raise InputError(
                    f"{look.folder.files[part][name]}: holds class {highest}, the classes are 0..{classes}; name all "
                    "with --class-names, or are these cells? then say --kind instances"
                )


def _kind_notice(looks: Sequence[_Look], kinds: Mapping[str, tuple[str, ...]], asked: Asked) -> list[str]:
    told = [f"{look.folder.name}: {WORDS[kinds[look.folder.name][0]]}" for look in looks if ANY in look.images]
    if asked.kind != AUTO or not told:
        return []
    return [f"What the files hold was told from their numbers ({'; '.join(told)}); --kind says otherwise."]


def _dropped(looks: Sequence[_Look], kinds: Mapping[str, tuple[str, ...]], several: bool) -> list[str]:
    told = [look.folder.name for look in looks if CLASSES in kinds[look.folder.name]]
    return [] if several or not told else [f"Not all folders tell classes: those of {', '.join(told)} are not used."]


def _areas(labels: Labels) -> np.ndarray:
    """Areas of the true cells; where they are not told apart, of the 8-connected parts of each class."""
    valid = labels.classes != IGNORE
    if labels.instances is not None:
        return areas(np.where(valid, labels.instances, 0))
    known = np.unique(labels.classes[valid & (labels.classes > 0)])
    return np.concatenate([np.zeros(0, int), *(areas(connected_components(labels.classes == c)) for c in known)])
