"""Ten seconds of the real thing: one training step, a checkpoint and back, a sum over two processes."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from gluonlab.commands import gluonlab_command, install_command
from gluonlab.doctor.child import ask
from gluonlab.doctor.finding import Finding, fail, ok

AGAIN = f"{install_command()}, then {gluonlab_command('doctor')} again"


def check_training() -> Iterator[Finding]:
    """One update of a small network, and its checkpoint."""
    with TemporaryDirectory(prefix="gluonlab-doctor-") as folder:
        answer = ask("training_step", folder)
    if answer.error:
        yield fail("training step", answer.error, answer.mend or AGAIN)
        return
    values = answer.values
    yield ok(
        "training step", f"loss {values['loss']:.3f} after {values['seconds']:.2f} s on {values['device']}"
    )
    yield ok("checkpoint", "written, read and equal")


def check_all_reduce(backend: str) -> Finding:
    """A sum over two processes that the launcher starts."""
    answer = ask("all_reduce", backend)
    if answer.error:
        mend = answer.mend or f"{AGAIN}; launch has other values of --backend"
        return fail("all-reduce", f"over 2 processes ({backend}): {answer.error}", mend)
    return ok("all-reduce", f"over 2 processes ({backend}) in {answer.values['seconds']:.1f} s with start-up")
