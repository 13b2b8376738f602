import re

import pytest


@pytest.mark.parametrize("processes", [1, 2])
def test_the_example_learns_and_continues(run_processes, root, tmp_path, processes, monkeypatch):
    script = root / "docs/your_own_net.py"
    first = run_processes(processes, script, cwd=tmp_path)
    accuracies = [float(text) for text in re.findall(r"step \d+: ([\d.]+)% of 200 held-out", first.stdout)]
    assert len(accuracies) == 3  # one process prints
    assert accuracies[-1] > 95
    again = run_processes(processes, script, cwd=tmp_path)
    assert "step" not in again.stdout


def test_the_example_is_about_forty_lines(root):
    lines = (root / "docs/your_own_net.py").read_text().split('"""')[2].splitlines()
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) <= 42
