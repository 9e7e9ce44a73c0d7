"""The loss of labels whose places in time are not known."""

from __future__ import annotations

import numpy as np

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops.elementwise import cast, exp, log
from ...ops.logic import and_, ge, lt, maximum, neq, switch
from ...ops.movement import shape_list
from ..checks import integers
from ..creation import arange, full, zeros
from ..indexing import set_subtensor
from ..joining import concatenate
from ..reductions import sum as total
from .activations import logsoftmax

__all__ = ["ctc"]


def ctc(activations: TensorLike, labels: TensorLike, input_lengths: TensorLike) -> Tensor:
    """Connectionist temporal classification: minus the log of the probability that a network
    says the labels of each sequence, at any times and with any number of blanks between.

    ``activations`` (time, batch, symbols), before the softmax that this applies; symbol 0 is the
    blank. ``labels`` (batch, most labels), integers, with negative ones after the last of a
    sequence. ``input_lengths`` (batch): how many of the times belong to each sequence. Returns a
    vector (batch); infinite where a sequence is too short for its labels. The recursion is that
    of A. Graves et al., "Connectionist temporal classification", 2006, section 4.1, in logarithms.
    Raises ShapeError or TypeError.
    """
    from ...scan import scan

    x = as_tensor(activations)
    given = integers(labels, "ctc: the labels")
    lengths = integers(input_lengths, "ctc: the input lengths")
    if (x.ndim, given.ndim, lengths.ndim) != (3, 2, 1):
        raise ShapeError(
            f"ctc: activations (time, batch, symbols), labels (batch, most labels) and lengths "
            f"(batch) have 3, 2 and 1 dimensions; found {x.ndim}, {given.ndim} and {lengths.ndim}."
        )
    times, batch, _ = shape_list(x)
    never = cast(_never(x.dtype), x.dtype)
    states = 2 * given.shape[1] + 1
    spoken = _with_blanks(given, batch, states)
    said = logsoftmax(x, axis=2)[:, arange(batch).dimshuffle(0, "x"), spoken]
    # A blank may be left out between two labels that differ.
    before = concatenate([zeros((batch, 2), "int64"), spoken], axis=1)[:, :states]
    skips = and_(neq(spoken, 0), neq(spoken, before))
    skips = and_(skips, ge(arange(states), 2))

    def step(t: Tensor, emitted: Tensor, past: Tensor) -> Tensor:
        edge = full((batch, 2), never)
        shifted = concatenate([edge, past], axis=1)
        best = _log_sum(past, shifted[:, 1 : states + 1], switch(skips, shifted[:, :states], never))
        return switch(lt(t, lengths).dimshuffle(0, "x"), best + emitted, past)

    first = switch(ge(arange(states), 1), never, cast(0, x.dtype))
    first = first.dimshuffle("x", 0) + zeros((batch, 1), x.dtype)
    steps, _ = scan(step, sequences=[arange(times), said], outputs_info=[first])
    return _at_the_end(concatenate([first.dimshuffle("x", 0, 1), steps])[-1], given, never)


def _never(dtype: str) -> float:
    """The logarithm of a probability that is as good as none, and yet not infinite: differences
    of infinite ones would be NaN in the gradient."""
    return float(np.finfo(dtype).min) / 8


def _with_blanks(labels: Tensor, batch: Tensor, states: Tensor) -> Tensor:
    """The labels with blanks between and around them."""
    blank = zeros((batch, states), "int64")
    return set_subtensor(blank[:, 1::2], cast(maximum(labels, 0), "int64"))


def _log_sum(*logarithms: Tensor) -> Tensor:
    """The logarithm of the sum of what these are the logarithms of."""
    largest = logarithms[0]
    for other in logarithms[1:]:
        largest = maximum(largest, other)
    terms = [exp(each - largest) for each in logarithms]
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return largest + log(result)


def _at_the_end(last: Tensor, labels: Tensor, never: Tensor) -> Tensor:
    """The loss from the state after the last time: all was said, with or without a last blank."""
    count = total(ge(labels, 0), axis=1)
    row = arange(last.shape[0])
    bare = switch(ge(count, 1), last[row, maximum(2 * count - 1, 0)], never)
    found = _log_sum(last[row, 2 * count], bare)
    return switch(lt(found, never / 2), cast(float("inf"), last.dtype), -found)
