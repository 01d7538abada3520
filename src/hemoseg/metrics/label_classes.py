"""Which cells bear the wrong class: confident learning on the mean probabilities of cells.

Northcutt, Jiang and Chuang 2021, J Artif Intell Res 70:1373, DOI 10.1613/jair.1.12125. The background is left out:
whether a cell is there is another question.
"""

import numpy as np


def of_classes(probability: np.ndarray) -> np.ndarray:
    """Probabilities of the classes 1..K given that there is a cell, float ``(n, K)``, from ``(n, K + 1)``."""
    cells = probability[:, 1:]
    return cells / np.maximum(cells.sum(axis=1, keepdims=True), 1e-12)


def thresholds(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Mean self-confidence of each class, float ``(K,)``; that of all cells for a class that no cell bears.

    What a probability of a class is held against, so that a class of which a model is never sure can be counted, too.

    Args:
        probability: of `of_classes`, float ``(n, K)``.
        label: class 1..K of each cell, int ``(n,)``.
    """
    own = probability[np.arange(len(label)), label - 1]
    count = np.bincount(label - 1, minlength=probability.shape[1])
    sums = np.bincount(label - 1, own, minlength=probability.shape[1])
    everywhere = own.mean() if len(own) else 0.0
    return np.where(count > 0, sums / np.maximum(count, 1), everywhere)


def suspicion(probability: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How likely each label is wrong, 1 - the probability of its class, and the class that stands against it.

    Northcutt's "self-confidence" order. Holding each class against its own threshold before ranking found swapped
    labels worse, most of all where a class is rare (benchmarks/label_audit), so that is left to `confident_joint`.

    Args:
        probability: of `of_classes`, float ``(n, K)``.
        label: class 1..K of each cell, int ``(n,)``.

    Returns:
        float ``(n,)``; int ``(n,)``, the likeliest other class, the label itself where there is one class only.
    """
    rows = np.arange(len(label))
    own = probability[rows, label - 1]
    others = probability.copy()
    others[rows, label - 1] = -np.inf
    return 1 - own, others.argmax(axis=1) + 1


def confident_joint(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Cells by label and by the class that they are confidently of, int ``(K, K)``.

    A cell is confidently of the likeliest class among those whose threshold its probability reaches; a cell that
    reaches none is not counted. Off the diagonal stand the label errors that the model expects.
    """
    reached = np.where(probability >= thresholds(probability, label), probability, -np.inf)
    counted = np.isfinite(reached).any(axis=1)
    n_classes = probability.shape[1]
    code = (label[counted] - 1) * n_classes + reached[counted].argmax(axis=1)
    return np.bincount(code, minlength=n_classes**2).reshape(n_classes, n_classes)
