"""What a job's metrics say, by whom they are called what, and who draws them."""

import json
import re
from types import SimpleNamespace

import pytest

from gluonlab import __version__
from gluonlab.launch.metrics.job_metrics import JobMetrics
from gluonlab.reporting.exposition import exposition
from gluonlab.supervision.switchboard import RankView

# The last part of a name, of a counter that before _total; and those that have no unit.
UNITS = {"seconds", "ratio", "timestamp"}
WITHOUT_UNIT = {
    "info", "processes", "restarts", "log_read_errors", "rank_up", "rank_step", "train_loss", "epochs",
    "learning_rate",
    "images_per_second", "validation_loss", "checkpoint_step", "data_seconds_per_image",
}  # fmt: skip


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def row(kind, step, **values):
    return json.dumps({"kind": kind, "step": step, "time": 990.0, **values}) + "\n"


@pytest.fixture
def job(tmp_path):
    run = tmp_path / "my run"
    run.mkdir()
    clock = Clock()
    metrics = JobMetrics(run, clock)
    ranks = {
        1: RankView(1, "b", 12, 0.0, step=7, phase="waiting for data", idle=0.5),
        0: RankView(0, "a", 11, 0.0, step=8, phase="training"),
    }
    metrics.begin(3, SimpleNamespace(ranks=ranks, size=2))
    loader = {"decode_ms_per_image": 2.0, "wait_fraction": 0.25}
    (run / "metrics.jsonl").write_text(
        row("train", 4, loss=2.0)
        + row(
            "train",
            8,
            loss=1.5,
            top1=0.5,
            epoch=0.1,
            images_per_sec=300.0,
            sec_per_step=0.2,
            learning_rate=0.1,
            **loader,
        )
        + row("validation", 8, loss=1.2, top1=0.6, seconds=3.0)
        + row("checkpoint", 8, seconds=0.01, write_seconds=0.4)
        + '{"kind": "train", "st'
    )
    return SimpleNamespace(metrics=metrics, clock=clock, ranks=ranks, run=run)


def values_of(job):
    lines = exposition(job.metrics.families()).splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def test_values(job):
    job.clock.now += 2
    job.metrics.look()
    values = values_of(job)
    assert values[f'gluonlab_info{{run="my run",version="{__version__}"}}'] == 1
    assert values["gluonlab_processes"] == 2
    assert values["gluonlab_restarts_total"] == 2
    assert values['gluonlab_rank_step{rank="1",host="b"}'] == 7
    assert values['gluonlab_rank_idle_seconds{rank="1",host="b"}'] == 0.5
    assert values['gluonlab_rank_phase_seconds_total{rank="0",phase="training"}'] == 2
    assert values['gluonlab_rank_phase_seconds_total{rank="1",phase="waiting for data"}'] == 2
    assert values["gluonlab_train_loss"] == 1.5
    assert values["gluonlab_data_wait_ratio"] == 0.25
    assert values['gluonlab_data_seconds_per_image{stage="decode"}'] == 0.002
    assert values["gluonlab_validation_top1_ratio"] == 0.6
    assert values["gluonlab_checkpoint_age_seconds"] == 12
    assert values["gluonlab_checkpoint_timestamp_seconds"] == 990
    assert values["gluonlab_checkpoint_write_duration_seconds"] == 0.4


def test_counters_never_fall_when_a_job_starts_again(job):
    job.clock.now += 2
    job.metrics.look()
    job.metrics.begin(4, SimpleNamespace(ranks={}, size=2))
    job.clock.now += 2
    job.metrics.look()
    values = values_of(job)
    assert values["gluonlab_restarts_total"] == 3
    assert values['gluonlab_rank_phase_seconds_total{rank="0",phase="training"}'] == 2
    assert not [name for name in values if name.startswith("gluonlab_rank_step")]


def test_a_process_that_has_left_is_down_and_gets_no_time(job):
    job.ranks[1].left = 5.0
    job.clock.now += 2
    job.metrics.look()
    values = values_of(job)
    assert values['gluonlab_rank_up{rank="1",host="b"}'] == 0
    assert values['gluonlab_rank_up{rank="0",host="a"}'] == 1
    assert not [name for name in values if 'rank="1",phase' in name]


def test_a_damaged_log_is_counted_and_hides_nothing_else(job):
    with (job.run / "metrics.jsonl").open("a") as file:
        file.write("ep\n" + row("train", 12, loss=1.0))
    values = values_of(job)
    assert values["gluonlab_log_read_errors_total"] == 1
    assert values["gluonlab_train_loss"] == 1.5


def test_names_are_as_the_conventions_want_them(job):
    """https://prometheus.io/docs/practices/naming/: base units as suffixes, counters end in _total."""
    job.metrics.look()
    for family in job.metrics.families():
        assert re.fullmatch("gluonlab_[a-z0-9_]+", family.name)
        assert (family.kind == "counter") == family.name.endswith("_total")
        name = family.name[len("gluonlab_") :].replace("_total", "")
        assert name in WITHOUT_UNIT or name.split("_")[-1] in UNITS, name
        assert family.help.endswith(".")


def test_the_dashboard_asks_for_what_there_is(job, root):
    dashboard = (root / "scripts" / "grafana_dashboard.json").read_text()
    job.clock.now += 1
    job.metrics.look()
    served = {family.name for family in job.metrics.families() if family.samples}
    asked = set(re.findall(r"gluonlab_[a-z0-9_]+", dashboard))
    assert asked <= served
    assert served - asked <= {"gluonlab_log_read_errors_total", "gluonlab_checkpoint_timestamp_seconds"}
    panels = json.loads(dashboard)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
