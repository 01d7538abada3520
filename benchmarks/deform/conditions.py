"""What the timed process finds: its allocator, its threads and its neighbours. Imports no torch."""

import os
import sys
import time
from pathlib import Path

# As `workflow/environment.py` sets them for jobs; glibc reads them when a process starts.
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(10**11)}
BUSY = 0.1  # cores that others may use before it is said


def reenter(threads: int) -> None:
    """Run this command anew in the environment of a job, unless it has that already."""
    wanted = ALLOCATOR | {"OMP_NUM_THREADS": str(threads)}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        sys.stdout.flush()
        os.execve(sys.executable, sys.orig_argv, os.environ | wanted)


class Neighbours:
    """Cores that other processes keep busy, over a second at the start and over the whole run."""

    def __init__(self):
        before = _processor_seconds()
        time.sleep(1)
        now = _processor_seconds()
        self.load_at_start = os.getloadavg()
        self.cores_before = _others(before, now)
        self.begin = now

    def report(self) -> dict[str, object]:
        """Load averages and busy cores, with a warning on standard error where timings cannot be trusted."""
        during = _others(self.begin, _processor_seconds())
        for when, cores in (("before", self.cores_before), ("during", during)):
            if cores is not None and cores > BUSY:
                print(f"WARNING: other processes kept {cores:.2f} cores busy {when} the run", file=sys.stderr)
        return {
            "load_average_at_start": self.load_at_start,
            "load_average_at_end": os.getloadavg(),
            "others_busy_cores_before": self.cores_before,
            "others_busy_cores_during": during,
        }


def _processor_seconds() -> tuple[float, float, float]:
    """Wall clock, seconds all processes computed, seconds this one and its children did."""
    try:
        numbers = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        ticks = sum(int(numbers[i]) for i in (0, 1, 2, 5, 6))  # user, nice, system, interrupts
        busy = ticks / os.sysconf("SC_CLK_TCK")
    except OSError:
        busy = float("nan")
    return time.monotonic(), busy, sum(os.times()[:4])


def _others(before: tuple[float, float, float], now: tuple[float, float, float]) -> float | None:
    wall, busy, own = (b - a for a, b in zip(before, now, strict=True))
    cores = (busy - own) / wall
    return None if cores != cores else max(0.0, cores)
