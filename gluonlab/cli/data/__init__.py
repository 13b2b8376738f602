"""``gluonlab data``: obtain, pack, verify, describe and look at data sets."""

from __future__ import annotations

import typer

from gluonlab.cli.data.fetch import fetch
from gluonlab.cli.data.pack import pack
from gluonlab.cli.data.show import show
from gluonlab.cli.data.stats import stats
from gluonlab.cli.data.verify import verify

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Obtain, pack, verify and look at data sets."
)
for verb in (fetch, pack, verify, stats, show):
    app.command()(verb)
