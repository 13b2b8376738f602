from pathlib import Path

from gluonlab.build.gpu_settings import set_gpu_environment
from gluonlab.config import load_config

SMOKE = Path("configs/smoke.yaml")


def test_settings_become_variables_of_mxnet(root):
    overrides = [
        "cudnn_autotune=fastest",
        "gpu_memory_pool=round",
        "gpu_memory_reserve=10",
        "cuda_graphs=true",
    ]
    environment = {}
    set_gpu_environment(load_config(root / SMOKE, overrides), environment)
    assert environment == {
        "MXNET_CUDNN_AUTOTUNE_DEFAULT": "2",
        "MXNET_GPU_MEM_POOL_TYPE": "Round",
        "MXNET_GPU_MEM_POOL_RESERVE": "10",
        "MXNET_ENABLE_CUDA_GRAPHS": "1",
    }


def test_what_the_user_has_set_stays(root):
    environment = {"MXNET_GPU_MEM_POOL_RESERVE": "20"}
    set_gpu_environment(load_config(root / SMOKE, []), environment)
    assert environment["MXNET_GPU_MEM_POOL_RESERVE"] == "20"
    assert environment["MXNET_GPU_MEM_POOL_TYPE"] == "Naive"


def test_they_are_no_part_of_the_recipe(root):
    plain = load_config(root / SMOKE, [])
    other = load_config(root / SMOKE, ["cuda_graphs=true", "gpu_memory_pool=none"])
    assert other.recipe() == plain.recipe()
