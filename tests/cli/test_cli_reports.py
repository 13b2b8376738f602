import fcntl
import io
import json
import sys

import pytest

from gluonlab.cli.main import run as run_command_line
from gluonlab.reporting.run_files import write_json

pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        path = tmp_path / "runs" / name
        path.mkdir(parents=True)
        write_json(path / "config.json", {"config": {}, "total_steps": 20})
    return tmp_path / "runs"


@pytest.fixture
def gluonlab(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gluonlab", *map(str, arguments)])
        code = run_command_line()
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_runs_prints_a_table_or_json(root, gluonlab):
    code, out, _ = gluonlab("runs")
    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["run", "state"]
    assert "first" in out
    code, out, _ = gluonlab("runs", root, "--json", "-")
    assert sorted(run["name"] for run in json.loads(out)) == ["first", "second"]


def test_runs_in_an_empty_or_missing_folder(tmp_path, monkeypatch, gluonlab):
    monkeypatch.chdir(tmp_path)
    assert gluonlab("runs")[:2] == (0, "no runs in runs\n")
    code, _, err = gluonlab("runs", "nowhere")
    assert code == 4
    assert err.startswith("error[CKP02]")


def test_delete_asks_first(root, gluonlab, monkeypatch):
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert gluonlab("runs", "--delete", "first")[0] == 0
    assert (root / "first").is_dir()
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert gluonlab("runs", "--delete", "first")[0] == 0
    assert not (root / "first").exists()
    assert (root / "second").is_dir()


def test_delete_with_yes_does_not_ask(root, gluonlab):
    assert gluonlab("runs", "--delete", "first", "--delete", "second", "--yes")[0] == 0
    assert list(root.iterdir()) == []


def test_delete_without_an_answer_is_refused(root, gluonlab, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = gluonlab("runs", "--delete", "first")
    assert code == 2
    assert "--yes" in err
    assert (root / "first").is_dir()


def test_a_running_run_is_not_deleted(root, gluonlab):
    with (root / "first" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = gluonlab("runs", "--delete", "second", "--delete", "first", "--yes")
    assert code == 2
    assert "is running" in err
    assert (root / "second").is_dir()  # all names are checked before anything is deleted


@pytest.mark.parametrize(
    "name", ["../outside", ".", "first/../../outside", "{absolute}", "link", "linked/inner", ""]
)
def test_nothing_outside_the_folder_is_deleted(root, gluonlab, name):
    outside = root.parent / "outside"
    (outside / "inner").mkdir(parents=True)
    for path in (outside, outside / "inner"):
        write_json(path / "config.json", {})
    (root / "link").symlink_to(outside)
    (root / "linked").symlink_to(outside)
    code, _, err = gluonlab("runs", "--delete", name.format(absolute=outside), "--yes")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert (outside / "inner" / "config.json").exists()


def test_delete_of_a_missing_run(root, gluonlab):
    code, _, err = gluonlab("runs", "--delete", "third", "--yes")
    assert code == 4
    assert err.startswith("error[CKP02]")


def test_report_goes_into_the_only_run(root, gluonlab):
    code, out, _ = gluonlab("report", root / "first")
    assert code == 0
    assert out.strip() == str(root / "first" / "report.html")
    assert (root / "first" / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_report_on_several_runs_needs_a_file(root, gluonlab):
    assert gluonlab("report", root / "first", root / "second")[0] == 2
    assert gluonlab("report", root / "first", root / "second", "-o", root / "both.html")[0] == 0
    assert (root / "both.html").exists()


def test_report_on_a_missing_run_is_one_line(root, gluonlab):
    code, _, err = gluonlab("report", root / "third")
    assert code == 4
    assert err.startswith("error[CKP02]")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("verb", ["runs", "report"])
def test_help_has_an_example(gluonlab, verb):
    code, out, _ = gluonlab(verb, "--help")
    assert code == 0
    assert f"Example: gluonlab {verb}" in out
