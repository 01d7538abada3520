import itertools
import json
import multiprocessing

import pytest
import safetensors.torch
import torch

from hemoseg.errors import InputError
from hemoseg.steps.files import write_json
from hemoseg.steps.weights import DESCRIBED, code_hash, environment, read_model, read_weights, sha256, write_weights


@pytest.fixture
def model(tmp_path):
    """A folder as `train` leaves it."""
    write_weights(tmp_path / "model.safetensors", {"w": torch.arange(6.0)})
    facts = dict.fromkeys(DESCRIBED) | {"weights_sha256": sha256(tmp_path / "model.safetensors"), "seed": 3}
    write_json(tmp_path / "model.json", facts)
    return tmp_path


def test_tensors_and_numbers_come_back_bit_for_bit(tmp_path):
    tensors = {
        "float": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
        "last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "strided": torch.arange(24).view(4, 6)[:, ::2],
        "half": torch.tensor([1.5, -2], dtype=torch.bfloat16),
        "count": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "grown": torch.ones(2, requires_grad=True),
    }
    numbers = {"done": 5, "history": [{"step": 1, "loss": 1 / 3}], "best": None, "nan": float("nan")}
    write_weights(tmp_path / "a.safetensors", tensors, numbers)
    read, said = read_weights(tmp_path / "a.safetensors")
    assert read.keys() == tensors.keys()
    for name, value in tensors.items():
        assert read[name].dtype == value.dtype
        assert torch.equal(read[name], value)
    assert str(said) == str(numbers)


def test_tensors_that_share_memory_are_written_each(tmp_path):
    whole = torch.arange(10.0)
    write_weights(tmp_path / "a", {"whole": whole, "part": whole[2:5], "again": whole})
    read, _ = read_weights(tmp_path / "a")
    assert torch.equal(read["part"], whole[2:5])
    assert torch.equal(read["again"], whole)


def test_same_tensors_are_the_same_bytes(tmp_path):
    tensors = {"b": torch.arange(3.0), "a": torch.arange(4)}
    write_weights(tmp_path / "one", tensors, {"x": 1})
    write_weights(tmp_path / "two", tensors, {"x": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_files_of_others_have_no_numbers(tmp_path):
    (tmp_path / "a").write_bytes(safetensors.torch.save({"w": torch.ones(2)}))
    assert read_weights(tmp_path / "a")[1] is None


@pytest.mark.parametrize("damage", ["empty", "cut head", "cut tail", "pickle", "text"])
def test_damaged_weights_are_refused(model, damage):
    path = model / "model.safetensors"
    whole = path.read_bytes()
    if damage == "pickle":
        torch.save({"w": torch.ones(2)}, path)
    else:
        cuts = {"empty": b"", "cut head": whole[:5], "cut tail": whole[:-3], "text": b"not a safetensors file"}
        path.write_bytes(cuts[damage])
    with pytest.raises(InputError, match=r"model\.safetensors: damaged or no safetensors file .*train again"):
        read_weights(path)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.safetensors: no such file; run `train` first"):
        read_weights(tmp_path / "a.safetensors")


def test_a_model_is_its_weights_and_their_description(model):
    weights, description = read_model(model)
    assert torch.equal(weights["w"], torch.arange(6.0))
    assert description["seed"] == 3


def test_weights_of_another_training_are_refused(model):
    write_weights(model / "model.safetensors", {"w": torch.arange(6.0) + 1})
    with pytest.raises(InputError, match=r"model\.safetensors is not the file that model\.json describes; train again"):
        read_model(model)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not readable as JSON"),
        ("", "not readable as JSON"),
        ("[]", "describes no model"),
        ('{"seed": 3}', "describes no model"),
        *((json.dumps({n: "" for n in DESCRIBED if n != key}), rf".*of '{key}'\); train") for key in DESCRIBED),
    ],
)
def test_a_damaged_description_is_refused(model, text, words):
    (model / "model.json").write_text(text)
    with pytest.raises(InputError, match=rf"model\.json: {words}"):
        read_model(model)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_half_a_model_is_refused(model, name):
    (model / name).unlink()
    with pytest.raises(InputError, match="no such file"):
        read_model(model)


def test_code_has_one_hash_that_follows_its_files(monkeypatch):
    assert code_hash() == code_hash()
    before = code_hash()
    monkeypatch.setattr("hemoseg.steps.weights.sha256", lambda file: "x" if file.endswith("weights.py") else "y")
    assert code_hash() != before


def test_what_ran_can_be_written_as_json():
    said = json.loads(json.dumps(environment("cpu")))
    assert said["device"].startswith("cpu (")
    assert said["threads"] == torch.get_num_threads()
    assert {"torch", "kornia", "hemoseg", "python"} <= said["versions"].keys()


def test_a_file_that_is_replaced_while_it_is_read_gives_one_of_the_two_whole(tmp_path):
    """As two trainings on one folder do: tensors of one state beside the numbers of another would be neither."""
    path = tmp_path / "state.safetensors"
    write_weights(path, {"t0": torch.zeros(400)}, 0)

    def replace():
        for number in itertools.count(1):
            write_weights(path, {f"t{i}": torch.full((400,), number) for i in range(20)}, number)

    writer = multiprocessing.get_context("fork").Process(target=replace, daemon=True)
    writer.start()
    try:
        for _ in range(1000):
            weights, number = read_weights(path)
            assert all((tensor == number).all() for tensor in weights.values())
    finally:
        writer.kill()


def test_tensors_come_in_the_order_of_their_names(tmp_path):
    names = [f"layer{number}.weight" for number in range(40)]
    for number in range(3):
        write_weights(tmp_path / f"{number}.safetensors", {name: torch.zeros(1) for name in names})
        assert list(read_weights(tmp_path / f"{number}.safetensors")[0]) == sorted(names)
