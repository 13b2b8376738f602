import json
import os
import time

import pytest

from gluonlab.doctor import child, machine
from gluonlab.doctor.finding import fail, gravest, ok, warn
from gluonlab.doctor.surroundings import check_scheduler


def test_this_environment_is_well_and_trains(run_gluonlab):
    job = run_gluonlab("doctor", "--json", "-")
    assert job.returncode == 0, job.stdout
    findings = {finding["name"]: finding for finding in json.loads(job.stdout)["findings"]}
    names = ("numpy", "mxnet", "threads", "/dev/shm", "disk", "network", "training step", "checkpoint")
    assert all(findings[name]["state"] == "ok" for name in names), findings
    if findings["horovod"]["state"] == "ok":
        assert findings["all-reduce"]["state"] == "ok"


def test_the_gravest_finding_decides():
    assert gravest([]) == "ok"
    assert gravest([ok("a", ""), fail("b", "", ""), warn("c", "", "")]) == "fail"


def test_a_probe_that_crashes_hangs_or_talks_nonsense_is_an_answer(monkeypatch, tmp_path):
    def answer(code, timeout=20.0):
        package = tmp_path / str(time.monotonic()) / "gluonlab"
        (package / "doctor").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "doctor/__init__.py").touch()
        (package / "doctor/probes.py").write_text(code)
        monkeypatch.chdir(package.parent)
        return child.ask("anything", timeout=timeout)

    assert answer("import os; os.kill(os.getpid(), 11)").error == "died: SIGSEGV"
    assert answer("import time; time.sleep(60)", timeout=0.5).error == "no answer within 0.5 s"
    assert answer("raise ImportError('no such symbol')").error == "ImportError: no such symbol"
    assert answer("raise SystemExit(3)").error == "ended with code 3 and no word"
    assert answer('print(\'{"values": {"a": 1}}\')').values == {"a": 1}


def test_more_threads_than_cores_are_told(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1000")
    finding = machine.check_threads()
    assert finding.state == "warn"
    assert finding.mend == f"export OMP_NUM_THREADS={len(os.sched_getaffinity(0))}"


def test_a_container_with_less_time_than_cores_is_told(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(machine, "_cpu_quota", lambda: 0.5)
    assert machine.check_threads().state == "warn"


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path):
    finding = machine.check_disk("disk", tmp_path / "nowhere")
    assert (finding.state, "cannot be written" in finding.found) == ("fail", True)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            {"SLURM_JOB_ID": "7", "SLURM_NNODES": "2", "SLURM_NTASKS": "16"},
            "SLURM job 7: 2 node(s), 16 task(s)",
        ),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "Kubernetes"),
    ],
)
def test_schedulers_are_recognised(environment, told):
    assert told in check_scheduler(environment).found
