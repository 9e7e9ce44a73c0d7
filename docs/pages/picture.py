"""The picture of the tutorial: ``docs/logistic.svg``."""

from __future__ import annotations

from pathlib import Path

import tensorcore
import tensorcore.tensor as T
from tensorcore import printing

_ROOT = Path(__file__).resolve().parent.parent.parent


def page() -> str:
    """The graph of a logistic regression's cost, rewritten, as ``to_svg`` draws it."""
    x, w, b = T.dmatrix("x"), T.dvector("w"), T.dscalar("b")
    cost = -T.log(1 / (1 + T.exp(-(T.dot(x, w) + b)))).mean()
    f = tensorcore.function([x, w, b], cost, backend="numpy_ref")
    return printing.to_svg(f).replace(f"{_ROOT}/", "")  # the same wherever the project lies
