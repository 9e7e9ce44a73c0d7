"""``config.compute_test_value``: each new node gets a value at once, so that a mistake in sizes is
an error at the line that makes it and not at a later call.

The values start from ``x.tag.test_value`` of the variables; shared variables and constants have
theirs. The reference computes each node from the values of its operands, with all the checks of a
call. What the package makes for itself, such as rewritten graphs, has no values.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from . import config
from .errors import TestValueError
from .graph import toposort
from .node import Tensor, is_constant
from .origin import warn, where_made

_LACKING = object()
_P = ParamSpec("_P")
_R = TypeVar("_R")


def off() -> contextlib.AbstractContextManager[Any]:
    """Context: nodes made inside get no test values."""
    if config.compute_test_value == "off":
        return contextlib.nullcontext()
    return config.change_flags(compute_test_value="off")


def no_test_values(f: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator: what the function makes inside gets no test values."""

    @functools.wraps(f)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with off():
            return f(*args, **kwargs)

    return run


def attach(node: Tensor) -> None:
    """Give a new node its test value, as the option says.

    Raises TestValueError when a variable has none and the option is ``raise`` or ``pdb``, and
    what a call would raise when the values do not fit the op.
    """
    policy = config.compute_test_value
    if policy == "off":
        return
    with off():
        try:
            _attach(node, policy)
        except Exception:
            if policy == "pdb":
                import pdb  # noqa: T100 (what the option asks for)

                pdb.post_mortem(sys.exc_info()[2])
            raise


def _attach(node: Tensor, policy: str) -> None:
    known = [n for n in toposort([node]) if _value(n) is not _LACKING]
    todo = toposort([node], stop=known)
    for part in todo:
        if part.op is None and _value(part) is _LACKING:
            if policy == "ignore":
                return
            message = (
                f"compute_test_value is {policy!r} and {part!r} ({part.type!r}, made at "
                f"{where_made(part)}) has no test value, which the op {node!r} needs. Set "
                f"x.tag.test_value to an array of this type, or the option to 'off'."
            )
            if policy == "warn":
                warn(message)
                return
            raise TestValueError(message)
    for part in todo:
        if _value(part) is _LACKING:
            part.tag.test_value = _computed(part)


def _value(node: Tensor) -> Any:
    from .shared import Shared

    if is_constant(node):
        return node.attrs["value"]
    found = getattr(node.tag, "test_value", _LACKING)
    if found is _LACKING:
        return node.get_value(borrow=True) if isinstance(node, Shared) else found
    return node.type.convert(found, f"the test value of {node!r}") if node.op is None else found


def _computed(node: Tensor) -> np.ndarray:
    from .backend import Capabilities
    from .graph import Graph, rebuild
    from .interpret import Interpreter
    from .lower import lower

    stand_ins = {i: i.type(i.name or repr(i)) for i in node.inputs if not is_constant(i)}
    alone = rebuild(node, tuple(stand_ins.get(i, i) for i in node.inputs))
    program = lower(Graph(list(stand_ins.values()), [alone]), [], [], Capabilities(calls=None))
    value: np.ndarray = Interpreter(program)([_value(i) for i in stand_ins], [])[0][0]
    return value
