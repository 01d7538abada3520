"""ilastik's pixel classification: the real one, headless, where it is installed, else our own `pixel_forest`.

scd2020 counts ilastik as unsupervised; its pixel classification is supervised, a random forest trained on strokes. Both
forms get the same strokes, drawn from the training labels (`hemoseg.labels.strokes`).

The executable is what the environment variable HEMOSEG_ILASTIK names, else ``run_ilastik.sh`` or ``ilastik`` on the
PATH; nothing else in this package reads the environment. What was found when the method was fitted travels with it:
`predict` never takes the other one. The project is that of `hemoseg.labels.ilastik_project`; the flags are those of
ilastik's own source (repository ilastik/ilastik): ilastik/app.py (``--headless``, ``--project``),
ilastik/workflows/pixelClassification/pixelClassificationWorkflow.py (``--retrain``, ``--tree-count``) and
ilastik/applets/dataExport/dataExportApplet.py (the export). ilastik starts, and trains, once per image. It draws its
trees anew each time and refuses scales that are too large for an image; the setting ``seed`` is that of the strokes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hemoseg.errors import InputError
from hemoseg.labels.ilastik_project import project_bytes, read_probability, write_image
from hemoseg.models import Labelled, pixel_forest

VARIABLE = "HEMOSEG_ILASTIK"
COMMANDS = ("run_ilastik.sh", "ilastik")
SECONDS = 600  # for one image, the start of ilastik and its training included
REMEDY = f"install ilastik, name its executable in {VARIABLE}, or train again without it"


def fit(
    images: list[np.ndarray], classes: list[np.ndarray], instances: list[np.ndarray], **settings: Any
) -> dict[str, np.ndarray]:
    """Write the project with its strokes, or train our own forest where there is no ilastik.

    Args:
        images: float32 ``(C, H, W)`` each.
        classes: uint8 ``(H, W)`` each, 255 = ignore.
        instances: not looked at.
        settings: see `pixel_forest.DEFAULTS`.

    Returns:
        ``project`` (the bytes of the .ilp file, no classifier in it) and ``classes`` (the class of each of ilastik's
        labels); without ilastik what `pixel_forest.fit` returns.

    Raises:
        InputError: a setting is unknown or makes no sense, or the environment names no executable.
        ValueError: no pixel is labelled.
    """
    if executable() is None:
        print("no ilastik found: the row is our own random forest (models/pixel_forest.py)", file=sys.stderr)
        return pixel_forest.fit(images, classes, instances, **settings)
    own = pixel_forest.checked(settings)
    strokes = pixel_forest.strokes_of(classes, own)
    drawn = [number for number, marks in enumerate(strokes) if marks.any()]
    found = np.setdiff1d(np.concatenate([strokes[number].ravel() for number in drawn]), [0])
    of_class = np.zeros(256, np.uint8)
    of_class[found] = np.arange(1, found.size + 1)  # ilastik's labels have no gaps
    project = project_bytes(
        [images[number] for number in drawn],
        [of_class[strokes[number]] for number in drawn],
        labels=found.size,
        scales=own["scales"],
        families=own["families"],
    )
    return {"project": np.frombuffer(project, np.uint8).copy(), "classes": found.astype(np.int64) - 1}


def predict(image: np.ndarray, fitted: dict[str, np.ndarray], **settings: Any) -> Labelled:
    """Label one image float32 ``(C, H, W)`` with the probability of every class that was trained.

    A constant image shows nothing that could be told apart: all of it is background.

    Raises:
        InputError: the method was fitted with ilastik, and here it is absent, fails, takes too long or says nothing.
    """
    if "project" not in fitted:
        return pixel_forest.predict(image, fitted, **settings)
    own = pixel_forest.checked(settings)
    command = executable()
    if command is None:
        raise InputError(f"the model was fitted with ilastik, which this machine has not; {REMEDY}")
    classes = fitted["classes"]
    probability = np.zeros((int(classes.max()) + 1, *image.shape[1:]), np.float32)
    if image.min() == image.max():
        probability[0] = 1
    else:
        probability[classes] = _said(command, fitted["project"].tobytes(), image, own["trees"], len(classes))
    return Labelled(probability.argmax(axis=0).astype(np.uint8), probability)


def describe(fitted: dict[str, np.ndarray]) -> dict[str, str]:
    """Which of the two it was."""
    return {"ran": "ilastik itself" if "project" in fitted else "our random forest (no ilastik found)"}


def executable() -> str | None:
    """The ilastik to run, or none.

    Raises:
        InputError: the environment names what is no executable.
    """
    named = os.environ.get(VARIABLE)
    found = next(filter(None, map(shutil.which, [named] if named else COMMANDS)), None)
    if named and found is None:
        raise InputError(f"{VARIABLE}={named}: no executable; correct it, or unset it to go on without ilastik")
    return found


def _said(command: str, project: bytes, image: np.ndarray, trees: int, labels: int) -> np.ndarray:
    """Probabilities of ilastik's labels for one image, float32 ``(K, H, W)``."""
    with tempfile.TemporaryDirectory(prefix="hemoseg-ilastik-") as name:
        folder = Path(name)
        (folder / "project.ilp").write_bytes(project)
        write_image(folder / "image.h5", image)
        words = [
            command,
            "--headless",
            f"--project={folder / 'project.ilp'}",
            "--retrain",
            f"--tree-count={trees}",
            "--export_source=Probabilities",
            "--export_dtype=float32",
            "--output_format=hdf5",
            "--output_axis_order=yxc",
            f"--output_filename_format={folder / 'probability.h5'}",
            "--output_internal_path=probability",
            f"--raw_data={folder / 'image.h5'}/image",
        ]
        last = _run(words)
        try:
            said = read_probability(folder / "probability.h5")
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{command}: left no probabilities ({error}); {last}") from None
    if said.shape != (labels, *image.shape[1:]) or not np.isfinite(said).all():
        raise InputError(f"{command}: {said.shape} probabilities for {labels} labels of {image.shape[1:]}; {REMEDY}")
    return said


def _run(words: list[str]) -> str:
    """Run ilastik; its last words."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise InputError(f"{words[0]}: no answer within {SECONDS} s for one image; {REMEDY}") from None
    except OSError as error:
        raise InputError(f"{words[0]}: cannot be run ({error.strerror}); {REMEDY}") from None
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    last = f"its last words: {said[-1][:300]!r}" if said else "it said nothing"
    if done.returncode:
        raise InputError(f"{words[0]}: failed with status {done.returncode}; {last}")
    return last
