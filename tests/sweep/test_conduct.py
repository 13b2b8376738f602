"""The order of things, with a stand-in for the training: a script that logs a validation and ends as told."""

import json
import os
import signal
import sys
import time

import pytest

from gluonlab.errors import ConfigError, GluonlabError, NumericError
from gluonlab.supervision.stop import PreemptedError, StopRequest
from gluonlab.sweep.children import cores_of
from gluonlab.sweep.conduct import LOGS, Conductor, check_outcome
from gluonlab.sweep.record import SWEEP, Sweep, Trial, find_sweep, read_sweep

TRAIN = """
import json, os, pathlib, signal, sys, time
folder, quality, rung, code, seconds = sys.argv[1:]
folder = pathlib.Path(folder)
folder.mkdir(exist_ok=True)
signal.signal(signal.SIGTERM, lambda *_: (print("error[CLU20] saved", file=sys.stderr), os._exit(75)))
with (folder / "starts.txt").open("a") as file:
    print(*sorted(os.sched_getaffinity(0)), file=file)
time.sleep(float(seconds))
if code == "0" or rung != "None":
    row = {"kind": "validation", "step": 1, "time": 0, "epoch": 4 if rung == "None" else float(rung),
           "loss": 1.0, "top1": float(quality), "top5": 1.0}
    (folder / "metrics.jsonl").open("a").write(json.dumps(row) + chr(10))
if code != "0":
    print("error[NUM01] loss is nan", file=sys.stderr)
sys.exit(int(code) or (0 if rung == "None" else 75))
"""


def conductor(folder, qualities, *, codes=None, seconds=0.0, told=None, **options):
    """A sweep of one run for each of ``qualities``."""
    sweep = find_sweep(folder, {"over": {"q": "0,1"}})
    known = len(sweep.trials)
    sweep.trials += [Trial(n, {"q": str(q)}) for n, q in list(enumerate(qualities))[known:]]
    (folder / LOGS).mkdir(exist_ok=True, parents=True)
    sweep.save()

    def command(trial, rung):
        quality, code = trial.values["q"], (codes or {}).get(trial.number, 0)
        words = [folder / trial.name, quality, rung, code, seconds]
        return [sys.executable, "-c", TRAIN, *map(str, words)]

    tell = (lambda line: None) if told is None else told.append
    return Conductor(sweep, options.pop("jobs", 2), command, tell, **options)


def starts(folder):
    return {path.parent.name: len(path.read_text().splitlines()) for path in folder.glob("*/starts.txt")}


def test_runs_end_and_the_best_is_found(tmp_path):
    told = []
    mine = conductor(tmp_path, [0.5, 0.9, 0.7], told=told)
    mine.to_the_end(StopRequest())
    assert mine.sweep.best.number == 1
    check_outcome(mine.sweep)
    assert [trial.state for trial in read_sweep(tmp_path).trials] == ["finished"] * 3
    assert len(told) == 3
    assert "run 0001 of 3  q=0.9  finished, top-1 90.00%" in told


def test_a_run_that_diverges_is_a_result(tmp_path):
    mine = conductor(tmp_path, [0.5, 0.9], codes={1: 5})
    mine.to_the_end(StopRequest())
    check_outcome(mine.sweep)
    diverged = mine.sweep.trials[1]
    assert (diverged.state, diverged.top1, diverged.message) == ("diverged", None, "error[NUM01] loss is nan")
    assert mine.sweep.best.number == 0
    conductor(tmp_path, [0.5, 0.9]).to_the_end(StopRequest())
    assert starts(tmp_path) == {"0000": 1, "0001": 1}  # and is not tried again


def test_all_diverged_is_no_success(tmp_path):
    mine = conductor(tmp_path, [0.5], codes={0: 5})
    mine.to_the_end(StopRequest())
    with pytest.raises(NumericError, match="SWP04"):
        check_outcome(mine.sweep)


def test_a_run_that_fails_otherwise_is_told_after_the_others_and_tried_again(tmp_path):
    mine = conductor(tmp_path, [0.5, 0.9, 0.6], codes={0: 9})
    mine.to_the_end(StopRequest())
    with pytest.raises(GluonlabError, match=r"SWP03.*1 of 3 runs failed") as failed:
        check_outcome(mine.sweep)
    assert failed.value.exit_code == 9
    assert [trial.state for trial in mine.sweep.trials] == ["failed", "finished", "finished"]
    again = conductor(tmp_path, [0.5, 0.9, 0.6])
    again.to_the_end(StopRequest())
    check_outcome(again.sweep)
    assert starts(tmp_path) == {"0000": 2, "0001": 1, "0002": 1}


def test_halving_continues_the_better_half(tmp_path):
    mine = conductor(tmp_path, [0.1, 0.2, 0.3, 0.4], rungs=[1.0, 2.0])
    mine.to_the_end(StopRequest())
    assert [trial.state for trial in mine.sweep.trials] == ["stopped", "stopped", "stopped", "finished"]
    assert starts(tmp_path) == {"0000": 1, "0001": 1, "0002": 2, "0003": 3}


def test_values_that_depend_on_results_are_drawn_when_a_slot_is_free(tmp_path):
    drawn = []

    def draw(trials):
        drawn.append([trial.state for trial in trials])
        return {"q": f"0.{len(trials) + 1}"}

    mine = conductor(tmp_path, [], jobs=1, draw=draw, count=3)
    mine.to_the_end(StopRequest())
    assert drawn == [[], ["finished"], ["finished", "finished"]]
    assert [trial.top1 for trial in mine.sweep.trials] == [0.1, 0.2, 0.3]
    more = conductor(tmp_path, [], draw=draw, count=4)  # more may be asked for later
    more.to_the_end(StopRequest())
    assert starts(tmp_path) == {f"000{n}": 1 for n in range(4)}


def test_a_wish_to_stop_reaches_the_runs_and_the_same_call_goes_on(tmp_path):
    stop = StopRequest()
    mine = conductor(tmp_path, [0.5, 0.9, 0.1], seconds=60, told=[])

    class Clock:
        """Makes the wish once both runs have begun."""

        @property
        def is_made(self):
            if len(starts(tmp_path)) == 2 and not stop.is_made:
                stop.make("SIGTERM")
            return stop.is_made

        reason = "SIGTERM"

    with pytest.raises(PreemptedError, match="stopped by SIGTERM with 0 of 3 runs done"):
        mine.to_the_end(Clock())
    assert mine.children == []
    again = conductor(tmp_path, [0.5, 0.9, 0.1])
    again.to_the_end(StopRequest())
    assert [trial.state for trial in again.sweep.trials] == ["finished"] * 3


def test_runs_at_a_time_have_cores_of_their_own(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {8, 9, 10, 11, 20})
    assert [cores_of(slot, 2) for slot in range(2)] == [[8, 9], [10, 11, 20]]
    assert [cores_of(slot, 5) for slot in range(5)] == [[8], [9], [10], [11], [20]]
    assert cores_of(0, 1) == [8, 9, 10, 11, 20]


def test_runs_end_with_the_sweep_even_if_it_is_killed(tmp_path):
    script = (
        "import sys, pathlib; from gluonlab.sweep.children import start_child; import time\n"
        "from gluonlab.sweep.record import Trial\n"
        f"start_child([sys.executable, '-c', {TRAIN!r}, '{tmp_path}/0000', '1', 'None', '0', '60'],"
        f" Trial(0, {{}}), None, 0, 1, pathlib.Path('{tmp_path}'))\n"
        "time.sleep(60)"
    )
    parent = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, "-c", script], {**os.environ})
    deadline = time.monotonic() + 60
    while not (tmp_path / "0000/starts.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    while "saved" not in (tmp_path / "0000.txt").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "saved" in (tmp_path / "0000.txt").read_text()


def test_a_folder_of_another_sweep_is_refused_with_each_key(tmp_path):
    Sweep(tmp_path, {"recipe": {"epochs": 1, "model": {"name": "a"}}, "over": {"q": "0,1"}}).save()
    before = (tmp_path / SWEEP).read_bytes()
    with pytest.raises(ConfigError) as refused:
        find_sweep(tmp_path, {"recipe": {"epochs": 2, "model": {"name": "a"}}, "over": {"q": "0,2"}})
    assert len(refused.value.problems) == 2
    assert "recipe.epochs was 1, now 2" in str(refused.value)
    assert "over.q was '0,1', now '0,2'" in str(refused.value)
    assert (tmp_path / SWEEP).read_bytes() == before


def test_a_folder_of_a_run_and_a_damaged_record_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"SWP02.*holds a run"):
        find_sweep(tmp_path, {})
    (tmp_path / "config.json").unlink()
    for text in ("{", "[]", json.dumps({"format": 1, "definition": {}, "trials": [{"number": 0}]})):
        (tmp_path / SWEEP).write_text(text)
        with pytest.raises(GluonlabError, match="CKP03"):
            find_sweep(tmp_path, {})
