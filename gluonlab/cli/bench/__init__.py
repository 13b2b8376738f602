"""``gluonlab bench``: measurements, one file per verb."""

from __future__ import annotations

from gluonlab.cli.verbs import make_app

app = make_app(
    __name__,
    {
        "throughput": "Measure images per second, and what limits them.",
        "allreduce": "Measure sums over processes.",
        "data": "Measure reading, decoding, augmenting, copying.",
        "optimizer": "Measure one update of all parameters with each rule.",
        "scaling": "Measure scaling, weak or strong.",
        "startup": "Measure what a run costs before it trains.",
        "compare": "Compare two results row by row.",
        "fit": "Write a cluster file from measurements of this machine.",
    },
    "Measure speed on this host; compare results.",
)
