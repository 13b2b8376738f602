"""Progress in a notebook: a display below the cell that is drawn anew. Of packages it takes IPython only."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any, TextIO

REDRAW_EVERY_S = 0.2


def is_notebook(stream: TextIO) -> bool:
    """Whether ``stream`` is what the cells of a notebook print to."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython and stream is sys.stdout else None
    return hasattr(shell, "kernel")


class NotebookBar:
    """A bar for ``total_steps`` with what was measured last beside it; messages are printed to ``stream``."""

    def __init__(self, total_steps: int, start_step: int, stream: TextIO) -> None:
        from IPython.display import display  # there, since the program runs in it

        self._total_steps, self._stream = total_steps, stream
        self._step, self._text = start_step, ""
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)
        self._drawn = time.monotonic()

    def update(self, step: int, values: str, remaining: str) -> None:
        """Move to ``step``; ``values`` and ``remaining`` are texts."""
        self._step, self._text = step, f"{values}   ETA {remaining}"
        if time.monotonic() - self._drawn >= REDRAW_EVERY_S:
            self._draw()

    def message(self, text: str) -> None:
        """Print ``text`` as a line of the cell."""
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the bar where it is."""
        self._draw()

    def _draw(self) -> None:
        self._handle.update(self._bundle(), raw=True)
        self._drawn = time.monotonic()

    def _bundle(self) -> dict[str, str]:
        line = f"step {self._step:,}/{self._total_steps:,}   {self._text}".rstrip()
        bar = f'<progress value="{self._step}" max="{self._total_steps}" style="width: 16em"></progress>'
        return {"text/plain": line, "text/html": f"<div>{bar} <code>{escape(line)}</code></div>"}
