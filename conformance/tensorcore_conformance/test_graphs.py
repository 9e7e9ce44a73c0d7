"""Random graphs: rewriting, lowering and fusing change no result by more than rounding may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tensorcore import Function, Tensor, TensorType, printing
from tensorcore.graph import substitute, toposort
from tensorcore.shared import Shared

from .areas import areas
from .growth import KINDS, grow
from .oracle import evaluate
from .subject import Subject, ahead
from .values import Array, generator

_RUNS = 6
#: Options under which no rule is applied to what the user wrote.
_OFF = {"optimizer": "none"}
_SPREADS, _UNITS = 16, 32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_graphs(dtype: str, subject: Subject, full: bool) -> None:
    """The backend agrees with the graph as written, run op by op in a wider dtype, within a
    limit that comes from how much rounding moves the result."""
    if not subject.takes(dtype, "bool", "int64"):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    random_graphs(subject, dtype, 40 if full else 8)


def random_graphs(subject: Subject, dtype: str, examples: int, number: int = 0) -> None:
    """Grow graphs and compare; raises AssertionError with the smallest graph that is wrong.
    Each ``number`` grows others, the same in every run."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        def pick(choices: Sequence[Any]) -> Any:
            return data.draw(st.sampled_from(choices))

        _one(subject, dtype, pick, pick((4, 4, 4, 3, 7, 1, 0)))

    run()


def _one(subject: Subject, dtype: str, pick: Callable[[Sequence[Any]], Any], size: int) -> None:
    kinds = [pick(KINDS) for _ in range(3)]
    inputs = [TensorType(dtype, kind)(f"x{k}") for k, kind in enumerate(kinds)]
    twins: dict[Tensor, Tensor] = {}
    pool = grow(inputs, pick(range(1, 13)), pick, twins, areas(subject.takes, dtype))
    outputs = list(dict.fromkeys([*pool[len(inputs) :][-3:], *list(twins)[-1:]]))
    if not outputs:
        return
    rng = generator(dtype, kinds, len(pool))
    feed = {
        x: rng.uniform(-2, 2, [1 if one else size for one in x.broadcastable]).astype(dtype)
        for x in inputs
    }
    plainly = substitute(outputs, twins)
    states = {x: x.get_value() for x in toposort(plainly) if isinstance(x, Shared)}
    given = dict[Tensor, Array]([*feed.items(), *states.items()])
    try:
        plain = evaluate(plainly, given)
    except (ValueError, IndexError):
        return  # an empty axis that an op refuses
    if not _ordinary(plain):
        return
    # The optimiser on and off: both are held to the same limits, and so to each other.
    jobs = [partial(subject.function, inputs, outputs, **flags) for flags in ({}, _OFF)]
    compiled = [made() for made in ahead(jobs)]
    if subject.compile_only:
        return
    results = [_called(f, feed.values(), states) for f in compiled]
    nudged = [evaluate(plainly, given, nudge=generator(k)) for k in range(_RUNS)]
    wide = evaluate(plainly, given, wide=True)
    for found in results:
        for node, value in zip(plainly, found, strict=True):
            _agree(node, value, wide[node], [run[node] for run in (plain, *nudged)])


def _called(f: Function, arrays: Iterable[Array], states: Mapping[Shared, Array]) -> list[Array]:
    """The results of a call that finds all streams at their beginning."""
    for stream, start in states.items():
        stream.set_value(start)
    found: list[Array] = f(*arrays)
    return found


def _ordinary(nodes: dict[Tensor, Array]) -> bool:
    """Whether nothing overflowed or became undefined on the way."""
    return all(np.isfinite(value).all() for value in nodes.values() if value.dtype.kind in "fc")


def _agree(node: Tensor, value: Array, wide: Array, runs: Sequence[Array]) -> None:
    text = printing.pp(node)
    assert value.dtype == np.dtype(node.dtype), f"{text}: dtype {value.dtype}"
    assert value.shape == wide.shape, f"{text}: shape {value.shape}, expected {wide.shape}"
    with np.errstate(all="ignore"):
        spread = np.max([np.abs(run.astype(wide.dtype) - wide) for run in runs], axis=0)
        unit = np.spacing(np.abs(wide).astype(value.dtype)).astype(wide.dtype)
        error = np.abs(value.astype(wide.dtype) - wide)
        allowed = _SPREADS * spread + _UNITS * unit
    wrong = ~(error <= allowed) & np.isfinite(spread)
    assert not wrong.any(), (
        f"{text}: found {value[wrong][0]}, expected {wide[wrong][0]}; rounding explains "
        f"{allowed[wrong][0]:.3g}, off by {error[wrong][0]:.3g}"
    )
