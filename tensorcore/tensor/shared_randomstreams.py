"""Random streams: draws that move on with each call of a compiled function.

A stream is a key and a counter in a shared variable; a draw is a function of both, and its default
update moves the counter on. Words, uniforms, and all that is made of integers and comparisons of
uniforms has the same bits on every backend; draws that go through other functions agree within
those functions' limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config, dtypes
from ..errors import DTypeError, NumberError, ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops.checked import checked
from ..ops.creation import iota
from ..ops.elementwise import cast, cast_to, log, sqrt
from ..ops.logic import and_, ge, le, lt, right_shift, switch
from ..ops.movement import shape_list
from ..ops.random import philox
from ..ops.trigonometric import cos
from ..shared import Shared
from .checks import from_to
from .indexing import subtensor
from .joining import concatenate, stack
from .ordering import argsort, take_along_axis
from .reductions import cumsum, max, sum
from .shapes import reshape, size_list
from .stream_states import StreamVariable, begun, numbers_of

__all__ = ["MRG_RandomStreams", "RandomStreams"]

Size = Any
#: Terms of the series of exp below, and how often its argument is halved.
_TERMS, _HALVINGS = 12, 10
#: A Poisson draw with a larger mean is the sum of several with smaller ones.
_LARGEST_MEAN, _MOST_TERMS = 256.0, 1200


class RandomStreams:
    """Makes random tensors, each with a stream of its own.

    ``seed``: a number, or a list of numbers, that is not negative; without one, streams differ
    from run to run. The same seed and the same order of calls give the same draws on every
    backend. ``size`` of a draw is an int, a tuple of sizes or an integer vector (then ``ndim``
    says how long it is); without it the parameters' shapes decide.

    Raises ValueError or TypeError for a seed that is none.
    """

    def __init__(self, seed: Any = None, **ignored: Any) -> None:
        self._seed = numbers_of(seed)
        self._streams: list[Shared] = []
        self.state_updates: list[tuple[Any, Tensor]] = []

    def seed(self, seed: Any = None) -> None:
        """Begin all streams made so far anew, from this seed; without one, from the old one."""
        if seed is not None:
            self._seed = numbers_of(seed)
        for k, state in enumerate(self._streams):
            state.set_value(self._start(k))

    def updates(self) -> list[tuple[Any, Tensor]]:
        """Each stream and its default update."""
        return list(self.state_updates)

    def _start(self, k: int) -> np.ndarray:
        """Key and counter at the beginning of stream ``k``."""
        return begun([*self._seed, k])

    def _begin(self) -> Tensor:
        """The state of a new stream."""
        k = len(self._streams)
        state = StreamVariable.of(self._start(k), f"stream{k}")
        self._streams.append(state)
        return state

    def _moved(self, state: Tensor, after: Tensor) -> None:
        """A draw has taken words from this state, and ``after`` is what it is then."""
        assert isinstance(state, Shared)
        state.default_update = after
        self.state_updates.append((state, after))

    def _words(self, sizes: Sequence[Tensor], each: int = 1) -> list[Tensor]:
        """``each`` tensors of random uint64, of these sizes, from a new stream."""
        state = self._begin()
        count = as_tensor(np.int64(1))
        for size in sizes:
            count = count * size
        index = cast(iota(count), "uint64")
        words = []
        for k in range(each):
            place = state[1] + index * np.uint64(each) + np.uint64(k)
            flat = philox(state[0], place)
            words.append(reshape(flat, list(sizes), ndim=len(sizes)) if len(sizes) != 1 else flat)
        moved = state[1] + cast(count, "uint64") * np.uint64(each)
        self._moved(state, stack([state[0], moved]))
        return words

    def _drawn(self, result: Tensor) -> Tensor:
        """The result, which knows its stream as Theano's random variables do."""
        state, after = self.state_updates[-1]
        vars(result).update(rng=state, update=after)
        return result

    # -- continuous -------------------------------------------------------------------------

    def uniform(
        self,
        size: Size = None,
        low: TensorLike = 0.0,
        high: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: Any = None,
    ) -> Tensor:
        """Evenly distributed over ``[low, high)``; ``dtype`` is at least floatX by default."""
        low, high = as_tensor(low), as_tensor(high)
        word = _float(dtype, low, high)
        sizes = _sizes(size, ndim, "uniform", low, high)
        (w,) = self._words(sizes)
        low, high = cast_to(low, word), cast_to(high, word)
        return self._drawn(low + _unit(w, word) * (high - low))

    def normal(
        self,
        size: Size = None,
        avg: TensorLike = 0.0,
        std: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: Any = None,
    ) -> Tensor:
        """Normally distributed, by the method of Box and Muller (1958). A negative ``std`` raises
        NumberError, a ValueError."""
        avg, std = as_tensor(avg), from_to(std, 0, None, "normal", "std")
        word = _float(dtype, avg, std)
        sizes = _sizes(size, ndim, "normal", avg, std)
        drawn = self._words(sizes, 2 if word == "float64" else 1)
        if word == "float64":
            radius, angle = _unit(drawn[0], word, 1), _unit(drawn[1], word)
        else:  # 24 bits of one word each
            radius = _unit(drawn[0], "float32", 1)
            angle = _unit(drawn[0] * np.uint64(1 << 24), "float32")
        standard = sqrt(-2 * log(radius)) * cos(angle * cast(2 * math.pi, radius.dtype))
        return self._drawn(cast_to(avg, word) + cast_to(std, word) * cast_to(standard, word))

    # -- discrete ---------------------------------------------------------------------------

    def binomial(
        self,
        size: Size = None,
        n: TensorLike = 1,
        p: TensorLike = 0.5,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Tensor:
        """How many of ``n`` trials (an integer scalar) succeed, each with probability ``p``. A
        probability outside 0 to 1 raises NumberError, a ValueError."""
        p, trials = from_to(p, 0, 1, "binomial", "p"), _natural(n, "binomial: n")
        word = p.dtype if p.dtype in ("float32", "float64") else "float64"
        sizes = _sizes(size, ndim, "binomial", p)
        if _is_one(trials):
            (w,) = self._words(sizes)
            return self._drawn(cast(lt(_unit(w, word), cast_to(p, word)), dtype))
        (w,) = self._words([*sizes, trials])
        above = cast_to(p, word).dimshuffle(*range(p.ndim), "x")
        return self._drawn(sum(cast(lt(_unit(w, word), above), dtype), axis=-1, dtype=dtype))

    def multinomial(
        self,
        size: Size = None,
        n: TensorLike = 1,
        pvals: TensorLike | None = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Tensor:
        """How often each of the outcomes along the last axis of ``pvals`` comes in ``n`` draws.

        The last outcome takes what the others leave to 1; where these come to more, or one is
        negative, NumberError is raised. The result has the sizes ``size``, or
        those of ``pvals`` but for its last axis, and then the outcomes.
        """
        p, trials = _outcomes(pvals, "multinomial", False), _natural(n, "multinomial: n")
        lead = _sizes(size, ndim, "multinomial") if size is not None else shape_list(p)[:-1]
        low, high = _intervals(p)
        if _is_one(trials):
            (w,) = self._words(lead)
            u = _unit(w, p.dtype).dimshuffle(*range(len(lead)), "x")
            return self._drawn(cast(and_(ge(u, low), lt(u, high)), dtype))
        (w,) = self._words([*lead, trials])
        u = _unit(w, p.dtype).dimshuffle(*range(len(lead) + 1), "x")
        low, high = (_before_last(t) for t in (low, high))
        return self._drawn(sum(cast(and_(ge(u, low), lt(u, high)), dtype), axis=-2, dtype=dtype))

    def choice(
        self,
        size: Size = 1,
        a: TensorLike | None = 2,
        replace: bool = True,
        p: TensorLike | None = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Tensor:
        """Entries of ``a``, a vector, or of ``0, ..., a - 1``, with probabilities ``p`` or alike.

        With ``replace=False`` no entry comes twice; then ``size`` is one number, at most as many,
        and for a matrix ``p`` that many are drawn for each row of it. Without ``a``, ``p`` says
        how many numbers there are. More than there are, and probabilities that are negative or do
        not add up to 1, raise NumberError, a ValueError.
        """
        if a is None:
            a = shape_list(_probabilities(p, "choice"))[-1]
        a = as_tensor(a)
        count = _natural(a, "choice: a", 1) if a.ndim == 0 else shape_list(a)[0]
        sizes = _sizes(size, ndim, "choice")
        if p is not None:
            p = _outcomes(p, "choice", True)
        if not replace:
            places = self._without_repetition(sizes, count, p)
        elif p is None:
            (w,) = self._words(sizes)
            places = _below(w, count)
        else:
            _, high = _intervals(as_tensor(p))
            (w,) = self._words(sizes)
            u = _unit(w, high.dtype).dimshuffle(*range(len(sizes)), "x")
            places = sum(cast(ge(u, high), "int64"), axis=-1)
        return self._drawn(cast(places if a.ndim == 0 else subtensor(a, places), dtype))

    def _without_repetition(
        self, sizes: Sequence[Tensor], count: Tensor, rates: TensorLike | None
    ) -> Tensor:
        if len(sizes) != 1:
            raise ShapeError("choice: without replacement, size is one number.")
        few = "{0} different entries were asked for, and there are {1}"
        (size,) = sizes
        size = checked(size, le(size, count), size, count, message=few, error="NumberError")
        if rates is None:
            (w,) = self._words([count])
            return argsort(w)[:size]
        # The order in which exponential clocks of these rates ring.
        rates = as_tensor(rates)
        (w,) = self._words(shape_list(rates) if rates.ndim > 1 else [count])
        order = argsort(-log(_unit(w, rates.dtype, 1)) / rates, axis=-1)
        return order[..., :size]

    def permutation(
        self,
        size: Size = None,
        n: TensorLike = 1,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Tensor:
        """The numbers ``0, ..., n - 1`` in random order, along a last axis behind ``size``."""
        sizes = [] if size is None else _sizes(size, ndim, "permutation")
        (w,) = self._words([*sizes, _natural(n, "permutation: n")])
        return self._drawn(cast(argsort(w, axis=-1), dtype))

    def random_integers(
        self,
        size: Size = None,
        low: TensorLike = 0,
        high: TensorLike = 1,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Tensor:
        """Integers from ``low`` to ``high``, both included. A ``low`` above ``high`` raises
        NumberError, a ValueError."""
        low, high = as_tensor(low), as_tensor(high)
        (w,) = self._words(_sizes(size, ndim, "random_integers", low, high))
        first, last = cast_to(low, "int64"), cast_to(high, "int64")
        message = "low, which is {0}, must not be above high, which is {1}"
        if is_constant(low) and is_constant(high):
            wrong = low.attrs["value"] > high.attrs["value"]
            if np.any(wrong):
                found = np.broadcast_arrays(low.attrs["value"], high.attrs["value"])
                words = message.format(*(int(v[wrong][0]) for v in found))
                raise NumberError(f"random_integers: {words}.")
        count = last - first + 1
        count = checked(count, le(first, last), first, last, message=message, error="NumberError")
        return self._drawn(cast(first + _below(w, count), dtype))

    def poisson(
        self,
        size: Size = None,
        lam: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Tensor:
        """How many events happen where ``lam`` are expected: the distribution function, which is
        summed term by term, inverted at a uniform draw. A negative ``lam`` raises NumberError, a
        ValueError."""
        from ..scan import scan, until
        from .reductions import all

        mean = cast_to(from_to(lam, 0, None, "poisson", "lam"), "float64")
        sizes = _sizes(size, ndim, "poisson", mean)
        parts = cast(1 + max(mean) / _LARGEST_MEAN, "int64")
        (w,) = self._words([*sizes, parts])
        u = _unit(w, "float64")
        mean = mean.dimshuffle(*range(mean.ndim), "x") / cast(parts, "float64")
        mean = mean + 0 * u  # of the sizes of the draw
        term = _exp_of_negative(mean)

        def step(term: Tensor, total: Tensor, found: Tensor, k: Tensor) -> Any:
            beyond = ge(u, total)
            fresh = term * mean / (k + 1)
            rows = [fresh, total + fresh, found + cast(beyond, "int64"), k + 1]
            # Where rounding keeps the sum below u for ever, the terms end first.
            return rows, until(all(lt(u, total) | lt(term, 1e-300) & lt(mean, k)))

        zero = as_tensor(np.float64(0))
        start = [term, term, cast(0 * u, "int64"), zero]
        rows, _ = scan(step, outputs_info=start, n_steps=_MOST_TERMS)
        return self._drawn(cast(sum(rows[2][-1], axis=-1), dtype))

    def shuffle_row_elements(self, input: TensorLike) -> Tensor:
        """The input with the entries along its last axis in random order, for each row anew."""
        x = as_tensor(input)
        if x.ndim == 0:
            raise ShapeError("shuffle_row_elements: a scalar has no rows.")
        sizes = shape_list(x)
        order = self.permutation(sizes[:-1] or None, sizes[-1])
        return self._drawn(take_along_axis(x, order, -1))


class MRG_RandomStreams(RandomStreams):
    """Theano's other class of streams; here both are the same, with other defaults."""

    def __init__(self, seed: Any = 12345, **ignored: Any) -> None:
        super().__init__(seed)


# -- parameters -----------------------------------------------------------------------------


def _float(dtype: Any, *parameters: Tensor) -> str:
    """The dtype of a continuous draw."""
    if dtype is not None:
        word = dtypes.canonical(dtype)
        if dtypes.kind(word) != "f":
            raise DTypeError(f"a uniform or normal draw is floating; the dtype {word} is not.")
        return word
    firm = [t.dtype for t in parameters if t.owner is None or t.op is None or t.inputs]
    floating = [d for d in firm if dtypes.kind(d) == "f"]
    return dtypes.promote([str(config.floatX), *floating])


def _integer(value: TensorLike, what: str) -> Tensor:
    t = as_tensor(value)
    if t.ndim or dtypes.kind(t.dtype) not in "iu":
        raise TypeError(f"{what} must be an integer scalar, found {t.type!r}.")
    return cast_to(t, "int64")


def _natural(value: TensorLike, what: str, least: int = 0) -> Tensor:
    """An integer that is at least 0 (or 1): numbers that are less raise NumberError here."""
    t = _integer(value, what)
    if is_constant(t) and t.attrs["value"] < least:
        raise NumberError(f"{what} must be {least} or more, found {int(t.attrs['value'])}.")
    return t


def _is_one(t: Tensor) -> bool:
    from .shapes import number_of

    return number_of(t) == 1


def _sizes(size: Size, ndim: int | None, what: str, *parameters: Tensor) -> list[Tensor]:
    """The sizes of a draw."""
    if size is None:
        if not parameters:
            raise ShapeError(f"{what}: give a size.")
        shape = parameters[0]
        for other in parameters[1:]:
            shape = shape + other
        return list(shape_list(shape))
    if isinstance(size, Tensor) and size.ndim == 1 and ndim is not None:
        return [cast_to(size[k], "int64") for k in range(ndim)]
    found = size_list(size, f"{what}: size")
    if ndim is not None and ndim != len(found):
        raise ShapeError(f"{what}: ndim is {ndim}, but size has {len(found)} entries.")
    return found


def _probabilities(p: TensorLike | None, what: str) -> Tensor:
    if p is None:
        raise ValueError(f"{what}: give the probabilities.")
    t = as_tensor(p)
    if t.ndim == 0:
        raise ShapeError(f"{what}: probabilities are a vector or rows of a matrix.")
    return t if t.dtype in ("float32", "float64") else cast_to(t, "float64")


def _outcomes(p: TensorLike | None, what: str, whole: bool) -> Tensor:
    """Probabilities of outcomes along the last axis: none negative, and adding up to 1, or without
    the last one to no more than 1."""
    t = _probabilities(p, what)
    if t.op is not None and t.op.name == "softmax":
        return t
    # An array has the operators and methods that are used here as a tensor does.
    values: Any = t.attrs["value"] if is_constant(t) else t
    total = (values if whole else values[..., :-1]).sum(axis=-1, keepdims=True)
    near = math.sqrt(np.finfo(t.dtype).eps)  # NumPy's tolerance
    right = (values >= 0) & (total <= 1 + near)
    message = "the probabilities of all but the last outcome must come to 1 or less"
    if whole:
        right, message = right & (total >= 1 - near), "the probabilities must add up to 1"
    message = f"{message}, and none be negative"
    if not is_constant(t):
        return checked(t, right, message=message, error="NumberError")
    if not right.all():
        raise NumberError(f"{what}: {message}; found {np.array2string(values, threshold=10)}.")
    return t


# -- from words to numbers ------------------------------------------------------------------


def _unit(words: Tensor, dtype: str, offset: int = 0) -> Tensor:
    """``[0, 1)`` in steps as fine as the dtype has near 1; with ``offset`` 1 ``(0, 1]``."""
    bits = {"float16": 11, "float32": 24}.get(dtype, 53)
    # The integer is as short as it can be: that is what compilers vectorise the conversion of.
    whole = cast(right_shift(words, np.uint64(64 - bits)), "int64" if bits > 31 else "int32")
    whole = whole + offset if offset else whole
    return cast(whole, dtype) * cast(0.5**bits, dtype)


def _below(words: Tensor, count: Tensor) -> Tensor:
    """Integers from 0 to ``count - 1``; the high half of a product, for large counts the
    remainder. Some are more probable than others by less than one part in 2^32."""
    n = cast(count, "uint64")
    short = right_shift(right_shift(words, np.uint64(32)) * n, np.uint64(32))
    return cast(switch(le(n, np.uint64(1 << 32)), short, words % n), "int64")


def _intervals(p: Tensor) -> tuple[Tensor, Tensor]:
    """Where in ``[0, 1)`` each outcome begins and ends; the last has no end."""
    sums = cumsum(p, axis=-1)[..., :-1]
    edge = p[..., :1]
    return concatenate([edge * 0, sums], axis=-1), concatenate([sums, edge * 0 + 2], axis=-1)


def _before_last(t: Tensor) -> Tensor:
    return t.dimshuffle(*range(t.ndim - 1), "x", t.ndim - 1)


def _exp_of_negative(x: Tensor) -> Tensor:
    """``exp(-x)`` by additions and multiplications alone, which round alike everywhere."""
    y = x * -(0.5**_HALVINGS)
    result = 1 + y / _TERMS
    for k in range(_TERMS - 1, 0, -1):
        result = 1 + y / k * result
    for _ in range(_HALVINGS):
        result = result * result
    return result
