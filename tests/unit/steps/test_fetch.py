import hashlib
import re

import pytest

from hemoseg.__main__ import main


def fetch(url, digest, out):
    return main(["fetch", "--url", url, "--sha256", digest, "--out", str(out)])


def test_a_file_is_what_its_hash_says(server, tmp_path):
    folder, address = server
    (folder / "a.pth").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert fetch(f"{address}/a.pth", digest.upper(), tmp_path / "data/weights/b.pth") == 0
    assert (tmp_path / "data/weights/b.pth").read_bytes() == b"weights"


FAULTS = {
    "wrong hash": ("a.pth", "0" * 64, r"a\.pth: sha256 is [0-9a-f]{64}, stated is 0{64}; nothing was kept"),
    "not found": ("b.pth", "0" * 64, r"b\.pth: cannot be fetched \(.*404"),
    "half a hash": ("a.pth", "0" * 32, "--sha256 0{32}: needs 64 hexadecimal digits"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_verified_is_refused_and_an_older_file_stays(server, tmp_path, capsys, name):
    folder, address = server
    (folder / "a.pth").write_bytes(b"weights")
    (tmp_path / "out.pth").write_bytes(b"older")
    file, digest, sentence = FAULTS[name]
    assert fetch(f"{address}/{file}", digest, tmp_path / "out.pth") == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hemoseg fetch: ")]
    assert len(said) == 1
    assert re.search(sentence, said[0])
    assert (tmp_path / "out.pth").read_bytes() == b"older"
    assert list(tmp_path.glob(".*")) == []
