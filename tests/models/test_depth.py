import pytest

from gluonlab.models import create
from gluonlab.models.depth import layers_of


def some(name, wanted):
    layers = layers_of(create(name))
    return {key: layers[key] for key in wanted}, max(layers.values())


def test_a_transformer_as_timm_groups_it():
    expected = {
        "cls_token": 0, "pos_embed": 0, "patch_embed.proj.weight": 0, "blocks.0.norm1.gamma": 1,
        "blocks.11.mlp.fc2.bias": 12, "norm.gamma": 13, "head.weight": 14, "head.bias": 14,
    }  # fmt: skip
    assert some("vit_tiny_patch16_224", expected) == (expected, 14)


def test_convnext_as_timm_groups_it():
    """A downsampling goes with the first block of its stage, the norm of the head with the classifier."""
    expected = {
        "stem.0.weight": 0, "stem.1.norm.gamma": 0, "stages.0.blocks.0.conv_dw.weight": 1,
        "stages.1.downsample.1.weight": 4, "stages.1.blocks.0.mlp.fc1.weight": 4,
        "stages.3.blocks.2.scale.factor": 18, "head.norm.gamma": 19, "head.fc.weight": 19,
    }  # fmt: skip
    assert some("convnext_tiny", expected) == (expected, 19)


def test_a_residual_network():
    expected = {
        "stem.0.weight": 0, "stage1.0.conv1.weight": 1, "stage3.0.shortcut.0.weight": 5,
        "stage4.1.bn2.gamma": 8, "output.weight": 9,
    }  # fmt: skip
    assert some("resnet18_v1b", expected) == (expected, 9)


@pytest.mark.parametrize("name", ["vgg11", "alexnet"])
def test_a_plain_network_has_no_layers_to_count(name):
    assert layers_of(create(name)) == {}
