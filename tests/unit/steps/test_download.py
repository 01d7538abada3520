import hashlib
import io
import re
import tarfile
import zipfile

import pytest
import yaml

from hemoseg.__main__ import main


def zipped(members, links=()):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for name in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def tarred(members, links=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return buffer.getvalue()


def fetch(server, tmp_path, content, **entry):
    """Serve ``content`` and download it; returns the exit status and the folder."""
    folder, address = server
    (folder / "set.bin").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    described = {"url": f"{address}/set.bin", "sha256": digest, "licence": "CC0", "citation": "Us, 2026"}
    (tmp_path / "list.yaml").write_text(yaml.safe_dump({"mine": described | entry}))
    out = tmp_path / "data/mine"
    return main(["download", "mine", "--catalogue", str(tmp_path / "list.yaml"), "--out", str(out)]), out


@pytest.mark.parametrize(("kind", "packed"), [("zip", zipped), ("tar", tarred)])
def test_an_archive_becomes_a_dataset_and_says_its_licence(server, tmp_path, capsys, kind, packed):
    content = packed({"set-1/images/a.png": "A", "set-1/manifest.csv": "id\na\n", "readme": "x"})
    status, out = fetch(server, tmp_path, content, unpack=kind, folder="set-1", description={"classes": ["cell"]})
    assert status == 0
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == [
        ".hemoseg-download.json",
        "dataset.yaml",
        "images/a.png",
        "manifest.csv",
    ]
    described = yaml.safe_load((out / "dataset.yaml").read_text())
    assert described == {"name": "mine", "licence": "CC0", "citation": "Us, 2026", "classes": ["cell"]}
    said = capsys.readouterr().out
    assert "licence: CC0" in said
    assert "cite: Us, 2026" in said


def test_a_single_file_is_kept_as_it_is(server, tmp_path):
    status, out = fetch(server, tmp_path, b"hello")
    assert status == 0
    assert (out / "set.bin").read_bytes() == b"hello"


def test_a_second_download_replaces_the_first_and_never_other_data(server, tmp_path, capsys):
    assert fetch(server, tmp_path, b"hello")[0] == 0
    status, out = fetch(server, tmp_path, b"again")
    assert status == 0
    assert (out / "set.bin").read_bytes() == b"again"
    (out / ".hemoseg-download.json").unlink()
    assert fetch(server, tmp_path, b"third")[0] == 2
    assert "mine: exists and was not written by this step; choose another --out" in capsys.readouterr().err
    assert (out / "set.bin").read_bytes() == b"again"


FAULTS = {
    "wrong hash": (b"x", {"sha256": "0" * 64}, "sha256 is .*, the catalogue says 000.*nothing was kept"),
    "not found": (b"x", {"url": "{address}/gone.zip"}, "gone.zip: cannot be fetched .*404"),
    "no server": (b"x", {"url": "http://127.0.0.1:9/a"}, "cannot be fetched"),
    "no address": (b"x", {"url": "set"}, "cannot be fetched"),
    "a space in the address": (b"x", {"url": "{address}/a set"}, "cannot be fetched .*control characters"),
    "no hash": (b"x", {"sha256": None}, "needs `url` and `sha256`"),
    "key misspelt": (b"x", {"licens": "x"}, "unknown key 'licens'; did you mean 'licence'"),
    "unpack": (b"x", {"unpack": "rar"}, "'rar' is none of zip, tar, none"),
    "zip that is none": (b"hello", {"unpack": "zip"}, "no zip archive, or damaged"),
    "tar that is none": (b"hello", {"unpack": "tar"}, "no tar archive, or damaged"),
    "zip slip": (zipped({"../evil": "x"}), {"unpack": "zip"}, r"member '\.\./evil' lies outside"),
    "zip slip of Windows": (zipped({"a\\..\\..\\evil": "x"}), {"unpack": "zip"}, "lies outside"),
    "absolute": (tarred({"/evil": "x"}), {"unpack": "tar"}, "member '/evil' lies outside"),
    "zip link": (zipped({}, ["images"]), {"unpack": "zip"}, "member 'images' is a link"),
    "tar link": (tarred({}, ["images"]), {"unpack": "tar"}, "member 'images' is a link"),
    "folder": (zipped({"a": "x"}), {"unpack": "zip", "folder": "b"}, "has no folder 'b'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_or_unsafe_is_refused_and_nothing_is_kept(server, tmp_path, capsys, name):
    content, entry, sentence = FAULTS[name]
    entry = {key: value.format(address=server[1]) if isinstance(value, str) else value for key, value in entry.items()}
    status, out = fetch(server, tmp_path, content, **entry)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hemoseg download: ")]
    assert status == 2
    assert len(said) == 1
    assert re.search(sentence, said[0]), said[0]
    assert not out.exists()
    assert not (tmp_path / "evil").exists()
    assert list((tmp_path / "data").glob("*")) == []


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("hemoseg.steps.download.MOST_BYTES", 1000)
    status, out = fetch(server, tmp_path, zipped({"a": "x" * 2000}), unpack="zip")
    assert status == 2
    assert "unpacks to 2,000 bytes, more than 1,000" in capsys.readouterr().err
    assert not out.exists()


def test_a_name_that_the_catalogue_has_not_is_answered_with_those_it_has(tmp_path, capsys):
    (tmp_path / "list.yaml").write_text("mine: {url: a}\n")
    assert main(["download", "yours", "--catalogue", str(tmp_path / "list.yaml")]) == 2
    assert "no dataset 'yours' (there is mine)" in capsys.readouterr().err


def test_the_catalogue_of_the_workflow_is_the_default(tmp_path, capsys, monkeypatch):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/catalogue.yaml").write_text("mine: {url: a}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["download", "yours"]) == 2
    assert "workflow/catalogue.yaml: no dataset 'yours' (there is mine)" in capsys.readouterr().err
