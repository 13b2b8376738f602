"""What every run does after each update, whether it has something to do there or not."""

from __future__ import annotations

from gluonlab.fault_injection import fault_point
from gluonlab.parallel.agreement import Agreement
from gluonlab.training.run import Run


class BetweenUpdates:
    """Tells the launcher the step, and lets all processes follow the wishes of each."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._agreement = Agreement(run.world)

    def __call__(self, stop: bool, save: bool) -> tuple[bool, bool]:
        """Whether any process wished to ``stop``, or to ``save``, `agreement.LAG` updates ago.

        Who writes also wishes to stop when the directory of the run is not there any more.
        """
        step = self._run.state.step
        self._run.world.progress.mark_step(step)
        fault_point("step", step)
        stop = stop or (self._run.world.rank == 0 and self._run.store.home.is_lost)
        any_stop, any_save = self._agreement.exchange(self._run.workers, (stop, save))
        return any_stop, any_save
