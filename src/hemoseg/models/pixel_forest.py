"""What ilastik's pixel classification does: a random forest on filter responses, trained on sparse strokes.

Berg et al., "ilastik: interactive machine learning for (bio)image analysis", Nature Methods 16 (2019), 1226-1232,
https://doi.org/10.1038/s41592-019-0582-9. Filters and scales are ilastik's (`hemoseg.labels.pixel_features`),
the forest is scikit-learn's with ilastik's 100 trees. A person's strokes are replaced by strokes drawn from the
training labels by a stated rule (`hemoseg.labels.strokes`): scd2020 does not say who drew how many.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from hemoseg.errors import InputError
from hemoseg.labels.pixel_features import FAMILIES, SCALES, count, feature_strips
from hemoseg.labels.strokes import IGNORED, NONE, draw_strokes, thinned
from hemoseg.models import Labelled
from hemoseg.settings import with_defaults

DEFAULTS: dict[str, Any] = {
    "scales": list(SCALES),  # ilastik's, in pixels
    "families": list(FAMILIES),  # ilastik's
    "annotated": 20,  # ours; training images that get strokes, chosen at random where there are more
    "strokes": 4,  # ours; per class and image
    "length": 20,  # ours; of a stroke, in pixels
    "width": 3,  # ours; of the pen, in pixels
    "budget": 5000,  # ours; pixels of all strokes together
    "trees": 100,  # ilastik's
    "seed": 0,
}
COUNTS = {"annotated": 1, "strokes": 1, "length": 1, "width": 1, "budget": 1, "trees": 1, "seed": 0}  # least values
LARGEST = 100  # scale, in pixels: ten times ilastik's largest, beyond which a filter takes hours
# What prediction needs of a tree's nodes, as scikit-learn calls it, and how it is stored.
NODES = {
    "left_child": np.int32,
    "right_child": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
    "missing_go_to_left": np.uint8,
}
STRIP = 2**16  # pixels whose features are held at once, the margins of the strip apart


def fit(
    images: list[np.ndarray], classes: list[np.ndarray], instances: list[np.ndarray], **settings: Any
) -> dict[str, np.ndarray]:
    """Train the forest.

    Args:
        images: float32 ``(C, H, W)`` each.
        classes: uint8 ``(H, W)`` each, 255 = ignore.
        instances: not looked at.
        settings: see `DEFAULTS`.

    Returns:
        The forest as plain arrays, see `stored`.

    Raises:
        InputError: a setting is unknown or makes no sense.
        ValueError: no pixel is labelled.
    """
    own = checked(settings)
    marked = strokes_of(classes, own)
    seen, said = [], []
    for image, marks in zip(images, marked, strict=True):
        if not marks.any():
            continue
        for rows, features in feature_strips(image, own["scales"], own["families"], _rows(image)):
            chosen = marks[rows] != NONE
            seen.append(features[chosen])
            said.append(marks[rows][chosen] - 1)
    return stored(_trained(np.concatenate(seen), np.concatenate(said), own))


def predict(image: np.ndarray, fitted: dict[str, np.ndarray], **settings: Any) -> Labelled:
    """Label one image float32 ``(C, H, W)`` with the probability of every class that was trained.

    A constant image shows nothing that could be told apart: all of it is background.

    Raises:
        InputError: a setting is unknown or makes no sense.
        ValueError: the image has other channels, or the settings other features, than the forest was trained with.
    """
    own = checked(settings)
    height, width = image.shape[1:]
    probability = np.zeros((int(fitted["classes"].max()) + 1, height, width), np.float32)
    if image.min() == image.max():
        probability[0] = 1
        return Labelled(np.zeros((height, width), np.uint8), probability)
    forest = restored(fitted, count(len(image), own["scales"], own["families"]))
    for rows, features in feature_strips(image, own["scales"], own["families"], _rows(image)):
        said = forest.predict_proba(features.reshape(-1, features.shape[-1])).astype(np.float32)
        probability[fitted["classes"], rows] = said.T.reshape(len(forest.classes_), -1, width)
    return Labelled(probability.argmax(axis=0).astype(np.uint8), probability)


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value.
    """
    own = with_defaults(settings, DEFAULTS, "pixel_forest settings")
    for key in (*COUNTS, "seed"):
        if type(own[key]) is not int or own[key] < (key != "seed"):
            raise InputError(
                f"pixel_forest settings: {key} {own[key]!r}; give a whole number, {int(key != 'seed')} or more"
            )
    scales, families = own["scales"], own["families"]
    if (
        not isinstance(scales, list)
        or not scales
        or not all(type(s) in (int, float) and 0 < s <= LARGEST for s in scales)
    ):
        raise InputError(
            f"pixel_forest settings: scales {scales!r}; give pixels above 0 and up to {LARGEST}, such as [1.0, 3.5]"
        )
    if not isinstance(families, list) or not families or not set(families) <= set(FAMILIES):
        raise InputError(f"pixel_forest settings: families {families!r}; choose from {', '.join(FAMILIES)}")
    return own


def strokes_of(classes: list[np.ndarray], own: dict[str, Any]) -> list[np.ndarray]:
    """Strokes of every training image, uint8 ``(H, W)`` each: class + 1, 0 without one.

    An image's strokes come from the seed and its place in the list, so that further images change none of them.

    Raises:
        ValueError: no pixel is labelled.
    """
    labelled = [number for number, each in enumerate(classes) if (each != IGNORED).any()]
    if not labelled:
        raise ValueError("no pixel of the training images is labelled")
    generator = np.random.default_rng(own["seed"])
    chosen = set(generator.permutation(labelled)[: own["annotated"]].tolist())
    pen = {key: own[key] for key in ("strokes", "length", "width")}
    marked = [
        draw_strokes(each, **pen, generator=np.random.default_rng([own["seed"], number]))
        if number in chosen
        else np.zeros(each.shape, np.uint8)
        for number, each in enumerate(classes)
    ]
    return thinned(marked, own["budget"], generator)


def stored(forest: Any) -> dict[str, np.ndarray]:
    """A scikit-learn forest as arrays: the nodes of all trees in a row, and where each tree begins.

    Keys: ``classes`` (ids), ``features`` (their number), ``begin`` ``(T + 1,)``, ``value`` ``(N, K)`` shares of the
    classes in a node, and those of `NODES`, ``(N,)`` each.
    """
    trees = [one.tree_ for one in forest.estimators_]
    nodes = [tree.__getstate__()["nodes"] for tree in trees]
    arrays = {key: np.concatenate([each[key] for each in nodes]).astype(kind) for key, kind in NODES.items()}
    return arrays | {
        "classes": forest.classes_.astype(np.int64),
        "features": np.array(forest.n_features_in_),
        "begin": np.cumsum([0, *(tree.node_count for tree in trees)]),
        "value": np.concatenate([tree.value[:, 0] for tree in trees]),
    }


def restored(fitted: dict[str, np.ndarray], features: int) -> Any:
    """The scikit-learn forest of stored arrays; it predicts, digit for digit, what the trained one does.

    Raises:
        ValueError: it was trained with another number of features.
    """
    # Imported here: it costs a second, which a command that only asks for help should not pay.
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier
    from sklearn.tree._tree import NODE_DTYPE, Tree

    if features != fitted["features"]:
        raise ValueError(f"{features} features of a pixel, the forest was trained with {fitted['features']}")
    classes, begin = fitted["classes"], fitted["begin"]
    forest = RandomForestClassifier(len(begin) - 1, n_jobs=1)
    forest.estimators_ = []
    for first, last in pairwise(begin):
        nodes = np.zeros(last - first, NODE_DTYPE)
        for key in NODES:
            nodes[key] = fitted[key][first:last]
        tree = Tree(features, np.array([len(classes)]), 1)
        values = np.ascontiguousarray(fitted["value"][first:last, None])
        tree.__setstate__({"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": values})
        one = DecisionTreeClassifier()
        one.tree_ = tree
        forest.estimators_.append(one)
    for one in (forest, *forest.estimators_):
        one.classes_, one.n_classes_, one.n_outputs_, one.n_features_in_ = classes, len(classes), 1, features
    return forest


def _trained(features: np.ndarray, classes: np.ndarray, own: dict[str, Any]) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(own["trees"], random_state=own["seed"], n_jobs=1).fit(features, classes)


def _rows(image: np.ndarray) -> int:
    return max(64, STRIP // image.shape[2])
