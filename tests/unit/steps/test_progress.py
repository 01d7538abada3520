import pytest

from hemoseg.steps import progress
from hemoseg.steps.progress import Progress, tracked


def test_a_log_gets_its_last_line_and_no_bar(capsys):
    with Progress(3, "unet fold0") as shown:
        for _ in range(3):
            shown.update("loss 0.1")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("unet fold0: 3/3 steps, 0 s left loss 0.1")


def test_a_log_gets_a_line_now_and_then_with_the_time_that_is_left(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress(100, "train") as shown:
        for _ in range(60):
            now[0] += 0.5
            shown.update()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["train: 21/100 steps", "train: 42/100 steps"]
    assert "40 s left" in lines[0]  # 79 steps of half a second


def test_what_was_done_before_does_not_count_for_the_speed(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress(100, "train", done=90) as shown:
        now[0] = 20.0
        shown.update(by=2)
    assert "train: 92/100 steps, 80 s left" in capsys.readouterr().err


def test_tracked_items_are_all_there_in_their_order(capsys):
    assert list(tracked(iter("abc"), 3, "predict", "image")) == ["a", "b", "c"]
    assert "predict: 3/3 images" in capsys.readouterr().err
    assert list(tracked([], 0, "predict", "image")) == []


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with Progress(2, "train") as shown:
        shown.update("loss 0.5")
        shown.update("loss 0.4")
    said = capsys.readouterr().err
    assert "2/2" in said
    assert "loss 0.4" in said
    assert "s left" not in said


def test_a_fault_inside_is_not_swallowed():
    with pytest.raises(ValueError, match="stop"), Progress(2, "train"):
        raise ValueError("stop")
