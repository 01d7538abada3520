"""What cannot be meant by an overlay, and the sentence that says so."""

import pytest
from plan import merged
from refusals import PlanError

from tests.overlaid import experiment, with_overlay


def models(**rows):
    return experiment(models=rows)


def like(**parents):
    return {"experiments": {name: {"like": parent} for name, parent in parents.items()}}


REFUSED = {
    "no such scale": ({"scale": "tiny"}, r"scale is 'tiny'; write one of demo, paper"),
    "section misspelt": ({"trian": {}}, r"params: unknown key 'trian'; did you mean train\?"),
    "key of a section": ({"train": {"step": 3}}, r"params\.train: unknown key 'step'; did you mean steps\?"),
    "key of an experiment": (experiment(modles={}), r"scd2020_binary: unknown key 'modles'; did you mean models\?"),
    "key of a model": (models(unet={"lable": "U"}), r"models\.unet: unknown key 'lable'; did you mean label\?"),
    "key of a model's train": (models(unet={"train": {"lr": 1}}), r"unet\.train: unknown key 'lr'; "),
    "key of a dataset": ({"datasets": {"simulated_scd2020": {"sede": 1}}}, r"unknown key 'sede'; did you mean seed\?"),
    "key of augment": ({"train": {"augment": {"flipp": True}}}, r"augment: unknown key 'flipp'; did you mean flip\?"),
    "a key like no other": ({"train": {"zzz": 3}}, r"unknown key 'zzz'; the keys here are steps, batch_size"),
    "text for a number": ({"train": {"learning_rate": "1e-3"}}, r"'1e-3' is text, a number is needed; write 0\.001"),
    "text for a whole number": ({"train": {"steps": "many"}}, r"train\.steps: 'many' is not of type 'integer'"),
    "no choice": ({"tabulate": {"empty": "two"}}, r"tabulate\.empty: 'two' is not one of one, zero, skip"),
    "negative": ({"train": {"learning_rate": -1}}, r"train\.learning_rate: -1 "),
    "no unit": (experiment(split={"by": "patient"}), r"split\.by: 'patient' is not one of sample, frame, group"),
    "no unit of several": (experiment(split={"by": ["frame", "patient"]}), r"by\.1: 'patient' is not one of sample"),
    "one fold": (experiment(split={"folds": 1}), r"split\.folds: 1 is less than the minimum of 2"),
    "like nothing": (like(a="scd2020_binery"), r"a\.like: .*'scd2020_binery'; did you mean scd2020_binary\?"),
    "like in a circle": (like(a="b", b="a"), r"like: a -> b -> a goes in a circle; name an experiment"),
    "like itself": (like(a="a"), r"a\.like: a -> a goes in a circle"),
    "no dataset": (
        {"experiments": {"a": {"title": "A", "models": {"otsu": {}}}}},
        r"a: dataset is missing; write it, or",
    ),
    "a clinic page of no model": (
        experiment(clinic={"model": "unett"}),
        r"clinic\.model: .*'unett' .* mean unet\?",
    ),
    "seams of no row": (
        experiment(seams={"model": "unett"}),
        r"seams\.model: there is no row 'unett'; did you mean unet",
    ),
    "seams of a row without windows": (
        experiment(seams={"model": "unet"}),
        r"seams\.model: unet takes no overlapping windows; give its predict\.window, or take seams out",
    ),
    "seams of windows that do not overlap": (
        merged(experiment(seams={"model": "unet"}), {"predict": {"window": [64, 64], "overlap": 0}}),
        r"seams\.model: unet takes no overlapping windows",
    ),
    "a test set of another word": (
        experiment(split={"test": "official"}),
        r"split: split settings: test 'official' is no whole number; correct it, or test: given",
    ),
    "folds by two units on a given test set": (
        {"experiments": {"scd2020_patients": {"split": {"test": "given"}}}},
        r"scd2020_patients\.split: .*name one unit for test: given",
    ),
    "a clinic page of whom": (experiment(clinic={"border": "all"}), r"clinic: 'model' is a required property"),
    "a border like no other": (
        experiment(clinic={"model": "unet", "border": "some"}),
        r"'some' is not one of count",
    ),
    "a clinic page in another's place": (
        merged(experiment(clinic={"model": "unet"}), like(scd2020_binary_clinic="scd2018_segmentation")),
        r"its page would be that of the experiment scd2020_binary_clinic; rename",
    ),
    "an experiment in a viewer's place": (
        like(scd2020_binary_viewer="scd2018_segmentation"),
        r"scd2020_binary_viewer: its page would be the viewer of scd2020_binary; rename",
    ),
    "a viewer of nothing": ({"report": {"viewer": 0}}, r"report\.viewer: 0 is less than the minimum of 1"),
    "trust in no model": (
        experiment(labels="auto", trust={"model": "unett"}),
        r"trust\.model: .*'unett' .* mean unet\?",
    ),
    "trust in what was labelled by people": (
        experiment(trust={"model": "unet"}),
        r"trust\.model: unet learned from true labels; set `labels: auto`, or take trust out",
    ),
    "trust in the labels themselves": (
        experiment(labels="auto", trust={"model": "autolabel"}),
        r"trust\.model: autolabel makes the automatic labels; name a row that learned from them",
    ),
    "sharing no model": (experiment(share={"model": "unett"}), r"share\.model: .*'unett' .* mean unet\?"),
    "sharing no split": (
        experiment(share={"model": "unet", "split": "fold9"}),
        r"share\.split: there is no split 'fold9'; ",
    ),
    "sharing no seed": (
        experiment(share={"model": "unet", "seed": 99}),
        r"share\.seed: unet is not trained with seed 99; name one of \[",
    ),
    "sharing misspelt": (experiment(share={"model": "unet", "license": "MIT"}), r"share: unknown key 'license'; "),
    "a trust page in another's place": (
        merged(experiment(labels="auto", trust={"model": "unet"}), like(scd2020_binary_trust="scd2018_segmentation")),
        r"its page would be that of the experiment scd2020_binary_trust; rename",
    ),
    "an audit by no model": (
        experiment(label_audit={"model": "unett"}),
        r"label_audit\.model: .*'unett' .* mean unet\?",
    ),
    "an audit's page in another's place": (
        merged(experiment(label_audit={"model": "unet"}), like(scd2020_binary_label_audit="scd2018_segmentation")),
        r"its page would be that of the experiment scd2020_binary_label_audit; rename",
    ),
    "a segmentation by no model": (
        experiment(segment={"model": "unett", "images": "data/frames"}),
        r"segment\.model: .*'unett' .* mean unet\?",
    ),
    "unknown start": (models(unet={"init_from": "ottsu"}), r"unet\.init_from: .* 'ottsu' in .*; did you mean otsu\?"),
    "unknown weights": (models(unet={"weights_from": "x"}), r"unet\.weights_from: there is no model 'x' in this"),
    "start in a circle": (models(unet={"init_from": "unet"}), r"unet -> unet goes in a circle"),
    "no weights of its own": (
        models(unet={"weights_from": "otsu"}, deformable_unet={"init_from": "unet"}),
        r"init_from: unet has no weights of its own; name otsu",
    ),
    "unknown network": (
        models(unet={"network": "unnet"}),
        r"unet\.network: there is no src/hemoseg/models/unnet\.py; did you mean unet\?",
    ),
    "a row that is no network": (
        models(zzz={}),
        r"zzz\.network: .*models/zzz\.py; the names are autolabel, ",
    ),
    "a path for a network": (models(unet={"network": "../unet"}), r"'\.\./unet' is no name; use letters, digits and _"),
    "unknown loss": ({"train": {"loss": "crossentropy"}}, r"params\.train\.loss: .*; did you mean cross_entropy\?"),
    "a row's loss": (models(unet={"train": {"loss": "dice"}}), r"unet\.train\.loss: there is no .*/losses/dice\.py"),
    "unknown notebook": (
        experiment(report={"notebook": "nope"}),
        r"notebook: there is no reports/notebooks/nope\.ipynb",
    ),
    "unknown simulator": (
        {"datasets": {"simulated_scd2020": {"simulate": {"kind": "smeer"}}}},
        r"simulate\.kind: .*simulation/smeer\.py; did you mean smear\?",
    ),
    "unknown flagship": ({"flagship": ["scd2020_binery"]}, r"params\.flagship: .*; did you mean scd2020_binary\?"),
    "unknown column": (
        experiment(tabulate={"columns": {"dise": "Dice"}}),
        r"tabulate\.columns: there is no column 'dise'; did you mean dice\?",
    ),
    "unknown threshold": ({"tabulate": {"thresholds": {"fond": 1}}}, r"tabulate: .* no 'fond'; did you mean found\?"),
    "a share above one": ({"tabulate": {"thresholds": {"found": 2}}}, r"tabulate: threshold found is 2; a share lies"),
    "unknown error": ({"tabulate": {"accuracy": ["mised"]}}, r"tabulate: accuracy has no 'mised'; did you mean missed"),
    "weights of itself": (models(unet={"weights_from": "unet"}), r"unet\.weights_from: unet -> unet goes in a circle"),
    "an explained model": (experiment(explain={"models": ["unnet"]}), r"explain\.models: .* 'unnet' .* mean unet\?"),
    "half a pixel": (experiment(explain={"at": [["s", 1]]}), r"scd2020_binary\.explain\.at\.0: .* is too short"),
    "no layer": ({"explain": {"depths": []}}, r"params\.explain\.depths: \[\]"),
    "experiments in a list": ({"experiments": ["a"]}, r"params\.experiments: \['a'\] is no mapping; write each one as"),
    "a number for an experiment": ({"experiments": {"x": 3}}, r"params\.experiments\.x: 3 is no mapping; write its"),
    "a number for a name": (
        {"experiments": {3: {"like": "scd2020_binary"}}},
        r"experiments: the key 3 is no text; write",
    ),
    "a number for a row": (
        models(**{"unet": {"settings": {1: 2}}}),
        r"unet\.settings: the key 1 is no text; write it in",
    ),
    "a row that is no mapping": (models(unet=3), r"models\.unet: 3 is not of type 'object'"),
    "like several": (like(a=["b"]), r"experiments\.a\.like: \['b'\] is no name; write one of scd2018_segmentation, "),
    "text for a threshold": (
        {"tabulate": {"thresholds": {"found": "1e-1"}}},
        r"found: '1e-1' is text, .* write 0\.001",
    ),
    "half a pair": (
        models(unet={"train": {"steps": {"demo": 1, "paper": {"demo": 1}}}}) | {"scale": "paper"},
        r"unet\.train\.steps: \{'demo': 1\} is half a pair; write \{demo: \.\.\., paper: \.\.\.\}, both",
    ),
    "half a pair of lists": (
        experiment(prepare={"tile": {"demo": [1, 1]}}),
        r"prepare\.tile: .* is half a pair; write",
    ),
    "half a pair of words": (
        {"tabulate": {"classes": {"paper": "all"}}},
        r"tabulate\.classes: .* is half a pair; write",
    ),
    "an explained split": (
        experiment(explain={"split": "fold9"}),
        r"binary\.explain\.split: there is no split 'fold9' .*; did you mean fold",
    ),
    "features of a row that is no network": (
        experiment(explain={"features": ["unet", "otsu"]}),
        r"scd2020_binary\.explain\.features: otsu is no network; take it out",
    ),
    "features of an unknown row": (experiment(explain={"features": ["unnet"]}), r"explain\.features: .* mean unet\?"),
    "an explained row that is no U-Net": (
        experiment(explain={"models": ["unet", "pspnet"]}),
        r"scd2020_binary\.explain\.models: pspnet is no U-Net; take it out",
    ),
    "an explained row with proposals": (
        {"experiments": {"touching": {"explain": {"models": ["iu_bce"]}}}},
        r"touching\.explain\.models: iu_bce is no U-Net; take it out, only their kernels are drawn",
    ),
    "an explained row of borrowed weights that is no U-Net": (
        {"experiments": {"deconvnet": {"explain": {"models": ["unet", "deconvnet_whole"]}}}},
        r"deconvnet\.explain\.models: deconvnet_whole is no U-Net",
    ),
    "a baseline of one's own": (
        experiment(tabulate={"baseline": "unett"}),
        r"binary\.tabulate\.baseline: there is no row 'unett'; did you mean unet\?",
    ),
    "a baseline of all": (
        {"tabulate": {"baseline": "unett"}},
        r"params\.tabulate\.baseline: there is no row 'unett'; did you mean unet\?",
    ),
    "a colour of no class": (
        experiment(report={"colours": {"cel": "#112233"}}),
        r"binary\.report\.colours: there is no class 'cel'; did you mean cell\?",
    ),
    "a shared colour of no class": (
        {"report": {"colours": {"clas1": "#112233"}}},
        r"params\.report\.colours: there is no class 'clas1'; did you mean class1\?",
    ),
    "a colour by name": (
        {"report": {"colours": {"cell": "red"}}},
        r"colours\.cell: 'red' is no colour; write # and six hexadecimal digits",
    ),
    "a colour and a line": ({"report": {"colours": {"cell": "#112233\n"}}}, r"colours\.cell: '#112233\\n' is too long"),
    "published weights for a method": (
        models(otsu={"pretrained": {"url": "https://a/b.pth", "sha256": "0" * 64}}),
        r"otsu\.pretrained: otsu takes no published weights; take it out",
    ),
    "published weights for a U-Net": (
        models(unet={"pretrained": {"url": "https://a/b.pth", "sha256": "0" * 64}}),
        r"unet\.pretrained: unet takes no published weights",
    ),
    "class weights for a method": (
        models(otsu={"train": {"imbalance": "class_weights"}}),
        r"otsu\.train\.imbalance: otsu is not trained by steps; take class_weights out",
    ),
    "a network's setting": (
        models(pspnet={"settings": {"encodr": "resnet18"}}),
        r"pspnet\.settings: unknown key 'encodr'; did you mean encoder\?",
    ),
    "a seed twice": (experiment(seeds=[0, 0]), r"binary\.seeds: \[0, 0\] names something twice; write each once"),
    "a depth twice": ({"explain": {"depths": [2, 2]}}, r"explain\.depths: .* names something twice"),
    "a fraction that is whole": (experiment(explain={"draws": 2.0}), r"draws: 2\.0 is not of type 'integer'"),
    "null for a section": (
        {"explain": None},
        r"params\.explain: None .* 'object'; write keys and values, \{\} for none",
    ),
    "a word for a list": (experiment(explain={"models": "unet"}), r"models: 'unet' .* 'array'; write a list, such as"),
    "one class": (
        {"prepare": {"classes": {"cell": "red"}}},
        r"prepare\.classes\.cell: 'red' is neither all nor a list of class names; write all, or such as \[cell\]",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_sentence(fault):
    overlay, words = REFUSED[fault]
    with pytest.raises(PlanError, match=words) as refusal:
        with_overlay(overlay)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("params")
