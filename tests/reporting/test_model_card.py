"""A model card says what the run knows, in the fields that hubs read, and nothing else."""

from pathlib import Path

import pytest
import yaml

from gluonlab.reporting.model_card import FORMS, model_card
from gluonlab.reporting.runs import RunRecord

CONFIG = {
    "data": {
        "name": "cifar10",
        "classes": 10,
        "image_size": 32,
        "channels": 3,
        "mean": [1.5],
        "path": "/home/me/x",
    },
    "model": {"name": "cifar_resnet20", "pretrained": "/home/me/w.params"},
    "about": {"paper": "A paper | with a bar"},
    "run_dir": "/home/me/runs/a",
}
DOCUMENT = {"config": CONFIG, "engine": "mxnet", "versions": {"mxnet": "1.9.1"}, "git_commit": None}
SUMMARY = {"top1": 0.5, "top5": 0.75, "steps": 1200, "weights_sha256": "abc", "evaluated_weights": "average"}


def card(document=DOCUMENT, summary=SUMMARY, rows=(), licence="apache-2.0", recipe=None):
    record = RunRecord(Path("/runs/my run"), document, list(rows), summary)
    recipe = {"model": CONFIG["model"], "epochs": 3.0} if recipe is None else recipe
    return model_card(record, recipe, licence)


def front_matter(text):
    assert text.startswith("---\n")
    return yaml.safe_load(text[4:].partition("\n---\n")[0])


def test_front_matter():
    assert front_matter(card()) == {
        "license": "apache-2.0",
        "library_name": "gluonlab",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "gluonlab", "mxnet", "cifar_resnet20"],
        "datasets": ["cifar10"],
        "metrics": ["accuracy"],
        "model-index": [
            {
                "name": "my run",
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"name": "cifar10", "type": "cifar10", "split": "validation"},
                        "metrics": [
                            {"type": "accuracy", "name": "top-1", "value": 0.5},
                            {"type": "accuracy", "name": "top-5", "value": 0.75},
                        ],
                    }
                ],
            }
        ],
    }


def test_body():
    text = card()
    for expected in (
        "| top-1 | 50.00% |",
        "| updates | 1,200 |",
        "| input | 3 x 32 x 32 |",
        "| SHA-256 of the weights | `abc` |",
        "the average of those that were trained",
        "gluonlab models import model.safetensors --as cifar_resnet20 --classes 10",
        "pretrained: w.params",
        "A paper | with a bar",
    ):
        assert expected in text
    assert "/home/me" not in text
    assert "None" not in text


def test_what_a_run_does_not_know_is_left_out():
    text = card({"config": {}}, {}, licence=None, recipe={})
    assert front_matter(text) == {
        "library_name": "gluonlab",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "gluonlab"],
    }
    for heading in ("Results", "Data", "Origin", "How to load"):
        assert heading not in text


def test_a_run_that_has_not_finished_says_so():
    row = {"kind": "validation", "step": 5, "top1": 0.25}
    text = card(summary={}, rows=[row])
    assert "has not finished" in text
    assert front_matter(text)["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.25


def test_a_form_of_files_is_no_data_set():
    document = {"config": {**CONFIG, "data": {"name": "folder", "classes": 3}}}
    matter = front_matter(card(document))
    assert "datasets" not in matter
    assert "model-index" not in matter
    assert matter["metrics"] == ["accuracy"]


def test_each_name_of_data_is_a_form_or_a_data_set():
    from gluonlab.data import DATA_SETS

    assert set(DATA_SETS) - FORMS == {"cifar10", "cifar100", "digits", "mnist", "fashion_mnist"}
    assert set(DATA_SETS) >= FORMS


def test_the_hub_reads_it(tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    (tmp_path / "README.md").write_text(card())
    read = hub.ModelCard.load(tmp_path / "README.md", ignore_metadata_errors=False)
    assert (read.data.license, read.data.library_name) == ("apache-2.0", "gluonlab")
    assert [(result.metric_name, result.metric_value) for result in read.data.eval_results] == [
        ("top-1", 0.5),
        ("top-5", 0.75),
    ]


def test_a_file_that_is_no_card_is_not_overwritten(run_gluonlab, tmp_path):
    import json

    from gluonlab.config import load_config

    run = tmp_path / "run"
    run.mkdir()
    config = load_config(Path("recipe:smoke"), []).model_dump()
    (run / "config.json").write_text(json.dumps({"config": config}))
    target = tmp_path / "README.md"
    first = run_gluonlab("models", "card", run, "-o", target)
    assert first.returncode == 0, first.stderr
    again = run_gluonlab("models", "card", run, "-o", target, "--license", "mit")
    assert again.returncode == 0
    assert front_matter(target.read_text())["license"] == "mit"
    target.write_text("my own")
    refused = run_gluonlab("models", "card", run, "-o", target)
    assert (refused.returncode, target.read_text()) == (2, "my own")
    assert "is no card of gluonlab's" in refused.stderr
