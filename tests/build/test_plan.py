import pytest

from gluonlab.build.plan import elements_of_sides, format_plan, make_plan, parameter_copies
from gluonlab.config.load import check_config
from gluonlab.errors import ConfigError
from gluonlab.runtime.mxnet import gluon

TREE = {
    "data": {"name": "synthetic", "classes": 10, "image_size": 32},
    "model": {"name": "cifar_resnet20"},
    "global_batch_size": 96,
    "worker_batch_size": 8,
    "epochs": 1,
    "schedule": {"name": "constant", "base_lr": 0.1},
}


@pytest.mark.parametrize(
    ("settings", "micro_steps", "processes", "copies"),
    [
        ({}, 1, 4, 3),  # weights, gradients, momentum
        ({"optimizer": {"name": "adamw"}}, 1, 1, 4),
        ({"optimizer": {"name": "lamb"}}, 1, 1, 5),
        ({"optimizer": {"name": "muon"}}, 1, 1, 4),
        ({"optimizer": {"name": "schedule_free_adamw"}}, 1, 1, 7),
        ({"averaging": {"name": "ema", "decay": 0.999}}, 1, 1, 5),
        ({}, 8, 1, 4),  # and the running sum
        ({"wire_precision": "float16"}, 8, 1, 4.5),
        ({"deterministic": True}, 8, 1, 3 + 3),  # and the partial sums of a tree of 8
        ({"deterministic": True}, 4, 2, 3 + 2 + 5),  # two gathered, their sum in pairs, our own end to end
    ],
)
def test_memory_counts_every_copy_of_the_parameters(settings, micro_steps, processes, copies):
    assert parameter_copies(check_config({**TREE, **settings}, "test"), micro_steps, processes) == copies


def test_a_plan_refuses_what_a_run_would_refuse():
    config = check_config({**TREE, "deterministic": True}, "test")
    assert make_plan(config, 3)["micro_steps_per_update"] == 4
    with pytest.raises(ConfigError, match="CFG21"):
        make_plan(config, 2)


def test_a_plan_shows_the_phases_and_refuses_a_batch_that_processes_cannot_share():
    phases = [{"from_epoch": 0.25, "global_batch_size": 104, "data": {"image_size": 40}}]
    config = check_config({**TREE, "phases": phases}, "test")
    plan = make_plan(config, 1)
    assert plan["phases"] == [
        {"from_epoch": 0.25, "step": 4, "changes": {"global_batch_size": 104, "data": {"image_size": 40}}}
    ]
    assert "step 4: global_batch_size=104, data.image_size=40" in format_plan(plan)
    assert (
        plan["memory_bytes_per_process"]
        > make_plan(check_config(TREE, "test"), 1)["memory_bytes_per_process"]
    )
    with pytest.raises(ConfigError, match=r"CFG08.* 13 virtual workers"):
        make_plan(config, 2)  # 12 are shared, 13 are not


def test_shampoo_counts_the_matrices_of_both_sides():
    """Of a dense layer (10, 64) and its bias: 2 (10^2 + 64^2); of the longer side alone nothing."""
    net = gluon.nn.Dense(10, in_units=64)
    for max_side, expected in ((64, 2 * (100 + 4096)), (63, 2 * 100), (9, 0)):
        optimizer = {"name": "shampoo", "max_side": max_side}
        assert elements_of_sides(check_config({**TREE, "optimizer": optimizer}, "test"), net) == expected
