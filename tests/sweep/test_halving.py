import pytest

from gluonlab.sweep.halving import next_run, rungs_of, stop_the_others
from gluonlab.sweep.record import DIVERGED, FINISHED, OPEN, STOPPED, Trial


@pytest.mark.parametrize(
    ("epochs", "eval_every", "runs", "rungs"),
    [
        (16, 1, 8, [2, 4, 8]),
        (16, 1, 9, [2, 4, 8]),
        (16, 1, 100, [1, 2, 4, 8]),
        (30, 5, 8, [5, 10, 15]),
        (2, 0.5, 4, [0.5, 1]),
        (0.3, 0.1, 4, [0.1, 0.2]),
        (8, 8, 8, []),
        (8, 3, 1, []),
        (16, 1, 2, [8]),
    ],
)
def test_rungs_are_validations_at_halves_of_halves(epochs, eval_every, runs, rungs):
    assert rungs_of(epochs, eval_every, runs) == pytest.approx(rungs)


def carry_out(trials, rungs, quality, jobs=1):
    """Give each run its score as it comes to its rung; returns which ran, to which rung."""
    order, busy = [], []
    while True:
        while len(busy) < jobs:
            found = next_run(trials, rungs, [trial.number for trial, _ in busy])
            if found is None:
                break
            busy.append(found)
            order.append((found[0].number, found[1]))
        if not busy:
            return order
        trial, rung = busy.pop()  # the last begun ends first
        score = quality(trial)
        if score is None:
            trial.state = DIVERGED
        elif rung is None:
            trial.state = FINISHED
        else:
            trial.scores.append(score)
        stop_the_others(trials, rungs)


def states(trials):
    return [trial.state for trial in trials]


def test_the_better_half_goes_on_at_each_rung():
    trials = [Trial(number, {}) for number in range(5)]
    order = carry_out(trials, [1, 2], lambda trial: trial.number / 10)
    assert order == [*((n, 1) for n in range(5)), (2, 2), (3, 2), (4, 2), (3, None), (4, None)]
    assert states(trials) == [STOPPED, STOPPED, STOPPED, FINISHED, FINISHED]


@pytest.mark.parametrize("jobs", [1, 2, 3, 8])
def test_which_go_on_does_not_depend_on_how_many_run_at_a_time(jobs):
    trials = [Trial(number, {}) for number in range(8)]
    qualities = [0.5, None, 0.1, 0.5, 0.9, 0.2, 0.5, 0.3]
    order = carry_out(trials, [1, 2, 4], lambda trial: qualities[trial.number], jobs)
    assert states(trials)[1] == DIVERGED
    assert [trial.number for trial in trials if trial.state == FINISHED] == [4]
    assert [len(trial.scores) for trial in trials] == [
        3,
        0,
        1,
        2,
        3,
        1,
        2,
        1,
    ]  # 0, 3 and 6 tie: the first ones
    assert len(order) == 8 + 4 + 2 + 1


def test_nobody_goes_on_before_all_have_come_to_the_rung():
    trials = [Trial(0, {}, scores=[0.9]), Trial(1, {}, scores=[0.1]), Trial(2, {})]
    assert next_run(trials, [1], busy=[2]) is None
    trials[2].scores.append(0.5)
    assert next_run(trials, [1], busy=[]) == (trials[0], None)
    assert next_run(trials, [1], busy=[0]) == (trials[2], None)
    assert stop_the_others(trials, [1])
    assert states(trials) == [OPEN, STOPPED, OPEN]


def test_without_rungs_all_go_to_their_end():
    trials = [Trial(0, {}, FINISHED), Trial(1, {}), Trial(2, {})]
    assert next_run(trials, [], busy=[]) == (trials[1], None)
    assert next_run(trials, [], busy=[1]) == (trials[2], None)
    assert next_run(trials, [], busy=[1, 2]) is None
    assert not stop_the_others(trials, [])
