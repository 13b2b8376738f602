"""``gluonlab``: puts the verbs together, turns every error into one line and the right exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn, Optional

import typer
import typer.core

from gluonlab import __version__
from gluonlab.checkout import git_commit
from gluonlab.cli.streams import lost_output, mend_standard_streams
from gluonlab.cli.verbs import group
from gluonlab.errors import CheckpointError, GluonlabError, ResourceError
from gluonlab.foreign_errors import as_gluonlab_error
from gluonlab.runtime.leaving import leave
from gluonlab.runtime.limits import short_of

# typer escapes brackets for rich, which prints no help here. It has one name before 0.17, the other after.
typer.core.rich = None  # type: ignore
typer.core.HAS_RICH = False  # type: ignore

# A wrong command line: of click before typer 0.17, of typer's own copy after, and neither exports it.
_CommandLineError: Any = typer.BadParameter.__mro__[2]

VERBS = {
    "init": "Make a folder to train on your own images.",
    "train": "Train in this process.",
    "launch": "Train with several processes, on one host or many.",
    "sweep": "Train with many values of some keys and name the best.",
    "evaluate": "Validate a run or a checkpoint, each image once.",
    "predict": "Name the likeliest classes of images.",
    "schedule": "Show learning rate, batch and steps of a recipe.",
    "simulate": "Predict speed, time and cost of a recipe on a cluster.",
    "runs": "List runs with their state, last step and accuracy.",
    "watch": "Show runs on a live page of this machine.",
    "report": "Write what runs and measurements gave to one HTML file.",
    "doctor": "Check the installation and the machine.",
    "recipes": "The recipes that ship: list, show, copy, diff.",
    "models": "The models: list, show, import, fetch, export, card.",
    "data": "Fetch, pack, verify and look at data sets.",
    "bench": "Measure speed on this host; compare results.",
}

app = typer.Typer(
    cls=group("gluonlab.cli", VERBS),
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would double the start-up time of --help
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        commit = git_commit()
        typer.echo(f"gluonlab {__version__}" + (f", commit {commit[:10]}" if commit else ""))
        raise typer.Exit


@app.callback()
def gluonlab(
    version: Optional[bool] = typer.Option(
        None, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
    debug: bool = typer.Option(False, "--debug", help="Print the traceback of an error."),
) -> None:
    """Large-batch distributed training on MXNet Gluon.

    Example: gluonlab launch -n 2 recipe:digits
    """
    if debug:
        os.environ["GLUONLAB_DEBUG"] = "1"


def main() -> NoReturn:
    """Entry point of the ``gluonlab`` command. It ends the process whatever happened, and at once."""
    code = ResourceError.exit_code  # if there is no memory even for telling of it
    try:
        mend_standard_streams()
        code = run()
        lost = lost_output()
        if code == 0 and lost:
            code = end_with(CheckpointError("IO01", "stdout", f"some of it is lost: {lost.strerror}"))
    except BaseException as error:  # in telling of an error
        code = _tell_briefly(error)
    finally:
        leave(code)


def run() -> int:
    """Carry out the command line of this process; returns the exit code."""
    if "--debug" in sys.argv:  # wherever it stands: the message of a bug asks for it
        sys.argv.remove("--debug")
        os.environ["GLUONLAB_DEBUG"] = "1"
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("interrupted; a run continues when its command is given again", err=True)
        return 130
    except _CommandLineError as error:
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError":  # of click 8.2 and later; before, it was no error
            typer.echo(error.format_message())
            return 0
        command = context.command_path if context else "gluonlab"
        line = " ".join(error.format_message().split()).rstrip(".")
        typer.echo(f"error[CLI01] {command}: {line}; see {command} --help", err=True)
        return 2
    except Exception as error:
        if os.environ.get("GLUONLAB_DEBUG"):
            traceback.print_exc()
        return end_with(error)
    return code if isinstance(code, int) else 0


def end_with(error: Exception) -> int:
    """Tell the launcher, or the user, of ``error``; returns the exit code."""
    from gluonlab.parallel.environment import launched_process
    from gluonlab.supervision.failure import as_rank_failure, tell_launcher

    shown = as_rank_failure(error, as_gluonlab_error(error), launched_process().rank)
    if not tell_launcher(shown):
        typer.echo(str(shown), err=True)
    return shown.exit_code


def _tell_briefly(error: BaseException) -> int:
    shown = error if isinstance(error, GluonlabError) else short_of(error)
    line = str(shown) if shown else f"error[BUG01] {type(error).__name__}: {error}"
    os.write(2, f"{line}\n".encode(errors="replace"))
    return shown.exit_code if shown else 70


if __name__ == "__main__":
    main()
