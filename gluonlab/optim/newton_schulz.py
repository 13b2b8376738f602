"""Orthogonal matrices near given ones, by products of matrices alone."""

from __future__ import annotations

from typing import Any

from gluonlab import arrays as libraries

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of Jordan et al. 2024: small singular values grow fastest, and all end between about 0.7 and 1.2."""


def orthogonalised(matrix: Any, steps: int) -> Any:
    """``U V^T`` of ``matrix = U S V^T``, nearly: after five ``steps`` S has become about 1.

    ``matrix`` is float32 (rows, columns) of norm 1 at most, or zero. Does not wait.
    """
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    times_transposed = libraries.of(matrix).times_transposed
    for _ in range(steps):
        gram = times_transposed(x, x)
        polynomial = b * gram + c * times_transposed(gram, gram)
        x = a * x + times_transposed(polynomial, x.T)
    return x.T if is_tall else x
