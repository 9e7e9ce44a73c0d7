"""What is done with an expression by itself: its value, and a copy with parts replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import config
from .arguments import given, pairs
from .bundles import Bundle, any_bundle, parts_of
from .errors import MissingInputError
from .function import function
from .graph import substitute, variables
from .node import Tensor
from .shared import Shared


def evaluate(expression: Tensor, values: Any) -> Any:
    """The value of an expression; compiled once per set of variables and configuration."""
    if not isinstance(values, Mapping) or not all(isinstance(v, (Tensor, Bundle)) for v in values):
        raise TypeError(
            f"eval: the values come as a dict by variable, as in y.eval({{x: 3}}); found "
            f"{values!r:.60}."
        )
    needed = variables([expression])
    known = {part for v in values for part in parts_of(v)}
    missing = [v for v in needed if not isinstance(v, Shared) and v not in known]
    if missing:
        raise MissingInputError(
            f"eval: {expression!r} needs a value for {', '.join(map(repr, missing))}: "
            f"{expression!r}.eval({{variable: value}})."
        )
    key = (tuple(values), config.generation)
    # Kept by the expression, which the functions refer to: both go together.
    table = expression.evaluated
    if table is None:
        table = expression.evaluated = {}
    if key not in table:
        table[key] = function(list(values), expression, on_unused_input="ignore")
    return table[key](*values.values())


def clone(
    output: Any,
    replace: Any = None,
    strict: bool = True,
    share_inputs: bool = True,
) -> Any:
    """A copy of an expression (or a list of them) with parts replaced.

    ``replace``: a dict or pairs of tensor to tensor, by identity. With ``strict`` the types
    must be equal, else a replacement is cast. Raises DTypeError or ShapeError.
    """
    many = isinstance(output, (list, tuple))
    outputs = list(output) if many else [output]
    if any_bundle(outputs):
        made = iter(clone([t for y in outputs for t in parts_of(y)], replace, strict, share_inputs))
        parts: list[Any] = [
            y.with_parts([next(made) for _ in y.parts]) if isinstance(y, Bundle) else next(made)
            for y in outputs
        ]
        return parts if many else parts[0]
    for expression in outputs:
        if not isinstance(expression, Tensor):
            raise TypeError(f"clone: expected an expression, found {expression!r:.80}.")
    new = dict(given(a, b, "clone") for a, b in pairs(replace, "clone"))
    if not share_inputs:
        for variable in variables(outputs):
            if variable not in new and not isinstance(variable, Shared):
                new[variable] = variable.type(variable.name)
    results = substitute(outputs, new)
    return results if many else results[0]
