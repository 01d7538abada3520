"""Three cases that tell networks apart: a pair that touches, an artefact, a cell at the margin; chosen by rules.

* **pair**: of the true cells that share a border (else: that come nearest), those of which one network merges what
  another separates; of these the two with the longest common border, as overlapping cells have.
* **artefact**: the largest predicted cell of any network that the table counts as no cell, among those that the frame
  does not cut, since labels often leave out what it cuts; where there is none, the largest thing as dark as a cell
  that is none in truth.
* **margin**: of the true cells that the frame cuts, the one whose covered share differs most between the networks;
  where none differs, the largest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.samples import Samples
from hemoseg.figures.panels import Shown
from hemoseg.labels.components import connected_components
from hemoseg.labels.unlabelled import unlabelled_cells
from hemoseg.metrics import cell_errors

TITLES = {"pair": "touching pair", "artefact": "artefact", "margin": "cell at the margin"}
COMPARED = ("unet", "deformable_unet")  # the networks of scd2018 and scd2020


@dataclass(frozen=True)
class Case:
    """What is looked at: true cells of a sample, or (``owner``, ``part``) a predicted cell of a network.

    ``owner`` is empty where ``part`` is a thing of the image (`things`).
    """

    kind: str
    sample: str
    cells: tuple[int, ...] = ()
    owner: str = ""
    part: int = 0


def compared(models: Mapping[str, Mapping[str, Any]], networks: Sequence[str]) -> list[str]:
    """Keys of the rows to compare: plain and deformable U-Net where both were trained, else the first two networks."""
    known = [key for key in networks if models[key]["network"] in COMPARED]
    return (known if len(known) > 1 else list(networks))[:2]


def choose(cells: Mapping[str, pd.DataFrame], samples: Samples, thresholds: Mapping[str, Fraction]) -> list[Case]:
    """The cases of a set; one of which there is none is left out.

    Args:
        cells: facts of cells (``cells.csv``) of each network compared, by key.
        samples: with instances.
        thresholds: ``artefact``, and ``touching`` in pixels.
    """
    true = {key: of_truth(rows) for key, rows in cells.items()}
    found = (_pair(true, samples, thresholds["touching"]), _artefact(cells, samples, thresholds), _margin(true))
    return [case for case in found if case is not None]


def of_truth(cells: pd.DataFrame) -> pd.DataFrame:
    """Facts of the true cells that count, by sample and cell."""
    rows = cells[(cells["side"] == "gt") & cells["counted"].astype(bool)]
    return rows.set_index(["sample", "cell"]).sort_index()


def contacts(labels: np.ndarray, distance: float) -> dict[tuple[int, int], int]:
    """Pairs of cells at most ``distance`` px apart, with the number of pairs of pixels that are.

    Args:
        labels: ``(H, W)``, 0 background.
        distance: between pixel centres, at least 1.
    """
    reach = int(distance)
    rows, columns = labels.shape
    padded = np.pad(labels, reach)
    pairs = [np.zeros((2, 0), labels.dtype)]
    for down in range(reach + 1):
        for right in range(-reach, reach + 1):
            if (down == 0 and right <= 0) or down * down + right * right > distance * distance:
                continue
            first, second = reach + down, reach + right
            other = padded[first : first + rows, second : second + columns]
            apart = (labels > 0) & (other > 0) & (labels != other)
            pairs.append(np.stack([labels[apart], other[apart]]))
    found, counts = np.unique(np.sort(np.concatenate(pairs, axis=1), axis=0), axis=1, return_counts=True)
    return {(int(a), int(b)): int(count) for a, b, count in zip(*found, counts, strict=True)}


def things(image: np.ndarray, gt: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Parts of an image ``(C, H, W)`` as dark as a cell that are none in truth nor ignored, numbered ``(H, W)``."""
    dark = unlabelled_cells(image.mean(axis=0), instances, grow=1, least=0)
    return connected_components(dark & (gt == 0) & (instances == 0))


def _pair(true: Mapping[str, pd.DataFrame], samples: Samples, touching: float) -> Case | None:
    rows = next(iter(true.values()))
    tested = rows.index.get_level_values("sample").unique()
    for distance in (1.5, max(float(touching), 1.5)):  # 1.5: neighbours along a row, a column or a diagonal
        best, best_rank = None, (-1, -1)
        for name, position in zip(tested, samples.index(list(tested)), strict=True):
            for pair, length in contacts(samples.instances[position], distance).items():
                if all((name, cell) in rows.index for cell in pair):
                    verdicts = {merged_or_apart(facts, name, pair) for facts in true.values()}
                    rank = (int({"merged", "apart"} <= verdicts), length)
                    if rank > best_rank:
                        best, best_rank = Case("pair", str(name), pair), rank
        if best is not None:
            return best
    return None


def merged_or_apart(true: pd.DataFrame, sample: str, pair: tuple[int, ...]) -> str:
    """What a network made of two true cells: ``merged``, ``apart``, or ``lost`` where one is in no predicted cell."""
    first, second = (int(true.at[(sample, cell), "host"]) for cell in pair)
    if not first or not second:
        return "lost"
    return "merged" if first == second else "apart"


def _artefact(cells: Mapping[str, pd.DataFrame], samples: Samples, thresholds: Mapping[str, Fraction]) -> Case | None:
    best, largest = None, 0
    for key, rows in cells.items():
        pred = rows[(rows["side"] == "pred") & rows["counted"].astype(bool)]
        facts = [pred[name].to_numpy(np.int64) for name in ("on_truth", "area", "on_ignored")]
        hit = pred[cell_errors.is_spurious(*facts, thresholds["artefact"]) & ~pred["touches_border"].astype(bool)]
        if len(hit) and hit["area"].max() > largest:
            row = hit.loc[hit["area"].idxmax()]
            best, largest = Case("artefact", str(row["sample"]), owner=key, part=int(row["cell"])), row["area"]
    return best or _thing(next(iter(cells.values())), samples)


def _thing(cells: pd.DataFrame, samples: Samples) -> Case | None:
    best, largest = None, 0
    tested = list(cells["sample"].unique())
    for name, position in zip(tested, samples.index(tested), strict=True):
        parts = things(samples.image(position), samples.classes[position], samples.instances[position])
        size = np.bincount(parts.ravel())[1:]
        if size.size and size.max() > largest:
            best, largest = Case("artefact", str(name), part=int(size.argmax()) + 1), int(size.max())
    return best


def _margin(true: Mapping[str, pd.DataFrame]) -> Case | None:
    facts = next(iter(true.values()))
    cut = facts[facts["touches_border"].astype(bool)]
    if cut.empty:
        return None
    shares = np.stack([rows.loc[cut.index, "covered"] / rows.loc[cut.index, "area"] for rows in true.values()])
    order = np.lexsort((cut["area"].to_numpy(), np.ptp(shares, axis=0)))
    sample, cell = cut.index[order[-1]]
    return Case("margin", str(sample), (int(cell),))


def focus(case: Case, one: Shown) -> np.ndarray:
    """The pixels that a case is about, bool ``(H, W)``."""
    if case.cells:
        return np.isin(one.instances, case.cells)
    if case.owner:
        return one.pred_instances[case.owner] == case.part
    return things(one.image, one.gt, one.instances) == case.part


def said(case: Case, one: Shown, key: str, true: pd.DataFrame, names: Sequence[str]) -> str:
    """What a network made of a case, in words.

    Args:
        case: one of `choose`.
        one: its sample.
        key: the network.
        true: its facts of true cells (`of_truth`).
        names: of the classes, background first.
    """
    if case.kind == "artefact":
        share = float((one.predictions[key] > 0)[focus(case, one)].mean())
        return f"{'taken for a cell' if share >= 0.5 else 'left as background'}; {share:.0%} of it called cell"
    rows = [true.loc[(case.sample, cell)] for cell in case.cells]
    covered = " and ".join(f"{row['covered'] / row['area']:.0%}" for row in rows)
    types = f"; called {', '.join(dict.fromkeys(_type(row, names) for row in rows))}" if len(names) > 2 else ""
    if case.kind == "margin":
        return f"covered: {covered}{types}"
    verdict = {"merged": "merged into one", "apart": "separated", "lost": "not both found"}
    return f"{verdict[merged_or_apart(true, case.sample, case.cells)]}; covered: {covered}{types}"


def _type(row: pd.Series, names: Sequence[str]) -> str:
    votes = row[[f"as_class_{number}" for number in range(1, len(names))]].to_numpy(float)
    return str(names[votes.argmax() + 1]) if votes.any() else "nothing"


def window(mask: np.ndarray, least: int = 24) -> tuple[slice, slice]:
    """Rows and columns of a square around a mask, twice its longer side, within the picture."""
    rows, columns = np.nonzero(mask)
    side = min(max(2 * int(max(np.ptp(rows), np.ptp(columns)) + 1), least), *mask.shape)
    parts = []
    for places, size in ((rows, mask.shape[0]), (columns, mask.shape[1])):
        start = int(np.clip((places.min() + places.max() + 1) // 2 - side // 2, 0, size - side))
        parts.append(slice(start, start + side))
    return parts[0], parts[1]
