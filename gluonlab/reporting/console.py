"""Progress on the console: a bar on a terminal, plain aligned lines when the output goes elsewhere."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Optional, TextIO, Union

from gluonlab.reporting.notebook_bar import NotebookBar, is_notebook
from gluonlab.reporting.useful_batch import NoiseScale, is_measured
from gluonlab.supervision.variables import TERMINAL_WIDTH

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def has_bar(stream: TextIO) -> bool:
    """Whether ``stream`` ends where a bar can be drawn: at a terminal, or in a notebook."""
    return is_terminal(stream) or is_notebook(stream)


def is_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` ends at a terminal that can show a bar, be it through a launcher's pipe."""
    if os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    if TERMINAL_WIDTH in os.environ:
        return _forced_width() is not None
    return stream.isatty()


def format_duration(seconds: float) -> str:
    """Seconds as ``h:mm:ss``; ``-`` if not a finite number."""
    if not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


class ConsoleReport:
    """Shows the rows of a run of ``total_steps`` updates that begins, or goes on, at ``start_step``."""

    def __init__(self, total_steps: int, start_step: int, has_bar: bool, stream: TextIO) -> None:
        self._total_steps = total_steps
        self._stream = stream
        self._noise = NoiseScale()
        self._bar: Optional[Union[_Bar, NotebookBar]] = None
        if has_bar:
            make_bar = NotebookBar if is_notebook(stream) else _Bar
            self._bar = make_bar(total_steps, start_step, stream)

    def train_row(self, step: int, values: Mapping[str, float]) -> None:
        """Show ``values`` of a train row: epoch, loss, top1, learning_rate, images_per_sec, sec_per_step.

        Missing ones are left out. The remaining time is that of the remaining steps alone. Of the gradient
        noise the smoothed scale is shown.
        """
        if is_measured(values):
            scale = self._noise.add(values)
            values = {**values, "noise_scale": math.nan if scale is None else scale}
        remaining = (self._total_steps - step) * values.get("sec_per_step", math.nan)
        if self._bar:
            self._bar.update(step, _bar_text(values), format_duration(remaining))
            return
        width = len(str(self._total_steps))
        parts = [f"step {step:>{width + 2}}/{self._total_steps}", *_train_parts(values)]
        self._print("  ".join([*parts, f"ETA {format_duration(remaining)}"]))

    def validation_row(self, step: int, values: Mapping[str, float]) -> None:
        """Show ``values`` of a validation row: loss, top1, top5, images; missing ones are left out."""
        parts = [f"validation  step {step}"]
        if "loss" in values:
            parts.append(f"loss {_format_loss(values['loss'])}")
        parts += [f"{label} {_format_percent(values[key])}" for key, label in _ACCURACIES if key in values]
        if "images" in values:
            parts.append(f"{values['images']:,.0f} images")
        self.message("  ".join(parts))

    def message(self, text: str) -> None:
        """Print ``text`` on a line of its own, above the bar if there is one."""
        if self._bar:
            self._bar.message(text)
        else:
            self._print(text)

    def close(self) -> None:
        """Leave the bar as it is and give the terminal back."""
        if self._bar:
            self._bar.close()

    def _print(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


class _Bar:
    """The bar and, behind it, the latest values."""

    def __init__(self, total_steps: int, start_step: int, stream: TextIO) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.table import Column

        self._console = _make_console(stream)
        self._progress: Progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None, table_column=Column(min_width=4, ratio=1)),
            TextColumn("{task.fields[values]}", markup=False, table_column=Column(no_wrap=True)),
            TextColumn("ETA {task.fields[remaining]}", table_column=Column(no_wrap=True)),
            console=self._console,
            # A thread that redraws would compete with the decoding threads; a row comes often enough.
            auto_refresh=False,
            redirect_stderr=sys.stderr.isatty(),
            expand=True,
        )
        self._task = self._progress.add_task(
            "train", total=total_steps, completed=start_step, values="", remaining="-"
        )
        self._progress.start()

    def update(self, step: int, values: str, remaining: str) -> None:
        self._progress.update(self._task, completed=step, values=values, remaining=remaining, refresh=True)

    def message(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()


def _make_console(stream: TextIO) -> Console:
    from rich.console import Console

    width = _forced_width()
    return Console(file=stream, force_terminal=True, width=width, legacy_windows=False)


def _forced_width() -> Optional[int]:
    text = os.environ.get(TERMINAL_WIDTH, "")
    return int(text) if text.isdecimal() and int(text) > 0 else None


_ACCURACIES = (("top1", "top-1"), ("top5", "top-5"))


def _train_parts(values: Mapping[str, float]) -> list[str]:
    parts = []
    if "epoch" in values:
        parts.append(f"epoch {values['epoch']:4.1f}")
    if "loss" in values:
        parts.append(f"loss {_format_loss(values['loss'])}")
    if "top1" in values:
        parts.append(f"top-1 {_format_percent(values['top1']):>8}")
    if "learning_rate" in values:
        parts.append(f"lr {_format_rate(values['learning_rate']):>7}")
    if "noise_scale" in values:
        scale = values["noise_scale"]
        parts.append(f"noise {'-' if math.isnan(scale) else format(scale, ',.0f'):>7}")
    if "images_per_sec" in values:
        parts.append(f"{values['images_per_sec']:>7,.0f} img/s")
    return parts


def _bar_text(values: Mapping[str, float]) -> str:
    """The values that matter most, short enough for 80 columns."""
    forms = {
        "epoch": "epoch {:.1f}",
        "loss": "loss {:.3f}",
        "top1": "top-1 {:.1%}",
        "images_per_sec": "{:,.0f} img/s",
    }
    return " ".join(form.format(values[key]) for key, form in forms.items() if key in values)


def _format_loss(loss: float) -> str:
    return f"{loss:.3e}" if abs(loss) >= 1e4 else f"{loss:.4f}"


def _format_percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _format_rate(rate: float) -> str:
    return f"{rate:.4f}" if rate == 0 or rate >= 1e-3 else f"{rate:.1e}"
