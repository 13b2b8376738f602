"""``predict``, ``evaluate --engine``, ``models export`` and fine-tuning, as their users run them."""

import json
import re
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from gluonlab.data.digits import load_digits
from gluonlab.data.recordio import RecordWriter, pack_image_record

SHORT = [
    "epochs=2",
    "ctx=cpu",
    "cpu_threads=1",
    "tensorboard=false",
    "log_every=1000",
    "schedule.warmup_epochs=1",
]


@pytest.fixture(scope="module")
def digits(tmp_path_factory, run_gluonlab):
    """A run of two epochs, and a folder of digits as image files."""
    root = tmp_path_factory.mktemp("digits")
    result = run_gluonlab("train", "configs/digits.yaml", *SHORT, f"run_dir={root / 'run'}")
    assert result.returncode == 0, result.stderr
    source = load_digits("val")
    for index in range(40):
        folder = root / "images" / str(source.labels[index] % 2)
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index:02}-{source.labels[index]}.png"), source.image(index))
    return root


def read_json(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


NEEDS_TORCH = pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")


@pytest.mark.parametrize(
    "engine", ["mxnet", "fused", "onnxruntime", pytest.param("torch", marks=NEEDS_TORCH)]
)
def test_predict_names_the_classes_of_a_run(digits, run_gluonlab, engine):
    rows = read_json(
        run_gluonlab(
            "predict", digits / "run", digits / "images", "--engine", engine, "--top", 2, "--json", "-"
        )
    )
    assert len(rows) == 40
    right = [row["image"].endswith(f"-{row['classes'][0]['name']}.png") for row in rows]
    evaluated = read_json(run_gluonlab("evaluate", digits / "run", "--engine", engine, "--json", "-"))
    assert evaluated["images"] == 360
    trained = json.loads((digits / "run" / "summary.json").read_text())
    assert evaluated["top1"] == pytest.approx(trained["top1"], abs=1.5 / 360)
    assert np.mean(right) > 0.6, "chance is 0.1"
    assert all(len(row["classes"]) == 2 for row in rows)


@pytest.fixture(scope="module")
def records(digits):
    """The validation set of the digits as a record file with labels."""
    source = load_digits("val")
    with RecordWriter(digits / "val.rec") as writer:
        for index in range(len(source)):
            encoded = cv2.imencode(".png", source.image(index))[1].tobytes()
            writer.write(pack_image_record(float(source.labels[index]), index, encoded))
    return digits / "val.rec"


def test_predictions_of_record_files_tell_the_accuracy(digits, records, run_gluonlab):
    summary = json.loads((digits / "run" / "summary.json").read_text())
    told = run_gluonlab("predict", digits / "run", records, "--batch-size", "50")
    assert told.stdout.splitlines()[-1] == f"top-1 {summary['top1']:.2%} of 360 images with a label"
    rows = read_json(run_gluonlab("predict", digits / "run", digits / "images", records, "--json", "-"))
    assert [row.get("label", -1) for row in rows] == [*load_digits("val").labels, *[-1] * 40]


@NEEDS_TORCH
def test_runs_and_records_are_of_use_without_mxnet(digits, records, run_gluonlab, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['mxnet'] = None")
    without = {"PYTHONPATH": str(tmp_path)}
    summary = json.loads((digits / "run" / "summary.json").read_text())
    told = run_gluonlab("predict", digits / "run", records, environment=without)
    assert told.stdout.splitlines()[-1] == f"top-1 {summary['top1']:.2%} of 360 images with a label"
    out = tmp_path / "out"
    export = ["models", "export", digits / "run", "-o", out, "--format", "pytorch", "--json", "-"]
    report = read_json(run_gluonlab(*export, environment=without))
    assert report["check"]["with"] == "torch"
    assert report["check"]["relative_difference"] < 1e-5
    refused = run_gluonlab("evaluate", digits / "run", environment=without)
    assert refused.returncode == 8
    assert re.match(r"error\[ENV0\d\] mxnet: .*\n\Z", refused.stderr), refused.stderr


def test_evaluate_reports_what_8_bits_cost(digits, run_gluonlab):
    exact = read_json(run_gluonlab("evaluate", digits / "run", "--json", "-"))
    rounded = read_json(run_gluonlab("evaluate", digits / "run", "--engine", "int8", "--json", "-"))
    assert rounded["float32_top1"] == exact["top1"]
    assert rounded["top1_difference"] == pytest.approx(rounded["top1"] - exact["top1"])
    assert abs(rounded["top1_difference"]) < 0.03
    assert rounded["loss"] != exact["loss"]


def test_features_go_into_a_file(digits, run_gluonlab, tmp_path):
    result = run_gluonlab("predict", digits / "run", digits / "images", "--features", tmp_path / "x.npy")
    assert result.returncode == 0, result.stderr
    assert np.load(tmp_path / "x.npy", allow_pickle=False).shape == (40, 64)
    assert "40 images, 64 features each" in result.stdout


@pytest.mark.parametrize("form", ["onnx", "mxnet", pytest.param("pytorch", marks=NEEDS_TORCH)])
def test_exports_are_checked_on_real_images(digits, run_gluonlab, tmp_path, form):
    report = read_json(
        run_gluonlab(
            "models", "export", digits / "run", "-o", tmp_path, "--format", form, "--check", "--json", "-"
        )
    )
    assert report["check"]["images"] == 32
    assert report["check"]["relative_difference"] < 1e-5
    assert report["check"]["same_class"] == 1


def test_bad_use_is_one_line_each(digits, run_gluonlab, tmp_path):
    cases = {
        ("predict", tmp_path, digits / "images"): (4, "error[CKP02] "),
        ("predict", digits / "run", tmp_path / "none.jpg"): (3, "error[DAT75] "),
        ("predict", digits / "run", digits / "images", "--engine", "tpu"): (2, "error[CFG79] "),
        ("models", "export", digits / "run", "-o", tmp_path, "--format", "pdf"): (2, "error[CFG09] "),
        ("models", "export", digits / "run", "-o", tmp_path, "--format", "torch"): (2, "error[CFG76] "),
    }
    for arguments, (code, start) in cases.items():
        result = run_gluonlab(*arguments)
        assert (result.returncode, result.stderr[: len(start)]) == (code, start), result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_network_is_tuned_to_other_classes(digits, run_gluonlab, tmp_path):
    """Odd or even, from the features of ten digits."""
    (checkpoint,) = sorted((digits / "run/checkpoints").glob("step-*"))[-1:]
    images = digits / "images"
    tune = ["data.name=folder", f"data.train={images}", f"data.val={images}", "data.classes=2", "epochs=40"]
    tune += ["global_batch_size=20", "worker_batch_size=20", "eval_every=40", "checkpoint_every=never"]
    start = [f"model.pretrained={checkpoint}", "model.freeze=features"]
    refused = run_gluonlab(
        "train", "configs/digits.yaml", *SHORT, *tune, *start, f"run_dir={tmp_path / 'no'}"
    )
    assert refused.returncode == 4
    assert "error[CKP06]" in refused.stderr
    run = tmp_path / "run"
    result = run_gluonlab(
        "train", "configs/digits.yaml", *SHORT, *tune, *start, "model.new_head=true", f"run_dir={run}"
    )
    assert result.returncode == 0, result.stderr
    assert json.loads((run / "summary.json").read_text())["top1"] > 0.7, "chance is 0.5"
    rows = read_json(run_gluonlab("predict", run, images, "--json", "-"))
    assert {row["classes"][0]["class"] for row in rows} == {0, 1}


def test_evaluate_like_another_project_is_what_its_overrides_say(digits, run_gluonlab):
    like = read_json(
        run_gluonlab("evaluate", digits / "run", "--like", "timm", "--crop-share", 0.5, "--json", "-")
    )
    keys = ["data.interpolation=bicubic", "data.resize=16"]
    said = read_json(run_gluonlab("evaluate", digits / "run", *keys, "--json", "-"))
    plain = read_json(run_gluonlab("evaluate", digits / "run", "--json", "-"))
    assert like == said
    assert like["loss"] > plain["loss"], "it was trained on whole digits"
