import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hemoseg.data.samples import Samples
from hemoseg.figures import markup, runs, score_tables, words

HOSTILE = "<script>alert(1)</script>\"'&"
COLUMNS = {
    "dice": {"header": "Dice", "unit": "", "digits": 3, "better": "high", "definition": "overlap"},
    "missed": {"header": "FN", "unit": "cells", "digits": 1, "better": "low", "definition": "missed"},
    "spurious": {"header": "FP", "unit": "cells", "digits": 1, "better": "low", "definition": "made up"},
}


def table(*lines):
    """Lines of (row, column, class, mean, sd, published)."""
    rows = [
        {"row": r, "label": r.upper(), "family": "all", "column": c, "header": COLUMNS[c]["header"], "class": k,
         "mean": m, "sd": s, "seed_sd": np.nan, "folds": 2, "seeds": 1, "published": p, "published_sd": np.nan,
         "source": "paper" if p == p else np.nan}
        for r, c, k, m, s, p in lines
    ]  # fmt: skip
    return pd.DataFrame(rows)


NAN = np.nan
SIMPLE = table(
    ("a", "dice", "cell", 0.95, 0.01, 0.9), ("a", "missed", "all", 3, NAN, NAN), ("a", "spurious", "all", 1, NAN, NAN),
    ("b", "dice", "cell", 0.96, 0.02, NAN), ("b", "missed", "all", 2, NAN, NAN), ("b", "spurious", "all", 1, NAN, NAN),
)  # fmt: skip


def samples(**changed):
    facts = {"images": [np.zeros((3, 4, 4), np.uint8)], "classes": [np.zeros((4, 4), np.uint8)], "instances": [],
             "ids": ["a"], "frames": ["a"], "groups": [""], "kinds": [""], "boxes": np.zeros((1, 4), int),
             "frame_sizes": np.zeros((1, 2), int), "class_names": ["background", "cell"], "white": 255.0}  # fmt: skip
    return Samples(**facts | changed)


@pytest.mark.parametrize(
    "made",
    [
        markup.title(HOSTILE, HOSTILE),
        markup.badges([(HOSTILE, HOSTILE)]),
        markup.paragraph(HOSTILE, HOSTILE),
        markup.paragraph(f"`{HOSTILE}`"),
        markup.bullets([HOSTILE]),
        markup.details(HOSTILE, "inner"),
        markup.settings({HOSTILE: HOSTILE}),
        markup.frame(pd.DataFrame({HOSTILE: [HOSTILE]}), HOSTILE),
        markup.picture(Figure(figsize=(1, 1)), HOSTILE),
        score_tables.scores(SIMPLE.assign(label=HOSTILE, source=HOSTILE, **{"class": HOSTILE}), COLUMNS),
        score_tables.scores(
            SIMPLE, {key: facts | {"header": HOSTILE, "definition": HOSTILE} for key, facts in COLUMNS.items()}
        ),
    ],
)
def test_every_piece_escapes_what_comes_from_data(made):
    assert "<script" not in made
    assert "script&gt;" in made
    assert not re.search(r'="[^"]*<', made)


def test_the_table_prints_ours_above_the_published_number_and_the_best_bold():
    made = score_tables.scores(SIMPLE, COLUMNS)
    assert '<td class="best">0.960 ± 0.020</td>' in made.replace("class=best", 'class="best"')
    assert re.search(r">A</th>.*published.*<td>0.900</td>.*>B</th>", made, re.DOTALL)
    assert made.count("<tr") == 4
    assert made.count("best") == 2  # 1.0 and 1.0 are alike: neither is best


def test_several_classes_stand_across():
    lines = [("a", "dice", k, 0.9, NAN, NAN) for k in ("x", "y", "average")] + [("a", "missed", "all", NAN, NAN, NAN)]
    made = score_tables.scores(table(*lines), COLUMNS)
    assert made.count("<table") == 2
    assert '<th scope="col">average</th>' in made
    assert f"<td>{score_tables.NOTHING}</td>" in made


def test_a_published_cell_without_a_number_is_unknown():
    lines = table(("a", "dice", "cell", 0.9, NAN, NAN)).assign(source="paper")
    assert "<td>unknown</td>" in score_tables.scores(lines, COLUMNS)


def test_methods_that_were_not_run_stand_apart():
    published = pd.DataFrame(
        {"row": ["a", "ilastik"], "class": "cell", "column": "dice", "value": [0.9, 0.652], "sd": 0.004, "source": "p"}
    )
    made = score_tables.published_only(published, ["a"], COLUMNS)
    assert "ilastik" in made
    assert "0.652 ± 0.004" in made
    assert "best" not in made
    assert score_tables.published_only(published, ["a", "ilastik"], COLUMNS) == ""


def test_a_large_picture_is_reduced_and_paper_stays_white():
    drawn = Figure(figsize=(6, 6))
    drawn.figimage(np.random.default_rng(0).random((620, 720, 3)))
    data = re.search(r'base64,([^"]+)"', markup.picture(drawn, "noise")).group(1)
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.mode == "P"
    assert picture.convert("RGB").getpixel((700, 5)) == (255, 255, 255)


def test_the_verdict_names_the_best_the_gap_and_the_errors():
    said = words.verdict(SIMPLE, COLUMNS, samples(info={"simulated": True}))
    assert said.startswith("B has the highest Dice (cell), 0.960, 0.010 above A")
    assert "(FN + FP): B 3.0, then A 4.0" in said
    assert "2 splits and 1 seed on simulated frames" in said
    assert "significant" not in said


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("a", "dice", "cell", 0.9, NAN, NAN)], "A reaches Dice (cell) 0.900"),
        ([("a", "dice", "cell", 0.9, NAN, NAN), ("b", "dice", "cell", 0.9001, NAN, NAN)], "share the highest Dice"),
        ([("a", "dice", "cell", NAN, NAN, NAN)], "no number"),
        ([("a", "missed", "all", 1, NAN, NAN), ("b", "missed", "all", 1, NAN, NAN)], "are shared by A 1.0 and B 1.0"),
    ],
)
def test_the_verdict_of_ties_single_rows_and_nothing(lines, expected):
    assert expected in words.verdict(table(*lines), COLUMNS, samples())


def test_missed_cells_are_not_counted_again_among_the_incomplete_ones():
    columns = COLUMNS | {"incomplete": COLUMNS["missed"] | {"header": "short"}}
    short = SIMPLE[SIMPLE["column"] == "missed"].assign(column="incomplete", header="short", mean=[7.0, 5.0])
    said = words.verdict(pd.concat([SIMPLE, short]), columns, samples())
    assert "(FP + short): B 6.0, then A 8.0" in said


def test_a_leader_under_one_rule_alone_is_told():
    turned = SIMPLE.assign(mean=[0.95, 3, 1, 0.91, 2, 1])
    said = words.other_rule_sentence(SIMPLE, turned, COLUMNS)
    assert "by the second table A has the highest Dice (cell), 0.950, 0.040 above B" in said
    assert words.other_rule_sentence(SIMPLE, SIMPLE.assign(mean=[0.5, 3, 1, 0.9, 2, 1]), COLUMNS) == ""
    assert words.other_rule_sentence(SIMPLE, SIMPLE.iloc[:0], COLUMNS) == ""
    assert words.other_rule_sentence(SIMPLE, turned, COLUMNS, label_makers=["b"]) == ""


@pytest.mark.parametrize(("tp", "told"), [(9, True), (10, False)])
def test_classes_that_are_hardly_found_are_named_with_what_their_score_is(tp, told):
    lines = [("a", 0, "ground", 0, 50), ("a", 1, "one", tp, 100 - tp), ("a", 2, "two", 90, 10), ("b", 1, "one", 50, 0)]
    pixels = pd.DataFrame(lines, columns=["model", "class", "class_name", "tp", "fn"])
    labels = {"a": "A", "b": "B"}
    said = words.hardly_found_sentence(pixels, labels, absent_is_one=True)
    assert said.startswith("Hardly found (less than 10% of the pixels of the class): A: one. What") or not told
    assert bool(said) == told
    assert "count 1" not in words.hardly_found_sentence(pixels, labels, absent_is_one=False)


def test_the_verdict_leaves_out_who_made_the_labels():
    said = words.verdict(SIMPLE, COLUMNS, samples(), label_makers=["b"])
    assert said.startswith("One model was run: A reaches Dice (cell)")


def test_the_verdict_names_no_winner_where_there_is_no_cell():
    nothing = samples(instances=[np.zeros((4, 4), np.int32)])
    assert "No image holds a labelled cell" in words.verdict(SIMPLE, COLUMNS, nothing)


def test_badges_tell_simulated_from_real_and_name_the_back_end():
    settings = {"dataset": "d", "scale": "demo", "labels": "truth"}
    for simulated, kind in ((True, "simulated"), (False, "real"), (None, "simulated")):
        facts = words.data_badges(samples(info={"simulated": simulated}), settings, ["kornia"], False)
        assert facts[0][1] == kind
        assert ("deformable back end kornia", "") in facts
    assert ("labels: auto-labels", "") in words.data_badges(samples(), settings | {"labels": "auto"}, [], True)


@pytest.mark.parametrize(
    ("rows", "auto_labelled", "said"),
    [
        (["truth", "truth"], False, "truth"),
        (["auto", "auto"], True, "auto-labels"),
        (["auto", "auto"], False, "auto-labels; all compared with the truth"),
        (["auto", "truth"], False, "auto-labels in some rows, the truth in the others; all compared with the truth"),
    ],
)
def test_a_badge_tells_what_the_rows_trained_on(rows, auto_labelled, said):
    models = {f"m{number}": {"labels": labels} for number, labels in enumerate(rows)}
    settings = {"dataset": "d", "scale": "demo", "labels": "truth", "models": models}
    assert (f"labels: {said}", "") in words.data_badges(samples(), settings, [], auto_labelled)


def test_what_straddles_is_a_sentence_and_nothing_else_is():
    notes = {"straddling_frames": 13, "straddling_groups": 4}
    assert "parts of the same frame (13 frames) and frames of the same patient" in words.straddle_sentence(notes)
    assert "`by: frame`" not in words.straddle_sentence({"straddling_frames": 0, "straddling_groups": 4})
    assert words.straddle_sentence({"straddling_frames": 0, "straddling_groups": 0}) == ""


COPIES = {"copied_test_samples": 3, "test_samples": 20, "copies": [{"test": "b", "train": "a", "how": "mirrored"}]}


@pytest.mark.parametrize(
    ("notes", "said", "unsaid"),
    [
        ({"straddling_groups": 4}, "By how much is not measured here, as `by: [frame, group]` would.", "optimism"),
        ({"straddling_frames": 4}, "By how much is not measured here, as `by: [sample, frame]` would.", "optimism"),
        ({"straddling_groups": 4, "given": True}, "By how much is not measured here.", "would"),
        ({"straddling_groups": 4, "units": "frame and by group"}, "is measured here, as optimism", "not measured"),
        ({"leakage": COPIES}, "copies of images (3 of 20 test samples; b is a, mirrored)", "`by:"),
        ({"leakage": {"overlapping_test_samples": 2}}, "tiles that overlap (2 test samples)", "`by:"),
    ],
)
def test_a_page_names_what_leaks_and_whether_its_worth_is_measured(notes, said, unsaid):
    told = words.straddle_sentence(notes)
    assert said in told
    assert unsaid not in told


TIMES = pd.DataFrame(
    {"row": ["u", "d", "d"], "label": ["U-Net", "dU-Net", "dU-Net"], "seconds": [0.1, 0.4, 0.2], "runs": [1, 2, 2],
     "quantity": ["training step", "training step", "test image"], "least": [0.1, 0.3, 0.2], "most": [0.1, 0.5, 0.2],
     "baseline": [np.nan, "u", "u"], "ratio": [np.nan, 4.0, 1.2], "ratio_least": 1.0, "ratio_most": 5.0,
     "published_words": [np.nan, "almost 4 times", "almost the same"], "source": [np.nan, "paper", "paper"],
     "device": "cpu", "threads": 1, "backend": [np.nan, "kornia", "kornia"]}
)  # fmt: skip


def test_times_are_compared_beside_the_published_ratio():
    said = runs.ratio_sentence(TIMES, {"u": "U-Net", "d": "dU-Net"})
    assert "dU-Net took, against U-Net, 4.0 times as long per training step (published: almost 4 times)" in said
    assert "1.2 times as long per test image" in said
    assert "kornia" in said
    assert runs.ratio_sentence(TIMES.iloc[:1], {"u": "U-Net"}) == ""
    shown = runs.times_table(TIMES)
    assert shown["over the baseline"].to_list() == ["–", "4.00 (1.00 to 5.00)", "1.20 (1.00 to 5.00)"]
    assert shown["median (range)"].to_list()[:2] == ["0.10 s", "0.40 s (0.30 s to 0.50 s)"]
    quick = runs.times_table(TIMES.assign(seconds=0.0021, least=0.00149, most=0.0049))
    assert quick["median (range)"].to_list()[:2] == ["2.1 ms", "2.1 ms (1.49 ms to 4.9 ms)"]


def test_rows_that_may_run_several_programs_name_theirs():
    rows = pd.DataFrame({"model": ["a", "b", "b", "c", "c"], "ran": [None, "one", "one", "one", "another"]})
    labels = {"a": "A", "b": "B", "c": "C"}
    assert runs.programs_of(rows, labels) == ["B row: one", "C row: one, another"]
    assert runs.programs_of(rows[["model"]], labels) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.038, "0.04 s"), (12.4, "12 s"), (243, "4 min 03 s"), (7500, "2 h 05 min"), (NAN, "–")]
)
def test_durations_are_short(seconds, text):
    assert runs.duration(seconds) == text


@pytest.mark.parametrize(("number", "tables"), [(8, 1), (9, 2), (14, 3), (24, 4)])
def test_a_table_too_wide_for_the_page_is_parted_the_printed_columns_first(monkeypatch, number, tables):
    names = [f"c{i}" for i in range(number)]
    facts = {"unit": "", "digits": 1, "better": "low", "definition": "x"}
    columns = {name: {"header": name.upper(), **facts} for name in names}
    monkeypatch.setattr(f"{__name__}.COLUMNS", columns)
    lines = table(
        *((row, name, "all", 1, NAN, 2 if i % 5 == 4 else NAN) for row in "ab" for i, name in enumerate(names))
    )
    made = score_tables.scores(lines, columns)
    parts = made.split("<table")[1:]
    assert len(parts) == tables
    heads = [re.findall(r">(C\d+)<", part.partition("<tbody>")[0].replace(" <small", "<small")) for part in parts]
    assert sorted(head for part in heads for head in part) == sorted(name.upper() for name in names)
    if tables > 1:
        assert heads[0] == [f"C{i}" for i in range(4, number, 5)]
        assert "published" in parts[0]
        assert not any("published" in part for part in parts[1:])
        assert max(map(len, heads[1:])) - min(map(len, heads[1:])) <= 1
