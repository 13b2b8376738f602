"""A directory is known by what it is, not by its path: whatever becomes of it is noticed and named."""

import errno
import os
import shutil

import pytest

from gluonlab.reporting import held_directory
from gluonlab.reporting.held_directory import HeldDirectory


@pytest.fixture
def run_dir(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    (path / "config.json").touch()
    return path


@pytest.fixture
def held(run_dir):
    held = HeldDirectory(run_dir)
    held.hold()
    return held


def test_what_goes_on_inside_is_no_problem(held, run_dir):
    (run_dir / "checkpoints").mkdir()
    (run_dir / "summary.json").touch()
    (run_dir / "summary.json").unlink()
    assert held.problem() == ""
    held.check()


def test_it_says_where_it_was_moved(held, run_dir):
    os.rename(run_dir, run_dir.with_name("other"))
    assert held.problem() == f"was moved to {run_dir.with_name('other')}"
    with pytest.raises(OSError, match="was moved to"):
        held.check()


def test_a_parent_that_was_moved_took_it_along(tmp_path):
    (tmp_path / "runs/one").mkdir(parents=True)
    held = HeldDirectory(tmp_path / "runs/one")
    held.hold()
    os.rename(tmp_path / "runs", tmp_path / "old")
    assert held.problem() == f"was moved to {tmp_path / 'old/one'}"


def test_a_new_one_at_once_in_its_place_is_another(held, run_dir):
    """A file system may give it the number of the one that was removed, unless that is held."""
    shutil.rmtree(run_dir)
    run_dir.mkdir()
    assert held.problem() == "was removed"
    assert not list(run_dir.iterdir())


def test_a_copy_in_its_place_is_another(held, run_dir):
    os.rename(run_dir, run_dir.with_name("other"))
    shutil.copytree(run_dir.with_name("other"), run_dir)
    assert "was moved to" in held.problem()


def test_what_is_lost_stays_lost(held, run_dir):
    os.rename(run_dir, run_dir.with_name("other"))
    assert held.is_lost
    os.rename(run_dir.with_name("other"), run_dir)
    assert held.is_lost


def test_a_directory_that_was_emptied_is_no_run(held, run_dir):
    (run_dir / "config.json").unlink()
    assert held.problem() == "has lost its config.json"


def test_one_that_was_never_there_was_not_lost(tmp_path):
    held = HeldDirectory(tmp_path / "run")
    held.hold()
    assert (held.problem(), held.is_lost) == ("No such file or directory", False)
    (tmp_path / "run").mkdir()
    assert held.problem() == ""
    (tmp_path / "run").rmdir()
    assert (held.problem(), held.is_lost) == ("was removed", True)


def test_an_error_that_may_pass_is_waited_for(held, monkeypatch):
    clock, error = [100.0], OSError(errno.EIO, os.strerror(errno.EIO))
    stat = os.stat

    def failing_stat(path):
        if error and path == held.path:
            raise error
        return stat(path)

    monkeypatch.setattr(held_directory.os, "stat", failing_stat)
    monkeypatch.setattr(held_directory.time, "monotonic", lambda: clock[0])
    assert held.problem() == ""
    clock[0] += 4
    assert held.problem() == ""
    error = None
    assert held.problem() == ""
    error = OSError(errno.EIO, os.strerror(errno.EIO))
    clock[0] += 4
    assert held.problem() == ""  # a new failure, with patience of its own
    clock[0] += 6
    assert held.problem() == "cannot be found (Input/output error)"


def test_it_holds_one_descriptor_and_gives_it_back(run_dir):
    before = len(os.listdir("/proc/self/fd"))
    held = HeldDirectory(run_dir)
    held.hold()
    held.hold()
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del held
    assert len(os.listdir("/proc/self/fd")) == before
