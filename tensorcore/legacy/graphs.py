"""Walks over graphs: ``theano.gof`` and ``theano.gof.graph``."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import MissingInputError, TensorcoreError, TestValueError
from ..expressions import clone as _clone
from ..graph import Interner, applications, toposort
from ..node import Application, Tensor, TensorConstant, is_constant
from ..printing import min_informative_str

__all__ = [
    "InconsistencyError", "MethodNotDefined", "MissingInputError",
    "Node", "NullOp", "TestValueError", "Value", "Variable", "ancestors", "as_string",
    "clone", "clone_get_equiv", "debug_assert", "debug_error_message", "deque", "difference",
    "equal_computations", "flatten", "general_toposort", "get_debug_values", "get_equiv",
    "get_lock", "get_test_value", "give_variables_names", "graph_inputs", "hash_from_code",
    "inputs", "io_toposort", "is_same_graph", "list_of_nodes", "memoize", "min_informative_str",
    "missing_test_message", "op_as_string", "ops", "orphans", "release_lock", "remove",
    "scratchpad", "sort_apply_nodes", "stack_search", "toposort", "uniq", "variables",
    "variables_and_orphans", "view_roots",
]  # fmt: skip

Variable, Node = Tensor, object
Value = TensorConstant


class MethodNotDefined(AttributeError):
    """A method that an op leaves out."""


class InconsistencyError(TensorcoreError):
    """A graph that contradicts itself."""


class NullOp:
    """An op that computes nothing."""


class scratchpad:
    """A place for notes."""


def _listed(value: Any) -> list[Tensor]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def ancestors(
    variable_list: Iterable[Tensor], blockers: Iterable[Tensor] | None = None
) -> list[Tensor]:
    """The variables that contribute to these, themselves included, without the blockers' own."""
    return _walk(list(variable_list), blockers or ())


def _walk(outputs: Sequence[Tensor], stop: Iterable[Tensor]) -> list[Tensor]:
    barrier = {id(v) for v in stop}
    return general_toposort(outputs, lambda v: () if id(v) in barrier else _parents(v))


def _parents(v: Tensor) -> Sequence[Tensor]:
    """What a program sees as the inputs of a variable's owner."""
    owner = v.owner
    found: Sequence[Tensor] = () if owner is None else owner.inputs
    return found


def inputs(
    variable_list: Iterable[Tensor], blockers: Iterable[Tensor] | None = None
) -> list[Tensor]:
    """The variables and constants that these are computed from."""
    return [v for v in ancestors(variable_list, blockers) if v.owner is None]


graph_inputs = inputs


def _arguments(outputs: Any, i: Any) -> tuple[list[Tensor], list[Tensor]]:
    return _listed(i), _listed(outputs)


def variables_and_orphans(i: Any, o: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The variables between inputs and outputs, and those that come from nowhere."""
    starts, ends = _arguments(o, i)
    between = _walk(ends, starts)
    return between, [v for v in between if v.owner is None and v not in starts]


def variables(i: Any, o: Any) -> list[Tensor]:
    """The variables between inputs and outputs, both included."""
    return variables_and_orphans(i, o)[0]


def orphans(i: Any, o: Any) -> list[Tensor]:
    """Variables and constants that outputs need beside the inputs."""
    return variables_and_orphans(i, o)[1]


def io_toposort(inputs: Any, outputs: Any, orderings: Any = None, **kwargs: Any) -> list[Any]:
    """The applications between inputs and outputs, each after those it needs."""
    starts, ends = _arguments(outputs, inputs)
    return applications(ends, starts)


def ops(i: Any, o: Any) -> set[Any]:
    """The applications between inputs and outputs."""
    return set(io_toposort(i, o))


list_of_nodes = io_toposort


def general_toposort(
    outputs: Any, deps: Callable[[Any], Any], debug_print: bool = False, **kwargs: Any
) -> list[Any]:
    """What ``deps`` reaches from the outputs, each after what it depends on."""
    order: list[Any] = []
    done: set[int] = set()
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, expanded = stack.pop()
        if id(node) in done:
            continue
        if expanded:
            done.add(id(node))
            order.append(node)
        else:
            stack.append((node, True))
            stack.extend((d, False) for d in reversed(list(deps(node) or ())))
    return order


def sort_apply_nodes(inputs: Any, outputs: Any, cmps: Any) -> list[Any]:
    """``io_toposort``."""
    return io_toposort(inputs, outputs)


def stack_search(
    start: Any, expand: Callable[[Any], Any], mode: str = "bfs", build_inv: bool = False
) -> list[Any]:
    """What ``expand`` reaches from the nodes of a deque, in breadth (``bfs``) or depth."""
    found: list[Any] = []
    seen: set[int] = set()
    todo = deque(start)
    while todo:
        node = todo.popleft() if mode == "bfs" else todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            found.append(node)
            todo.extend(expand(node) or ())
    return found


def clone(
    i: Any, o: Any, copy_inputs: bool = True, copy_orphans: Any = None
) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a copy of a graph."""
    starts, ends = _arguments(o, i)
    fresh = [v.type(v.name) if copy_inputs else v for v in starts]
    made = _clone(ends, replace=dict(zip(starts, fresh, strict=True)))
    return fresh, made


def clone_get_equiv(i: Any, o: Any, copy_inputs: bool = True, **kwargs: Any) -> dict[Any, Any]:
    """From variables of a graph to those of its copy."""
    starts, ends = _arguments(o, i)
    fresh, made = clone(starts, ends, copy_inputs)
    return dict(zip([*starts, *ends], [*fresh, *made], strict=True))


def equal_computations(
    xs: Sequence[Tensor], ys: Sequence[Tensor], in_xs: Any = None, in_ys: Any = None
) -> bool:
    """Whether two lists of expressions compute the same, by the same steps."""
    if len(xs) != len(ys):
        return False
    if in_xs:
        xs = _clone(list(xs), replace=list(zip(in_xs, in_ys, strict=True)))
    table = Interner()
    return all(table.add(x) is table.add(y) for x, y in zip(xs, ys, strict=True))


def is_same_graph(var1: Tensor, var2: Tensor, givens: Any = None, debug: bool = False) -> bool:
    """Whether two expressions compute the same, by the same steps."""
    pairs = dict(givens or {})
    first, second = (_clone(v, replace=pairs) if pairs else v for v in (var1, var2))
    return equal_computations([first], [second])


def view_roots(r: Tensor) -> list[Tensor]:
    """The variable itself: nothing here is a view."""
    return [r]


def as_string(i: Any, o: Any, **kwargs: Any) -> str:
    """The expressions as text."""
    from ..printing import pp

    return f"[{', '.join(pp(v) for v in _listed(o))}]"


def op_as_string(i: Any, op: Any, **kwargs: Any) -> str:
    """An application as text."""
    return str(op)


def give_variables_names(variables: Iterable[Tensor]) -> list[str]:
    """Names for variables that have none or share one; set, and returned."""
    seen: set[str] = set()
    names = []
    for k, v in enumerate(variables):
        if not v.name or v.name in seen:
            v.name = f"{v.name or 'variable'}_{k}"
        seen.add(v.name)
        names.append(v.name)
    return names


# -- test values ----------------------------------------------------------------------------


def get_test_value(v: Any) -> Any:
    """The test value of a variable, the value of a constant or shared variable. Raises
    TestValueError when there is none."""
    if not isinstance(v, Tensor):
        return np.asarray(v)
    if is_constant(v):
        return v.attrs["value"]
    found = getattr(v.tag, "test_value", None)
    if found is None and hasattr(v, "get_value"):
        return v.get_value(borrow=True)
    if found is None:
        raise TestValueError(missing_test_message(v))
    return found


def missing_test_message(v: Any) -> str:
    """What is said where a variable has no test value."""
    from ..origin import where_made

    return f"{v!r}, made at {where_made(v)}, has no test value; set x.tag.test_value."


def get_debug_values(*args: Any) -> list[tuple[Any, ...]]:
    """The test values of the arguments in a list of one tuple; empty when they are off."""
    from .. import config

    if config.compute_test_value == "off":
        return []
    try:
        return [tuple(get_test_value(v) for v in args)]
    except TestValueError as missing:
        if config.compute_test_value == "raise":
            raise
        debug_error_message(str(missing))
        return []


def debug_error_message(msg: str) -> None:
    """Complain about a test value, as the flag ``compute_test_value`` says."""
    from .. import config
    from ..origin import warn

    if config.compute_test_value in ("raise", "pdb"):
        raise ValueError(msg)
    if config.compute_test_value == "warn":
        warn(msg)


def debug_assert(condition: bool, msg: str = "debug_assert failed") -> None:
    """Complain unless the condition holds."""
    if not condition:
        debug_error_message(msg)


# -- utilities ------------------------------------------------------------------------------


def uniq(seq: Iterable[Any]) -> list[Any]:
    """The elements once each, in order."""
    seen: set[int] = set()
    found = []
    for x in seq:
        # Two views of one application are one.
        key = id(x.source) if isinstance(x, Application) else id(x)
        if key not in seen:
            seen.add(key)
            found.append(x)
    return found


def difference(seq1: Iterable[Any], seq2: Iterable[Any]) -> list[Any]:
    """The elements of the first that are not in the second."""
    without = list(seq2)
    return [x for x in seq1 if x not in without]


def remove(predicate: Callable[[Any], bool], coll: Iterable[Any]) -> list[Any]:
    """The elements for which the predicate is false."""
    return [x for x in coll if not predicate(x)]


def flatten(a: Any) -> list[Any]:
    """Nested lists as one."""
    if isinstance(a, (list, tuple, set)):
        return [y for x in a for y in flatten(x)]
    return [a]


def memoize(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its results kept."""
    import functools

    return functools.cache(f)


def hash_from_code(msg: Any) -> str:
    """A digest of text."""
    import hashlib

    return hashlib.sha256(msg.encode() if isinstance(msg, str) else msg).hexdigest()


def get_equiv(graph: Any) -> Any:
    """The graph itself."""
    return graph


@contextlib.contextmanager
def get_lock(*args: Any, **kwargs: Any) -> Iterator[None]:
    """Nothing is locked: the cache needs no lock."""
    yield


def release_lock(*args: Any, **kwargs: Any) -> None:
    """Nothing is locked."""
