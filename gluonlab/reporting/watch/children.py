"""What the live page has other processes do: verbs of gluonlab on one run, with a limit of time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from platform import node
from typing import Any

from gluonlab.reporting import run_files
from gluonlab.reporting.watch.files import lock_holders, read_part

SAMPLES = 12
SAMPLES_SECONDS = 180.0
DELETE_SECONDS = 120.0
# A command that cannot go on says so within these.
RESUME_SECONDS = 5.0
_VERBS = (sys.executable, "-m", "gluonlab.cli.main")
Answer = dict[str, Any]


class Children:
    """Starts one process at a time; what it says on its last line is the note of a failure."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._samples: dict[tuple[str, str], Answer] = {}

    def samples(self, run: Path) -> Answer:
        """Images of the validation set with what the newest checkpoint says of them."""
        key = (str(run), _newest_checkpoint(run))
        if not self._turn.acquire(blocking=False):
            return {"note": "busy with another request; try again"}
        try:
            if key not in self._samples:
                words = ("evaluate", str(run), "--samples", str(SAMPLES), "--json", "-")
                done = _run(*words, seconds=SAMPLES_SECONDS)
                if "note" in done:
                    return done
                self._samples = {key: {"samples": json.loads(done["said"]), "checkpoint": key[1]}}
            return self._samples[key]
        finally:
            self._turn.release()

    def carry_out(self, run: Path, action: str) -> Answer:
        """``stop`` with a checkpoint, ``resume`` or ``delete`` the run; the note says what came of it."""
        actions = {"stop": _stop, "resume": _resume, "delete": _delete}
        if action not in actions:
            return {"note": "no such action"}
        with self._turn:
            return actions[action](run)


def _newest_checkpoint(run: Path) -> str:
    try:
        return max(os.listdir(run / run_files.CHECKPOINTS), default="")
    except OSError:
        return ""


def _stop(run: Path) -> Answer:
    """By the signal that saves and stops; only the process of this host that holds the run's lock gets it."""
    holder = lock_holders().get(os.lstat(run / run_files.LOCK).st_ino)
    named = read_part(run / run_files.LOCK, 0, 200).decode(errors="replace")
    if holder is None or named != f"{holder} on {node()}":
        return {"note": "no process of this host runs it"}
    os.kill(holder, signal.SIGTERM)
    return {"note": "asked to save and stop"}


def _resume(run: Path) -> Answer:
    """By the command that began it, in a session of its own: it outlives this page."""
    with tempfile.TemporaryFile() as said:
        command = [*_VERBS, "runs", str(run.parent), "--resume", run.name]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            code = process.wait(RESUME_SECONDS)
        except subprocess.TimeoutExpired:
            threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
            return {"note": "started"}
        said.seek(0)
        return {"note": _last_line(said.read()) if code else "ended well"}


def _delete(run: Path) -> Answer:
    done = _run("runs", str(run.parent), "--delete", run.name, "--yes", seconds=DELETE_SECONDS)
    return done if "note" in done else {"note": "deleted"}


def _run(*words: str, seconds: float) -> Answer:
    """``said``: what ``gluonlab`` with ``words`` printed, or ``note``: why it failed."""
    try:
        done = subprocess.run(
            [*_VERBS, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"note": f"{words[0]} took longer than {seconds:g} s"}
    return {"note": _last_line(done.stderr)} if done.returncode else {"said": done.stdout.decode()}


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "failed without a word"
