"""Your own network and your own arrays, alone or on several processes; run it again and it goes on.

python docs/your_own_net.py
mpirun -np 2 python docs/your_own_net.py        # the same training, shared by two processes
"""

from pathlib import Path

import numpy as np

import gluonlab as gl

world = gl.join_world()  # this process, or all that the launcher started
from mxnet import gluon, nd, random  # noqa: E402  (gluonlab has prepared the import)

# Data: 1,000 points in the plane; the class says whether x * y is positive.
points = np.random.RandomState(0).uniform(-1, 1, (1000, 2)).astype("float32")
classes = (points[:, 0] * points[:, 1] > 0).astype(int)
train, held_out = gl.ArraySource(points[200:], classes[200:]), gl.ArraySource(points[:200], classes[:200])

# Network: any Gluon block. Every process starts from the values of the first.
random.seed(0)
net = gluon.nn.HybridSequential()
net.add(
    gluon.nn.Dense(32, "relu", in_units=2), gluon.nn.BatchNorm(in_channels=32), gluon.nn.Dense(2, in_units=32)
)
net.initialize()
world.broadcast([parameter.data() for parameter in net.collect_params().values()])
net.hybridize()

# Schedule: batches of 40, 60 steps of warm-up, then a cosine; 40 images are 4 virtual workers of 10.
calendar = gl.Epochs(len(train), global_batch_size=40)
steps = calendar.total_steps(30)
warmup, decay = gl.schedules.linear(0.1, 0.4, 60), gl.schedules.cosine(0.4, 0.0, steps - 60)
schedule = gl.schedules.with_warmup(gl.schedules.after(decay, 60), warmup, 60)
workers = gl.VirtualWorkers(net, world, global_batch_size=40, worker_batch_size=10)

state = gl.TrainState(net, gl.make_trainer(net, gl.SGD(learning_rate=0.1, momentum=0.9, weight_decay=1e-4)))
store = gl.CheckpointStore(Path("runs/your_own_net"))
checkpoint = store.latest()
if checkpoint:
    gl.restore(state, checkpoint)

task, ctx = gl.Classification(gl.SmoothedCrossEntropy()), nd.zeros(1).context
requests = gl.Sampler(calendar, seed=0).requests(state.step, steps, 10, workers.mine)
batches = gl.SourceLoader(train, ctx=ctx).batches(requests)
metrics = gl.Metrics(world, ctx, task)
for step in gl.train_steps(state, batches, task, schedule, workers, metrics, end_step=steps, log_every=100):
    if step % 200 == 0 or step == steps:
        held_out_requests = gl.evaluation_requests(len(held_out), 64, world.rank, world.size)
        held_out_batches = gl.SourceLoader(held_out, ctx=ctx).batches(held_out_requests)
        results = gl.evaluate(net, held_out_batches, task, world, ctx)
        if world.rank == 0:
            store.save(step, gl.checkpoint_tensors(state), gl.checkpoint_state(state))
            print(f"step {step}: {results['top1']:.1%} of {results['count']:.0f} held-out points are right")
world.shutdown()
