"""Published weights that a training starts from: where they are, or where they come from."""

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from refusals import PlanError

FOLDER = "data/weights"  # files there are named by their hash: another address alone trains nothing again
SUFFIXES = (".safetensors", ".pth", ".pt")
SCHEMES = ("https://", "http://")


def pretrained_weights(place: str, model: dict[str, Any]) -> dict[str, Any] | None:
    """``pretrained`` of a model's block: ``file``, ``sha256`` (or none) and ``url`` (or none); none where it has none.

    Raises:
        PlanError: not exactly one of path and url, no such file, a URL without sha256, or a second start beside it.
    """
    given = {key: value for key, value in (model.get("pretrained") or {}).items() if value is not None}
    if not given:
        return None
    place = f"{place}.pretrained"
    for link in ("init_from", "weights_from"):
        if model.get(link) is not None:
            raise PlanError(f"{place}: {link} already says where the weights come from; keep one of the two")
    if ("path" in given) == ("url" in given):
        raise PlanError(f"{place}: give either `path`, a file, or `url` with its `sha256`; null takes a key out")
    if "url" in given and not given["url"].startswith(SCHEMES):
        raise PlanError(f"{place}.url: {given['url']!r} is no web address; give one, or name a file as `path`")
    digest = given.get("sha256")
    if digest is None and "url" in given:
        raise PlanError(f"{place}: a url needs its sha256; give the 64 digits that its publisher states")
    if digest is not None and not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise PlanError(f"{place}.sha256: {digest!r} is no hash; give 64 hexadecimal digits, from `sha256sum`")
    digest = digest and digest.lower()
    source = given.get("path") or _path_of(f"{place}.url", given["url"])
    suffix = PurePosixPath(source).suffix
    if suffix not in SUFFIXES:
        raise PlanError(f"{place}: {source} is no file of weights; give one that ends in {', '.join(SUFFIXES)}")
    if "path" in given and not Path(source).is_file():
        raise PlanError(f"{place}.path: there is no file {source}; put the weights there, or mend the path")
    file = given.get("path") or f"{FOLDER}/{digest}{suffix}"
    return {"file": file, "sha256": digest, "url": given.get("url")}


def _path_of(place: str, url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise PlanError(f"{place}: {url!r} is no address ({error}); mend it") from None


def told_to_train(model: dict[str, Any]) -> dict[str, Any]:
    """What the step is told of the weights: their hash and where they are from; nothing of none."""
    weights = model["pretrained"]
    if weights is None:
        return {}
    return {"pretrained": {"sha256": weights["sha256"], "from": weights["url"] or PurePosixPath(weights["file"]).name}}


def addresses(experiments: dict[str, Any]) -> dict[str, dict[str, str]]:
    """``url`` and ``sha256`` of every file that is fetched, by its name in `FOLDER`."""
    models = [model for experiment in experiments.values() for model in experiment["models"].values()]
    fetched = [model["pretrained"] for model in models if model["pretrained"] and model["pretrained"]["url"]]
    return {PurePosixPath(one["file"]).name: {"url": one["url"], "sha256": one["sha256"]} for one in fetched}
