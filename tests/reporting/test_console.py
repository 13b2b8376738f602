import io
import math

import pytest

from gluonlab.reporting.console import ConsoleReport, format_duration, is_terminal

TRAIN = {
    "epoch": 15.0,
    "loss": 0.123,
    "top1": 0.975,
    "learning_rate": 0.2,
    "images_per_sec": 12345.0,
    "sec_per_step": 0.0067,
}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("GLUONLAB_TERMINAL_WIDTH", raising=False)


def test_piped_output_is_one_plain_line_per_row():
    stream = io.StringIO()
    report = ConsoleReport(900, 0, has_bar=False, stream=stream)
    report.train_row(450, TRAIN)
    report.validation_row(900, {"loss": 0.05, "top1": 0.9917, "images": 360})
    report.message("saved [step 900]")
    report.close()
    assert stream.getvalue().splitlines() == [
        "step   450/900  epoch 15.0  loss 0.1230  top-1  97.50 %  lr  0.2000   12,345 img/s  ETA 0:00:03",
        "validation  step 900  loss 0.0500  top-1 99.17 %  360 images",
        "saved [step 900]",
    ]


def test_plain_lines_stay_aligned():
    stream = io.StringIO()
    report = ConsoleReport(90_000, 0, has_bar=False, stream=stream)
    report.train_row(10, {**TRAIN, "epoch": 0.1, "learning_rate": 1e-5, "images_per_sec": 900.0})
    report.train_row(90_000, {**TRAIN, "top1": 1.0, "epoch": 90.0})
    first, last = stream.getvalue().splitlines()
    assert first.index("ETA") == last.index("ETA")
    assert "lr 1.0e-05" in first


def test_the_gradient_noise_is_shown_where_it_was_measured():
    stream = io.StringIO()
    report = ConsoleReport(9, 0, has_bar=False, stream=stream)
    report.train_row(1, {"gradient_square": 2.0, "gradient_variance": 4096.8})
    report.train_row(2, {"gradient_square": -1.0, "gradient_variance": 4096.0})
    report.train_row(3, {"gradient_square": -9.0, "gradient_variance": 4096.0})
    report.train_row(4, {"loss": 1.0})
    first, second, third, fourth = stream.getvalue().splitlines()
    assert "noise   2,048" in first
    assert "noise   9,729" in second  # (0.9 * 4096.8 + 4096) / (0.9 * 2 - 1)
    assert "noise       -" in third
    assert "noise" not in fourth


def test_missing_and_infinite_values_do_no_harm():
    stream = io.StringIO()
    report = ConsoleReport(9, 0, has_bar=False, stream=stream)
    report.train_row(1, {})
    report.train_row(2, {**TRAIN, "loss": math.nan, "sec_per_step": math.inf})
    report.validation_row(2, {})
    assert "loss nan" in stream.getvalue()
    assert "ETA -" in stream.getvalue()


def test_terminal_shows_a_bar_with_the_remaining_time(monkeypatch):
    monkeypatch.setenv("GLUONLAB_TERMINAL_WIDTH", "100")
    stream = io.StringIO()
    report = ConsoleReport(900, 90, has_bar=True, stream=stream)
    report.train_row(450, TRAIN)
    report.message("saved [bold]step[/bold] 900")
    report.close()
    shown = stream.getvalue()
    assert "━" in shown
    assert "450/900" in shown
    assert "epoch 15.0 loss 0.123 top-1 97.5% 12,345 img/s" in shown
    assert "ETA 0:00:03" in shown
    assert "saved [bold]step[/bold] 900" in shown
    assert shown.endswith("\x1b[?25h")  # the cursor is back


def test_everything_fits_on_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("GLUONLAB_TERMINAL_WIDTH", "80")
    stream = io.StringIO()
    report = ConsoleReport(90_000, 0, has_bar=True, stream=stream)
    report.train_row(45_000, {**TRAIN, "sec_per_step": 0.3})
    report.close()
    assert "ETA 3:45:00" in stream.getvalue()
    assert "…" not in stream.getvalue()


@pytest.mark.parametrize(
    ("term", "width", "expected"),
    [("xterm", "", False), ("xterm", "120", True), ("dumb", "120", False), ("xterm", "wide", False)],
)
def test_a_launcher_can_announce_the_terminal_behind_its_pipe(monkeypatch, term, width, expected):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("GLUONLAB_TERMINAL_WIDTH", width)
    assert is_terminal(io.StringIO()) is expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00:00"), (59.6, "0:01:00"), (360_000, "100:00:00"), (math.nan, "-")]
)
def test_duration(seconds, text):
    assert format_duration(seconds) == text
