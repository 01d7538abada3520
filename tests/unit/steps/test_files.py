import json
import os
import stat

import numpy as np
import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.steps import files


def content(folder):
    return {path.name for path in folder.iterdir()}


def fail_in(block, name, fault):
    with block as temporary:
        (temporary / name).write_text("half")
        raise fault


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, fault):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(fault):
        fail_in(files.written_whole(path), "", fault)
    assert path.read_text() == "old"
    assert content(tmp_path) == {"a.txt"}


def test_a_block_that_ends_well_replaces_the_file_and_makes_its_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    for text in ("one", "two"):
        with files.written_whole(path) as temporary:
            assert temporary.parent == path.parent
            temporary.write_text(text)
            assert not path.exists() or path.read_text() == "one"
        assert path.read_text() == text
    assert content(path.parent) == {"a.txt"}


def test_a_file_that_is_being_read_stays_what_it_was(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with open(path) as reader:
        files.write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with files.written_whole(path) as one, files.written_whole(path) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    assert path.read_text() == "one"  # the outer block ends last
    assert content(tmp_path) == {"a.txt"}


def test_a_file_is_flushed_before_it_gets_its_name(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    kinds = {True: "folder", False: "file"}
    monkeypatch.setattr(os, "fsync", lambda fd: done.append(kinds[stat.S_ISDIR(os.fstat(fd).st_mode)]) or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda a, b: done.append("rename") or replace(a, b))
    files.write_text(tmp_path / "a.txt", "x")
    assert done == ["file", "rename", "folder"]


OURS = files.has_marker("a")


def test_a_folder_replaces_the_old_one_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "out"
    with files.folder_written_whole(folder, OURS) as temporary:
        (temporary / "a").write_text("1")
    with pytest.raises(ValueError, match="stop"):
        fail_in(files.folder_written_whole(folder, OURS), "b", ValueError("stop"))
    assert content(folder) == {"a"}
    with files.folder_written_whole(folder, OURS) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "c").write_text("3")
    assert content(folder) == {"deep"}
    assert content(tmp_path) == {"out"}


def put_thesis(path):
    path.mkdir()
    (path / "thesis").write_text("years")


@pytest.mark.parametrize("make", [put_thesis, lambda path: path.write_text("x"), lambda path: path.symlink_to("gone")])
def test_what_the_step_did_not_write_stays(tmp_path, make):
    make(tmp_path / "out")
    with pytest.raises(InputError, match="out: exists and was not written by this step; choose another --out"):
        fail_in(files.folder_written_whole(tmp_path / "out", OURS), "b", AssertionError("the block ran"))
    assert content(tmp_path) == {"out"}


def test_what_came_while_the_block_ran_stays(tmp_path):
    with (
        pytest.raises(InputError, match="was not written by this step"),
        files.folder_written_whole(tmp_path / "out", OURS),
    ):
        put_thesis(tmp_path / "out")
    assert content(tmp_path / "out") == {"thesis"}
    assert content(tmp_path) == {"out"}


@pytest.mark.parametrize("name", [".", "..", "/", ""])
def test_a_folder_needs_a_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="names no folder of its own"):
        fail_in(files.folder_written_whole(name, OURS), "b", AssertionError("the block ran"))


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    files.write_text(tmp_path / "a.txt", "µm\n\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb5m\n\n"


def test_json_comes_back_in_its_order(tmp_path):
    given = {"z": [1, 2.5, None], "a": "µm", "n": float("nan")}
    files.write_json(tmp_path / "a.json", given)
    read = files.read_json(tmp_path / "a.json")
    assert list(read) == ["z", "a", "n"]
    assert str(read) == str(given)


def test_a_table_comes_back(tmp_path):
    table = pd.DataFrame({"id": ["NA", "a,b", 'c"d', "null"], "x": [0.1, 1 / 3, float("nan"), 1e-9]})
    files.write_table(tmp_path / "a.csv", table)
    read = files.read_table(tmp_path / "a.csv")
    assert list(read["id"]) == list(table["id"])
    assert np.allclose(read["x"], table["x"], rtol=1e-8, equal_nan=True)
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


ARRAYS = {"a": np.arange(12, dtype=np.uint16).reshape(3, 4), "text": np.array(["x", "µ"]), "none": np.zeros((0, 2))}


def test_arrays_come_back_with_their_dtypes(tmp_path):
    files.write_arrays(tmp_path / "a.npz", **ARRAYS)
    read = files.read_arrays(tmp_path / "a.npz")
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)


def test_same_arrays_are_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    files.write_arrays(tmp_path / "a.npz", **ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    files.write_arrays(tmp_path / "b.npz", **ARRAYS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_objects_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match=r"pickled: \['bad'\]"):
        files.write_arrays(tmp_path / "a.npz", good=np.zeros(2), bad=np.array([{}, None]))
    assert content(tmp_path) == set()


def test_pickled_arrays_are_not_read(tmp_path):
    np.savez(tmp_path / "a.npz", bad=np.array([{"x": 1}], dtype=object))
    with pytest.raises(InputError, match=r"a\.npz: damaged or no \.npz file"):
        files.read_arrays(tmp_path / "a.npz")


READERS = {"a.json": files.read_json, "a.csv": files.read_table, "a.npz": files.read_arrays}


@pytest.mark.parametrize("name", READERS)
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name}: no such file; run the step that writes it first"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("damage", ["empty", "cut", "binary"])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named(tmp_path, name, damage):
    path = tmp_path / name
    if name.endswith("npz"):
        files.write_arrays(path, **ARRAYS)
    else:
        path.write_text(json.dumps({"a": 1}))
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "binary": b"\xff\xfe\x00\x81" * 9}[damage])
    if name == "a.csv" and damage == "cut":
        path.write_text('a,b\n1,"2')
    with pytest.raises(InputError, match=rf"{name}: .*run its step again"):
        READERS[name](path)
