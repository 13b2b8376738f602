"""Networks of GluonCV by ``gluoncv:NAME`` where it is installed, and what is said where it is not."""

import importlib.util
import warnings

import numpy as np
import pytest

from gluonlab.errors import ConfigError, SetupError
from gluonlab.models import ModelOptions, create, entry, list_models
from gluonlab.models.inspection import count_parameters
from gluonlab.runtime.mxnet import nd

HAS_GLUONCV = importlib.util.find_spec("gluoncv") is not None
needs_gluoncv = pytest.mark.skipif(not HAS_GLUONCV, reason="GluonCV is not installed")


@pytest.mark.skipif(HAS_GLUONCV, reason="GluonCV is installed")
def test_without_gluoncv_the_error_names_it_and_what_to_install():
    with pytest.raises(SetupError) as error:
        create("gluoncv:resnest50")
    assert str(error.value).startswith(
        "error[ENV76] gluoncv: cannot be imported: No module named 'gluoncv'; "
    )
    assert "pip install --no-deps gluoncv==" in str(error.value)
    assert error.value.exit_code == 8


def test_they_are_not_in_the_table_which_is_the_same_everywhere():
    assert not any(model.name.startswith("gluoncv:") for model in list_models())


@needs_gluoncv
@pytest.mark.filterwarnings("ignore:.*scipy.sparse:DeprecationWarning")  # MXNet, where SciPy is installed
@pytest.mark.parametrize("theirs", ["resnest14", "mobilenetv3_small", "cifar_resnet20_v1"])
def test_the_network_is_that_of_gluoncv(theirs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gluoncv.model_zoo import get_model

    ours, other = create(f"gluoncv:{theirs}"), get_model(theirs)
    ours.initialize()
    other.initialize()
    images = nd.array(np.random.RandomState(0).normal(size=(2, *entry(f"gluoncv:{theirs}").input_shape)))
    other(images)
    parameters = ours._collect_params_with_prefix()
    for name, parameter in other._collect_params_with_prefix().items():
        parameters[name].set_data(parameter.data())
    np.testing.assert_array_equal(ours(images).asnumpy(), other(images).asnumpy())


@needs_gluoncv
def test_what_is_said_of_one_and_options_reach_it(batchnorm_momenta):
    model = entry("gluoncv:resnest101")
    assert (model.input_shape, model.classes, model.preprocessing.resize) == ((3, 256, 256), 1000, 293)
    net = create("gluoncv:resnet50_v1d", classes=7, options=ModelOptions(bn_momentum=0.8))
    assert count_parameters(net) == entry("resnet50_v1d").parameters - 993 * 2049
    assert batchnorm_momenta(net) == {0.8}


@needs_gluoncv
def test_names_that_are_unknown_or_no_classifiers_are_refused():
    with pytest.raises(ConfigError, match=r"CFG09.*did you mean gluoncv:resnest5"):
        entry("gluoncv:resnest5O")
    for name in (
        "ssd_300_vgg16_atrous_voc",
        "i3d_resnet50_v1_kinetics400",
        "fcn_resnet101_voc",
        "hrnet_w48_s",
    ):
        with pytest.raises(ConfigError, match=f"CFG75.*gluoncv:{name} is no network that classifies"):
            entry(f"gluoncv:{name}")
