import json

import numpy as np
import pytest

from gluonlab.errors import ClusterError, ConfigError, DataError, PeerFailedError
from gluonlab.parallel.environment import LaunchedProcess, launched_process
from gluonlab.parallel.shares import workers_of_process
from gluonlab.parallel.world import SingleProcess


def test_shares_cover_all_workers_once():
    for size in (1, 2, 3, 4, 6, 12):
        shares = [worker for rank in range(size) for worker in workers_of_process(12, rank, size)]
        assert shares == list(range(12))


def test_a_number_of_processes_that_does_not_divide_is_refused_with_those_that_do():
    with pytest.raises(ConfigError, match="use 1, 2, 3, 4, 6, 12 processes"):
        workers_of_process(12, 0, 5)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, LaunchedProcess()),
        (
            {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
             "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
            LaunchedProcess("Open MPI", 4, 3, 1, 2),
        ),
        ({"HOROVOD_SIZE": "2", "HOROVOD_RANK": "1"}, LaunchedProcess("Horovod", 2, 1, 0, 1)),
        (
            {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1",
             "SLURM_NTASKS_PER_NODE": "2"},
            LaunchedProcess("srun", 8, 5, 1, 2),
        ),
        (
            {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1",
             "LOCAL_WORLD_SIZE": "2"},
            LaunchedProcess("torchrun", 4, 3, 1, 2),
        ),
        ({"WORLD_SIZE": "4", "RANK": "3"}, LaunchedProcess()),  # anybody's
        ({"SLURM_NTASKS": "8"}, LaunchedProcess()),  # inside an allocation, but not started by srun
    ],
)  # fmt: skip
def test_the_launcher_is_read_from_the_environment(environment, expected):
    assert launched_process(environment) == expected


def test_a_world_of_one_raises_its_own_error():
    def fail():
        raise DataError("DAT01", "x", "y")

    with pytest.raises(DataError):
        SingleProcess().run_on_all(fail)


@pytest.fixture(scope="module", params=["mpi", "kvstore", "torch"])
def outcomes(request, run_processes, root, tmp_path_factory):
    out, engine = tmp_path_factory.mktemp("world"), "mxnet"
    if request.param == "torch":
        pytest.importorskip("torch")
        engine = "torch"
    run_processes(2, root / "tests/parallel/world_of_two.py", out, engine, backend=request.param)
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(2)]


def bytes_of(*values):
    return np.array(values, np.float32).tobytes().hex()


def test_two_processes_add_up_broadcast_and_exchange(outcomes):
    assert [outcome["rank"] for outcome in outcomes] == [0, 1]
    for outcome in outcomes:
        assert outcome["sum"] == [3.0, 30.0]
        assert outcome["many"] == [3.0] * 40
        assert outcome["in_pairs"] == [[[[3.0] * 3, [3.0] * 3], [30.0]]] * 20
        assert outcome["broadcast"] == [bytes_of(7.0, -0.0, 0.0, 1e-40, -1e38), bytes_of(3.0)]
        assert outcome["texts"] == ["", "from rank 1: ü"]


def test_an_error_on_one_rank_is_raised_on_all(outcomes):
    assert outcomes[0]["raised"] == PeerFailedError.__name__
    assert outcomes[1]["raised"] == DataError.__name__
    assert "rank 1" in outcomes[0]["message"]
    assert "DAT06" in outcomes[0]["message"]


def test_values_that_differ_between_ranks_are_refused_on_all(outcomes):
    for outcome in outcomes:
        assert outcome["differs"].startswith("error[CLU16] rank 1: the recipe differs: 2, rank 0: 1")
    assert issubclass(PeerFailedError, ClusterError)


def test_metrics_of_uneven_shards_are_those_of_all_samples(outcomes):
    for outcome in outcomes:
        assert outcome["metrics"] == {"loss": 2.0, "top1": 0.8, "top5": 1.0, "count": 5.0}


def test_arrays_that_horovod_cannot_read_go_through_the_host(run_processes, root, tmp_path):
    run_processes(2, root / "tests/parallel/staged_sums.py", tmp_path)
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == {
            "sums": [[[3.0] * 3] * 2, [30.0] * 4, [1.0]],
            "weights": [7.0, 7.0, 3.0],
            "devices": ["cpu(1)", "cpu(1)"],
        }
