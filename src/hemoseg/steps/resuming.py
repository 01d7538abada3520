"""A training that may be killed at any moment: its state waits on disk, and the same command goes on from there."""

import shutil
import signal
import sys
import time
from pathlib import Path

from hemoseg.errors import InputError
from hemoseg.steps.progress import Progress
from hemoseg.steps.weights import read_weights, write_weights
from hemoseg.training.loop import NonFiniteLoss, Training, plain_state

KEPT_DAYS = 14  # how long the state of a training waits to be resumed


def run(training: Training, state: Path, what: str, checkpoint_seconds: float, *, writes: bool) -> None:
    """Advance the training to its end; keep its state on disk so that a kill loses little.

    The finished state stays too: DVC deletes a stage's outputs before it runs, Snakemake those of a failed job, and
    neither may cost a training that was done.

    Args:
        training: as it begins.
        state: file of its state, in a folder of its own beside those of other trainings.
        what: whose progress is told.
        checkpoint_seconds: between two saved states.
        writes: false where another process saves them.

    Raises:
        InputError: the loss is no longer finite; the last good weights lie beside the state.
    """
    _forget_old(state.parents[1])
    if state.exists():
        training.restore(*read_weights(state))
        print(f"resumed at step {training.done} of {training.plan.steps}", file=sys.stderr)
    stopped = _signals_noted()
    with Progress(training.plan.steps, what, done=training.done) as progress:
        try:
            _advance(training, state, checkpoint_seconds if writes else float("inf"), progress, stopped)
        except NonFiniteLoss as error:
            kept = state.with_name("last_good.safetensors")
            write_weights(kept, plain_state(training.network))
            raise InputError(f"{error}; the last good weights are kept in {kept}; lower train.learning_rate") from None
    if writes:
        write_weights(state, *training.state())
    if stopped:
        print(f"stopped by a signal at step {training.done}; the same command goes on from here", file=sys.stderr)
        sys.exit(128 + stopped[0])


def _advance(
    training: Training, state: Path, checkpoint_seconds: float, progress: Progress, stopped: list[int]
) -> None:
    """Step until the end, or until a signal is noted: a step is never left half-way."""
    saved = time.monotonic()
    note = ""
    while not training.finished and not stopped:
        loss = training.step()
        if training.validation_due:
            note = f", val Dice {training.validate()['val_dice']:.3f}"
        if time.monotonic() - saved >= checkpoint_seconds:
            write_weights(state, *training.state())
            saved = time.monotonic()
        rate = training.done * training.plan.batch_size / training.seconds
        progress.update(f"loss {loss:.4f}{note}, {rate:.1f} images/s")


def _signals_noted() -> list[int]:
    """A list that receives the number of the first SIGINT or SIGTERM; a second one ends the process at once."""
    noted: list[int] = []

    def note(number: int, _: object) -> None:
        noted.append(number)
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return noted


def _forget_old(folder: Path) -> None:
    """Remove states that nobody came back to."""
    for state in folder.glob("*/*.safetensors"):
        if time.time() - state.stat().st_mtime > KEPT_DAYS * 86400:
            shutil.rmtree(state.parent, ignore_errors=True)
