"""Fetch a public dataset by address and sha256 from a list, and unpack it."""

import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from tqdm import tqdm

from hemoseg.errors import InputError
from hemoseg.settings import with_defaults
from hemoseg.steps import arguments
from hemoseg.steps.files import folder_written_whole, has_marker, write_json, write_text

ENTRY: dict[str, Any] = {
    "url": None,
    "sha256": None,
    "unpack": "none",  # zip, tar (any compression) or none
    "folder": "",  # part of the archive that is the dataset, "" for all of it
    "description": {},  # becomes dataset.yaml where the archive brings none
    "licence": "",
    "citation": "",
}
CATALOGUE = "workflow/catalogue.yaml"
MOST_BYTES = 200 * 2**30  # unpacked
CHUNK = 2**20
MARKER = ".hemoseg-download.json"  # tells a folder that may be replaced


def main(argv: Sequence[str] | None = None) -> None:
    """Write the dataset NAME of ``--catalogue`` to ``--out``."""
    parser = arguments.parser("download", __doc__)
    parser.add_argument("name", help="name of the dataset in the catalogue")
    parser.add_argument(
        "--catalogue", default=CATALOGUE, help=f"YAML: name: {{url, sha256, ...}} (default {CATALOGUE})"
    )
    parser.add_argument("--out", help="folder to write (default data/NAME); an older one of this step is replaced")
    given = parser.parse_args(argv)
    entry = read_entry(given.catalogue, given.name)
    out = Path(given.out or Path("data") / given.name)
    download(entry, given.name, out)
    print(
        f"{out}: {given.name}\nlicence: {entry['licence'] or 'not stated'}\ncite: {entry['citation'] or 'not stated'}"
    )


def read_entry(catalogue: str | Path, name: str) -> dict[str, Any]:
    """One entry of a catalogue.

    Raises:
        InputError: the catalogue cannot be read, has no such entry, or the entry lacks its address or hash.
    """
    try:
        content = yaml.safe_load(Path(catalogue).read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise InputError(f"{catalogue}: no such file; name a catalogue of datasets") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{catalogue}: not readable as YAML ({' '.join(str(error).split())[:120]}); mend it") from None
    if not isinstance(content, dict) or not isinstance(content.get(name), dict):
        known = ", ".join(content) if isinstance(content, dict) and content else "none"
        raise InputError(f"{catalogue}: no dataset {name!r} (there is {known}); add it with its url and sha256")
    entry = with_defaults(content[name], ENTRY, f"{catalogue}: {name}")
    if not entry["url"] or len(str(entry["sha256"] or "")) != 64:
        raise InputError(f"{catalogue}: {name} needs `url` and `sha256` (64 hexadecimal digits); add them")
    if entry["unpack"] not in ("zip", "tar", "none"):
        raise InputError(f"{catalogue}: {name}: unpack {entry['unpack']!r} is none of zip, tar, none.")
    return entry


def download(entry: dict[str, Any], name: str, out: Path) -> None:
    """Fetch, verify and unpack into ``out``; it appears whole or not at all.

    Raises:
        InputError: the address cannot be read, the hash differs, or the archive is damaged or unsafe.
    """
    with folder_written_whole(out, has_marker(MARKER)) as folder:
        archive = folder / PurePosixPath(urllib.request.url2pathname(entry["url"].split("?")[0])).name
        fetch(entry["url"], archive, str(entry["sha256"]).lower())
        if entry["unpack"] != "none":
            _unpack(archive, folder / ".unpacked", entry["unpack"])
            archive.unlink()
            _move(folder / ".unpacked", entry["folder"], folder, name)
        if not (folder / "dataset.yaml").exists():
            described = {"name": name, "licence": entry["licence"], "citation": entry["citation"]}
            text = yaml.safe_dump(described | entry["description"], allow_unicode=True, sort_keys=False)
            write_text(folder / "dataset.yaml", text)
        write_json(folder / MARKER, {"name": name, "url": entry["url"], "sha256": entry["sha256"]})


def fetch(url: str, target: Path, sha256: str, stated: str = "the catalogue says") -> None:
    """Write what ``url`` gives to ``target``; ``stated`` begins the clause on the hash wanted.

    Raises:
        InputError: it cannot be read, or is not what its hash says.
    """
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=60) as response, open(target, "wb") as file:
            total = int(response.headers.get("Content-Length") or 0) or None
            with tqdm(total=total, desc=target.name, unit="B", unit_scale=True) as bar:
                while chunk := response.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
                    bar.update(len(chunk))
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        raise InputError(f"{url}: cannot be fetched ({error}); check the address and the network") from None
    if digest.hexdigest() != sha256:
        raise InputError(
            f"{url}: sha256 is {digest.hexdigest()}, {stated} {sha256}; nothing was kept: ask the source which is right"
        )


def _unpack(archive: Path, folder: Path, kind: str) -> None:
    """Write the plain files of an archive; names that lead outside, links and devices are refused."""
    folder.mkdir()
    try:
        if kind == "zip":
            with zipfile.ZipFile(archive) as opened:
                members = [m for m in opened.infolist() if not m.is_dir()]
                links = [m.filename for m in members if (m.external_attr >> 16) & 0o170000 not in (0, 0o100000)]
                _check(archive, [m.filename for m in members], links, sum(m.file_size for m in members))
                for member in tqdm(members, desc="unpack", unit="file"):
                    with opened.open(member) as source:
                        _write(source, folder / member.filename)
            return
        with tarfile.open(archive) as opened:
            members = [m for m in opened.getmembers() if not m.isdir()]
            links = [m.name for m in members if not m.isreg()]
            _check(archive, [m.name for m in members], links, sum(m.size for m in members))
            for member in tqdm(members, desc="unpack", unit="file"):
                _write(opened.extractfile(member), folder / member.name)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{archive.name}: no {kind} archive, or damaged ({error}); correct `unpack`") from None


def _check(archive: Path, names: list[str], links: list[str], size: int) -> None:
    """Refuse an archive that would write elsewhere, or more than the disk should hold."""
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise InputError(f"{archive.name}: member {name!r} lies outside the archive; do not use this file")
    if links:
        raise InputError(f"{archive.name}: member {links[0]!r} is a link or device; do not use this file")
    if size > MOST_BYTES:
        raise InputError(f"{archive.name}: unpacks to {size:,} bytes, more than {MOST_BYTES:,}; unpack it by hand")


def _write(source, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        shutil.copyfileobj(source, file, CHUNK)


def _move(unpacked: Path, part: str, folder: Path, name: str) -> None:
    """Move the chosen part of what was unpacked into the dataset's folder."""
    source = unpacked / part
    if ".." in PurePosixPath(part).parts or not source.is_dir():
        raise InputError(f"{name}: the archive has no folder {part!r}; correct `folder` in the catalogue")
    for item in sorted(source.iterdir()):
        shutil.move(item, folder / item.name)
    shutil.rmtree(unpacked)
