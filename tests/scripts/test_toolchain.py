"""Which Python and which compiler the installer takes."""

import os
import re
import shutil
import subprocess

import pytest

# What the installer calls before it has a Python.
TOOLS = "awk bash cat cut date df dirname env head mkdir readlink rm sha256sum uname"


@pytest.fixture
def machine(tmp_path):
    """A folder of programs to be the whole of PATH, and a function that adds one to it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS.split():
        (folder / tool).symlink_to(shutil.which(tool))

    def add(name, script):
        program = folder / name
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)
        return program

    return folder, add


def install(root, tmp_path, folder):
    without = ("GLUONLAB_PYTHON", "PYENV_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in without}
    environment.update(PATH=str(folder), HOME=str(tmp_path), GLUONLAB_VENV=str(tmp_path / "venv"))
    command = [str(root / "scripts/install.sh"), "cpu"]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


# Says yes to the installer's question; makes no environment.
PYTHON = 'case $1 in -c) echo True ;; --version) ;; *) echo "asked for $*" >&2; exit 3 ;; esac'


@pytest.mark.parametrize("name", ["python3.14", "python3.9", "python3"])
def test_a_python_of_the_machine_is_taken(name, machine, root, tmp_path):
    folder, add = machine
    add(name, PYTHON)
    add("uv", "exit 9")
    job = install(root, tmp_path, folder)
    assert "uv" not in job.stderr
    assert f"asked for -m venv {tmp_path}/venv" in job.stderr


def test_uv_brings_a_python_where_there_is_none_and_it_is_told(machine, root, tmp_path):
    folder, add = machine
    brought = add("brought", PYTHON)
    add("python3", "echo False")
    add(
        "uv",
        f'[ "$UV_PYTHON_PREFERENCE" = only-managed ] || exit 8\n'
        f'case "$*" in "python install 3.11") ;; "python find 3.11") echo {brought} ;; *) exit 9 ;; esac',
    )
    job = install(root, tmp_path, folder)
    assert "[install] no Python 3.9 to 3.14 with venv here: uv brings Python 3.11\n" in job.stderr
    assert f"asked for -m venv {tmp_path}/venv" in job.stderr


def test_no_python_at_all_is_one_line(machine, root, tmp_path):
    folder, add = machine
    job = install(root, tmp_path, folder)
    assert job.returncode == 8
    assert re.fullmatch(r"error\[ENV10\] install: no Python 3.9 to 3.14 with venv found; .*\n", job.stderr)
    add("uv", "exit 1")
    job = install(root, tmp_path, folder)
    assert job.returncode == 8
    assert job.stderr.splitlines()[1] == "warning: uv could not bring Python 3.11"
    assert job.stderr.splitlines()[2].startswith("error[ENV10]")


def find_compilers(root, folder, **environment):
    job = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; source {root}/scripts/horovod.sh; find_compilers"],
        capture_output=True,
        text=True,
        env={"PATH": str(folder), **environment},
    )
    assert (job.returncode, job.stderr) == (0, "")
    return job.stdout.split()


def compiler(name, version, works=True):
    return f'if [[ $* = *--version ]]; then echo "{name} {version}"; else exit {0 if works else 1}; fi'


def test_compilers_are_tried_in_turn_each_once(machine, root):
    folder, add = machine
    assert find_compilers(root, folder) == []
    add("clang++-18", compiler("Debian clang", "version 18.1"))
    assert find_compilers(root, folder) == ["clang++-18"]
    add("g++-13", compiler("g++-13", "(Debian 13.3) 13.3"))
    add("g++", compiler("g++", "(Debian 14.2) 14.2"))
    add("g++-14", compiler("g++-14", "(Debian 14.2) 14.2"))
    add("c++", compiler("c++", "(Debian 14.2) 14.2"))
    add("g++-9", compiler("g++-9", "(Debian 9.4) 9.4", works=False))
    assert find_compilers(root, folder) == ["c++", "g++-13", "clang++-18"]
    assert find_compilers(root, folder, CXX="g++-13 -m64") == ["g++-13", "-m64"]
    assert find_compilers(root, folder, CXX="g++-9") == []
