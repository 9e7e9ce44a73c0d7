"""The ops as a table: what ``tensorcore ops`` and ``docs/ops.md`` show of each declaration."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .. import dtypes
from ..errors import DTypeError
from ..node import Tensor
from ..ops import OPS, Op
from ..ops._families import REDUCED_DTYPE, RULES, Cast, Elementwise, Reduction
from ..ops.barriers import Barrier
from ..ops.checked import Checked
from ..types import TensorType

_GROUPS = {
    "bool": dtypes.BOOL,
    "int": dtypes.SIGNED,
    "uint": dtypes.UNSIGNED,
    "float": dtypes.FLOATING,
    "complex": dtypes.COMPLEX,
}


class OpFacts(NamedTuple):
    """One op in words. ``kind``: ``primitive``, ``composite`` (expressed through others) or
    ``host`` (runs in Python on every backend). ``dtypes``: what it computes in, by groups.
    ``gradient``: ``yes``, ``by its body``, ``none`` with the reason, or ``its own``. ``ulp``: the
    promised error in units in the last place. ``public``: the names under which
    ``tensorcore.tensor`` has it."""

    name: str
    kind: str
    family: str
    signature: str
    public: tuple[str, ...]
    dtypes: str
    result: str
    gradient: str
    ulp: dict[str, float]
    notes: str
    description: str
    module: str


def facts(op: Op[Any]) -> OpFacts:
    """What the declaration of an op says."""
    return OpFacts(
        name=op.name,
        kind="host" if op.host else "primitive" if op.body is None else "composite",
        family=op.family.name,
        signature=signature(op, op.name),
        public=_public(op),
        dtypes=grouped(op.accepts),
        result=_result(op),
        gradient=_gradient(op),
        ulp={"float32": op.ulp[0], "float64": op.ulp[1]},
        notes=op.notes,
        description=inspect.cleandoc(op.__doc__ or ""),
        module=op.__module__,
    )


def all_facts() -> list[OpFacts]:
    """The facts of all ops, by name."""
    return [facts(OPS[name]) for name in sorted(OPS)]


def grouped(names: Iterable[str]) -> str:
    """Dtypes by kind: ``int`` for all four signed ones, single names where some are missing."""
    rest = set(names)
    words = []
    for group, members in _GROUPS.items():
        whole = rest.issuperset(members)
        words += [group] if whole else [name for name in members if name in rest]
    return " ".join(words)


def signature(function: Callable[..., Any], name: str) -> str:
    """``name(x, axis=None)``: the parameters and their defaults, without annotations."""
    plain = inspect.signature(getattr(function, "__wrapped__", function))
    parameters = [p.replace(annotation=p.empty) for p in plain.parameters.values()]
    return name + str(plain.replace(parameters=parameters, return_annotation=plain.empty))


def _public(op: Op[Any]) -> tuple[str, ...]:
    from .. import tensor

    return tuple(name for name in tensor.__all__ if getattr(tensor, name) is op)


def _result(op: Op[Any]) -> str:
    if isinstance(op.family, Cast):
        return "the dtype asked for"
    if isinstance(op.family, Elementwise):
        words = inspect.cleandoc(RULES[op.rule].__doc__ or "")
        return words[0].lower() + words[1:]
    if isinstance(op.family, Reduction):
        return _pairs({name: REDUCED_DTYPE[op.rule](name) for name in op.accepts})
    words = inspect.cleandoc(type(op.family).__doc__ or "").partition("\n\n")[0]
    return "as its family: " + " ".join(words.split())


def _pairs(made: dict[str, str]) -> str:
    """The result dtypes: one for all, or only where they are not the operand's."""
    if len(set(made.values())) == 1:
        return next(iter(made.values()))
    by_result: dict[str, list[str]] = {}
    for source, target in made.items():
        if source != target:
            by_result.setdefault(target, []).append(source)
    words = [f"{target} for {grouped(sources)}" for target, sources in by_result.items()]
    return "the dtype of the operand" + (f"; {', '.join(words)}" if words else "")


def _gradient(op: Op[Any]) -> str:
    if isinstance(op.family, Barrier):
        return "its own, not that of its value"
    floating = [name for name in op.accepts if dtypes.is_float(name)]
    if not floating:
        return "none: it takes no floating dtype"
    if not op.differentiable:
        return "none: its result is constant, or changes in steps"
    if len(op.no_gradient) == op.arity:
        return "none is programmed"
    if op.vjp is None:
        return "by its body"
    return "none: its result is not floating" if _is_discrete(op, floating[-1]) else "yes"


def _is_discrete(op: Op[Any], dtype: str) -> bool:
    if isinstance(op.family, Elementwise) and not isinstance(op.family, (Cast, Checked)):
        return not dtypes.is_float(_applied(op, dtype).dtype)
    reduced = isinstance(op.family, Reduction)
    return reduced and not dtypes.is_float(REDUCED_DTYPE[op.rule](dtype))


def _applied(op: Op[Any], dtype: str) -> Tensor:
    """The op on floating scalars, or, where it refuses that, with an integer in front."""
    scalars = [TensorType(dtype, ())() for _ in range(op.arity)]
    try:
        return op(*scalars)
    except DTypeError:
        return op(TensorType("int64", ())(), *scalars[1:])


def by_name(name: str) -> OpFacts | None:
    """The op with this name, or that ``tensorcore.tensor`` has under it; None if there is none."""
    found = OPS.get(name)
    if found is not None:
        return facts(found)
    return next((entry for entry in all_facts() if name in entry.public), None)


def near(name: str) -> list[str]:
    """Names of ops that look like this one."""
    known = dict.fromkeys([*OPS, *(public for entry in all_facts() for public in entry.public)])
    return difflib.get_close_matches(name, known, 3, cutoff=0.6)
