import pandas as pd
import pytest

from hemoseg.figures import trained

LABELS = {"otsu": "Otsu", "unet": "U-Net", "pspnet": "PSPNet"}
BEGUN = {"from": "resnet18.pth", "sha256": "0123456789abcdef" * 4}


def runs_of(unet=None, pspnet=None):
    """Two splits of a method without steps and of two networks, as results.trainings reads them."""
    rows = []
    for model, facts in (("otsu", {}), ("unet", unet), ("pspnet", pspnet)):
        for split in ("fold1", "fold2"):
            said = {"imbalance": "none", "pretrained": None} | facts if facts is not None and facts != {} else {}
            rows.append({"model": model, "split": split} | said)
    return pd.DataFrame(rows)


NONE = {"imbalance": "none"}
WEIGHTS = {"imbalance": "class_weights", "class_weights": {"background": 0.02, "cell": 1.0}}
SAMPLING = {"imbalance": "sampling", "samples_by_rarest_class": {"cell": 4}}


@pytest.mark.parametrize(
    ("unet", "pspnet", "classes", "texts"),
    [
        (NONE, NONE, 5, ["class imbalance: none"]),
        (NONE, NONE, 2, []),
        (WEIGHTS, WEIGHTS, 2, ["class imbalance: class weights"]),
        (NONE, SAMPLING, 2, ["class imbalance: U-Net none, PSPNet sampling"]),
        (NONE, NONE | {"pretrained": BEGUN}, 2, ["published weights at the start: PSPNet"]),
        (NONE, NONE | {"pretrained": BEGUN}, 5, ["class imbalance: none", "published weights at the start: PSPNet"]),
    ],
)
def test_the_first_screen_names_the_setting(unet, pspnet, classes, texts):
    assert [text for text, _ in trained.badges(runs_of(unet, pspnet), LABELS, classes)] == texts


def test_a_page_without_networks_says_nothing():
    alone = runs_of().query("model == 'otsu'").dropna(axis=1, how="all")
    assert trained.badges(alone, LABELS, 5) == []
    assert trained.imbalance_sentences(alone, LABELS) == []
    assert trained.start_sentence(alone, LABELS) == ""


def test_every_setting_is_told_with_its_numbers():
    (said,) = trained.imbalance_sentences(runs_of(NONE, NONE), LABELS)
    assert said.startswith("All networks, class imbalance none: every labelled pixel counts alike")
    plain, weighted = trained.imbalance_sentences(runs_of(NONE, WEIGHTS), LABELS)
    assert plain.startswith("U-Net, class imbalance none:")
    assert weighted.startswith("PSPNet, class imbalance class weights: a pixel counts")
    assert "background 0.02, cell 1." in weighted
    runs = runs_of(SAMPLING, SAMPLING)
    runs.at[2, "samples_by_rarest_class"] = {"cell": 2, "other": 2}
    (drawn,) = trained.imbalance_sentences(runs, LABELS)
    assert "mean of the trainings: cell 3.5, other 0.5." in drawn


def test_the_start_of_the_weights_is_told():
    assert trained.start_sentence(runs_of(NONE, NONE), LABELS).startswith("No published weights:")
    said = trained.start_sentence(runs_of(NONE, NONE | {"pretrained": BEGUN}), LABELS)
    wanted = "PSPNet started from published weights (resnet18.pth, sha256 0123456789abcdef); without published weights"
    assert said == f"{wanted}: U-Net."
