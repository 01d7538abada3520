"""Folders of masks, class maps or numbered cells, ours or anyone's, matched by the names of their files.

A folder either holds the label images itself, whatever they are, or has ``instances/``, ``classes/`` or ``masks/`` in
it, as a folder dataset and the export of `restore` have.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from hemoseg.data.mask_kinds import CLASSES, INSTANCES, MASK
from hemoseg.errors import InputError
from hemoseg.steps.files import read_json
from hemoseg.steps.folders import IMAGE_SUFFIXES, LABEL_SUFFIXES, files_by_id
from hemoseg.steps.manifests import read_rows
from hemoseg.steps.segmented import FACTS, MARKER, is_segmented

ANY = "labels"  # the part of a folder that holds the files itself: what they are is told from the numbers
PARTS = {INSTANCES: "instances", CLASSES: "classes", MASK: "masks"}
AUTO, TRUTH = "auto", "TRUTH"
REFUSE, EMPTY, SKIP = "refuse", "empty", "skip"  # what becomes of an image of which a rival has no mask


@dataclass(frozen=True)
class MaskFolder:
    """Label images by part (`ANY`, or a kind of `PARTS`) and image, and what the page calls the folder."""

    path: Path
    name: str
    files: Mapping[str, Mapping[str, Path]]

    @property
    def ids(self) -> list[str]:
        """Names of the images, those of its first part."""
        return list(next(iter(self.files.values())))


def open_masks(path: Path, name: str, kind: str = AUTO) -> MaskFolder:
    """Find the label images of a folder.

    Args:
        path: the folder.
        name: what the page calls it.
        kind: ``auto``, or the kind that its files have: a part of that name is then the one that is read.

    Raises:
        InputError: it is no folder, holds no label image or not those of the kind, or two files have one name.
    """
    if path.is_file():
        raise InputError(f"{path}: a file; pass the folder that holds the masks")
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; correct the path")
    if is_segmented(path) and not read_json(path / MARKER, FACTS)["complete"]:
        raise InputError(f"{path}: is not finished; run the same `hemoseg segment` once more, it goes on")
    parts = {kind: files for kind, part in PARTS.items() if (files := files_by_id(path / part, LABEL_SUFFIXES))}
    if parts:
        return MaskFolder(path, name, _chosen(path, parts, kind))
    files = files_by_id(path, LABEL_SUFFIXES)
    if not files:
        others = files_by_id(path, IMAGE_SUFFIXES)
        cause = "only JPEG or BMP images, which keep no labels" if others else "no label image"
        raise InputError(f"{path}: holds {cause}; put PNG or TIFF files there, one number per pixel")
    return MaskFolder(path, name, {ANY: files})


def _chosen(path: Path, parts: dict[str, dict[str, Path]], kind: str) -> dict[str, dict[str, Path]]:
    """The parts that are read: cells and classes where nothing is asked, one of them where a kind is."""
    if kind == MASK:
        kind = next(name for name in (MASK, INSTANCES, CLASSES) if name in parts)
    if kind != AUTO:
        if kind not in parts:
            there = ", ".join(f"{PARTS[name]}/" for name in parts)
            raise InputError(f"{path}: has no {PARTS[kind]}/, but {there}; drop --kind {kind}, or add that folder")
        return {kind: parts[kind]}
    chosen = {name: parts[name] for name in (INSTANCES, CLASSES) if name in parts} or parts
    first, *rest = chosen
    for name in rest:
        if lone := sorted(set(chosen[first]) ^ set(chosen[name])):
            raise InputError(
                f"{path}: {PARTS[first]}/ and {PARTS[name]}/ do not hold the same images, {lone[0]} is in one only; "
                f"add it, or choose one with --kind {first}"
            )
    return chosen


def matched(truth: MaskFolder, rivals: Sequence[MaskFolder], missing: str) -> tuple[list[str], list[MaskFolder]]:
    """The images that are compared, and the rivals with the names of the truth's images.

    Where none of a rival's names is one of the truth's, what all its names end with (``_cp_masks``) is taken off.

    Args:
        truth: whose names count.
        rivals: folders to match.
        missing: ``refuse``; ``empty``, an image of which a rival has no mask is one where it found nothing; ``skip``,
            it is left out for all.

    Raises:
        InputError: a rival has a mask that the truth has not, lacks one under ``refuse``, or nothing is left.
    """
    ids = truth.ids
    rivals = [_with_names_of(truth, rival) for rival in rivals]
    for rival in rivals:
        if strange := [name for name in rival.ids if name not in set(ids)]:
            close = difflib.get_close_matches(strange[0], ids, n=1) or ids[:1]
            raise InputError(
                f"{rival.path}: {_and_more(strange)} {'is' if len(strange) == 1 else 'are'} not in {truth.path}, which "
                f"has such as {close[0]}; give the masks the names of their images, or move them away"
            )
        lost = [name for name in ids if name not in set(rival.ids)]
        if lost and missing == REFUSE:
            raise InputError(
                f"{rival.path}: no mask of {_and_more(lost)}; add it, or say --missing empty (nothing was found there) "
                "or --missing skip (left out for all)"
            )
    if missing == SKIP:
        ids = [name for name in ids if all(name in set(rival.ids) for rival in rivals)]
    if not ids:
        raise InputError(f"{truth.path}: no image is left that all folders have; correct the names")
    return ids, rivals


def told_of_missing(truth: MaskFolder, rivals: Sequence[MaskFolder], ids: Sequence[str]) -> list[str]:
    """What was done about images that a rival lacks, a sentence per rival or one for all; empty where none lacks any.

    Args:
        truth: whose images count.
        rivals: with the names of the truth's images.
        ids: images that are compared.
    """
    if left := [name for name in truth.ids if name not in set(ids)]:
        return [
            f"Left out, since not all folders have them: {_and_more(left)} ({len(left)} of {len(truth.ids)} images)."
        ]
    lost = {rival.name: [name for name in ids if name not in set(rival.ids)] for rival in rivals}
    return [
        f"{name} has no mask of {_and_more(names)} ({len(names)} of {len(ids)} images): counted as if it found nothing."
        for name, names in lost.items()
        if names
    ]


def _and_more(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _with_names_of(truth: MaskFolder, rival: MaskFolder) -> MaskFolder:
    """The rival with the endings of its names taken off, where that gives names of the truth and nothing else does."""
    known = set(truth.ids)
    if known & set(rival.ids):
        return rival
    for ending in _endings(rival.ids):
        if {name.removesuffix(ending) for name in rival.ids} <= known:
            cut = {
                part: {name.removesuffix(ending): file for name, file in files.items()}
                for part, files in rival.files.items()
            }
            return replace(rival, files=cut)
    return rival


def _endings(names: Sequence[str]) -> list[str]:
    """What all names end with, from a ``_``, ``-`` or ``.`` on, the longest first."""
    first = names[0]
    starts = [place for place, sign in enumerate(first) if place and sign in "_-."]
    return [first[place:] for place in starts if all(name.endswith(first[place:]) for name in names)]


def read_groups(path: Path, ids: Sequence[str]) -> dict[str, str]:
    """Group (patient or slide) of each image, from a CSV with columns ``id`` (or ``image``) and ``group``.

    Args:
        path: the CSV; a name in it may have the ending of its file and folders before it, or neither.
        ids: names of images, with or without the endings of their files and folders before them. Where both tell
            folders, those next to the file must agree.

    Returns:
        Group by each of ``ids``.

    Raises:
        InputError: it is no such CSV, tells nothing of an image, or two groups.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; pass a CSV with columns id and group")
    rows = read_rows(path)
    if rows and "group" not in rows[0]:
        raise InputError(f"{path}: has no column `group`; name the columns id and group in the first line")
    told: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for row in rows:
        parts = PureWindowsPath(row.get("id") or row.get("image", "")).parts
        if parts and row.get("group"):
            told.setdefault(stem_of(parts[-1]), []).append((parts, row["group"]))
    groups = {name: _groups_of(PureWindowsPath(name).parts, told) for name in ids}
    if lost := [name for name in ids if not groups[name]]:
        raise InputError(f"{path}: tells no group of {_and_more(lost)}; add a line for each image")
    if torn := [name for name in ids if len(groups[name]) > 1]:
        both = " and ".join(groups[torn[0]][:2])
        raise InputError(
            f"{path}: tells two groups of {torn[0]}, {both}; name each image once, with the ending of its file where "
            "two differ in nothing else"
        )
    return {name: groups[name][0] for name in ids}


def _groups_of(parts: tuple[str, ...], told: Mapping[str, list[tuple[tuple[str, ...], str]]]) -> list[str]:
    """Groups of the rows that name a file best: by its ending, then by most of its folders."""
    best: tuple[bool, int] = (False, -1)
    groups: dict[str, None] = {}
    for named, group in told.get(stem_of(parts[-1]), []):
        exact = named[-1] == parts[-1]
        if not exact and stem_of(named[-1]) != named[-1] and stem_of(parts[-1]) != parts[-1]:
            continue  # both tell the ending, and not the same
        folders = list(zip(named[-2::-1], parts[-2::-1], strict=False))
        if any(one != other for one, other in folders):
            continue
        score = exact, len(folders)
        if score > best:
            best, groups = score, {}
        if score == best:
            groups[group] = None
    return list(groups)


def stem_of(name: str) -> str:
    """A file's name without its ending, where that is one of an image: the name of a slide may hold a dot."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and f".{ending.lower()}" in IMAGE_SUFFIXES else name


def names_of(paths: Sequence[Path], given: Sequence[str]) -> list[str]:
    """What to call the folders: as asked, else by the ends of their paths, as much as tells them apart.

    Raises:
        InputError: there are more or fewer names than folders, or a name is taken.
    """
    if given and len(given) != len(paths):
        raise InputError(f"--names: {len(given)} for {len(paths)} folders; give each of A, B, ... one")
    ends = [path.resolve().parts for path in paths]
    depth = next((n for n in range(1, max(map(len, ends))) if len({end[-n:] for end in ends}) == len(ends)), 1)
    names = list(given) or ["/".join(end[-depth:]) for end in ends]
    if double := [name for name in names if names.count(name) > 1]:
        raise InputError(f"--names: two folders are called {double[0]!r}; give each a name of its own")
    if TRUTH in names:
        raise InputError(f"--names: {TRUTH} is what the true masks are called; give the rival another name")
    return names
