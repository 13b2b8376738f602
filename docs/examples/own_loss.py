"""A loss of your own, the focal loss (Lin et al. 2017), on two blobs of points of unequal size.

python docs/examples/own_loss.py
mpirun -np 2 python docs/examples/own_loss.py     # the same training, shared by two processes
"""

import numpy as np

import gluonlab as gl

world = gl.join_world()
from mxnet import gluon, init, nd, random  # noqa: E402  (gluonlab has prepared the import)


class FocalLoss(gluon.HybridBlock):
    """``-(1 - p)^gamma * log p`` of the right class: logits (n, classes), labels (n,) -> losses (n,)."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def hybrid_forward(self, F, logits, labels):  # noqa: ANN001, ANN201
        """A loss for each sample; the trainer divides their sum by the batch."""
        log_p = F.pick(F.log_softmax(logits, axis=1), labels, axis=1)
        return -((1 - F.exp(log_p)) ** self.gamma) * log_p


# One point in ten is of class 1.
draw = np.random.RandomState(0)
labels = (np.arange(1000) % 10 == 0).astype(int)
points = (draw.normal(size=(1000, 2)) + 3 * labels[:, None]).astype("float32")
train, held_out = gl.ArraySource(points[200:], labels[200:]), gl.ArraySource(points[:200], labels[:200])

random.seed(0)
net = gluon.nn.Dense(2, in_units=2)
net.initialize(init.Xavier())
world.broadcast([parameter.data() for parameter in net.collect_params().values()])

calendar = gl.Epochs(len(train), global_batch_size=40)
steps = calendar.total_steps(10)
workers = gl.VirtualWorkers(net, world, global_batch_size=40, worker_batch_size=20)
state = gl.TrainState(net, gl.make_trainer(net, gl.SGD(learning_rate=0.5, momentum=0.9, weight_decay=0.0)))
task, ctx = gl.Classification(FocalLoss(gamma=2.0)), nd.zeros(1).context
requests = gl.Sampler(calendar, seed=0).requests(0, steps, 20, workers.mine)
batches = gl.SourceLoader(train, ctx=ctx).batches(requests)
rate, metrics = gl.schedules.cosine(0.5, 0.0, steps), gl.Metrics(world, ctx, task)
for _step in gl.train_steps(state, batches, task, rate, workers, metrics, end_step=steps, log_every=100):
    pass

requests = gl.evaluation_requests(len(held_out), 64, world.rank, world.size)
results = gl.evaluate(net, gl.SourceLoader(held_out, ctx=ctx).batches(requests), task, world, ctx)
if world.rank == 0:
    print(
        f"{results['top1']:.1%} of {results['count']:.0f} held-out points, focal loss {results['loss']:.4f}"
    )
world.shutdown()
