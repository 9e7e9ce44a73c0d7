"""Elementary functions on arrays within the second cache, one thread: nanoseconds a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .measure import BACKEND, Figure, WrongResult, round_robin

_LENGTH = 16384
_CALLS = 8
#: A wrong result is off by more than this many units in the last place; the limits are the
#: conformance suite's to hold.
_WRONG = 16
_EVERYWHERE = (-20.0, 20.0)
#: Names as they are in tensorcore and NumPy, with the interval of the arguments.
_BOTH: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("exp", "exp2", "expm1", "sin", "cos", "tan"), _EVERYWHERE),
    **dict.fromkeys(("sinh", "cosh", "tanh", "arctan", "arcsinh"), _EVERYWHERE),
    **dict.fromkeys(("log", "log2", "log10", "log1p"), (0.01, 100.0)),
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), (-0.999, 0.999)),
    "arccosh": (1.0, 50.0),
}
_OF_TWO = {"arctan2": _EVERYWHERE, "hypot": _EVERYWHERE, "power": (0.1, 10.0)}
#: NumPy has none of these: only the time is told.
_OURS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("sigmoid", "softplus", "erf", "erfc", "gammaln", "psi"), (-4.0, 4.0)),
    "erfinv": (-0.999, 0.999),
}


def vector_maths() -> Iterator[Figure]:
    """Times faster than NumPy, or nanoseconds a number, with both accuracies of float64."""
    for dtype, accuracy in (("float32", "default"), ("float64", "default"), ("float64", "high")):
        for name, interval in (_BOTH | _OF_TWO | _OURS).items():
            yield _figure(name, dtype, accuracy, interval)


def _figure(name: str, dtype: str, accuracy: str, interval: tuple[float, float]) -> Figure:
    rng = np.random.default_rng(0)
    values = [rng.uniform(*interval, _LENGTH).astype(dtype) for _ in range(1 + (name in _OF_TWO))]
    ours = _compiled(name, dtype, accuracy, len(values))
    hand = None if name in _OURS else getattr(np, name)
    names: dict[str, Any] = {"ours": ours, "hand": hand, "values": values}
    statements = {"tensorcore": ("ours(*values)", names)}
    if hand is not None:
        statements["numpy"] = ("hand(*values)", names)
    best = {k: min(v) for k, v in round_robin(statements, _CALLS, 9).items()}
    each = {k: seconds / _LENGTH * 1e9 for k, seconds in best.items()}
    title = f"{name}, {dtype}" + (", high" if accuracy == "high" else "")
    if hand is None:
        return Figure(title, each["tensorcore"], "ns a number")
    error = _error(ours(*values), hand, values)
    if error > _WRONG:
        raise WrongResult(f"{title}: {error:.3g} units in the last place from NumPy")
    times = ", ".join(f"{k} {ns:.2f} ns" for k, ns in each.items())
    value = best["numpy"] / best["tensorcore"]
    return Figure(title, value, "x faster than NumPy", detail=f"{times}; {error:.2f} ulp")


def _compiled(name: str, dtype: str, accuracy: str, count: int) -> Any:
    import tensorcore
    import tensorcore.tensor as T
    from tensorcore import config

    operands = [T.TensorType(dtype, (False,))() for _ in range(count)]
    op = getattr(T, name, None) or getattr(T.nnet, name)
    with config.change_flags(math_accuracy=accuracy, num_threads=1):
        return tensorcore.function(operands, op(*operands), backend=BACKEND)


def _error(found: np.ndarray, hand: Any, values: list[np.ndarray]) -> float:
    """The largest error in units in the last place, against NumPy in the wider dtype."""
    wide = "float64" if found.dtype == "float32" else "longdouble"
    exact = hand(*(v.astype(wide) for v in values))
    units = np.spacing(np.abs(exact).astype(found.dtype)).astype(wide)
    return float(np.max(np.abs(found - exact) / units))
