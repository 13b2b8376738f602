"""The parts of an update go through the network of the run, by whose rules it trains."""

from gluonlab.bench.time_split import PARTS, split_time
from gluonlab.bench.work import Training
from gluonlab.build.benchmark import benchmark_config, benchmark_run
from gluonlab.parallel.world import SingleProcess


def test_forward_and_backward_are_those_of_the_network_of_the_run():
    config = benchmark_config(
        "small_resnet8", ["data.image_size=8", "global_batch_size=8"], processes=1, batch=4
    )
    run, passes = benchmark_run(config, SingleProcess(), has_gradients=True), []
    train = run.state.network.train

    def counted_train(batch, task, head_gradient=None):
        passes.append(len(batch[0]))
        return train(batch, task, head_gradient)

    run.state.network.train = counted_train
    training = Training(run)
    parts = split_time(training, run.world, updates=3)
    training.close()
    assert passes == [4] * 2 * 3, "each virtual worker once an update"
    assert run.state.step == 3
    assert set(parts) == set(PARTS)
    assert min(parts["forward"], parts["backward"]) > 0
