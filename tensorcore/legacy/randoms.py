"""Streams as Theano's modules have them, draws without a stream of their own
(``theano.tensor.raw_random``), and names of classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import tensor as T
from ..errors import ShapeError
from ..node import Tensor, as_tensor
from ..tensor import shared_randomstreams as _ours
from ..tensor.stream_states import StreamVariable, numbers_of, state_of
from ..types import TensorType

__all__ = [
    "CURAND_RandomStreams", "GPU_mrg_uniform", "MRG_RandomStreams", "RandomFunction",
    "RandomStateSharedVariable", "RandomStateType", "RandomStreams", "RandomStreamsBase",
    "binomial", "choice", "copy_random_state", "guess_n_streams", "mrg_uniform", "multinomial",
    "normal", "permutation", "permutation_helper", "poisson", "random_integers",
    "random_state_type", "randomstate_constructor", "uniform",
]  # fmt: skip

#: The share of normal draws that lie within two standard deviations.
_WITHIN_TWO = math.erf(math.sqrt(2.0))


class _Streams:
    """What both classes of streams can do beside the draws that are everybody's."""

    _seed: tuple[int, ...]

    @property
    def rstate(self) -> np.ndarray:
        """What the next stream begins with."""
        return np.array(self._seed, np.uint64)

    @rstate.setter
    def rstate(self, seed: Any) -> None:
        self._seed = numbers_of(seed)

    def set_rstate(self, seed: Any) -> None:
        """Streams that are made from now on begin with this seed."""
        self._seed = numbers_of(seed)

    @property
    def random_state_variables(self) -> Any:
        """Each stream and its default update."""
        return self.state_updates  # type: ignore[attr-defined]

    def gen(self, op: Any, *args: Any, **kwargs: Any) -> Tensor:
        """The draw of a ``RandomFunction``, from a stream of its own."""
        return op(self, *args, **kwargs)[1]  # type: ignore[no-any-return]

    def truncated_normal(
        self, size: Any, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None,
        dtype: Any = None, nstreams: Any = None, **kwargs: Any,
    ) -> Tensor:  # fmt: skip
        """Normally distributed draws, of which none is further than two standard deviations from
        the mean: by the inverse of the distribution."""
        streams: Any = self
        u = streams.uniform(size, -_WITHIN_TWO, _WITHIN_TWO, ndim, dtype)
        made: Tensor = avg + std * (T.erfinv(u) * np.asarray(math.sqrt(2.0), u.dtype))
        return streams._drawn(made)  # type: ignore[no-any-return]

    def multinomial_wo_replacement(
        self, size: Any = None, n: Any = 1, pvals: Any = None, ndim: int | None = None,
        dtype: Any = "int64", nstreams: Any = None, **kwargs: Any,
    ) -> Tensor:  # fmt: skip
        """For each row of ``pvals`` the numbers of ``n`` different outcomes, drawn one after the
        other: those with the largest ``u ** (1 / p)`` (Efraimidis and Spirakis, 2006)."""
        p = as_tensor(pvals)
        if p.ndim != 2:
            raise ShapeError(
                f"multinomial_wo_replacement: pvals must be a matrix, found {p.type!r}."
            )
        streams: Any = self
        u = streams.uniform(p.shape, dtype=p.dtype, ndim=2)
        order = T.argsort(-T.log(u) / p, axis=1)
        return streams._drawn(T.cast(order[:, :n], dtype))  # type: ignore[no-any-return]


class RandomStreams(_Streams, _ours.RandomStreams):
    """``theano.tensor.shared_randomstreams.RandomStreams``."""


class MRG_RandomStreams(_Streams, _ours.MRG_RandomStreams):
    """``theano.sandbox.rng_mrg.MRG_RandomStreams``."""


RandomStreamsBase = _ours.RandomStreams
CURAND_RandomStreams = GPU_mrg_uniform = mrg_uniform = MRG_RandomStreams
RandomStateSharedVariable = StreamVariable


def randomstate_constructor(value: Any, name: str | None = None, **kwargs: Any) -> StreamVariable:
    """A shared variable for the state of a stream."""
    return StreamVariable.of(value, name)


def copy_random_state(g1: Any, g2: Any) -> None:
    """Let the streams of ``g2`` go on as those of ``g1`` do; they are in ``rng``, if these have
    one."""
    first, second = (getattr(g, "rng", g) for g in (g1, g2))
    for (old, _), (new, _) in zip(first.state_updates, second.state_updates, strict=True):
        new.set_value(old.get_value())


class RandomStateType(TensorType):
    """The type of states of streams; a generator of NumPy may be given for one."""

    __slots__ = ()

    def __new__(cls) -> RandomStateType:  # noqa: PYI034
        """The type of states, which are vectors of uint64."""
        made = object.__new__(cls)
        for name, value in (("dtype", "uint64"), ("broadcastable", (False,)), ("ndim", 1)):
            object.__setattr__(made, name, value)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return (RandomStateType, ())

    def convert(self, value: Any, what: str, *, downcast: bool | None = None) -> np.ndarray:
        """Key and counter of a state. Raises DTypeError for what is none."""
        return state_of(value)


random_state_type = RandomStateType()


class _From(RandomStreams):
    """Draws from a state that is given, an expression."""

    def __init__(self, state: Tensor) -> None:
        super().__init__(0)
        self.state = state

    def _begin(self) -> Tensor:
        return self.state

    def _moved(self, state: Tensor, after: Tensor) -> None:
        self.state = after
        self.state_updates.append((state, after))


def _draw(kind: str) -> Any:
    def draw(random_state: Any, size: Any = None, *args: Any, **kwargs: Any) -> tuple[Any, Tensor]:
        if isinstance(random_state, Tensor):
            from_it = _From(random_state)
            drawn = getattr(from_it, kind)(size, *args, **kwargs)
            return from_it.state, drawn
        known = isinstance(random_state, _ours.RandomStreams)
        streams = random_state if known else RandomStreams(0)
        return streams, getattr(streams, kind)(size, *args, **kwargs)

    draw.__name__ = kind
    draw.__doc__ = f"The state after it, or the streams, and a draw of ``{kind}``."
    return draw


binomial, choice, multinomial, normal = map(_draw, ("binomial", "choice", "multinomial", "normal"))
permutation, poisson, uniform = map(_draw, ("permutation", "poisson", "uniform"))
random_integers = _draw("random_integers")


class RandomFunction:
    """A distribution by the name of its method; a draw's ``owner.op`` is one, too. Distributions of
    a program's own are not here."""

    def __init__(
        self, fn: Any, outtype: Any = None, inplace: bool = False, ndim_added: int = 0
    ) -> None:
        self.fn = self.name = fn if isinstance(fn, str) else getattr(fn, "__name__", str(fn))
        self.outtype, self.inplace, self.ndim_added = outtype, inplace, ndim_added

    def __call__(self, random_state: Any, size: Any = None, *args: Any) -> tuple[Any, Tensor]:
        """The draw, if streams have the distribution."""
        return _draw(self.name)(random_state, size, *args)  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RandomFunction) and (self.fn, self.outtype) == (
            other.fn, other.outtype)  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.fn)

    def __repr__(self) -> str:
        return f"RandomFunction{{{self.fn}}}"


def permutation_helper(random_state: np.random.RandomState, n: int, shape: Any) -> np.ndarray:
    """Permutations of ``0, ..., n - 1``, by NumPy."""
    sizes = tuple(int(k) for k in np.atleast_1d(shape))
    rows = [random_state.permutation(n) for _ in range(math.prod(sizes))]
    return np.array(rows).reshape(*sizes, n)


def guess_n_streams(size: Any, warn: bool = False) -> int:
    """How many streams a draw takes: one."""
    return 1
