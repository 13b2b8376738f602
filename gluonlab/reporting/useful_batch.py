"""What the rows of a run say of the largest batch that is worth using."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any, Optional

from gluonlab.reporting.run_files import latest_by_step


def largest_useful_batch(rows: Sequence[dict[str, Any]]) -> Optional[float]:
    """The gradient noise scale over the second half of training, in images; None where it was not measured.

    The ratio of means, for single ratios are biased (McCandlish et al. 2018, appendix A.1). Training with a
    batch of this size takes twice the fewest steps and twice the fewest images; with one that is much larger
    it takes many more images to save few steps (section 2.3).
    """
    train = [row for row in latest_by_step(rows, "train") if "gradient_square" in row]
    late = [row for row in train if 2 * row["step"] >= train[-1]["step"]]
    square = fsum(row["gradient_square"] for row in late)
    variance = fsum(row["gradient_variance"] for row in late)
    return variance / square if square > 0 and variance > 0 else None
