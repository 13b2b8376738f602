"""One process of a world: eight updates, the workers renewed after the fifth; prints what was heard when."""

import json

import gluonlab as gl
from gluonlab.parallel.agreement import Agreement
from gluonlab.runtime.mxnet import gluon, nd

world = gl.join_world()
net = gluon.nn.Dense(1, in_units=3, use_bias=False)
net.initialize()
agreement = Agreement(world)


def make_workers():
    return gl.VirtualWorkers(net, world, world.size, 1)


workers, heard = make_workers(), {"stop": [], "save": []}
for update in range(1, 9):
    if update == 6:
        nd.waitall()
        workers = make_workers()
    workers.gradients[0][:] = 4
    workers.reduce()
    mine = (world.rank == 0 and update == 3, world.rank == world.size - 1 and update == 5)
    for name, is_heard in zip(heard, agreement.exchange(workers, mine)):
        heard[name] += [update] if is_heard else []
print(json.dumps({**heard, "gradient": float(workers.gradients[0][0, 0].asscalar())}), flush=True)
world.shutdown()
