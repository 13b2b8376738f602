"""``gluonlab models``, run as its users run it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def run_gluonlab(*arguments):
    command = [sys.executable, "-m", "gluonlab.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_list_as_table():
    result = run_gluonlab("models", "list", "resnet50*")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 2 + 5
    assert lines[3].split()[:4] == ["resnet50_v1b", "25557032", "4.089", "3x224x224"]


def test_list_as_json(tmp_path):
    target = tmp_path / "models.json"
    assert run_gluonlab("models", "list", "--json", str(target)).returncode == 0
    rows = {row["name"]: row for row in json.loads(target.read_text())}
    assert rows["resnet50_v1b"]["parameters"] == 25_557_032
    assert rows["cifar_resnet20"]["input_shape"] == [3, 32, 32]
    assert rows["cifar_resnet20"]["multiply_adds"] == 40_551_040
    assert rows["cifar_resnet20"]["preprocessing"]["resize"] is None


def test_show_as_text():
    result = run_gluonlab("models", "show", "resnet50_v1b")
    assert result.returncode == 0
    assert result.stderr == ""
    preprocessing = "shorter side to 256 px (bilinear), centre 224 px, minus (123.675, 116.28, 103.53), by ("
    for fact in (preprocessing, "25,557,032 (102.2 MB)", "4.089 G", "3x224x224, 1000 classes", "2048x7x7"):
        assert fact in result.stdout


def test_show_as_json_with_other_classes():
    result = run_gluonlab("models", "show", "small_resnet8", "--classes", "4", "--json", "-")
    facts = json.loads(result.stdout)
    assert facts["parameters"] == 75_002 - 6 * 65
    assert facts["layers"][-1] == {"name": "output", "output_shape": [4], "parameters": 4 * 65}
    assert facts["classes"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet50"], "error[CFG09] model.name: unknown model 'resnet50'; did you mean resnet50_"),
        (
            ["small_resnet8", "--classes", "0"],
            "error[CFG09] model.classes: 0 is out of range; must be at least 1",
        ),
        (["small_resnet8", "--classes", "many"], "error[CLI01] "),
        ([], "error[CLI01] "),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message):
    result = run_gluonlab("models", "show", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_list_to_a_folder_that_is_not_there():
    result = run_gluonlab("models", "list", "--json", "/nowhere/models.json")
    assert result.returncode == 4
    assert result.stderr.startswith("error[IO01] /nowhere/models.json: ")
