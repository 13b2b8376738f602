"""One process of a world: a network whose every other pass leaves a layer out; prints gradients and weights.

usage: branching.py running|pairs
"""

import json
import sys

import gluonlab as gl
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.training.network import GluonNetwork
from gluonlab.training.state import make_trainer


class Branching(gluon.Block):
    """``first(x)``, and ``second(x)`` too where the first number is positive; ``never`` has no part in it."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.first = gluon.nn.Dense(1, in_units=2, use_bias=False)
            self.second = gluon.nn.Dense(1, in_units=2, use_bias=False)
            self.never = gluon.nn.Dense(1, in_units=2, use_bias=False)

    def forward(self, x):
        y = self.first(x)
        return y + self.second(x) if x[0, 0].asscalar() > 0 else y


world = gl.join_world()
net = Branching()
net.initialize("ones")
state = gl.TrainState(net, make_trainer(net, gl.SGD(0.1, 0.0, 0.0)))
workers = gl.VirtualWorkers(net, world, 4, 1, deterministic=sys.argv[1] == "pairs")
samples = nd.array([[1, 10], [-2, 20], [3, 30], [-4, 40]])
gradients = []
for _ in range(2):
    for worker in workers.turns(state.step):
        network = state.network
        assert isinstance(network, GluonNetwork)
        network.train([samples[worker : worker + 1]], gl.LossTask(lambda net, x: net(x).reshape(-1)))
    workers.reduce()
    gradients.append({name: g.asnumpy().tolist() for name, g in zip(workers.names, workers.gradients)})
    state.trainer.step(4)
    state.step += 1
weights = {name: p.data().asnumpy().tolist() for name, p in net._collect_params_with_prefix().items()}
if world.rank == 0:
    print(json.dumps({"gradients": gradients, "weights": weights}), flush=True)
world.shutdown()
