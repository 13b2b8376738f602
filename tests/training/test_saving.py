"""When a run is saved: one wish, one save, whatever the number of processes and however slow the disk."""

import json
import threading
from types import SimpleNamespace

import pytest

import gluonlab as gl
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.intervals import parse_interval
from gluonlab.parallel.agreement import LAG
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon
from gluonlab.training import saving
from gluonlab.training.run import Run
from gluonlab.training.state import make_trainer


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_an_interval_in_time_is_one_save_and_a_slow_disk_costs_no_step(
    run_processes, root, tmp_path, processes
):
    job = run_processes(processes, root / "tests/training/saves_by_clock.py", tmp_path / "run")
    said = [json.loads(line) for line in job.stdout.splitlines() if line.startswith("{")]
    assert len(said) == processes
    lag = LAG if processes > 1 else 0  # the wish is made after 10 updates and heard so many later
    apart = 10 + lag
    for of_rank in said:
        *fast, slow, last = of_rank["steps"]
        assert fast == [apart, 2 * apart, 3 * apart]
        assert 3 * apart + 25 <= slow <= 3 * apart + 30 + lag, "not as soon as the disk was free"
        assert last == 80
        assert of_rank["compared"] == of_rank["steps"], "weights were compared for nothing"
        late = [3 * apart + 10, slow + 10] if of_rank["rank"] == 0 else []
        assert of_rank["told"] == [
            f"no checkpoint at step {step}: the one before is still being written" for step in late
        ]


class Told:
    """A reporter that keeps what it was told."""

    def __init__(self):
        self.messages, self.checkpoints = [], []

    def message(self, text):
        self.messages.append(text)

    def log(self, kind, step, **values):
        self.checkpoints.append(step)


class StuckStore(CheckpointStore):
    """A disk that takes a checkpoint when the test lets it."""

    def __init__(self, directory):
        super().__init__(directory, 1000, 0)
        self.is_free = threading.Event()

    def save(self, *arguments, **more):
        assert self.is_free.wait(60)
        return super().save(*arguments, **more)


@pytest.fixture
def make_saver(tmp_path):
    def make(every, clock=lambda: 0.0, rank=0):
        net = gluon.nn.Dense(2, in_units=2)
        net.initialize()
        state = gl.TrainState(net, make_trainer(net, gl.SGD(0.1, 0.9, 0.0)))
        world = SingleProcess()
        world.rank = rank
        run = Run(
            state=state, world=world, workers=None, ctx=None, sampler=SimpleNamespace(calendar=None),
            loader=None, validation=None, task=None, schedule=None, total_steps=100,
            store=StuckStore(tmp_path / "checkpoints"), make_reporter=None,
            checkpoint_every=parse_interval(every),
        )  # fmt: skip
        return run, saving.Saver(run, Told(), clock=clock)

    return make


def test_only_the_process_that_writes_wishes_and_once_an_interval(make_saver):
    now = iter([0.0, 60.0, 60.0, 119.0, 121.0, 121.0])
    _, saver = make_saver("1min", clock=lambda: next(now))
    assert [saver.wishes() for _ in range(3)] == [True, False, True]
    _, other = make_saver("1min", clock=lambda: 1e9, rank=1)
    assert not other.wishes()


def test_a_busy_disk_is_waited_for_once_however_often_the_next_save_comes(make_saver, monkeypatch):
    monkeypatch.setattr(saving, "PATIENCE_SECONDS", 0.2)
    run, saver = make_saver("1steps")
    waits = []
    result = saver._writer.result
    monkeypatch.setattr(saver._writer, "result", lambda seconds=0.0: waits.append(seconds) or result(seconds))
    for step in range(1, 6):
        run.state.step = step
        assert saver.is_due(step, is_wished=False)
        saver.save({"step": step}, None)
    assert waits == [0.2, 0.2, 0.0, 0.0, 0.0]
    assert saver._reporter.messages == ["no checkpoint at step 2: the one before is still being written"]
    run.store.is_free.set()
    saver.finish()
    run.state.step = 6
    saver.save({"step": 6}, None)
    saver.finish()
    assert run.store.steps() == saver._reporter.checkpoints == [1, 6]
    saver.close()
