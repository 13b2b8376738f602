"""Started under P processes by the tests: one sample of a set is NaN; prints what each process raises."""

import numpy as np

import gluonlab as gl

world = gl.join_world()
from mxnet import gluon, nd, random  # noqa: E402

BAD, BATCH, STEPS = 17, 8, 5
points = np.random.RandomState(0).standard_normal((40, 3)).astype("float32")
points[BAD] = np.nan

random.seed(0)
net = gluon.nn.Dense(2, in_units=3)
net.initialize()
world.broadcast([parameter.data() for parameter in net.collect_params().values()])
state = gl.TrainState(net, gl.make_trainer(net, gl.SGD(0.1, momentum=0.9, weight_decay=0.0)))
workers = gl.VirtualWorkers(net, world, global_batch_size=BATCH, worker_batch_size=2)
sampler = gl.Sampler(gl.Epochs(len(points), BATCH), seed=0)
ctx, task = nd.zeros(1).context, gl.Classification(gl.SmoothedCrossEntropy())
loader = gl.SourceLoader(gl.ArraySource(points, np.zeros(len(points), int)), ctx=ctx)


def samples_of(step, worker):
    return sampler.global_batch(step).indices[2 * worker : 2 * worker + 2]


try:
    updates = gl.train_steps(
        state,
        loader.batches(sampler.requests(0, STEPS, 2, workers.mine)),
        task,
        gl.schedules.constant(0.1),
        workers,
        gl.Metrics(world, ctx, task),
        end_step=STEPS,
        log_every=STEPS,
        watch=gl.LossWatch(world, net, samples_of),
    )
    for _ in updates:
        pass
except Exception as error:
    step = next(step for step in range(STEPS) if BAD in sampler.global_batch(step).indices)
    worker = int(np.flatnonzero(sampler.global_batch(step).indices == BAD)[0]) // 2
    print(f"EXPECTED step {step + 1} worker {worker} rank {worker * world.size // 4}", flush=True)
    print(f"RAISED {error}", flush=True)
world.shutdown()
