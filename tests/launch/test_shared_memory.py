"""Too little room for what Open MPI's processes exchange: refused before anything starts."""

import resource
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from gluonlab.errors import ResourceError, SetupError
from gluonlab.launch.engines import engine_of
from gluonlab.launch.plan import Host, JobPlan
from gluonlab.launch.shared_memory import FOLDER, MIB, SIZE, check_shared_memory


@pytest.fixture
def free(monkeypatch):
    """Set how many MiB are free in a folder; elsewhere there is nothing."""

    def set_free(mebibytes, folder="/dev/shm"):
        def usage(asked):
            assert asked == Path(folder)
            return SimpleNamespace(free=round(mebibytes * MIB))

        monkeypatch.setattr(shutil, "disk_usage", usage)

    return set_free


def test_what_is_there_and_what_is_needed(free):
    free(1)
    with pytest.raises(ResourceError) as caught:
        check_shared_memory(2, {})
    assert str(caught.value) == (
        "error[RES05] /dev/shm: 1.00 MiB are free, 2 processes need 17.05 MiB at least; "
        "make it larger (docker run --shm-size=1g), or --backend gloo"
    )
    assert caught.value.exit_code == 9


@pytest.mark.parametrize(("processes", "least"), [(2, 17.05), (4, 17.3), (64, 24.8)])
def test_one_file_and_the_beginning_of_each(processes, least, free):
    free(least)
    check_shared_memory(processes, {})
    free(least - 0.01)
    with pytest.raises(ResourceError, match=f"{processes} processes need {least:.2f} MiB"):
        check_shared_memory(processes, {})


def test_one_process_exchanges_nothing(free):
    free(0)
    check_shared_memory(1, {})


def test_variables_of_open_mpi_count(free, tmp_path):
    free(5, tmp_path)
    check_shared_memory(2, {FOLDER: str(tmp_path), SIZE: str(4 * MIB)})
    with pytest.raises(ResourceError, match=r"need 6\.55 MiB"):
        check_shared_memory(2, {FOLDER: str(tmp_path), SIZE: str(6 * MIB)})
    with pytest.raises(SetupError, match=f"ENV30.*{SIZE}: '4M' is not a whole number"):
        check_shared_memory(2, {FOLDER: str(tmp_path), SIZE: "4M"})


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ResourceError, match=r"RES05\] \S*none: cannot be used: No such file"):
        check_shared_memory(2, {FOLDER: str(tmp_path / "none")})


def test_a_limit_on_the_size_of_files(free, monkeypatch):
    free(100)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (16 * MIB, -1))
    check_shared_memory(2, {})
    monkeypatch.setattr(resource, "getrlimit", lambda _: (16 * MIB - 1024, -1))
    with pytest.raises(ResourceError) as caught:
        check_shared_memory(2, {})
    assert str(caught.value) == (
        "error[RES01] ulimit -f: allows files of 16,383 KiB, Open MPI makes some of 16,384 KiB; "
        "ulimit -f 16384, or more, or --backend gloo"
    )


def test_it_is_mpi_on_one_host_that_needs_it(monkeypatch):
    asked = []
    monkeypatch.setattr("gluonlab.launch.engines.check_shared_memory", lambda *what: asked.append(what))
    for backend in ("gloo", "kvstore", "mpi"):
        engine_of(JobPlan(["true"], 2, backend), {"A": "b"})
    engine_of(JobPlan(["true"], 2, "mpi", hosts=(Host("a", 1), Host("b", 1))), {})
    assert asked == [(2, {"A": "b"})]
