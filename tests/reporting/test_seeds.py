from pathlib import Path
from statistics import stdev

import pytest

from gluonlab.reporting.html_report import write_report
from gluonlab.reporting.plots import curves_svg
from gluonlab.reporting.run_files import MetricsLog, write_json
from gluonlab.reporting.runs import RunRecord
from gluonlab.reporting.seeds import group_by_recipe, mean_and_band

# matplotlib 3.9 calls functions that pyparsing 3.3 has renamed
pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")


def record(seed, lr=0.1, **settings):
    return RunRecord(Path("x"), {"config": {"seed": seed, "lr": lr, **settings}}, [], {})


def test_runs_that_differ_in_their_seed_only_make_a_group():
    runs = {
        "a": record(0, run_dir="a"),
        "b": record(0, lr=0.2),
        "c": record(1, run_dir="c"),
        "d": record(2),
        "e": record(1),  # the same run once more says nothing of the spread
        "f": record(None),
        "g": record(None),
    }
    groups = group_by_recipe(runs)
    assert [list(group.runs) for group in groups] == [["a", "c", "d"], ["b"], ["e"], ["f"], ["g"]]
    assert [group.name for group in groups[:2]] == ["a and 2 other seeds", "b"]


def test_mean_and_band_stand_where_all_runs_have_a_value():
    curves = [[(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)], [(1.0, 3.0), (2.0, None), (3.0, 3.0), (4.0, 9.0)]]
    mean, band = mean_and_band(curves)
    assert mean == [(1.0, 2.0), (3.0, 3.0)]
    assert band == [(1.0, 2 - stdev([1, 3]), 2 + stdev([1, 3])), (3.0, 3.0, 3.0)]
    assert mean_and_band([[], [(1.0, 1.0)]]) == ([], [])


def test_a_band_is_drawn_in_the_colour_of_its_curve():
    series = {"a": [(0.0, 1.0), (1.0, 2.0)], "b": [(0.0, 3.0), (1.0, 2.0)]}
    plain = curves_svg(series, "x", "y")
    with_band = curves_svg(series, "x", "y", bands={"b": [(0.0, 2.5, 3.5), (1.0, 1.5, 2.5)]})
    assert plain.lower().count("#d55e00; fill-opacity: 0.18") == 0
    assert with_band.lower().count("#d55e00; fill-opacity: 0.18") == 1


def make_run(path, seed, top1):
    path.mkdir()
    write_json(path / "config.json", {"config": {"seed": seed, "run_dir": str(path)}})
    log = MetricsLog(path / "metrics.jsonl")
    for step in (1, 2, 3):
        log.append({"kind": "train", "step": step, "time": 0.0, "epoch": step / 4, "loss": seed + 1 / step})
    log.close()
    write_json(path / "summary.json", {"top1": top1, "val_loss": 0.5, "steps": 3})
    return path


def test_the_report_has_one_curve_and_the_spread_of_runs_with_other_seeds(tmp_path):
    runs = [make_run(tmp_path / f"r{seed}", seed, top1) for seed, top1 in enumerate((0.90, 0.92, 0.97))]
    write_report(runs, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Spread over seeds" in text
    assert "93.00% ± 3.61%" in text
    assert "0.5000 ± 0.0000" in text
    assert "r0 and 2 other seeds" in text
    assert "Bands: one standard deviation" in text
    write_report(runs[:1], tmp_path / "one.html")
    assert "Spread over seeds" not in (tmp_path / "one.html").read_text()
