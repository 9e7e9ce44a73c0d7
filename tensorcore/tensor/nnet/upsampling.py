"""Images made larger by drawing straight lines between their entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops.elementwise import cast
from ...ops.logic import maximum, minimum
from ...ops.movement import shape_list
from ..creation import arange

__all__ = ["bilinear_upsampling"]


def bilinear_upsampling(
    input: TensorLike,
    ratio: int | None = None,
    frac_ratio: Any = None,
    batch_size: int | None = None,
    num_input_channels: int | None = None,
    use_1D_kernel: bool = True,
) -> Tensor:
    """Images (batch, channels, rows, columns) with ``ratio`` times as many rows and columns.

    Entry ``i`` of the input comes to place ``ratio * i + (ratio - 1) // 2``, what is between two
    entries lies on a straight line, and what is beyond the last ones has their values.
    ``frac_ratio``: a pair ``(above, below)``, or one for rows and one for columns: every
    ``below``-th entry of the images that are ``above`` times as large. The other arguments are
    hints that are not needed. Raises ShapeError or ValueError.
    """
    x = as_tensor(input)
    if x.ndim != 4:
        raise ShapeError(
            f"bilinear_upsampling: images have 4 dimensions (batch, channels, rows, columns), "
            f"found {x.type!r}."
        )
    for axis, (above, below) in zip((2, 3), _ratios(ratio, frac_ratio), strict=True):
        x = _stretched(x, axis, above, below)
    return x


def _ratios(ratio: Any, fractions: Any) -> list[tuple[int, int]]:
    """For rows and columns, how much larger: a numerator and a denominator."""
    if (ratio is None) == (fractions is None):
        raise ValueError("bilinear_upsampling: give ratio or frac_ratio, and not both.")
    given: Any = fractions if ratio is None else (ratio, 1)
    pairs = list(given) if isinstance(given, (tuple, list)) else []
    if not any(isinstance(p, (tuple, list)) for p in pairs):
        pairs = [pairs, pairs]
    if len(pairs) != 2 or not all(isinstance(p, (tuple, list)) and _is_ratio(p) for p in pairs):
        raise ValueError(
            f"bilinear_upsampling: a ratio is a number from 1 on, and frac_ratio a pair of them "
            f"or two pairs; found {ratio if fractions is None else fractions!r}."
        )
    return [(int(above), int(below)) for above, below in pairs]


def _is_ratio(pair: Sequence[Any]) -> bool:
    return len(pair) == 2 and all(isinstance(n, int) and n >= 1 for n in pair)


def _stretched(x: Tensor, axis: int, above: int, below: int) -> Tensor:
    n = shape_list(x)[axis]
    wanted = (n * above + below - 1) // below
    # In units of 1 / above from the first entry.
    at = arange(wanted) * below - (above - 1) // 2
    left = at // above
    share = cast(at - left * above, x.dtype) / above
    first, second = (minimum(maximum(p, 0), n - 1) for p in (left, left + 1))
    if axis == 2:
        share = share.dimshuffle(0, "x")
        return x[:, :, first] * (1 - share) + x[:, :, second] * share
    return x[:, :, :, first] * (1 - share) + x[:, :, :, second] * share
