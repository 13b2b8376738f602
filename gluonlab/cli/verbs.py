"""A group whose verbs are imported when they are called: its --help lists them from a table.

So a verb imports what it needs at its top. Within functions stand only modules that import MXNet or PyTorch,
which read their variables (threads above all) when they are imported and must come after these are set, and
what needs a word beside it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, Optional

import typer
import typer.core
import typer.main


class Verbs(typer.core.TyperGroup):
    """A command group that imports the module of a verb when it is called."""

    VERBS: ClassVar[Mapping[str, str]] = {}
    PLACE: ClassVar[str] = ""

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(self.VERBS)

    def get_command(self, _ctx: Any, cmd_name: str) -> Optional[Any]:
        """The verb: ``app``, or the function of its name, in the module of its name."""
        if cmd_name not in self.VERBS:
            return None
        module = importlib.import_module(f"{self.PLACE}.{cmd_name}")
        app = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(cmd_name)(getattr(module, cmd_name))
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write `VERBS` as the list of commands of --help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.VERBS.items()))


def group(place: str, verbs: Mapping[str, str]) -> type[Verbs]:
    """The class of a group of ``verbs``, names with what --help says of them, each a module in ``place``."""
    return type("Group", (Verbs,), {"VERBS": verbs, "PLACE": place})


def _nothing() -> None:
    """What makes a group of typer of a group without commands of its own."""


def make_app(place: str, verbs: Mapping[str, str], about: str) -> typer.Typer:
    """A group that does nothing but lead to its verbs."""
    return typer.Typer(
        cls=group(place, verbs),
        callback=_nothing,
        help=about,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
