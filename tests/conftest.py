"""A copy of the repository in which a test may run the engines."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# Whatever a test starts would compile its modules anew, Snakemake's and DVC's for a second each, were Python told to
# keep none.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).parents[1]
JOB = re.compile(r"^(?:local)?rule (\w+):$\n(?P<body>(?:^(?: +|Shell command: ).*$\n?)*)", re.MULTILINE)


class Workspace:
    """A folder with the repository's files, and what runs in it."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __truediv__(self, path):
        return self.folder / path

    def run(self, *command, expect=0, timeout=900, **variables):
        """Output of a command, both streams in one; fails unless it exits with ``expect``."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "DVC", "PYTEST"))}
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        environment |= {"PYTHONPATH": "src", "COLUMNS": "120"} | variables
        words = [str(word) for word in command]
        if words[:2] == ["snakemake", "--dry-run"]:
            status, said = dry_run(words[1:], self.folder, environment, timeout)
        else:
            done = subprocess.run(
                words, cwd=self.folder, env=environment, timeout=timeout, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            status, said = done.returncode, done.stdout
        assert status == expect, f"{command} ended with {status}:\n{said[-6000:]}"
        return said

    def planned(self, *arguments):
        """Jobs of a dry run as ``{"train unet/fold1/0": body}``; the body has lines such as ``input: a, b``."""
        return {_name(rule, body): body for rule, body in self.planned_jobs(*arguments)}

    def planned_jobs(self, *arguments, **variables):
        """Jobs of a dry run as (rule, body)."""
        output = self.run("snakemake", "--dry-run", *arguments, **variables)
        jobs = [(found[1], found["body"]) for found in JOB.finditer(output)]
        assert jobs or "Nothing to be done" in output, output
        return jobs

    def copy(self, folder):
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder)


@cache
def warm_snakemake():
    """The process that has Snakemake imported, which is most of what a dry run does; it ends with this one."""
    command = [sys.executable, REPOSITORY / "tests" / "warm_snakemake.py"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def dry_run(words, folder, environment, timeout):
    """Exit status and output of ``snakemake``, in a process forked off the warm one."""
    warm = warm_snakemake()
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
        told = {"words": words, "folder": str(folder), "environment": environment, "timeout": timeout}
        warm.stdin.write(json.dumps(told | {"output": output.name}) + "\n")
        warm.stdin.flush()
        return int(warm.stdout.readline()), output.read()


def _name(rule, body):
    """``train unet/fold1/0``: a job's rule and its wildcards, without the experiment."""
    wildcards = dict(re.findall(r"(\w+)=([^,\s]+)", _field(body, "wildcards")))
    return " ".join([rule, "/".join(value for key, value in wildcards.items() if key != "experiment")]).strip()


def _field(body, name):
    found = re.search(rf"^ +{name}: (.*)$", body, re.MULTILINE)
    return found[1] if found else ""


@pytest.fixture(scope="session")
def field():
    """One line of a job's body: ``field(body, "input")``."""
    return _field


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """The repository as a fresh clone would be; tests may look and dry-run, and leave nothing."""
    folder = tmp_path_factory.mktemp("pristine")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():  # a file that is deleted but still tracked is none
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    return Workspace(folder)


@pytest.fixture
def workspace(pristine, tmp_path):
    """A fresh clone of the test's own."""
    return pristine.copy(tmp_path / "hemoseg")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """A web server on the loopback device and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


class ByFile(LoadScopeScheduling):
    """Keeps the tests of a file on one worker, which makes what they share once, and those of a named group of files.

    xdist's own `--dist loadgroup` parts files, and knows no groups: it looks for them in a field that pytest 9.2 no
    longer reads (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        return _group(file) or file

    def _assign_work_unit(self, node):
        """Named groups take minutes: begun last, they would leave the other worker idle."""
        first = next((scope for scope in self.workqueue if not scope.endswith(".py")), next(iter(self.workqueue)))
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@cache
def _group(file):
    named = re.search(r"""xdist_group\(["'](\w+)""", (REPOSITORY / file).read_text(encoding="utf-8"))
    return named and named[1]


def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None
