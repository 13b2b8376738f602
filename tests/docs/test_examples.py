"""The programs in docs/examples run in seconds, and learn."""

import json
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


def outputs_of(path):
    cells = json.loads(path.read_text())["cells"]
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    return [
        "".join(form) for output in outputs for form in output.get("data", {"": output.get("text")}).values()
    ]


def shows_what_it_is_about(path):
    shown = outputs_of(path)
    text = "\n".join(shown)
    assert '<progress value="224" max="224"' in text
    assert [each.count("<figure><svg ") for each in shown if "<figure>" in each] == [5, 5]
    assert "schedule.base_lr</th><td>0.02</td><td>0.4</td>" in text
    assert "'checkpoint': 'runs/usual/checkpoints/step-00000224'" in text
    return "/tmp" not in text and "/home" not in text


def test_the_notebook_was_executed_and_shows_no_path_of_the_machine(root):
    assert shows_what_it_is_about(root / "docs/examples/notebook.ipynb")
    assert "](examples/notebook.ipynb)" in (root / "docs/README.md").read_text()


@pytest.mark.slow
def test_the_notebook_runs(root, tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    command = [sys.executable, root / "docs/run_notebook.py", "-o", tmp_path / "executed.ipynb"]
    job = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert job.returncode == 0, job.stderr
    assert shows_what_it_is_about(tmp_path / "executed.ipynb")
