"""Predicted against measured on the machine of the results that are committed."""

import json

import pytest

from gluonlab.config.cluster import load_cluster

RESULTS = "benchmarks/results/simulate/this_machine"
LARGEST_ERROR = 0.10
LONG_UPDATE_SECONDS = 0.1  # shorter ones are mostly what wakes threads, and spread by half of themselves


@pytest.fixture(scope="module")
def loop(root):
    return json.loads((root / RESULTS / "loop.json").read_text())


def test_the_cluster_file_is_what_the_measurements_fit(root, loop, run_gluonlab, tmp_path):
    results = [path for path in sorted((root / RESULTS).glob("*.json")) if "together" not in path.name]
    fitted = [path for path in results if path.name != "loop.json"]
    job = run_gluonlab("bench", "fit", *fitted, "-o", tmp_path / "cluster.yaml")
    assert job.returncode == 0, job.stderr
    made, kept = load_cluster(tmp_path / "cluster.yaml"), load_cluster(root / loop["cluster"])
    assert sorted(made.device.throughput, key=str) == sorted(kept.device.throughput, key=str)
    assert made.model_copy(update={"source": "", "device": kept.device}) == kept.model_copy(
        update={"source": ""}
    )


def test_the_table_is_made_from_the_result_file(root):
    from benchmarks.simulator.this_machine import HERE_SECTIONS
    from benchmarks.tables import fill_in

    text = (root / "docs/simulate.md").read_text()
    assert "<!-- here -->" in text
    assert fill_in(text, root / "benchmarks/results", HERE_SECTIONS) == text


def test_processes_that_train_together_are_predicted(root, loop):
    from benchmarks.simulator.this_machine import predict

    cluster = load_cluster(root / loop["cluster"])
    assert [row["processes"] for row in loop["rows"]] == [2, 2, 2]
    for row in loop["rows"]:
        predicted, _ = predict(cluster, row["model"], row["batch"], row["processes"])
        assert predicted == pytest.approx(row["predicted"], rel=1e-6)
        assert abs(predicted / row["measured"]["median"] - 1) == pytest.approx(abs(row["error"]), abs=1e-9)
        assert row["measured"]["lowest"] < predicted < row["measured"]["highest"], row["model"]
        if row["batch"] * row["processes"] / row["measured"]["median"] > LONG_UPDATE_SECONDS:
            assert abs(row["error"]) < LARGEST_ERROR, row["model"]
