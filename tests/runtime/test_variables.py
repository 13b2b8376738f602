"""Variables that hold nonsense are refused by name; what the libraries understand is let through."""

import pytest

from gluonlab.errors import SetupError
from gluonlab.parallel.environment import launched_process, set_cpu_threads
from gluonlab.runtime.variables import check_variables, take_first_of_thread_list, whole_number

FINE = {
    "MXNET_CPU_WORKER_NTHREADS": ("1", " 4", "+2", "1024", ""),
    "MXNET_MKLDNN_CACHE_NUM": ("-1", "0", "1000"),
    "MXNET_EXEC_BULK_EXEC_TRAIN": ("0", "1", "true", "False"),
    "MXNET_ENGINE_TYPE": ("NaiveEngine", "ThreadedEnginePerDevice"),
    "MXNET_TUNING_WEIGHT_SCALE": ("0.5", "1e-3"),
    "MXNET_HOME": ("/a folder",),
    "OMP_NUM_THREADS": ("4", "4,2", " 4 , 2 ", ""),
    "OMP_STACKSIZE": ("4M", "512", "16 k"),
    "HOROVOD_CYCLE_TIME": ("3.5", "0"),
    "HOROVOD_FUSION_THRESHOLD": ("0", "134217728"),
    "HOROVOD_CONTROLLER": ("mpi", "gloo"),
}
NONSENSE = {
    "MXNET_CPU_WORKER_NTHREADS": ("-3", "0", "abc", "1.5", "99999999999", "1_000", "2000000000"),
    "MXNET_CPU_TEMP_COPY": ("0", "-1"),
    "MXNET_MKLDNN_CACHE_NUM": ("-3",),
    "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN": ("-1", "2000000000"),
    "MXNET_EXEC_BULK_EXEC_TRAIN": ("2", "yes"),
    "MXNET_ENGINE_TYPE": ("", "Naive"),
    "MXNET_UPDATE_ON_KVSTORE": ("abc", ""),
    "MXNET_TUNING_WEIGHT_SCALE": ("abc", "-1", "nan"),
    "NNVM_EXEC_MATCH_RANGE": ("-1",),
    "OMP_NUM_THREADS": ("0", "-3", "abc", "4,", "4,x", "100000"),
    "OMP_STACKSIZE": ("-3", "4T"),
    "HOROVOD_CYCLE_TIME": ("99999999999999", "-3", "abc", "inf"),
    "HOROVOD_CACHE_CAPACITY": ("-3",),
    "HOROVOD_HIERARCHICAL_ALLREDUCE": ("true",),  # Horovod takes it for 0
    "HOROVOD_CONTROLLER": ("nccl",),
}


def pairs(cases):
    return [(name, value) for name, values in cases.items() for value in values]


@pytest.mark.parametrize(("name", "value"), pairs(FINE))
def test_what_makes_sense(name, value):
    check_variables({name: value})


@pytest.mark.parametrize(("name", "value"), pairs(NONSENSE))
def test_what_does_not(name, value):
    with pytest.raises(SetupError) as caught:
        check_variables({name: value, "PATH": "/bin"})
    assert str(caught.value).startswith(f"error[ENV30] {name}: '{value}' is not ")
    assert (str(caught.value).count("\n"), caught.value.exit_code) == (0, 8)


def test_all_are_told_at_once():
    with pytest.raises(SetupError) as caught:
        check_variables({"OMP_NUM_THREADS": "x", "MXNET_ENGINE_INFO": "y"})
    assert [problem.where for problem in caught.value.problems] == ["MXNET_ENGINE_INFO", "OMP_NUM_THREADS"]


def test_of_a_list_of_threads_mxnet_gets_the_first(monkeypatch):
    environment = {"OMP_NUM_THREADS": " 4, 2"}
    take_first_of_thread_list(environment)
    assert environment == {"OMP_NUM_THREADS": "4"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert set_cpu_threads(None, 1) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    with pytest.raises(SetupError, match=r"OMP_NUM_THREADS: 'many' is not a number"):
        set_cpu_threads(None, 1)
    assert set_cpu_threads(2, 1) == 2  # a recipe that names a number does without


@pytest.mark.parametrize(
    "environment",
    [
        {"HOROVOD_SIZE": "abc", "HOROVOD_RANK": "0"},
        {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "2"},
        {"PMI_SIZE": "0", "PMI_RANK": "0"},
        {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "abc"},
    ],
)
def test_a_place_in_a_job_that_makes_no_sense(environment):
    with pytest.raises(SetupError, match=r"ENV30.* is not a whole number from "):
        launched_process(environment)


def test_a_number_that_is_not_set():
    assert whole_number({}, "X", 1, 9, default=3) == 3
    with pytest.raises(SetupError, match=r"error\[ENV30\] X: 'None' is not a whole number"):
        whole_number({}, "X", 1, 9)


@pytest.mark.parametrize("verb", ["train", "launch"])
def test_the_run_ends_at_once(verb, run_gluonlab, tmp_path):
    words = [verb, "configs/digits.yaml", f"run_dir={tmp_path / 'run'}"]
    job = run_gluonlab(
        *words, *(["-n", 2] if verb == "launch" else []), environment={"MXNET_CPU_WORKER_NTHREADS": "-3"}
    )
    assert job.returncode == 8
    assert job.stderr == (
        "error[ENV30] MXNET_CPU_WORKER_NTHREADS: '-3' is not a whole number from 1 to 1,024; "
        "unset MXNET_CPU_WORKER_NTHREADS, or mend it\n"
    )
    assert not (tmp_path / "run").exists()
