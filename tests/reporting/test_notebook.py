"""What a notebook shows of results and runs, and the bar that moves in it."""

import io
import json
import os
import sys
from types import SimpleNamespace

import pytest

from gluonlab.errors import CheckpointError
from gluonlab.reporting import notebook_bar
from gluonlab.reporting.notebook import Results, read_runs
from gluonlab.reporting.reporter import Reporter

NASTY = "<script>alert(1)</script>&"


def make_run(path, rate=0.1, seed=0):
    path.mkdir(parents=True)
    config = {"optimizer": {"name": NASTY, "rate": rate}, "seed": seed}
    (path / "config.json").write_text(json.dumps({"config": config}))
    rows = [{"kind": "train", "step": n, "epoch": n / 10, "loss": 1 / n, "top1": 0.5} for n in (10, 20)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "summary.json").write_text(json.dumps({"top1": 0.9861, "steps": 20}))
    return path


def test_results_are_a_dict_and_a_table():
    results = Results({"top1": 0.98611, "loss": 0.0512345678, "images": 1797, "checkpoint": NASTY, "of": {}})
    assert json.loads(json.dumps(results)) == results
    html = results._repr_html_()
    for shown in ("98.61%", "0.0512346", "1,797", "&lt;script&gt;alert(1)&lt;/script&gt;&amp;"):
        assert f"<td>{shown}</td>" in html
    assert "<script" not in html


def test_results_of_a_run_are_drawn_as_long_as_it_is_there(tmp_path):
    run = make_run(tmp_path / "run")
    results = Results({"top1": 0.9861}, run)
    assert results._repr_html_() == read_runs(run)[0]._repr_html_()
    html = results._repr_html_()
    assert html.count("<figure><svg ") == 1  # the only value that was logged and is drawn
    assert "98.61%" in html
    run.rename(tmp_path / "elsewhere")
    assert "<svg" not in results._repr_html_()
    assert "98.61%" in results._repr_html_()


def test_runs_are_drawn_over_each_other_with_their_differences(tmp_path):
    make_run(tmp_path / NASTY.replace("/", ""), rate=0.2)
    make_run(tmp_path / "b" / "deep")
    (make_run(tmp_path / "damaged") / "config.json").write_text("{")
    os.utime(tmp_path / "b/deep/summary.json", (1, 1))
    runs = read_runs(tmp_path)
    assert sorted(run.path.name for run in runs) == ["<script>alert(1)<script>&", "deep"]
    html = runs._repr_html_()
    assert '<th scope="row">optimizer.rate</th><td>0.2</td><td>0.1</td>' in html or (
        '<th scope="row">optimizer.rate</th><td>0.1</td><td>0.2</td>' in html
    )
    assert "<script" not in html
    assert "style>" in html
    assert "'kind'" not in repr(runs)  # a million rows would be no fun


def test_an_empty_folder_says_so_and_a_missing_one_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="CKP02"):
        read_runs(tmp_path / "missing")
    assert "No runs here yet" in read_runs()._repr_html_()


class Shell:
    """What a kernel has of IPython, and all that it was told to show."""

    def __init__(self):
        self.kernel = self
        self.shown = []

    def display(self, bundle, raw, display_id):
        assert raw
        assert display_id
        self.shown.append(bundle)
        return self

    def update(self, bundle, raw):
        assert raw
        self.shown.append(bundle)


@pytest.fixture
def shell(monkeypatch):
    shell = Shell()
    modules = {
        "IPython": SimpleNamespace(get_ipython=lambda: shell),
        "IPython.display": SimpleNamespace(display=shell.display),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return shell


def log_three(run_dir, stream=None, progress=None):
    with Reporter(run_dir, 1200, 0, progress, stream=stream) as reporter:
        for step in (400, 800, 1200):
            reporter.log("train", step, loss=1 / step, sec_per_step=1.0, top1=0.5)
        reporter.log("validation", 1200, top1=0.75)


def test_the_bar_moves_and_messages_are_lines(shell, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notebook_bar, "REDRAW_EVERY_S", 0)
    log_three(tmp_path)
    values = [int(bundle["text/html"].partition('value="')[2].partition('"')[0]) for bundle in shell.shown]
    assert values == [0, 400, 800, 1200, 1200]
    assert 'max="1200"' in shell.shown[0]["text/html"]
    assert shell.shown[2]["text/plain"] == "step 800/1,200   loss 0.001 top-1 50.0%   ETA 0:06:40"
    assert capsys.readouterr().out == "validation  step 1200  top-1 75.00 %\n"


def test_many_rows_a_second_are_drawn_once_and_the_last_at_the_end(shell, tmp_path):
    log_three(tmp_path)
    assert len(shell.shown) == 2
    assert shell.shown[-1]["text/plain"].startswith("step 1,200/1,200")


def test_no_bar_where_none_is_wished_or_the_output_goes_elsewhere(shell, tmp_path):
    stream = io.StringIO()
    log_three(tmp_path, stream)
    log_three(tmp_path, progress=False)
    assert shell.shown == []
    assert "step    400/1200" in stream.getvalue()


def test_a_terminal_of_ipython_is_no_notebook(shell):
    del shell.kernel
    assert not notebook_bar.is_notebook(sys.stdout)
