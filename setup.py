"""Builds what is compiled: the deformable layer for processors. It installs without a compiler too."""

import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path("src/hemoseg/nn/native/deform.cpp")
# One library for each level that torch knows too, so that no machine of a cluster meets what it cannot run.
LEVELS = {
    "base": [],
    "x86-64-v3": ["-march=x86-64-v3"],
    "x86-64-v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}
FLAGS = "-std=c++17 -O3 -fno-math-errno -fno-trapping-math -fPIC -shared -Wall -Wno-psabi -Wno-maybe-uninitialized"


class BuildLibraries(build_ext):
    """Compile plain shared libraries: they know nothing of Python, so one serves every version of it."""

    def run(self) -> None:
        folder = SOURCE.parent if self.inplace or self.editable_mode else Path(self.build_lib, *SOURCE.parts[1:-1])
        levels = LEVELS if platform.machine().lower() in ("x86_64", "amd64") else {"base": []}
        compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
        if compiler is None:
            self.tell("there is no C++ compiler")
            return
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            errors = list(pool.map(lambda level: _compile(compiler, levels[level], folder, level), levels))
        for error in filter(None, errors):
            self.tell(error)

    def tell(self, why: str) -> None:
        print(f"hemoseg: deformable layers will run in the slower kornia form: {why}", file=sys.stderr)

    def get_outputs(self) -> list[str]:
        return [str(path) for path in Path(self.build_lib).rglob("libdeform-*.so")]

    def get_output_mapping(self) -> dict[str, str]:
        return {}

    def get_source_files(self) -> list[str]:
        return [str(path) for path in sorted(SOURCE.parent.glob("*.?pp"))]


def _compile(compiler: str, flags: list[str], folder: Path, level: str) -> str | None:
    """Write a library whole or not at all; the compiler's first words if it refuses."""
    library = folder / f"libdeform-{level}.so"
    begun = library.with_suffix(".part")
    done = subprocess.run(
        [compiler, *FLAGS.split(), *flags, str(SOURCE), "-o", str(begun)], capture_output=True, text=True
    )
    if done.returncode:
        begun.unlink(missing_ok=True)
        return f"{compiler} {' '.join(flags)} {SOURCE}: {done.stderr.strip()[:500]}"
    begun.replace(library)
    return None


library = Extension("hemoseg.nn.native", [str(SOURCE)], optional=True)
setup(cmdclass={"build_ext": BuildLibraries}, ext_modules=[library])
