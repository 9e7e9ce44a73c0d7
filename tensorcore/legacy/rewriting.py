"""Rewrites that programs add: the decorators take them, and say that they do not run.

Rewrites of ours are pairs of expressions; a function over Theano's own graph would see other ops
than it was written for. A program that only speeds itself up with one runs all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..node import warn

__all__ = [
    "DB", "EquilibriumDB", "LocalOptGroup", "LocalOptimizer", "MergeOptimizer", "OpRemove", "OpSub",
    "Optimizer", "PatternSub", "ProxyDB", "Query", "SeqOptimizer", "SequenceDB", "TopoOptimizer",
    "copy_stack_trace", "gpu_optimizer", "in2out", "inplace_and_fusion", "local_optimizer",
    "optdb", "out2in", "register_canonicalize", "register_opt", "register_specialize",
    "register_specialize_device", "register_stabilize", "register_useless", "op_lifter",
]  # fmt: skip

_told: set[str] = set()


def _say(what: str) -> None:
    if what not in _told:
        _told.add(what)
        warn(
            f"{what}: rewrites written for Theano do not run here; the program computes the same "
            f"without them. A rewrite of your own is a row in tensorcore/rewrite."
        )


class Optimizer:
    """A rewrite of Theano's, kept and not run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def optimize(self, fgraph: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    apply = optimize

    def __call__(self, fgraph: Any) -> None:
        """Nothing."""

    def transform(self, node: Any, *args: Any) -> bool:
        """Nothing is changed."""
        return False


LocalOptimizer = SeqOptimizer = TopoOptimizer = MergeOptimizer = LocalOptGroup = Optimizer
OpSub = OpRemove = PatternSub = Query = Optimizer


def local_optimizer(
    tracks: Any = None, inplace: bool = False, requirements: Any = ()
) -> Callable[[Any], Any]:
    """Decorator: the function, kept as a rewrite that does not run."""

    def keep(function: Any) -> Any:
        made = Optimizer(function)
        made.__name__ = function.__name__  # type: ignore[attr-defined]
        made.transform = function  # type: ignore[method-assign]
        return made

    return keep


def _register(lopt: Any = None, *tags: Any, **kwargs: Any) -> Any:
    if isinstance(lopt, str) or lopt is None:
        return lambda inner: _register(inner, *tags, **kwargs)
    _say(f"register {kwargs.get('name') or getattr(lopt, '__name__', lopt)!r}")
    return lopt


register_canonicalize = register_specialize = register_stabilize = register_useless = _register
register_specialize_device = register_opt = op_lifter = _register


def out2in(*local_opts: Any, **kwargs: Any) -> Optimizer:
    """A rewrite made of others; it does not run."""
    return Optimizer(*local_opts)


in2out = out2in


def copy_stack_trace(from_var: Any, to_var: Any) -> None:
    """Nodes know their lines without it."""


class DB:
    """A table of rewrites: what is registered is kept, and said to be unused."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def register(self, name: str, obj: Any, *tags: Any, **kwargs: Any) -> None:
        """Keep it."""
        _say(f"register {name!r}")
        self.known[name] = obj

    def query(self, *tags: Any, **kwargs: Any) -> Optimizer:
        """A rewrite that does nothing."""
        return Optimizer()

    def add_tags(self, name: str, *tags: Any) -> None:
        """Nothing."""

    remove_tags = add_tags

    def __contains__(self, name: object) -> bool:
        return name in self.known

    def __getitem__(self, name: str) -> Any:
        return self.known.get(name, DB())


EquilibriumDB = SequenceDB = ProxyDB = DB
optdb = gpu_optimizer = inplace_and_fusion = DB()
