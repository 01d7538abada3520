"""What a model's own cross-validation showed of it, wherever the model lies: a folder, a package, or the file alone."""

from pathlib import Path
from typing import Any

from hemoseg.steps.descriptions import read_evidence
from hemoseg.steps.segmented import Segmented

EVIDENCE, PACKAGE = "evidence.json", ".zip"


def evidence_of(path: Path) -> dict[str, Any]:
    """Sections of the evidence of a model's folder or package, or of an ``evidence.json``.

    Raises:
        InputError: it is absent, damaged, or says what makes no sense.
    """
    if path.is_file() and path.suffix.lower() == PACKAGE:
        from hemoseg.steps.stored import read_stored  # torch, which a file of JSON does not need

        return read_stored(path).evidence
    return read_evidence(path / EVIDENCE if path.is_dir() else path)


def beside_model(segmented: Segmented) -> Path | None:
    """Where the evidence of the model that segmented lies, from where `segment` began or from here; none if gone."""
    told = Path(str(segmented.facts["model"].get("path", "")))
    places = [segmented.folder / segmented.facts.get("started_in", ".") / told, told]
    for place in places:
        if (place / EVIDENCE).is_file():
            return place / EVIDENCE
        if place.is_file() and place.suffix.lower() == PACKAGE:
            return place
    return None
