"""``gluonlab bench``: measurements, one file per verb."""

from __future__ import annotations

import typer

from gluonlab.cli.bench.allreduce import allreduce
from gluonlab.cli.bench.compare import compare
from gluonlab.cli.bench.data import data
from gluonlab.cli.bench.fit import fit
from gluonlab.cli.bench.optimizer import optimizer
from gluonlab.cli.bench.scaling import scaling
from gluonlab.cli.bench.startup import startup
from gluonlab.cli.bench.throughput import throughput

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure; compare what was measured.")
for verb in (throughput, allreduce, data, optimizer, scaling, startup, compare, fit):
    app.command()(verb)
