"""Batch normalisation: S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
training by reducing internal covariate shift", 2015."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops._families import normalize_axes
from ...ops.elementwise import cast, sqrt
from ...ops.movement import dimshuffle, shape_list
from ..checks import one_of
from ..reductions import mean as average
from ..shapes import addbroadcast

__all__ = ["batch_normalization", "batch_normalization_test", "batch_normalization_train"]

#: Which axes one mean is taken over, by name.
_NAMED = ("per-activation", "spatial")


def batch_normalization(
    inputs: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    mean: TensorLike,
    std: TensorLike,
    mode: str = "low_mem",
) -> Tensor:
    """``(inputs - mean) * gamma / std + beta``, where all must have shapes that broadcast.

    ``mode`` is ``low_mem`` or ``high_mem`` and decides nothing: what is kept is for the memory
    plan to say. Raises ValueError for another one.
    """
    one_of(mode, ("low_mem", "high_mem"), "batch_normalization: the mode")
    return (as_tensor(inputs) - mean) * (as_tensor(gamma) / std) + beta


def batch_normalization_train(
    inputs: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    axes: Any = "per-activation",
    epsilon: TensorLike = 1e-4,
    running_average_factor: TensorLike = 0.1,
    running_mean: TensorLike | None = None,
    running_var: TensorLike | None = None,
) -> tuple[Tensor, ...]:
    """Normalise with the mean and variance of this batch; also returns what they were.

    ``axes``: the axes that one mean is taken over: ``per-activation`` (the first),
    ``spatial`` (all but the second, the channels), or numbers. ``gamma``, ``beta`` and the
    running averages have the shape of ``inputs`` with these axes of size 1, or left out.

    Returns the result, the mean and ``1 / sqrt(variance + epsilon)`` (of size 1 at the axes);
    and if both running averages are given, their next values: ``(1 - f) * old + f * new``,
    with ``f`` the ``running_average_factor`` and the variance as an estimate without bias,
    ``m / (m - 1)`` times that of the batch of ``m`` entries. Raises ShapeError, ValueError.
    """
    what = "batch_normalization_train"
    x = as_tensor(inputs)
    over = _axes(what, axes, x.ndim)
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{what}: give both running_mean and running_var, or neither.")
    scale, shift = (_as_wide(what, t, n, x, over) for t, n in ((gamma, "gamma"), (beta, "beta")))
    mean = average(x, axis=over, keepdims=True)
    apart = x - mean
    variance = average(apart * apart, axis=over, keepdims=True)
    inverse = 1 / sqrt(variance + cast(epsilon, x.dtype))
    result = apart * (scale * inverse) + shift
    if running_mean is None or running_var is None:
        return result, mean, inverse
    count: Any = 1
    for axis in over:
        count = count * shape_list(x)[axis]
    share = cast(running_average_factor, x.dtype)
    unbiased = variance * (cast(count, x.dtype) / cast(count - 1, x.dtype))
    after = [
        _next(what, old, name, new, share, x, over)
        for old, name, new in (
            (running_mean, "running_mean", mean), (running_var, "running_var", unbiased),
        )
    ]  # fmt: skip
    return (result, mean, inverse, *after)


def batch_normalization_test(
    inputs: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    mean: TensorLike,
    var: TensorLike,
    axes: Any = "per-activation",
    epsilon: TensorLike = 1e-4,
) -> Tensor:
    """Normalise with a mean and variance that are known: ``(inputs - mean) * gamma / sqrt(var +
    epsilon) + beta``; ``axes`` and shapes as in ``batch_normalization_train``."""
    what = "batch_normalization_test"
    x = as_tensor(inputs)
    over = _axes(what, axes, x.ndim)
    scale, shift, middle, spread = (
        _as_wide(what, t, name, x, over)
        for t, name in ((gamma, "gamma"), (beta, "beta"), (mean, "mean"), (var, "var"))
    )
    return (x - middle) * (scale / sqrt(spread + cast(epsilon, x.dtype))) + shift


def _axes(what: str, axes: Any, ndim: int) -> tuple[int, ...]:
    if isinstance(axes, str):
        one_of(axes, _NAMED, f"{what}: axes, as a word,")
        axes = (0,) if axes == "per-activation" else (0, *range(2, ndim))
    return normalize_axes(axes, ndim, what, "the input")


def _as_wide(
    what: str, given: TensorLike, name: str, x: Tensor, over: Sequence[int]
) -> Tensor:  # fmt: skip
    """A parameter with as many axes as ``x``, of known size 1 at the axes of the means."""
    t = as_tensor(given)
    if t.ndim == x.ndim - len(over) and t.ndim != x.ndim:
        rest = iter(range(t.ndim))
        return dimshuffle(t, tuple("x" if a in over else next(rest) for a in range(x.ndim)))
    if t.ndim != x.ndim:
        raise ShapeError(
            f"{what}: {name} needs {x.ndim} axes like the input, or {x.ndim - len(over)} without "
            f"those of the means, {tuple(over)}; found {t.type!r}."
        )
    return addbroadcast(t, *over)


def _next(
    what: str, old: TensorLike, name: str, new: Tensor, share: Tensor, x: Tensor,
    over: Sequence[int],
) -> Tensor:  # fmt: skip
    """A running average after this batch, in the axes and dtype that it had."""
    before = as_tensor(old)
    after = _as_wide(what, before, name, x, over) * (1 - share) + new * share
    if before.ndim != x.ndim:
        after = dimshuffle(after, tuple(a for a in range(x.ndim) if a not in over))
    return cast(after, before.dtype)
