"""What the jobs find in their environment."""

import os
import sys
from pathlib import Path


def prepare_environment() -> None:
    """Let ``python -m hemoseg`` mean this checkout, run by the python that runs Snakemake.

    Under ``--use-conda`` the activated environment puts its own python before it.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.environ["PYTHONPATH"] = "src"
