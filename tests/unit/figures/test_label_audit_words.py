from hemoseg.figures import label_audit_words as words
from hemoseg.metrics.label_errors import PROBLEMS


def facts(**more):
    plain = {"frames": 2, "labels": 9, "problems": dict.fromkeys(PROBLEMS, 0), "same_class": {}}
    return plain | {"expected_wrong_class": 1, "judged_by_class": 7} | more


def test_the_verdict_names_what_is_in_doubt_and_only_that():
    none = words.verdict(facts(), "U-Net")
    assert "In doubt: none of them is doubtful." in none
    some = words.verdict(facts(problems=dict.fromkeys(PROBLEMS, 0) | {"missed": 3}), "U-Net")
    assert "9 labelled cells in 2 frames" in some
    assert some.endswith("In doubt: 3 cells that no label has.")


def test_classes_that_the_model_hardly_knows_are_named():
    said = words.reading(facts(same_class={"round": [8, 8], "long": [3, 4], "rare": [1, 3]}), simulated=False)
    assert said[0] == words.OPINION
    assert "Of 15 labelled cells that it sees as cells, the model gives 80 % the class of the label" in said[1]
    assert "long (3 of 4), rare (1 of 3)." in said[2]
    assert "round" not in said[2]
    assert len(words.reading(facts(same_class={"round": [9, 10], "long": [9, 10]}), simulated=False)) == 2


def test_one_class_is_asked_nothing_of_classes_and_exact_labels_are_called_so():
    assert words.reading(facts(), simulated=False) == [words.OPINION]
    assert words.reading(facts(), simulated=True) == [words.EXACT]
