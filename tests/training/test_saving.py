"""When a run is saved: one wish, one save, whatever the number of processes and however slow the disk."""

import json
import time
from types import SimpleNamespace

import pytest

import gluonlab as gl
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.intervals import parse_interval
from gluonlab.parallel.agreement import LAG, Agreement
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.training.run import Run
from gluonlab.training.saving import Saver
from gluonlab.training.state import make_trainer

BATCH, SAMPLES = 32, 3000  # of configs/smoke.yaml, and what it is made of here


class Alike(SingleProcess):
    """One of ``size`` processes that all do and wish the same."""

    def __init__(self, size, rank=0):
        super().__init__()
        self.size, self.rank = size, rank

    def sum(self, arrays, name):
        for array in arrays:
            array *= self.size

    def exchange(self, text):
        return [text] * self.size


class Told:
    """A reporter that keeps what it was told."""

    def __init__(self):
        self.messages = []

    def message(self, text):
        self.messages.append(text)

    def log(self, kind, step, **values):
        pass


class SlowStore(CheckpointStore):
    """A disk that takes ``steps`` updates for a checkpoint: it waits until the test lets it go on."""

    seconds = 0.0

    def save(self, *arguments, **more):
        time.sleep(self.seconds)
        return super().save(*arguments, **more)


def make_saver(tmp_path, world, every, clock):
    net = gluon.nn.Dense(2, in_units=2)
    net.initialize()
    state = gl.TrainState(net, make_trainer(net, gl.SGD(0.1, 0.9, 0.0)))
    store = SlowStore(tmp_path / "checkpoints", 1000, 0)
    run = Run(
        state=state, world=world, workers=None, ctx=None, sampler=None, loader=None, validation=None,
        loss_fn=None, schedule=None, total_steps=100, store=store, make_reporter=None,
        checkpoint_every=parse_interval(every),
    )  # fmt: skip
    told = Told()
    return run, Saver(run, told, clock=clock), told


def steps_saved(run, saver, steps, seconds_per_step, clock, between=lambda: None):
    """The steps at which a run of ``steps`` updates that take so long saves by its clock."""
    agreement, saved = Agreement(run.world), []
    run.workers = SimpleNamespace(wishes=nd.zeros(2))
    for _ in range(steps):
        clock.now += seconds_per_step
        run.state.step += 1
        between()
        run.world.sum([run.workers.wishes], "gradients")
        _, wished = agreement.exchange(run.workers, (False, saver.wishes_by_clock()))
        if wished and run.state.step - saver.last_step > LAG:
            saver.save({"step": run.state.step}, None)
            saved.append(run.state.step)
        saver.report()
    return saved


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_interval_in_time_gives_one_save(tmp_path, size):
    clock = Clock()
    run, saver, told = make_saver(tmp_path, Alike(size), "10s", clock)
    saved = steps_saved(run, saver, 100, 1.0, clock, between=saver.finish)
    lag = 0 if size == 1 else LAG
    assert saved == list(range(10 + lag, 101, 10 + lag))
    assert told.messages == []
    saver.close()


@pytest.mark.parametrize("size", [1, 2])
def test_a_disk_slower_than_the_interval_costs_no_step(tmp_path, size):
    clock = Clock()
    run, saver, told = make_saver(tmp_path, Alike(size), "1s", clock)
    run.store.seconds = 0.5
    started = time.monotonic()
    saved = steps_saved(run, saver, 60, 1.0, clock)
    assert len(saved) <= 1 + (time.monotonic() - started) / 0.5
    assert told.messages == ["the disk takes longer for a checkpoint than checkpoint_every"]
    assert time.monotonic() - started < 5.0, "no step waited for the disk"
    saver.finish()
    assert run.store.steps() == saved
    saver.close()


def test_only_the_process_that_writes_wishes(tmp_path):
    clock = Clock()
    _, saver, _ = make_saver(tmp_path, Alike(2, rank=1), "1s", clock)
    clock.now = 100.0
    assert not saver.wishes_by_clock()
    saver.close()


@pytest.mark.parametrize("processes", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_real_processes_save_once_an_interval(run_gluonlab, tmp_path, processes):
    settings = [
        "model.name=small_resnet8",
        "data.image_size=8",
        f"data.samples={SAMPLES}",
        "checkpoint_every=1s",
    ]
    settings += [
        "checkpoint_every=1s",
        "schedule.warmup_epochs=0.1",
        "keep_checkpoints=100",
        "tensorboard=false",
        "cpu_threads=1",
    ]
    verb = ["train"] if processes == 1 else ["launch", "-n", processes, "--bind", "none"]
    job = run_gluonlab(*verb, "configs/smoke.yaml", *settings, "epochs=2", f"run_dir={tmp_path / 'run'}")
    assert job.returncode == 0, job.stderr
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows if row["kind"] == "checkpoint"]
    by_clock = [step for step in steps if step * BATCH // SAMPLES == (step - 1) * BATCH // SAMPLES]
    assert by_clock, "the run was too short for its interval"
    assert all(step - max([0, *(s for s in steps if s < step)]) > LAG for step in by_clock), steps
