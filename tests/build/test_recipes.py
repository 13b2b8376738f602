"""Recipes from Python: what the command line does, without it."""

import json
import subprocess
import sys

import pytest

from gluonlab.build.recipes import load_recipe, train
from gluonlab.errors import ConfigError

SETTINGS = ["epochs=2", "schedule.warmup_epochs=1", "cpu_threads=1", "ctx=cpu", "tensorboard=false"]
TRAIN = f"""
import json, sys
import gluonlab
assert "mxnet" not in sys.modules
config = gluonlab.load_recipe("recipe:digits", *{SETTINGS!r}, "deterministic=true")
summary = gluonlab.train(config, sys.argv[1], stream=sys.stderr)
"""


def run_python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    job = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert job.returncode == 0, job.stderr
    return job


@pytest.fixture(scope="module")
def of_command_line(run_gluonlab, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("recipes") / "run"
    job = run_gluonlab("train", "recipe:digits", *SETTINGS, "deterministic=true", f"run_dir={run_dir}")
    assert job.returncode == 0, job.stderr
    return json.loads((run_dir / "summary.json").read_text())


def test_a_run_from_python_is_that_of_the_command_line(of_command_line, tmp_path):
    code = (
        TRAIN
        + """
again = gluonlab.train(config, sys.argv[1], stream=sys.stderr)
found = gluonlab.evaluate_run(sys.argv[1])
assert again == summary, again
print(json.dumps([summary, found]))
"""
    )
    job = run_python(code, tmp_path / "run")
    summary, found = json.loads(job.stdout)
    assert summary["weights_sha256"] == of_command_line["weights_sha256"]
    assert json.loads((tmp_path / "run/summary.json").read_text()) == summary
    assert (found["top1"], found["images"], found["step"]) == (summary["top1"], 360, 44)
    assert "is finished: top-1" in job.stderr.splitlines()[-1]
    assert json.loads((tmp_path / "run/config.json").read_text())["config"]["epochs"] == 2


@pytest.mark.parametrize("processes", [2])
def test_it_is_a_rank_where_processes_were_started(of_command_line, run_processes, tmp_path, processes):
    script = tmp_path / "program.py"
    script.write_text(TRAIN)
    run_processes(processes, script, tmp_path / "run")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["processes"] == processes
    assert summary["weights_sha256"] == of_command_line["weights_sha256"]


INTERRUPTED = """
import gluonlab.training.saving as saving
save = saving.Saver.save
def interrupted(*arguments, **named):
    save(*arguments, **named)
    raise KeyboardInterrupt
saving.Saver.save = interrupted
try:
    gluonlab.train(config, sys.argv[1], stream=sys.stderr)
except KeyboardInterrupt:
    saving.Saver.save = save
else:
    sys.exit("nobody interrupted it")
"""


def test_the_same_call_goes_on_after_an_interrupt(tmp_path, of_command_line):
    prepare, call = TRAIN.rsplit("summary =", 1)
    run_python(f"{prepare}{INTERRUPTED}summary ={call}", tmp_path / "run")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["weights_sha256"] == of_command_line["weights_sha256"]
    assert summary["restarts"] == 1


def test_what_is_wrong_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match=r"CFG07.*worker_batch_size(.|\n)*CFG04.*epohcs"):
        load_recipe("recipe:digits", "epohcs=1", "worker_batch_size=-1")
    with pytest.raises(ConfigError, match=r"CFG17\] run_dir: is missing"):
        train(load_recipe("recipe:digits"))
