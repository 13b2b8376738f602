"""A job that fails starts again by itself, as often as it may, and not into the same wall twice."""

import json
import re

import pytest

from tests.faults.harness import check_nothing_lost, parameters, run, sha_of

pytestmark = pytest.mark.faults

RESTARTS = ["--max-restarts", 3, "--restart-delay", 0.2]
FAULTS = {
    "SIGKILL": "step:1:9:kill9:1",
    "exit 0 before the end": "step:1:9:exit0:1",
    "frozen": "step:1:9:stop:1",
    "exception": "step:1:9:raise:1",
    "SIGKILL in a save": "save.rename:0:2:kill9:1",
    "SIGKILL at the start": "start:1:1:kill9:1",
}
SLOWLY = ("exit 0 before the end", "SIGKILL in a save")


@pytest.mark.parametrize("name", parameters(FAULTS, SLOWLY))
def test_one_fault_costs_one_restart(name, tmp_path, undisturbed, table):
    ended = run(tmp_path / "run", *RESTARTS, fault=FAULTS[name])
    assert ended.code == 0, ended.errors
    delay = "0.2" if name == "SIGKILL at the start" else "0"  # else another hands over its state
    assert ended.errors.count(f"restart 1 of 3 in {delay} s") == 1
    assert ended.errors.count("nothing is lost: rank ") == (delay == "0")
    assert "restart 2" not in ended.errors
    assert sha_of(tmp_path / "run") == undisturbed
    assert json.loads((tmp_path / "run/summary.json").read_text())["restarts"] <= 1
    table.add("R11", f"{name}, --max-restarts 3", "one restart, exit 0", ended.seconds, "same weights")


def test_a_step_that_fails_twice_the_same_way_is_not_tried_again(tmp_path, undisturbed, table):
    ended = run(tmp_path / "run", *RESTARTS, fault="step:1:9:kill9")
    assert ended.code == 7
    assert ended.errors.count("restart 1 of 3") == 1
    assert "restart 2" not in ended.errors
    assert re.search(r"error\[CLU22\] rank 1 .*step 9 failed twice the same way \(samples (\d+, ){15}\d+ and 16 more\)",
                     ended.last_line)  # fmt: skip
    lost = check_nothing_lost(tmp_path / "run", undisturbed)
    table.add("R11", "SIGKILL at step 9, each time", "stops after 2, samples named", ended.seconds, lost)


def test_restarts_are_used_up(tmp_path, undisturbed, table):
    faults = ",".join(
        f"step:1:{step}:kill9:{attempt}" for attempt, step in ((1, 9), (2, 16), (3, 23), (4, 30))
    )
    ended = run(tmp_path / "run", *RESTARTS, fault=faults)
    assert ended.code == 7
    assert "restart 3 of 3 in 0 s" in ended.errors
    assert re.search(
        r"nothing is lost: rank 0 hands over step (29|30), which is a checkpoint now", ended.errors
    )
    assert ended.last_line.startswith("error[CLU10] rank 1 (")
    lost = check_nothing_lost(tmp_path / "run", undisturbed)
    table.add("R11", "SIGKILL at another step each time", "3 restarts, then exit 7", ended.seconds, lost)


def test_what_another_start_cannot_mend_is_not_started_again(tmp_path, table):
    ended = run(tmp_path / "run", *RESTARTS, "max_failed_saves=2", fault="save.write:0:1+:enospc")
    assert ended.code == 4
    assert "restart" not in ended.errors
    table.add(
        "R11",
        "no space for any checkpoint, --max-restarts 3",
        "exit 4, no restart",
        ended.seconds,
        "nothing begun",
    )
