"""What the jobs find in their environment."""

import os
import sys
from pathlib import Path


def prepare_environment() -> None:
    """Let ``python`` mean the one that runs Snakemake.

    Under ``--use-conda`` the activated environment puts its own python before it.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # glibc hands every large temporary back to the system and fetches it anew: a seventh of a deformable step.
    os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(10**11))
