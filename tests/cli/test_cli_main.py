"""What other libraries and the system raise becomes an error of ours with the right exit code."""

import os
import resource
import threading

import pytest

from gluonlab.foreign_errors import as_gluonlab_error


@pytest.fixture
def few_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_no_more_open_files(few_files):
    with pytest.raises(OSError, match="Too many open files") as caught:
        os.open("/dev/null", os.O_RDONLY)
    shown = as_gluonlab_error(caught.value)
    assert str(shown).startswith("error[RES02] files and threads: Too many open files; raise the limits")
    assert shown.exit_code == 9


def test_no_more_threads():
    before = threading.stack_size(1 << 46)  # no address space has room for it
    try:
        with pytest.raises(RuntimeError) as caught:
            threading.Thread(target=print).start()
    finally:
        threading.stack_size(before)
    shown = as_gluonlab_error(caught.value)
    assert str(shown).startswith("error[RES02] files and threads: can't start new thread; ")


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (MemoryError(), "RES03", 9),
        (RuntimeError("Failed to allocate CPU Memory"), "RES03", 9),
        (FileNotFoundError(2, "No such file or directory", "x"), "IO01", 4),
        (ZeroDivisionError("division by zero"), "BUG01", 70),
    ],
)
def test_other_errors(error, code, exit_code):
    shown = as_gluonlab_error(error)
    assert (shown.problems[0].code, shown.exit_code) == (code, exit_code)


@pytest.mark.parametrize("group", [(), ("data",), ("bench",), ("recipes",)])
def test_a_group_without_a_verb_prints_its_help(group, run_gluonlab):
    job = run_gluonlab(*group)
    assert (job.returncode, job.stderr) == (0, "")
    assert "\nCommands:\n" in job.stdout
    assert job.stdout.strip() == run_gluonlab(*group, "--help").stdout.strip()
