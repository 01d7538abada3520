"""The rows of `hemoseg count`: which cells count, whose number a row is, and what is said where nothing is known."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.metrics.detector import detector
from hemoseg.metrics.field_sampling import Sampling
from hemoseg.tables.count_intervals import FIELDS, NOTES, PATIENT, evidence_fields, image_counts, patient_counts
from hemoseg.tables.field_cells import borders, found_in

CLASSES = ["disc", "sickle"]


def images(*groups, **columns):
    table = pd.DataFrame({"image": [f"i{n}" for n in range(len(groups))], "group": groups, "rows": 100, "columns": 200})
    return table.assign(**{"scale": 1.0, "pixel_size_um": np.nan} | columns)


def cells(*numbers, **columns):
    """Cells of each image, as many of each class as told."""
    rows = [
        (f"i{n}", k + 1) for n, counts in enumerate(numbers) for k, number in enumerate(counts) for _ in range(number)
    ]
    table = pd.DataFrame(rows, columns=["image", "class"]).assign(row=50.0, column=100.0, area_px=80.0)
    return table.assign(**{"touches_border": False, "eccentricity": 0.3} | columns)


def evidence(**changes):
    """Two patients of two frames whose sickle cells are found as discs one time in five."""
    frame = {"pixels": 20000, "truth": [80, 20], "found": [[80, 0], [4, 16]], "pieces": [0, 0], "made_up": [0, 0]}
    frames = [frame | {"group": n // 2, "frame": n} for n in range(4)]
    return {"format": 1, "classes": CLASSES, "min_area": 10.0, "grouped": True, "frames": frames} | changes


def found(table, frames, **asked):
    return found_in(table, frames, CLASSES, **{"border": "all", "min_area": 0.0} | asked)


def one(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_shares_of_a_patient_are_corrected_for_what_is_taken_for_another_class():
    told = found(cells((42, 8), (42, 8)), images("p", "p"))
    table = patient_counts(told, detector(evidence()), evidence_fields(evidence()))
    row = one(table, measure="share", target=PATIENT, **{"class": "sickle"})
    assert row["found"] == 16
    assert row["value"] == pytest.approx(0.2)
    assert row["low"] < 0.2 < row["high"]
    assert row["floor"] < (row["high"] - row["low"]) / 2
    counted = one(table, measure="count", target=FIELDS, **{"class": "all"})
    assert counted["value"] == pytest.approx(100)
    shares = table[(table["measure"] == "share") & (table["target"] == PATIENT)]
    assert shares["value"].sum() == pytest.approx(1)
    assert set(shares["class"]) == set(CLASSES)


def test_the_patients_interval_is_wider_than_that_of_the_fields_at_hand():
    told = found(cells((42, 8), (42, 8)), images("p", "p"))
    table = patient_counts(told, detector(evidence())).assign(width=lambda t: t["high"] - t["low"])
    of = table[(table["measure"] == "share") & (table["class"] == "disc")].set_index("target")["width"]
    assert of[PATIENT] > 1.2 * of[FIELDS]


def test_without_evidence_numbers_are_as_found_and_only_sampling_has_an_interval():
    table = patient_counts(found(cells((42, 8), (30, 20)), images("p", "p")), None)
    of_fields, of_patient = (table[table["target"] == target] for target in (FIELDS, PATIENT))
    assert of_fields["low"].isna().all()
    assert (of_fields["value"] == of_fields["found"])[of_fields["measure"] == "count"].all()
    assert of_patient["low"].notna().all()
    assert of_patient["floor"].isna().all()
    assert table["notes"].str.contains("no_evidence").sum() == len(table) - 1  # the index of shapes needs none


def test_every_patient_and_image_has_its_rows_and_adds_up():
    told = found(cells((5, 1), (7, 0), (0, 3), (0, 0)), images("p", "q", "p", "r"))
    known = detector(evidence())
    of_images, of_patients = image_counts(told, known), patient_counts(told, known)
    assert list(dict.fromkeys(of_images["image"])) == ["i0", "i1", "i2", "i3"]
    assert list(dict.fromkeys(of_patients["group"])) == ["p", "q", "r"]
    assert one(of_patients, group="p", measure="count", **{"class": "all"})["found"] == 9
    nothing = of_patients[of_patients["group"] == "r"]
    assert (nothing["found"] == 0).all()
    assert nothing[nothing["measure"] == "share"]["value"].isna().all()
    assert (of_patients["notes"].str.contains("one_field") == (of_patients["fields"] == 1))[
        of_patients["measure"] == "density"
    ].all()
    with_ends = pd.concat([of_images, of_patients]).dropna(subset=["low"])
    assert (with_ends["low"] <= with_ends["high"]).all()
    words = set(";".join(pd.concat([of_images, of_patients])["notes"]).split(";")) - {""}
    assert words <= set(NOTES)


def test_the_same_seed_gives_the_same_table_and_an_image_does_not_depend_on_others():
    known, two = detector(evidence()), images("p", "p")
    first, again = (image_counts(found(cells((440, 160), (70, 20)), two), known) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    alone = image_counts(found(cells((440, 160)), two[:1]), known)
    pd.testing.assert_frame_equal(first[first["image"] == "i0"], alone)


def test_a_class_that_the_evidence_hardly_has_gets_no_interval():
    frames = [frame | {"truth": [80, 1], "found": [[80, 0], [0, 1]]} for frame in evidence()["frames"]]
    table = patient_counts(found(cells((42, 8)), images("p")), detector(evidence(frames=frames)))
    row = one(table, measure="share", target=PATIENT, **{"class": "sickle"})
    assert np.isnan(row["low"])
    assert "few_in_evidence" in row["notes"]
    assert one(table, measure="share", target=PATIENT, **{"class": "disc"})["low"] > 0


def test_classes_that_are_hardly_told_apart_and_unnamed_patients_are_said():
    frames = [frame | {"found": [[41, 39], [10, 10]]} for frame in evidence()["frames"]]
    notes = patient_counts(found(cells((42, 8)), images("")), detector(evidence(frames=frames, grouped=False)))["notes"]
    for word in ("hardly_told_apart", "no_patients_in_evidence", "no_group", "fields_alike"):
        assert notes.str.contains(word).any()


def test_only_the_classes_that_are_hardly_told_apart_are_said_to_be():
    found_as = [[70, 0, 10], [0, 20, 0], [10, 0, 10]]  # a third class, half of it found as discs
    frames = [frame | {"truth": [80, 20, 20], "found": found_as, "pieces": [0] * 3, "made_up": [0] * 3}
              for frame in evidence()["frames"]]  # fmt: skip
    told = found_in(cells((42, 8, 5)), images("p"), [*CLASSES, "other"], border="all", min_area=0.0)
    table = patient_counts(told, detector(evidence(frames=frames, classes=[*CLASSES, "other"])))
    said = table[table["notes"].str.contains("hardly_told_apart")]
    assert set(said["class"]) == {"disc", "other"}
    assert set(said["measure"]) == {"count", "share", "density"}


def test_evidence_of_few_patients_is_said_to_be():
    for patients, few in ((2, True), (4, False)):
        frames = [frame | {"group": n % patients, "frame": n} for n, frame in enumerate(evidence()["frames"] * 2)]
        notes = image_counts(found(cells((42, 8)), images("p")), detector(evidence(frames=frames)))["notes"]
        assert notes.str.contains("few_patients_in_evidence").all() == few


def test_density_is_of_the_field_and_in_millimetres_where_pixels_have_a_size():
    table = patient_counts(found(cells((50, 0)), images("p", scale=0.5)), None)
    row = one(table, measure="density", **{"class": "all"})
    assert (row["value"], row["unit"]) == (pytest.approx(50 / 0.02), "cells per 10^6 px")
    table = patient_counts(found(cells((50, 0)), images("p", pixel_size_um=0.5)), None)
    row = one(table, measure="density", **{"class": "all"})
    assert (row["value"], row["unit"]) == (pytest.approx(50 / (0.05 * 0.1)), "cells per mm2")


def test_the_least_area_is_one_of_the_networks_pixels():
    table, frames = cells((3, 0), area_px=[39.0, 40.0, 41.0]), images("p", scale=0.5)
    assert found(table, frames, min_area=10.0).fields(frames.assign(area=1.0)).total.tolist() == [2, 0]


def test_a_cell_at_the_upper_or_left_border_counts_and_one_at_the_others_does_not():
    table = cells((5, 0), row=[4.0, 50, 95, 50, 50], column=[100.0, 3, 100, 195, 100])
    table["touches_border"] = [True, True, True, True, False]
    size = images("p").loc[[0] * 5]
    assert borders(table, size).tolist() == ["upper_left", "upper_left", "lower_right", "lower_right", "no"]
    numbers = {rule: len(found(table, images("p"), border=rule).cells) for rule in ("counting_frame", "all", "inside")}
    assert numbers == {"counting_frame": 3, "all": 5, "inside": 1}


def test_fields_of_the_evidence_say_how_fields_differ_only_where_patients_are_named():
    assert evidence_fields(evidence()).freedom == 2
    assert evidence_fields(evidence(grouped=False)) == Sampling()


def test_a_single_class_has_counts_and_densities_and_no_shares():
    table = found_in(cells((9,)), images("p"), ["cell"], border="all", min_area=0.0)
    rows = patient_counts(table, None)
    assert [*zip(rows["measure"], rows["class"], strict=True)][:2] == [("count", "cell"), ("density", "cell")]
    assert "share" not in set(rows["measure"])


def test_precision_that_no_field_gives_is_said_and_so_are_automatic_labels():
    frames = [frame | {"found": [[60, 20], [6, 14]]} for frame in evidence()["frames"]]
    told = found(cells((28, 22)), images("p"), within=0.01, notes=("against_auto",))
    table = patient_counts(told, detector(evidence(frames=frames)))
    row = one(table, measure="share", target=PATIENT, **{"class": "sickle"})
    assert np.isinf(row["fields_needed"])
    assert row["floor"] > 0.01
    said = "against_auto;few_patients_in_evidence;one_field;few_fields;fields_alike;hardly_told_apart;out_of_reach"
    assert row["notes"] == said
