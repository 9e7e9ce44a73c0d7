"""What programs attach to a ``FunctionGraph``, and utilities of ``theano.gof.utils``."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from ..containers import Container
from ..node import Tensor
from ..origin import source_line, warn
from .graphs import ancestors
from .rewriting import Optimizer
from .user_ops import Op

__all__ = [
    "AlreadyThere", "BadOptimization", "Bookkeeper", "Container", "Feature", "HideC", "History",
    "NoOutputFromInplace", "NodeFinder", "PrintListener", "ReplaceValidate", "Validator",
    "add_tag_trace", "deprecated", "get_variable_trace_string", "is_in_ancestors",
    "nodes_constructed", "object2", "simple_extract_stack", "undef",
]  # fmt: skip


class AlreadyThere(Exception):
    """A feature that a graph has already."""


class BadOptimization(Exception):
    """A rewrite that changed a value."""


class Feature:
    """What a graph tells when it changes; a program's class says what it does with it."""

    def on_attach(self, fgraph: Any) -> None:
        """The graph has this feature from now on."""

    def on_detach(self, fgraph: Any) -> None:
        """The graph has it no longer."""

    def on_import(self, fgraph: Any, node: Any, reason: Any) -> None:
        """An application has come in."""

    def on_prune(self, fgraph: Any, node: Any, reason: Any) -> None:
        """An application has gone."""

    def on_change_input(
        self, fgraph: Any, node: Any, i: int, r: Any, new_r: Any, reason: Any = None
    ) -> None:
        """An application takes another variable."""

    def orderings(self, fgraph: Any) -> dict[Any, Any]:
        """No order beyond what inputs demand."""
        return {}


class NodeFinder(Feature):
    """Finds the applications of an op: ``fgraph.get_nodes(op)``."""

    def on_attach(self, fgraph: Any) -> None:
        """Give the graph the method."""
        fgraph.get_nodes = lambda op: [node for node in fgraph.toposort() if node.op == op]


class PrintListener(Feature):
    """Prints that it was attached."""

    def __init__(self, active: bool = True) -> None:
        self.active = active

    def on_attach(self, fgraph: Any) -> None:
        """Print it."""
        if self.active:
            print("-- attaching to: ", fgraph)


# What Theano needs of these, the graphs here have or need not.
Bookkeeper = Validator = ReplaceValidate = History = NoOutputFromInplace = Feature
HideC = Op


class AddFeatureOptimizer(Optimizer):
    """A rewrite that attaches a feature."""

    def apply(self, fgraph: Any, *args: Any, **kwargs: Any) -> None:
        """Attach it."""
        fgraph.attach_feature(self.args[0])


def is_in_ancestors(l_node: Any, f_node: Any) -> bool:
    """Whether an application needs another one."""
    return any(v.owner == f_node for v in ancestors(l_node.inputs) if v.owner is not None)


@contextlib.contextmanager
def nodes_constructed() -> Iterator[list[Tensor]]:
    """The nodes that are made in the block, in a list."""
    from ..ops._declare import ON_NEW_NODE

    made: list[Tensor] = []
    ON_NEW_NODE.append(made.append)
    try:
        yield made
    finally:
        ON_NEW_NODE[:] = [look for look in ON_NEW_NODE if look != made.append]


class object2:
    """An object."""


def undef(*args: Any, **kwargs: Any) -> Any:
    """Theano's sign for what is left out; it is an error to use it."""
    raise TypeError("undef stands for an argument that was left out, and is no function.")


def add_tag_trace(thing: Any, user_line: Any = None) -> Any:
    """The thing: nodes know their lines without it."""
    return thing


def get_variable_trace_string(v: Any) -> str:
    """The line of the program that made a variable."""
    return f"made at {source_line(v.origin)}\n"


def simple_extract_stack(f: Any = None, limit: int | None = None, skips: Any = ()) -> list[Any]:
    """The stack of calls, as ``traceback`` gives it."""
    return list(traceback.extract_stack(f, limit))


def deprecated(filename: str, msg: str = "") -> Callable[..., Any]:
    """Decorator: the function, which says when it is called that it is old."""

    def marked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            warn(f"{filename}.{function.__name__} is deprecated. {msg}", DeprecationWarning)
            return function(*args, **kwargs)

        return call

    return marked
