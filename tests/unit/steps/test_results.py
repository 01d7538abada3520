from hemoseg.steps.results import Results


def test_a_row_with_borrowed_weights_was_trained_where_their_owner_was(tmp_path):
    models = {"bce": {"weights_from": None}, "watershed": {"weights_from": "bce"}}
    found = Results({"experiment": "touching", "models": models}, tmp_path, None)
    run = ("watershed", "fold1", 0)
    assert found.path("train", run, "run.json") == tmp_path / "touching/train/bce/fold1/seed0/run.json"
    assert found.path("evaluate", run, "cells.csv") == tmp_path / "touching/evaluate/watershed/fold1/seed0/cells.csv"
