"""The keys of each schedule in a recipe, and the curve that they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Optional

from pydantic import AfterValidator, Field

from gluonlab.epochs import Calendar
from gluonlab.errors import ConfigError
from gluonlab.schedules import curves
from gluonlab.schedules.curves import Schedule
from gluonlab.section import LARGEST_NUMBER, Section


class ScheduleSection(Section):
    """The learning rate as a function of the step."""

    name: str
    base_lr: float = Field(gt=0, le=LARGEST_NUMBER, description="Rate for a batch of base_batch_size.")
    base_batch_size: int = Field(256, ge=1, description="The batch that base_lr is quoted for, in images.")
    scaling: Literal["linear", "sqrt", "none"] = Field(
        "linear", description="How the rate grows with global_batch_size / base_batch_size; gives peak_lr."
    )
    warmup: Literal["gradual", "constant", "exponential", "quadratic"] = Field(
        "gradual",
        description="From init_lr to peak_lr: `gradual` on a straight line, `quadratic` on a parabola that "
        "starts flat, `exponential` by equal factors, `constant` with a jump at the end.",
    )
    warmup_epochs: float = Field(
        0.0, ge=0, description="Length of the warm-up, in epochs; need not be whole."
    )
    init_lr: Optional[float] = Field(
        None,
        ge=0,
        le=LARGEST_NUMBER,
        description="Rate at step 0 of the warm-up; default base_lr, at most peak_lr.",
    )

    def build(self, peak: float, calendar: Calendar, epochs: float) -> Schedule:
        """The curve of ``epochs`` that has ``peak`` at its highest; a warm-up replaces its beginning.

        Raises:
            ConfigError: CFG10 two epochs fall on the same step.
        """
        raise NotImplementedError

    def turns(self, calendar: Calendar, epochs: float) -> set[int]:
        """The steps that show the course of the curve, for a plan."""
        return set()

    def problems_within(self, epochs: float) -> Iterator[str]:
        """What does not fit into ``epochs``, which it is for."""
        if self.warmup_epochs >= epochs:
            yield f"warmup_epochs {self.warmup_epochs:g} must be shorter than epochs {epochs:g}"

    def _problems(self) -> Iterator[str]:
        if self.warmup == "exponential" and self.init_lr == 0:
            yield "exponential warm-up needs init_lr > 0"


class ConstantSection(ScheduleSection):
    """The same rate to the end."""

    name: Literal["constant"] = "constant"

    def build(self, peak: float, calendar: Calendar, epochs: float) -> Schedule:
        """``peak`` at every step."""
        return curves.constant(peak)


class CurveSection(ScheduleSection):
    """Rates that fall at every step, from the end of the warm-up to the end of training."""

    final_lr: Optional[float] = Field(
        None, ge=0, le=LARGEST_NUMBER, description="Rate at the end; default 0."
    )
    decay_from: Optional[Literal["warmup_end", "start"]] = Field(
        None,
        description="Where the curve begins; default `warmup_end`. With `start` the warm-up only replaces "
        "its beginning.",
    )
    decay_until: Optional[float] = Field(
        None, gt=0, description="Epoch at which final_lr is reached; default the end."
    )

    def curve(self, peak: float, final: float, num_steps: int) -> Schedule:
        """From ``peak`` at step 0 to ``final`` at ``num_steps``, then flat."""
        raise NotImplementedError

    def build(self, peak: float, calendar: Calendar, epochs: float) -> Schedule:
        """`curve` over what is left after the warm-up, unless the recipe says otherwise."""
        first = 0 if self.decay_from == "start" else calendar.first_step_of(self.warmup_epochs)
        end = calendar.total_steps(epochs) if self.decay_until is None else self._end_step(calendar)
        return curves.after(self.curve(peak, self.final_lr or 0.0, end - first), first)

    def turns(self, calendar: Calendar, epochs: float) -> set[int]:
        """The quarters after the warm-up."""
        first = calendar.first_step_of(self.warmup_epochs)
        end = calendar.total_steps(epochs) - 1 if self.decay_until is None else self._end_step(calendar)
        return {first + (end - first) * quarter // 4 for quarter in (1, 2, 3, 4)}

    def _end_step(self, calendar: Calendar) -> int:
        return calendar.first_step_of(self.decay_until or 0)

    def problems_within(self, epochs: float) -> Iterator[str]:
        """Those of every schedule, and a decay longer than training."""
        yield from super().problems_within(epochs)
        if (self.decay_until or 0) > epochs:
            yield f"decay_until {self.decay_until:g} lies beyond the end of training, epoch {epochs:g}"

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.decay_until is not None and self.decay_until <= self.warmup_epochs:
            yield f"decay_until must come after the warm-up of {self.warmup_epochs:g} epochs"


class CosineSection(CurveSection):
    """Half a cosine (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"] = "cosine"

    def curve(self, peak: float, final: float, num_steps: int) -> Schedule:
        """Half a cosine from ``peak`` to ``final``."""
        return curves.cosine(peak, final, num_steps)


class PolynomialSection(CurveSection):
    """A power of the share of steps that are left (You et al. 2017)."""

    name: Literal["polynomial"] = "polynomial"
    power: Optional[float] = Field(None, gt=0, le=100, description="Exponent; default 2.")

    def curve(self, peak: float, final: float, num_steps: int) -> Schedule:
        """From ``peak`` to ``final`` by ``power``."""
        return curves.polynomial(peak, final, num_steps, self.power or 2.0)


class LinearSection(CurveSection):
    """A straight line."""

    name: Literal["linear"] = "linear"

    def curve(self, peak: float, final: float, num_steps: int) -> Schedule:
        """A straight line from ``peak`` to ``final``."""
        return curves.linear(peak, final, num_steps)


def _ascending(epochs: list[float]) -> list[float]:
    if epochs != sorted(set(epochs)) or any(epoch <= 0 for epoch in epochs):
        raise ValueError(f"epochs must be positive and ascend, got {epochs}")
    return epochs


EpochList = Annotated[list[float], AfterValidator(_ascending)]


class StairsSection(ScheduleSection):
    """Rates that change at certain epochs, counted from the start of training."""

    @property
    def stairs(self) -> tuple[str, list[float]]:
        """The name of the key that holds those epochs, and the epochs."""
        raise NotImplementedError

    def turns(self, calendar: Calendar, epochs: float) -> set[int]:
        """The steps at which the rate changes."""
        return {calendar.first_step_of(epoch) for epoch in self.stairs[1]}

    def first_steps(self, calendar: Calendar) -> list[int]:
        """Where the rate changes, in order (CFG10 if two fall on one step)."""
        key, epochs = self.stairs
        steps = [calendar.first_step_of(epoch) for epoch in epochs]
        if len(set(steps)) < len(steps):
            raise ConfigError("CFG10", f"schedule.{key}", f"{epochs} fall on the same step", "space them out")
        return steps

    def problems_within(self, epochs: float) -> Iterator[str]:
        """Those of every schedule, and changes of the rate after the end."""
        yield from super().problems_within(epochs)
        key, stairs = self.stairs
        late = [epoch for epoch in stairs if epoch >= epochs]
        if late:
            yield f"{key} {late} lie at or beyond the end of training, epoch {epochs:g}"

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        key, stairs = self.stairs
        if any(epoch < self.warmup_epochs for epoch in stairs):
            yield f"{key} must not lie within the warm-up of {self.warmup_epochs:g} epochs"


class MultistepSection(StairsSection):
    """A drop by the same factor at each milestone (He et al. 2015)."""

    name: Literal["multistep"] = "multistep"
    milestones: EpochList = Field(
        description="Epochs, counted from the start of training, from which on the rate drops."
    )
    factor: Optional[float] = Field(None, gt=0, le=1, description="Factor of each drop; default 0.1.")

    @property
    def stairs(self) -> tuple[str, list[float]]:
        """The key `milestones` and its epochs."""
        return "milestones", self.milestones

    def build(self, peak: float, calendar: Calendar, epochs: float) -> Schedule:
        """``peak`` times ``factor`` for each milestone that is over."""
        return curves.multistep(peak, self.first_steps(calendar), self.factor or 0.1)

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if not self.milestones:
            yield "multistep needs milestones"


class PiecewiseSection(StairsSection):
    """A factor on peak_lr for each piece."""

    name: Literal["piecewise"] = "piecewise"
    boundaries: EpochList = Field(description="Epochs between the pieces.")
    factors: list[float] = Field(description="Factor on peak_lr of each piece, one more than boundaries.")

    @property
    def stairs(self) -> tuple[str, list[float]]:
        """The key `boundaries` and its epochs."""
        return "boundaries", self.boundaries

    def build(self, peak: float, calendar: Calendar, epochs: float) -> Schedule:
        """``peak`` times the factor of the piece."""
        return curves.piecewise([peak * factor for factor in self.factors], self.first_steps(calendar))

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if len(self.factors) != len(self.boundaries) + 1:
            yield "piecewise needs factors, one more than boundaries"
        if any(factor < 0 for factor in self.factors):
            yield f"factors must not be negative, got {self.factors}"
