import numpy as np
import pytest

from gluonlab.optim.soap import SOAP
from tests.optim.fifty_updates import STARTS, distance, reference, trained

LR, EPS = 0.01, 1e-8


def soap(beta1=0.95, beta2=0.95, precondition_every=10, max_side=10):
    """Vyas et al. 2024 with the momentum kept in the space of the weights, in float64."""

    def update(step, lr, state, w, g, name):
        matrix = g.reshape(len(g), -1) if g.ndim > 1 else g.reshape(1, -1)
        grams = [matrix @ matrix.T, matrix.T @ matrix] if g.ndim > 1 else [np.eye(1), np.eye(g.size)]
        has_side = [g.ndim > 1 and len(gram) <= max_side for gram in grams]
        left, right = state.get("bases", [np.eye(len(gram)) for gram in grams])
        if step:
            state["m"] = beta1 * state["m"] + (1 - beta1) * matrix
            state["v"] = beta2 * state["v"] + (1 - beta2) * (left.T @ matrix @ right) ** 2
            m, v = state["m"] / (1 - beta1**step), state["v"] / (1 - beta2**step)
            direction = left @ (left.T @ m @ right / (np.sqrt(v) + EPS)) @ right.T
            w = w - lr * 0.05 * w - lr * direction.reshape(w.shape)
        state["grams"] = [
            beta2 * old + (1 - beta2) * new for old, new in zip(state.get("grams", [0.0, 0.0]), grams)
        ]
        if step % precondition_every == 0:
            bases = [left, right]
            for axis in (0, 1):
                gram, basis = state["grams"][axis], bases[axis]
                if has_side[axis] and step == 0:
                    bases[axis] = np.linalg.eigh(gram)[1][:, ::-1]
                elif has_side[axis]:
                    order = np.argsort(-np.diag(basis.T @ gram @ basis), kind="stable")
                    bases[axis] = np.linalg.qr(gram @ basis[:, order])[0]
                    state["v"] = np.take(state["v"], order, axis=axis)
            state["bases"] = bases
        return w

    return reference(update, LR)


# No side of 27: the basis of what the first gradients say nothing about is any.
VARIANTS = {
    "both sides": {},
    "bases anew each time": {"precondition_every": 1},
    "short memory": {"beta1": 0.5, "beta2": 0.9, "precondition_every": 4},
    "left side alone": {"max_side": 5},
    "no side": {"max_side": 1},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_fifty_updates_under_a_changing_rate_equal_float64(options):
    found = trained(SOAP(0.1, 0.05, **{"max_side": 10, **options}), LR)
    assert distance(found, soap(**options)) < 1e-6


def test_float16_weights_follow_their_float32_masters():
    assert distance(trained(SOAP(0.1, 0.05, max_side=10), LR, dtype="float16"), soap()) < 5e-3


def test_a_side_that_the_first_gradients_say_little_about_moves_within_bounds():
    found = trained(SOAP(0.1, 0.05), LR)  # a side of 27 among them
    moved = {name: np.abs(found[name] - start).max() for name, start in STARTS.items()}
    assert all(0 < largest < 1 for largest in moved.values())
