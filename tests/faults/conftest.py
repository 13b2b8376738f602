"""One undisturbed run to compare with, and the table of all faults at the end."""

import os

import pytest

from tests.faults import harness

_table = harness.Table()


def pytest_collection_modifyitems(config, items):
    """What is slow runs where it is asked for by that name: ``-m faults`` takes under 20 minutes."""
    if "slow" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def table():
    return _table


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The weights that two processes end with if nothing goes wrong."""
    run_dir = tmp_path_factory.mktemp("undisturbed") / "run"
    ended = harness.run(run_dir)
    assert ended.code == 0, ended.errors
    return harness.sha_of(run_dir)


def pytest_terminal_summary(terminalreporter):
    if not _table.rows:
        return
    terminalreporter.section("fault -> what happened -> seconds -> nothing lost")
    for line in _table.lines():
        terminalreporter.write_line(line)
    if os.environ.get("GLUONLAB_FAULT_TABLE"):
        _table.write(os.environ["GLUONLAB_FAULT_TABLE"])
