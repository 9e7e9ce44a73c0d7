"""The arguments of ``function``: inputs, outputs, updates and givens, checked and in one form."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import dtypes
from .bundles import Bundle
from .errors import DTypeError, MissingInputError, ShapeError, UnusedInputError
from .graph import substitute, variables
from .node import Tensor, as_tensor, is_constant, is_literal
from .ops.elementwise import cast_to
from .ops.movement import OP_RESHAPE, shape_list
from .origin import warn, where_made
from .shared import Shared


class In:
    """A function input with a name for keyword calls and a value for when it is left out.

    ``variable``: a tensor without op. ``value``: the default; kept as it is given. With
    ``update`` the variable is a state of the function's own, which begins with ``value``, has
    the value of this expression after each call, and is not given by callers. ``strict``: only
    arrays of exactly this dtype and rank are taken.
    """

    def __init__(
        self,
        variable: Tensor,
        name: str | None = None,
        value: Any = None,
        borrow: bool | None = None,
        mutable: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
        update: Any = None,
    ) -> None:
        self.variable: Any = _variable(variable, "In")
        if update is not None and value is None:
            raise ValueError(f"In: {variable!r} has an update, so it needs a value to begin with.")
        self.update = update
        self.name = name or variable.name
        self.value = value
        self.allow_downcast, self.strict = allow_downcast, strict


def Param(variable: Tensor, default: Any = None, name: str | None = None, **facts: Any) -> In:
    """Theano's old spelling of ``In(variable, value=default, name=name)``."""
    return In(variable, name=name, value=default, **facts)


class Out:
    """A function output. ``borrow`` is accepted; results never share memory."""

    def __init__(self, variable: Tensor, borrow: bool = False) -> None:
        self.variable: Any = variable if isinstance(variable, Bundle) else as_tensor(variable)


def _variable(value: Any, what: str) -> Any:
    if not isinstance(value, (Tensor, Bundle)):
        raise TypeError(f"{what}: expected a variable, as in {what}(x), found {value!r:.80}.")
    return value


class Request(NamedTuple):
    """The arguments of ``function``, checked and in one form."""

    inputs: tuple[In, ...]
    outputs: tuple[Tensor, ...]
    single: bool
    updates: tuple[tuple[Shared, Tensor], ...]
    #: Inputs with an update, and the function's own variables that stand for them.
    states: tuple[tuple[Tensor, Shared], ...] = ()


def pairs(mapping: Any, what: str) -> list[tuple[Any, Any]]:
    """Pairs from a dict or a sequence of pairs, of bundles the pairs of their parts; raises
    TypeError for anything else."""
    if mapping is None:
        return []
    if not isinstance(mapping, (Mapping, Iterable)) or isinstance(mapping, Tensor):
        raise TypeError(f"{what}: expected a dict or a list of pairs, found {mapping!r:.80}.")
    items = list(mapping.items()) if isinstance(mapping, Mapping) else list(mapping)
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{what}: expected a dict or a list of pairs, found {item!r}.")
    found: list[tuple[Any, Any]] = []
    for a, b in items:
        if isinstance(a, Bundle):
            found += zip(a.parts, a.like(b, what).parts, strict=True)
        else:
            found.append((a, b))
    return found


def request_of(
    inputs: Any, outputs: Any, updates: Any, givens: Any, no_default_updates: Any
) -> Request:
    """The arguments in one form. Raises TypeError, DTypeError, ShapeError or ValueError."""
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"function: the inputs must be a list, as in function([x], y); found {inputs!r}."
        )
    given_specs = [i if isinstance(i, In) else _as_input(i) for i in inputs]
    # Copies: a function may be given other defaults later, which are its own.
    specs = tuple(copy.copy(spec) for spec in given_specs if spec.update is None)
    single = outputs is not None and not isinstance(outputs, (list, tuple))
    listed = [outputs] if single else list(outputs or ())
    results = [as_tensor(o.variable if isinstance(o, Out) else o) for o in listed]
    changes = [_update(cell, value) for cell, value in pairs(updates, "updates")]
    replace = dict(given(old, new) for old, new in pairs(givens, "givens"))
    states = []
    for spec in given_specs:
        if spec.update is not None:
            start = spec.variable.type.convert(spec.value, "In", downcast=True)
            cell = Shared(start.copy(), spec.variable.type, spec.name)
            replace[spec.variable] = cell
            states.append((spec.variable, cell))
            changes.append(_update(cell, spec.update))
    if replace:
        made = substitute([*results, *(v for _, v in changes)], replace)
        results = made[: len(results)]
        changes = [(c, v) for (c, _), v in zip(changes, made[len(results) :], strict=True)]
    named = [cell for cell, _ in changes]
    if len(set(named)) != len(named):
        twice = next(cell for cell in named if named.count(cell) > 1)
        raise ValueError(f"updates: {twice!r} is updated twice, made at {where_made(twice)}.")
    changes += _default_updates(results, changes, no_default_updates, replace)
    return Request(specs, tuple(results), single, tuple(changes), tuple(states))


def _as_input(variable: Any) -> In:
    if not isinstance(variable, Tensor):
        raise TypeError(f"function: an input must be a variable or In(...), found {variable!r}.")
    return In(variable)


def _update(cell: Any, value: Any) -> tuple[Shared, Tensor]:
    if not isinstance(cell, Shared):
        raise TypeError(f"updates: only shared variables can be updated, found {cell!r}.")
    node = as_tensor(value)
    what = f"updates: the new value of {cell!r}"
    node = _cast_for(node, cell, what)
    if node.ndim != cell.ndim:
        raise ShapeError(
            f"{what} must have {cell.ndim} dimension(s), found {node.ndim} ({node!r}, made at "
            f"{where_made(node)})."
        )
    flags = zip(cell.broadcastable, node.broadcastable, strict=True)
    if any(known and not found for known, found in flags):
        node = OP_RESHAPE.make((node, *shape_list(cell)), {"broadcastable": cell.broadcastable})
    return cell, node


def given(old: Any, new: Any, what: str = "givens") -> tuple[Tensor, Tensor]:
    """One replacement, its new side cast to the dtype of the old. Raises TypeError, DTypeError
    or ShapeError."""
    if not isinstance(old, Tensor):
        raise TypeError(f"{what}: only tensors can be replaced, found {old!r}.")
    node = _cast_for(as_tensor(new), old, f"{what}: the replacement of {old!r}")
    if node.ndim != old.ndim:
        raise ShapeError(
            f"{what}: {old!r} has {old.ndim} dimension(s) and its replacement {node!r} has "
            f"{node.ndim}."
        )
    return old, node


def _cast_for(node: Tensor, target: Tensor, what: str) -> Tensor:
    """``node`` in the dtype of ``target``: literals always, others when nothing is lost."""
    if node.dtype == target.dtype:
        return node
    safe = np.can_cast(node.dtype, target.dtype, "safe")
    integer_to_float = dtypes.is_float(target.dtype) and not dtypes.is_float(node.dtype)
    literal = is_literal(node) and (
        dtypes.is_float(target.dtype) or not dtypes.is_float(node.dtype)
    )
    if safe or literal or integer_to_float:
        return cast_to(node, target.dtype)
    culprit = _first_of_dtype(node)
    raise DTypeError(
        f"{what} must be {target.dtype}, found {node.dtype}. It became {node.dtype} in "
        f"{culprit!r}, made at {where_made(culprit)}. Cast it: T.cast(value, {target.dtype!r})."
    )


def _first_of_dtype(node: Tensor) -> Tensor:
    """The node, going down, at which the dtype first appears."""
    while True:
        below = [i for i in node.inputs if i.dtype == node.dtype]
        if not below:
            return node
        node = below[0]


def _default_updates(
    outputs: Sequence[Tensor],
    updates: Sequence[tuple[Shared, Tensor]],
    skip: Any,
    replace: Mapping[Tensor, Tensor],
) -> list[tuple[Shared, Tensor]]:
    """The updates that shared variables bring along; ``replace`` holds in them too, as the size of
    a draw may depend on what is replaced."""
    if skip is True:
        return []
    without = set(skip or ()) | {cell for cell, _ in updates}
    found: list[tuple[Shared, Tensor]] = []
    todo = variables([*outputs, *(v for _, v in updates)])
    while todo:
        node = todo.pop(0)
        if isinstance(node, Shared) and node.default_update is not None and node not in without:
            without.add(node)
            # It may need what givens replaces: the size of a draw, say.
            (value,) = substitute([node.default_update], replace)
            change = _update(node, value)
            found.append(change)
            todo += variables([change[1]])
    return found


def check_inputs(request: Request, on_unused: str) -> None:
    """Raise TypeError, ValueError, MissingInputError or UnusedInputError unless the inputs are
    distinct variables, all that is needed, and needed."""
    if on_unused not in ("raise", "warn", "ignore"):
        raise ValueError(f"on_unused_input is 'raise', 'warn' or 'ignore', not {on_unused!r}.")
    named: set[Tensor] = set()
    for spec in request.inputs:
        variable = spec.variable
        if isinstance(variable, Shared):
            raise TypeError(
                f"function: {variable!r} is a shared variable and so an implicit input; leave it "
                f"out, or replace it with givens."
            )
        if is_constant(variable) or variable.op is not None:
            raise TypeError(
                f"function: the input {variable!r} is computed, at {where_made(variable)}; an "
                f"input must be a plain variable. Replace it with givens."
            )
        if variable in named:
            raise ValueError(f"function: the input {variable!r} is named twice.")
        named.add(variable)
    used = set(variables([*request.outputs, *(v for _, v in request.updates)]))
    for missing in used - named:
        if not isinstance(missing, Shared):
            raise MissingInputError(
                f"function: the outputs need {missing!r} ({missing.type!r}, made at "
                f"{where_made(missing)}), which is no input. Add it to the inputs or to givens."
            )
    for spec in request.inputs:
        if spec.variable not in used and on_unused != "ignore":
            _unused(spec, on_unused)


def _unused(spec: In, policy: str) -> None:
    message = (
        f"function: the input {spec.variable!r} (made at {where_made(spec.variable)}) is not "
        f"used by any output or update. Leave it out, or pass on_unused_input='ignore'."
    )
    if policy == "raise":
        raise UnusedInputError(message)
    warn(message)


def cells_of(request: Request) -> list[Shared]:
    """The shared variables that are read or updated, each once, in a stable order."""
    roots = [*request.outputs, *(v for _, v in request.updates)]
    found = [v for v in variables(roots) if isinstance(v, Shared)]
    return list(dict.fromkeys([*found, *(cell for cell, _ in request.updates)]))
