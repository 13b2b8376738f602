"""The programs in docs/examples run in seconds, and learn."""

import re
import subprocess
import sys

import pytest

NAMES = ("fine_tuning", "own_loss", "own_source")


def test_each_is_short_and_in_the_index(root):
    paths = sorted((root / "docs/examples").glob("*.py"))
    assert tuple(path.stem for path in paths) == NAMES
    index = (root / "docs/README.md").read_text()
    for path in paths:
        assert len(path.read_text().splitlines()) <= 60, path.name
        assert f"](examples/{path.name})" in index


@pytest.mark.parametrize("name", ["own_loss", "own_source"])
def test_it_learns_from_random_weights(run_processes, root, tmp_path, name):
    job = run_processes(1, root / f"docs/examples/{name}.py", cwd=tmp_path)
    assert float(re.search(r"^([\d.]+)% of 200 held-out", job.stdout, flags=re.MULTILINE)[1]) > 90


def test_fine_tuning_gains_on_random_weights(root, tmp_path):
    command = [sys.executable, root / "docs/examples/fine_tuning.py", tmp_path]
    job = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    alone, tuned = map(float, re.findall(r"([\d.]+)% (?:from|fine)", job.stdout))
    assert tuned > alone
