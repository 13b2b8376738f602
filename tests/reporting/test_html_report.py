from html.parser import HTMLParser

import pytest

from gluonlab.errors import CheckpointError
from gluonlab.reporting.html_report import write_report
from gluonlab.reporting.plots import curves_svg
from gluonlab.reporting.run_files import MetricsLog, write_json

# matplotlib 3.9 calls functions that pyparsing 3.3 has renamed
pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")

VOID = {"meta", "br", "link", "img"}


class Outline(HTMLParser):
    """Checks that every element is closed in turn, and collects text and ids."""

    def __init__(self):
        super().__init__()
        self.open, self.texts, self.ids, self.differing = [], [], [], 0

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.differing += ("class", "differs") in attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())


def make_run(path, lr=0.2, is_finished=True, rows=12):
    path.mkdir(parents=True)
    config = {
        "optimizer": {"name": "nag", "momentum": 0.9},
        "schedule": {"base_lr": lr},
        "note": "a<b & $x_1$",
    }
    document = {
        "config": config,
        "versions": {"mxnet": "1.9.1"},
        "git_commit": None,
        "command": ["gluonlab", "a b"],
    }
    write_json(path / "config.json", {**document, "host": "<node>", "started": "2024-01-01T00:00:00"})
    log = MetricsLog(path / "metrics.jsonl")
    for step in range(1, rows):
        values = {
            "loss": 1 / step if step != 5 else None,
            "learning_rate": lr,
            "images_per_sec": 1000.0 + step,
        }
        log.append({"kind": "train", "step": step, "time": 0.0, "epoch": step / 4, **values})
        if step % 4 == 0:
            log.append(
                {"kind": "validation", "step": step, "time": 0.0, "epoch": step / 4, "top1": 0.1 * step}
            )
    log.close()
    if is_finished:
        write_json(path / "summary.json", {"top1": 0.9917, "steps": 12, "weights_sha256": "0123456789abcdef"})
    return path


def parse(path):
    outline = Outline()
    outline.feed(path.read_text(encoding="utf-8"))
    outline.close()
    assert outline.open == []
    return outline


def test_report_is_whole_self_contained_and_escaped(tmp_path):
    runs = [make_run(tmp_path / "a<b>$x$"), make_run(tmp_path / "_b", lr=0.4, is_finished=False)]
    out = tmp_path / "report.html"
    write_report(runs, out)
    text = out.read_text(encoding="utf-8")
    for forbidden in ("http://", "https://", "<script", "<link", "a<b", "<node>", "@import"):
        assert forbidden not in text
    outline = parse(out)
    assert text.count("<figure>") == 4
    assert len(outline.ids) == len(set(outline.ids))
    for expected in ("a<b>$x$", "_b", "99.17%", "80.00%", "not finished", "01234567", "gluonlab 'a b'"):
        assert expected in outline.texts
    assert outline.differing == 2  # schedule.base_lr, marked in the configuration of each run


def test_report_of_a_run_that_measured_the_gradient_noise_has_its_curve_and_the_largest_useful_batch(
    tmp_path,
):
    run = make_run(tmp_path / "run")
    log = MetricsLog(run / "metrics.jsonl")
    noise = {"gradient_variance": 4096.0, "gradient_square": 2.0, "gradient_noise_scale": 2048.0}
    log.append({"kind": "train", "step": 12, "time": 0.0, "epoch": 3.0, "loss": 0.1, **noise})
    log.close()
    write_report([run], tmp_path / "report.html")
    outline = parse(tmp_path / "report.html")
    assert "2,048" in outline.texts
    assert (tmp_path / "report.html").read_text().count("<figure>") == 5


def test_same_runs_give_the_same_bytes(tmp_path):
    runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", lr=0.4)]
    write_report(runs, tmp_path / "one.html")
    write_report(runs, tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    runs = [make_run(tmp_path / "x" / "digits"), make_run(tmp_path / "y" / "digits")]
    write_report(runs, tmp_path / "report.html")
    assert str(tmp_path / "y" / "digits") in parse(tmp_path / "report.html").texts


def test_run_that_has_just_begun_has_a_report(tmp_path):
    run = make_run(tmp_path / "new", is_finished=False, rows=0)
    write_report([run], tmp_path / "report.html")
    assert "Nothing was logged yet." in parse(tmp_path / "report.html").texts


def test_missing_run_is_an_error_and_writes_nothing(tmp_path):
    with pytest.raises(CheckpointError, match="CKP02"):
        write_report([tmp_path / "none"], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_curves_are_deterministic_and_survive_gaps():
    series = {"_a": [(0, 1.0), (1, None), (2, float("nan")), (3, 2.0)], "$b$": [(0, 5.0)], "empty": []}
    first = curves_svg(series, "epoch", "loss", is_log=True)
    assert first == curves_svg(series, "epoch", "loss", is_log=True)
    assert ">_a<" in first
    assert ">$b$<" in first
    assert "<metadata" not in first
