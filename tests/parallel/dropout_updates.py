"""Started under P processes by the tests: updates of a net with dropout; prints its weights' digest."""

import numpy as np

import gluonlab as gl

world = gl.join_world()
from mxnet import gluon, nd, random  # noqa: E402

from gluonlab.training.state import weights_sha256  # noqa: E402

random.seed(0)
net = gluon.nn.HybridSequential()
net.add(gluon.nn.Dense(16, "relu", in_units=3), gluon.nn.Dropout(0.5), gluon.nn.Dense(2, in_units=16))
net.initialize()
world.broadcast([parameter.data() for parameter in net.collect_params().values()])
net.hybridize(static_alloc=True)
state = gl.TrainState(net, gl.make_trainer(net, gl.NAG(0.1, momentum=0.9, weight_decay=0.0)))
workers = gl.VirtualWorkers(net, world, global_batch_size=8, worker_batch_size=2, deterministic=True)
source = gl.ArraySource(
    np.random.RandomState(0).standard_normal((40, 3)).astype("float32"), np.arange(40) % 2
)
ctx = nd.zeros(1).context
requests = gl.Sampler(gl.Epochs(40, 8), seed=0).requests(0, 5, 2, workers.mine)
batches = gl.SourceLoader(source, ctx=ctx).batches(requests)
task = gl.Classification(gl.SmoothedCrossEntropy())
metrics = gl.Metrics(world, ctx, task)
for _ in range(5):
    gl.train_step(state, batches, task, gl.schedules.constant(0.1), workers, metrics)
print("DIGEST", weights_sha256(net), flush=True)
world.shutdown()
