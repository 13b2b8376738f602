"""Data of your own: images that are drawn when they are asked for, in no file.

python docs/examples/own_source.py
"""

import numpy as np

import gluonlab as gl

world = gl.join_world()
from mxnet import gluon, init, nd, random  # noqa: E402  (gluonlab has prepared the import)


class Bars:
    """Noisy images of an upright (class 0) or a lying bar (class 1), made from ``seed`` and the index."""

    def __init__(self, count: int, seed: int) -> None:
        self.name, self.seed = "bars", seed
        self.labels = np.arange(count) % 2

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> np.ndarray:
        """(channels, height, width), as the network takes it; several threads may call it at once."""
        draw = np.random.RandomState([self.seed, index])
        image, place = draw.randint(0, 160, (12, 12)), draw.randint(12)
        image[(slice(None), place) if self.labels[index] == 0 else place] += 95
        return image[None].astype("float32") / 255

    def where(self, index: int) -> str:
        """What a message calls the sample."""
        return f"bar {index} of seed {self.seed}"


train, held_out = Bars(1600, seed=1), Bars(200, seed=2)
random.seed(0)
net = gluon.nn.HybridSequential()
net.add(gluon.nn.Conv2D(8, 5, in_channels=1, activation="relu"), gluon.nn.GlobalMaxPool2D())
net.add(gluon.nn.Flatten(), gluon.nn.Dense(2, in_units=8))
net.initialize(init.Xavier())
world.broadcast([parameter.data() for parameter in net.collect_params().values()])

calendar = gl.Epochs(len(train), global_batch_size=32)
steps = calendar.total_steps(6)
workers = gl.VirtualWorkers(net, world, global_batch_size=32, worker_batch_size=16)
state = gl.TrainState(net, gl.make_trainer(net, gl.AdamW(learning_rate=0.01, weight_decay=0.0)))
task, ctx = gl.Classification(gl.SmoothedCrossEntropy()), nd.zeros(1).context
requests = gl.Sampler(calendar, seed=0).requests(0, steps, 16, workers.mine)
batches = gl.SourceLoader(train, ctx=ctx).batches(requests)
rate, metrics = gl.schedules.cosine(0.01, 0.0, steps), gl.Metrics(world, ctx, task)
for _step in gl.train_steps(state, batches, task, rate, workers, metrics, end_step=steps, log_every=100):
    pass

requests = gl.evaluation_requests(len(held_out), 64, world.rank, world.size)
results = gl.evaluate(net, gl.SourceLoader(held_out, ctx=ctx).batches(requests), task, world, ctx)
if world.rank == 0:
    print(f"{results['top1']:.1%} of {results['count']:.0f} held-out images")
world.shutdown()
