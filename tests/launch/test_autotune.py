"""Horovod's autotuner: its log as text that Horovod wrote, and a real job of two processes."""

import json

import pytest

from gluonlab.launch.autotune import best_setting

HEADER = (
    "hierarchical_allreduce,hierarchical_allgather,torus_allreduce,cache_enabled,"
    "cycle_time_ms,tensor_fusion_threshold,score\n"
)


@pytest.fixture
def log(tmp_path):
    def write(*lines):
        path = tmp_path / "autotune.csv"
        path.write_text(HEADER + "".join(lines))
        return path

    return write


def test_the_best_try_becomes_variables_with_the_units_that_horovod_reads(log):
    best = "0,0,0, 1,50.5975,13.5,3.5\n"  # which Horovod repeats at the end
    found = best_setting(
        log("0,0,0, 1,5,4,2.4\n", "0,0,0, 1,50.5975,13.5,3.5\n", "0,0,0, 1,25,16,2.5\n", best)
    )
    assert found.environment == {"HOROVOD_FUSION_THRESHOLD": "14155776", "HOROVOD_CYCLE_TIME": "50.5975"}
    assert (found.score, found.tries) == (3.5, 3)


def test_switches_are_named_where_they_are_not_as_horovod_has_them(log):
    found = best_setting(log("1,0,0, 0,5,4,2.4\n", "1,0,0, 1,5,4,2.3\n"))
    assert found.environment["HOROVOD_HIERARCHICAL_ALLREDUCE"] == "1"
    assert found.environment["HOROVOD_CACHE_CAPACITY"] == "0"
    assert "HOROVOD_HIERARCHICAL_ALLGATHER" not in found.environment


def test_a_cache_that_was_never_tried_is_not_advised_against(log):
    found = best_setting(log("0,0,0, 0,5,4,2.4\n", "0,0,0, 0,25,16,2.3\n"))
    assert "HOROVOD_CACHE_CAPACITY" not in found.environment


@pytest.mark.parametrize("lines", [[], ["0,0,0, 1,5"], ["0,0,0, 1,5,4,nan\n"]])
def test_a_log_without_a_whole_try_has_no_best(log, lines):
    assert best_setting(log(*lines)) is None


def test_a_cut_last_line_does_not_hide_the_others(log):
    assert best_setting(log("0,0,0, 1,5,4,2.4\n", "0,0,0, 1,10,8")).tries == 1


def test_there_may_be_no_log(tmp_path):
    assert best_setting(tmp_path / "autotune.csv") is None


def test_a_job_of_two_processes_tunes_itself_and_prints_what_to_set(run_gluonlab, tmp_path):
    short = {"HOROVOD_AUTOTUNE_WARMUP_SAMPLES": "1", "HOROVOD_AUTOTUNE_STEPS_PER_SAMPLE": "1"}
    settings = [f"run_dir={tmp_path / 'run'}", "model.name=small_resnet8", "data.samples=1920"]
    result = tmp_path / "result.json"
    command = ("launch", "-n", "2", "--autotune", "--json", result, "configs/smoke.yaml", *settings)
    job = run_gluonlab(*command, environment=short)
    assert job.returncode == 0, job.stderr
    tuned = json.loads(result.read_text())["autotune"]
    assert tuned["tries"] >= 1
    assert 0 < int(tuned["environment"]["HOROVOD_FUSION_THRESHOLD"]) <= 64 * 2**20
    assert 0 < float(tuned["environment"]["HOROVOD_CYCLE_TIME"]) <= 100
    variables = " ".join(f"{name}={value}" for name, value in tuned["environment"].items())
    assert f"autotune: best of {tuned['tries']} tries: {variables}" in job.stdout


@pytest.mark.parametrize(
    ("options", "says"), [(("-n", "2", "--backend", "kvstore"), "Horovod's"), (("-n", "1"), "nothing")]
)
def test_what_cannot_be_tuned_is_refused_before_anything_is_written(run_gluonlab, tmp_path, options, says):
    run_dir = tmp_path / "run"
    job = run_gluonlab("launch", *options, "--autotune", "configs/smoke.yaml", f"run_dir={run_dir}")
    assert job.returncode == 2
    assert job.stderr.startswith("error[CLI02] --autotune: ")
    assert says in job.stderr
    assert not run_dir.exists()
