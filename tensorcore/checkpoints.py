"""``scan_checkpoints``: a loop that keeps few of its steps, and computes the others again for a
gradient (A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
automatic differentiation", 1992, with one level)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .node import Tensor, as_tensor
from .ops.logic import maximum, minimum
from .ops.movement import OP_RESHAPE, shape_list
from .scan import scan
from .scan_arguments import Sequenced, as_list, step_count, until
from .tensor.creation import arange

__all__ = ["scan_checkpoints"]


def scan_checkpoints(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    name: str = "checkpointscan_fn",
    n_steps: Any = None,
    save_every_N: Any = 10,
    padding: bool = True,
) -> tuple[Any, dict[Tensor, Tensor]]:
    """As ``scan``, but only every ``save_every_N``-th step is kept and returned, and the last.

    The result is that of ``scan`` at the steps N, 2 N, ..., and at the last one if that is none of
    them. A gradient goes back through one stretch of N steps at a time, which are computed again
    for it: about twice the work, and memory for N steps and for those that are kept. Least
    memory is needed where N is about the square root of the number of steps. Sequences and
    outputs have no taps, and there is no ``until``. With ``padding`` the number of steps may be
    any; without, it must be a multiple of N, and steps beyond the last multiple are left out.
    The last stretch is then as long as the others, and steps that are not in it are computed,
    and not used: a random stream in ``fn`` has moved on for them.

    Raises ValueError, TypeError and what ``scan`` raises.
    """
    if not isinstance(save_every_N, int) or isinstance(save_every_N, bool) or save_every_N < 1:
        raise ValueError(
            f"scan_checkpoints: save_every_N is a number of steps, at least 1; found "
            f"{save_every_N!r}."
        )
    rows = [_plain(x, "sequences") for x in as_list(sequences)]
    infos: list[Tensor | None] = [
        None if x is None else _plain(x, "outputs_info") for x in as_list(outputs_info)
    ]
    others = [as_tensor(x) for x in as_list(non_sequences)]
    count = step_count([Sequenced(x, (0,)) for x in rows], n_steps, "scan_checkpoints")
    stretches = (count + (save_every_N - 1 if padding else 0)) // save_every_N
    parts = [_in_stretches(x, count, stretches, save_every_N, padding) for x in rows]

    def stretch(first: Tensor, *given: Tensor) -> tuple[list[Tensor], dict[Tensor, Tensor]]:
        inner, states = given[: len(parts)], iter(given[len(parts) :])
        begun: list[Tensor | None] = [None if x is None else next(states) for x in infos]
        steps, updates = scan(
            _without_until(fn), list(inner), begun or None, others, n_steps=save_every_N,
            name=name, return_list=True,
        )  # fmt: skip
        last = minimum(save_every_N, count - first) - 1
        return [y[last] for y in steps], updates

    starts = arange(stretches) * save_every_N
    return scan(stretch, [starts, *parts], infos or None, name=name)


def _plain(value: Any, what: str) -> Tensor:
    if isinstance(value, Mapping):
        raise TypeError(
            f"scan_checkpoints: {what} are tensors without taps, found {value!r:.60}. Use scan."
        )
    return as_tensor(value)


def _in_stretches(x: Tensor, count: Tensor, stretches: Tensor, each: int, padding: bool) -> Tensor:
    """The rows in stretches; with padding, the last row again where a stretch is not full."""
    whole = stretches * each
    taken = x[minimum(arange(whole), maximum(count - 1, 0))] if padding else x[:whole]
    sizes = (stretches, as_tensor(each), *shape_list(x)[1:])
    flags = (False, False, *x.broadcastable[1:])
    return OP_RESHAPE.make((taken, *sizes), {"broadcastable": flags})


def _without_until(fn: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*args: Any) -> Any:
        returned = fn(*args)
        parts = returned if isinstance(returned, (list, tuple)) else [returned]
        if any(isinstance(part, until) for part in parts):
            raise ValueError("scan_checkpoints: there is no until here. Use scan.")
        return returned

    return checked
