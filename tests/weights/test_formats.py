"""What gluonlab writes, gluonlab reads: each form that a network leaves in comes back with the same bits."""

import numpy as np
import pytest

from gluonlab.build.leaving import export_model
from gluonlab.models import create
from gluonlab.runtime.mxnet import mx, nd
from gluonlab.weights.formats import FORMATS
from gluonlab.weights.importing import import_weights
from tests.weights.test_import import randomised

WEIGHT_SUFFIXES = (".onnx", ".safetensors", ".params")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("model", ["resnet18_v1b", "gluon:resnet18_v2"])
def test_what_is_exported_can_be_imported_and_exported_again(form, model, tmp_path):
    if form == "pytorch":
        pytest.importorskip("torch")
    if form == "torch" and model.startswith("gluon:"):
        pytest.skip("PyTorch projects have no such network")
    mx.random.seed(0)
    net = randomised(create(model, classes=10))
    net.save_parameters(str(tmp_path / "start.params"))
    import_weights(tmp_path / "start.params", model, tmp_path / "first", classes=10)
    report = export_model(tmp_path / "first", form, tmp_path / "out", check=False)
    (weights,) = [path for path in report["files"] if path.endswith(WEIGHT_SUFFIXES)]
    import_weights(tmp_path / "out" / weights.split("/")[-1], model, tmp_path / "second", classes=10)
    images = nd.array(np.random.RandomState(0).standard_normal((2, 3, 64, 64)))
    first, second = (create(model, classes=10, pretrained=tmp_path / name) for name in ("first", "second"))
    np.testing.assert_array_equal(second(images).asnumpy(), first(images).asnumpy())
