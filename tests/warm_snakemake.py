"""Snakemake, imported once: each line of the input is a command for a process of its own, forked off this one.

A line is JSON: the ``words`` after ``snakemake``, the ``folder`` to run in, the ``environment``, the ``output`` file of
both streams, and the ``timeout`` in seconds, after which the command is killed. The answer is its exit status.
"""

import json
import os
import signal
import sys

import jsonschema  # noqa: F401 - as are those below: what the Snakefile and a dry run import
import snakemake.api
import snakemake.workflow  # noqa: F401
import yaml  # noqa: F401
from snakemake.cli import get_argument_parser, main


def run(words, folder, environment, output, timeout):
    """What the command line does, in this process."""
    signal.alarm(timeout)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, os.open(output, os.O_WRONLY))):
        os.dup2(opened, stream)
    os.dup2(1, 2)
    sys.argv = ["snakemake", *words]
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    main(words)


if __name__ == "__main__":
    get_argument_parser()  # imports the plug-ins
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            answers.close()
            run(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)
