import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_limits

from hemoseg.errors import InputError
from hemoseg.models import pixel_forest
from hemoseg.steps.weights import read_weights, write_weights

SMALL = {"trees": 7, "scales": [0.7, 1.6], "strokes": 3, "length": 10}


def images(number=3, classes=3, size=(40, 50), seed=0):
    """Stripes of classes, each with its own grey; the last image shows no class 2."""
    random = np.random.default_rng(seed)
    maps = [np.repeat(random.permutation(classes), -(-size[1] // classes))[: size[1]] for _ in range(number)]
    maps = [np.broadcast_to(each, size).astype(np.uint8).copy() for each in maps]
    maps[-1][maps[-1] == 2] = 0
    pictures = [np.stack([0.2 + 0.3 * each] * 2) + 0.05 * random.standard_normal((2, *size)) for each in maps]
    return [each.astype(np.float32) for each in pictures], maps, [each.astype(np.int32) for each in maps]


def same(a, b):
    return set(a) == set(b) and all(np.array_equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize(("features", "classes"), [(3, 2), (11, 4)])
def test_the_stored_forest_says_digit_for_digit_what_scikit_learns_does(features, classes, tmp_path):
    random = np.random.default_rng(0)
    # Neighbours among the float32 numbers: the thresholds between them are none.
    x = (4 + 2.0**-21 * random.integers(0, 60, (300, features))).astype(np.float32)
    y = np.array([0, 2, 3, 7])[random.integers(0, classes, 300)]
    forest = RandomForestClassifier(20, random_state=1, n_jobs=2).fit(x, y)
    arrays = pixel_forest.stored(forest)
    assert all(value.dtype != object for value in arrays.values())
    write_weights(tmp_path / "m.safetensors", {name: torch.from_numpy(value) for name, value in arrays.items()})
    read = {name: value.numpy() for name, value in read_weights(tmp_path / "m.safetensors")[0].items()}
    new = (4 + 2.0**-21 * random.integers(0, 60, (500, features))).astype(np.float32)
    assert np.array_equal(pixel_forest.restored(read, features).predict_proba(new), forest.predict_proba(new))
    assert np.array_equal(pixel_forest.restored(read, features).predict(new), forest.predict(new))


def test_several_classes_are_told_apart_and_have_their_probabilities():
    given = images()
    fitted = pixel_forest.fit(*given, **SMALL)
    said = pixel_forest.predict(given[0][0], fitted, **SMALL)
    assert said.probability.shape == (3, 40, 50)
    assert np.allclose(said.probability.sum(axis=0), 1, atol=1e-6)
    assert (said.classes == given[1][0]).mean() > 0.9


def test_a_class_between_that_no_image_shows_has_probability_0():
    pictures, maps, cells = images()
    maps = [np.where(each == 1, 255, each).astype(np.uint8) for each in maps]
    fitted = pixel_forest.fit(pictures, maps, cells, **SMALL)
    assert fitted["classes"].tolist() == [0, 2]
    said = pixel_forest.predict(pictures[0], fitted, **SMALL)
    assert said.probability.shape[0] == 3
    assert not said.probability[1].any()


def test_the_ignored_teach_nothing():
    pictures, maps, cells = images()
    hidden = np.zeros((40, 50), bool)
    hidden[:, 30:] = True
    maps = [np.where(hidden, 255, each).astype(np.uint8) for each in maps]
    marked = pixel_forest.strokes_of(maps, pixel_forest.checked(SMALL))
    assert not any(marks[hidden].any() for marks in marked)
    changed = [np.where(hidden & (np.indices((40, 50))[1] >= 45), 9, each) for each in pictures]  # beyond every filter
    small = SMALL | {"scales": [0.7]}
    kept = [pixel_forest.fit(each, maps, cells, **small) for each in (pictures, changed)]
    assert same(*kept)


def test_the_seed_alone_decides_not_the_threads():
    given = images()
    with threadpool_limits(1):
        one = pixel_forest.fit(*given, **SMALL)
    with threadpool_limits(4):
        assert same(one, pixel_forest.fit(*given, **SMALL))
    assert not same(one, pixel_forest.fit(*given, **SMALL, seed=1))


def test_strips_change_no_prediction(monkeypatch):
    given = images(size=(150, 30))
    fitted = pixel_forest.fit(*given, **SMALL)
    whole = pixel_forest.predict(given[0][0], fitted, **SMALL)
    monkeypatch.setattr(pixel_forest, "_rows", lambda image: 11)
    assert np.array_equal(pixel_forest.predict(given[0][0], fitted, **SMALL).probability, whole.probability)


def test_strokes_stand_on_few_images_and_within_the_budget():
    _, maps, _ = images(number=6)
    marked = pixel_forest.strokes_of(maps, pixel_forest.checked(SMALL | {"annotated": 2, "budget": 60}))
    assert sum(bool(marks.any()) for marks in marked) == 2
    assert sum(int((marks > 0).sum()) for marks in marked) <= 60


def test_an_image_without_labels_is_no_fault_but_none_with_labels_is():
    pictures, maps, cells = images()
    blank = np.full_like(maps[0], 255)
    assert pixel_forest.fit(pictures, [blank, *maps[1:]], cells, **SMALL)
    with pytest.raises(ValueError, match="no pixel of the training images is labelled"):
        pixel_forest.fit(pictures, [blank] * 3, cells, **SMALL)


def test_an_image_of_other_channels_is_refused():
    given = images()
    fitted = pixel_forest.fit(*given, **SMALL)
    with pytest.raises(ValueError, match="features"):
        pixel_forest.predict(np.random.default_rng(0).random((3, 9, 9), np.float32), fitted, **SMALL)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tree": 5}, "did you mean 'trees'"),
        ({"trees": 0}, "trees 0; give a whole number, 1 or more"),
        ({"seed": -1}, "0 or more"),
        ({"scales": []}, "scales"),
        ({"scales": [0]}, "scales"),
        ({"scales": [1e6]}, "scales"),
        ({"scales": [float("inf")]}, "scales"),
        ({"families": ["gauss"]}, "choose from gaussian"),
        ({"width": 1.5}, "width 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        pixel_forest.fit(*images(), **settings)
