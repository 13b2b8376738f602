"""``gluonlab watch``: a live page over runs."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Optional
from webbrowser import open as show_in_browser

import typer

from gluonlab.cli.listening import listen
from gluonlab.commands import pip_command
from gluonlab.errors import CheckpointError, GluonlabError, SetupError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gluonlab.reporting.watch.store import Plan

DEFAULT_ROOT = Path("runs")
PLAN_POINTS = 400
_DIRECTORY = typer.Argument(
    DEFAULT_ROOT, metavar="[DIR|RUN]", help="Folder with runs, or one run; default runs.", show_default=False
)


def watch(
    directory: Path = _DIRECTORY,
    port: int = typer.Option(8765, "--port", min=0, max=65535, help="Port; 0: any that is free."),
    host: str = typer.Option(
        "127.0.0.1", "--host", help="Address of this machine; others than loopback need a token."
    ),
    open_browser: bool = typer.Option(False, "--open", help="Open the page in a browser."),
    allow_control: bool = typer.Option(
        False, "--allow-control", help="Let who has the printed address stop, resume and delete runs."
    ),
) -> None:
    """Show runs on a live page of this machine. Without --allow-control it writes nothing.

    Example: gluonlab watch runs --open
    """
    if directory != DEFAULT_ROOT and not directory.is_dir():
        raise CheckpointError("CKP02", str(directory), "no such directory")
    try:
        import uvicorn  # noqa: F401  (asked for here, so that one line names what is missing)

        from gluonlab.reporting.watch.children import Children
        from gluonlab.reporting.watch.server import make_app
        from gluonlab.reporting.watch.store import RunStore
    except ImportError as error:
        hint = pip_command("install", "gluonlab[watch]")
        raise SetupError("ENV79", "watch", f"the live page needs {error.name}", hint) from error
    listener = listen(host, port, "watch --host", "watch --port")
    port = listener.getsockname()[1]
    is_local = ipaddress.ip_address(host).is_loopback
    shown = f"[{host}]" if ":" in host else host
    token = None if is_local and not allow_control else secrets.token_urlsafe(24)
    hosts = frozenset({f"{shown}:{port}", f"localhost:{port}"}) if is_local else None
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    typer.echo(f"{address} shows {directory}; Ctrl-C ends it")
    if open_browser:
        show_in_browser(address)
    closing = Event()
    store = RunStore(directory, plan_of)
    app = make_app(store, hosts, token, Children(), closing, may_control=allow_control)
    _serve(app, listener, closing)


def _serve(app: ASGIApp, listener: socket.socket, closing: Event) -> None:
    import uvicorn  # of the extra "watch"

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Optional[FrameType]) -> None:
            closing.set()  # open pages would keep it from ending
            super().handle_exit(sig, frame)

    settings = uvicorn.Config(
        app,
        log_level="error",
        lifespan="off",
        ws="none",
        http="h11",
        server_header=False,
        limit_concurrency=200,
        timeout_graceful_shutdown=3,
    )
    try:
        Server(settings).run(sockets=[listener])
    except KeyboardInterrupt:
        typer.echo("closed", err=True)


def plan_of(run: Path) -> Optional[Plan]:
    """The learning rate of the recipe of ``run`` at up to 400 steps; None where its files do not tell."""
    from gluonlab.build.plan import plan_schedule  # these read recipes, which takes half a second to import
    from gluonlab.build.run_directory import load_run_config

    try:
        config = load_run_config(run)
        calendar, rate = plan_schedule(config)
        last = calendar.total_steps(config.epochs) - 1
    except (GluonlabError, OSError, ValueError):
        return None
    steps = sorted({round(last * part / PLAN_POINTS) for part in range(PLAN_POINTS + 1)})
    return {"step": [float(step) for step in steps], "rate": [rate(step) for step in steps]}
