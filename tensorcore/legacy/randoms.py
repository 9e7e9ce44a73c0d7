"""Draws without a stream of their own (``theano.tensor.raw_random``), and names of classes."""

from __future__ import annotations

from typing import Any

from ..node import Tensor
from ..shared import Shared
from ..tensor.shared_randomstreams import MRG_RandomStreams, RandomStreams

__all__ = [
    "CURAND_RandomStreams", "GPU_mrg_uniform", "MRG_RandomStreams", "RandomFunction",
    "RandomStateSharedVariable", "RandomStateType", "RandomStreams", "binomial", "choice",
    "guess_n_streams", "multinomial", "normal", "permutation", "poisson", "random_integers",
    "random_state_type", "uniform",
]  # fmt: skip

CURAND_RandomStreams = MRG_RandomStreams
GPU_mrg_uniform = MRG_RandomStreams
#: The state of a stream is an ordinary shared variable.
RandomStateSharedVariable = Shared


class RandomStateType:
    """The type of Theano's generators; states here are vectors of uint64."""

    def __call__(self, name: str | None = None) -> RandomStreams:
        """A stream."""
        return RandomStreams()


random_state_type = RandomStateType()


def _draw(kind: str) -> Any:
    def draw(random_state: Any, size: Any = None, *args: Any, **kwargs: Any) -> tuple[Any, Tensor]:
        streams = random_state if isinstance(random_state, RandomStreams) else RandomStreams(0)
        return streams, getattr(streams, kind)(size, *args, **kwargs)

    draw.__name__ = kind
    draw.__doc__ = f"The stream, and its ``{kind}``."
    return draw


binomial, choice, multinomial, normal = map(_draw, ("binomial", "choice", "multinomial", "normal"))
permutation, poisson, uniform = map(_draw, ("permutation", "poisson", "uniform"))
random_integers = _draw("random_integers")


class RandomFunction:
    """Distributions of a program's own by a method of NumPy's generator are not here."""

    def __init__(self, fn: Any, outtype: Any, inplace: bool = False, ndim_added: int = 0) -> None:
        self.kind = fn if isinstance(fn, str) else getattr(fn, "__name__", str(fn))

    def __call__(self, random_state: Any, size: Any = None, *args: Any) -> tuple[Any, Tensor]:
        """The draw, if streams have the distribution."""
        return _draw(self.kind)(random_state, size, *args)  # type: ignore[no-any-return]


def guess_n_streams(size: Any, warn: bool = False) -> int:
    """How many streams a draw takes: one."""
    return 1
