"""The committed validation: what it holds, and that the model still gives it."""

import json
from pathlib import Path

import matplotlib
import pytest

from benchmarks.simulator.published import Constants, Model, Prediction, compute_rate, predict
from benchmarks.simulator.validation import PAGE, PICTURE, draw, fill_in
from gluonlab.config.cluster import load_cluster

ROOT = Path(__file__).parents[2]
RESULT = json.loads((ROOT / "benchmarks/results/simulate/validation.json").read_text())
PUBLISHED = json.loads((ROOT / "benchmarks/simulator/published_scaling.json").read_text())


def test_errors_stay_within_what_is_aimed_at():
    summary = RESULT["summary"]
    listed = {**summary["efficiency"], **summary["throughput"]}
    for errors in (listed, summary["of series that no fit has seen:"]):
        assert errors["efficiency"]["median"] <= 0.05
        assert errors["efficiency"]["percentile_90"] <= 0.15
        assert errors["throughput"]["median"] <= 0.10
        assert errors["throughput"]["percentile_90"] <= 0.25


def test_cluster_files_carry_the_fitted_constants():
    constants = RESULT["constants"]
    for path in (ROOT / "configs/clusters").glob("*.yaml"):
        file = load_cluster(path)
        if not file.source.startswith("gluonlab bench fit"):  # else its noise is measured
            assert file.compute_noise_fraction == constants["noise_fraction"]
        if file.network and "assumed" not in fraction_comment(path):
            assert file.network.achieved_fraction == constants["network_fraction"]


def fraction_comment(path):
    lines = [line for line in path.read_text().splitlines() if "achieved_fraction" in line]
    return lines[0].partition("#")[2] if lines else ""


def test_every_point_is_predicted_or_says_why_not():
    points = sum(len(series["points"]) for series in PUBLISHED["series"])
    predicted = {(one["series"], one["gpus"], one["published"]) for one in RESULT["predictions"]}
    assert points > 180
    assert len(predicted) >= points
    assert all(one["why_not_predicted"] for one in PUBLISHED["not_predicted"])


def test_every_point_has_a_source_and_every_network_its_parameters():
    assert all(point["source"] for series in PUBLISHED["series"] for point in series["points"])
    parameters = {name: sum(row[0] for row in rows) for name, rows in PUBLISHED["models"].items()}
    assert len(PUBLISHED["models"]["resnet50"]) == 161
    assert parameters["resnet50"] == 25_557_032
    assert parameters["vgg16"] == 138_357_544


@pytest.mark.parametrize("name", ["Li 2016, ResNet-152, K80", "MLPerf v1.1 NVIDIA, DGX A100"])
def test_the_model_still_gives_the_committed_figures(name):
    """With the constants of all series, which for these two are nearly those that leave them out."""
    model, constants = Model(PUBLISHED), Constants(**RESULT["constants"])
    series = next(one for one in PUBLISHED["series"] if one["name"] == name)
    rate = compute_rate(model, series, constants, PUBLISHED["series"])
    committed = [one["predicted"] for one in RESULT["predictions"] if one["series"] == name]
    found = [one.predicted for one in predict(model, series, constants, rate)]
    assert found == pytest.approx(committed, rel=0.05)


def test_the_page_is_made_from_the_result():
    assert fill_in(PAGE.read_text(), RESULT) == PAGE.read_text()


@pytest.mark.skipif(
    not matplotlib.__version__.startswith("3.9."), reason="another Matplotlib draws otherwise"
)
def test_the_picture_is_made_from_the_result():
    kept_out = [series["name"] for series in PUBLISHED["series"] if not series.get("fitted", True)]
    rows = [{key: row[key] for key in row if key != "error"} for row in RESULT["predictions"]]
    assert draw([Prediction(**row) for row in rows], kept_out) == PICTURE.read_text()
