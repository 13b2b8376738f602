"""What tests of networks share."""

import pytest

from gluonlab.runtime.mxnet import gluon


@pytest.fixture
def batchnorm_momenta():
    """The momenta of all BatchNorm layers of a network."""

    def momenta_of(net):
        momenta = set()

        def note(layer):
            if isinstance(layer, gluon.nn.BatchNorm):
                momenta.add(layer._kwargs["momentum"])

        net.apply(note)
        return momenta

    return momenta_of
