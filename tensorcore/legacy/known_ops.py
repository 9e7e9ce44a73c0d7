"""What Theano's classes of ops are made of here: an op of ours under its class in Theano, either as
it is found in a graph (``x.owner.op``) or as a program makes it (``DimShuffle(flags, order)``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import is_float
from ..expressions import clone
from ..node import Application, Tensor, as_tensor, is_constant
from ..ops._declare import Op as Declared
from .gradients import DisconnectedType, is_disconnected

__all__ = ["KnownOp", "OpClass", "given_axis", "listed", "made_class", "pulled_back"]

#: A parameter of a class without a default.
NEEDED = object()


class OpClass(type):
    """A class of Theano's: its instances are ops of ours too, by the name of op or family."""

    _ops: frozenset[str]
    _families: frozenset[str]
    _when: Callable[[Tensor], bool] | None

    def __instancecheck__(cls, value: object) -> bool:
        if type.__instancecheck__(cls, value):
            return True
        node = vars(value).get("node") if type.__instancecheck__(KnownOp, value) else None
        op: Any = value if node is None else node.op
        if not isinstance(op, Declared):
            return False
        if op.name not in cls._ops and op.family.name not in cls._families:
            return False
        return cls._when is None or node is None or cls._when(node)


class KnownOp(metaclass=OpClass):
    """An op under its class in Theano. ``node`` is where it was found, or None for one that a
    program has made; attributes are those that the class has in Theano, and then those of ours."""

    _ops: frozenset[str] = frozenset()
    _families: frozenset[str] = frozenset()
    _when: Callable[[Tensor], bool] | None = None
    #: The arguments of the class by name, with their defaults.
    _parameters: dict[str, Any] = {}  # noqa: RUF012
    _apply: Callable[..., Any] | None = None
    _facts: Callable[[Tensor], dict[str, Any]] | None = None

    node: Tensor | None = None
    default_output: int | None = None
    view_map: Any = {}  # noqa: RUF012
    destroy_map: Any = {}  # noqa: RUF012
    inplace = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = list(self._parameters)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, default in self._parameters.items():
            value = given.get(name, default)
            if value is NEEDED:
                raise TypeError(
                    f"{type(self).__name__}({', '.join(names)}): {name} is missing; found {args!r}."
                )
            setattr(self, name, value)

    @classmethod
    def found(cls, node: Tensor) -> KnownOp:
        """The op of a node, seen as one of this class."""
        made = object.__new__(cls)
        made.node = node
        made.__dict__.update({n: d for n, d in cls._parameters.items() if d is not NEEDED})
        if cls._facts is not None:
            made.__dict__.update(cls._facts(node))
        return made

    # -- what it computes -------------------------------------------------------------------

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The op on tensors: a tensor, or a list where there are several."""
        kwargs.pop("return_list", None)
        node, apply = self.node, type(self)._apply
        if node is not None and (apply is None or len(inputs) == len(node.inputs)):
            assert node.op is not None
            return node.op.make(tuple(map(as_tensor, inputs)), node.attrs)
        if apply is None:
            raise TypeError(
                f"{type(self).__name__}: an op of this class cannot be made by hand here; call "
                f"the function of theano.tensor that applies it."
            )
        return apply(self, *inputs)

    def make_node(self, *inputs: Any) -> Application:
        """The application to tensors."""
        made = listed(self(*inputs))[0]
        owner: Application = made.owner or Application(made)
        return owner

    def grad(self, inputs: Sequence[Any], output_gradients: Sequence[Any]) -> list[Any]:
        """The gradients by the inputs, from those by the outputs."""
        return pulled_back(self, inputs, output_gradients)

    def L_op(self, inputs: Sequence[Any], outputs: Any, output_gradients: Sequence[Any]) -> Any:
        """``grad``."""
        return self.grad(inputs, output_gradients)

    def R_op(self, inputs: Sequence[Any], eval_points: Sequence[Any]) -> list[Any]:
        """The derivatives of the outputs along a direction; None is a direction of zeros."""
        from ..gradient import Rop

        fresh, back = _own_variables(inputs)
        pairs = [(x, v) for x, v in zip(fresh, eval_points, strict=True) if v is not None]
        made = Rop(listed(self(*fresh)), [x for x, _ in pairs], [v for _, v in pairs])
        return [clone(y, replace=back) for y in made]

    def perform(self, node: Any, inputs: Sequence[Any], output_storage: Any) -> None:
        """Compute the outputs of arrays, into ``output_storage[k][0]``."""
        for storage, made in zip(output_storage, listed(self(*inputs)), strict=True):
            storage[0] = np.asarray(as_tensor(made).eval())

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """The sizes of the outputs, axis by axis."""
        return [tuple(y.shape[k] for k in range(y.ndim)) for y in listed(self(*node.inputs))]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Every output may depend on every input."""
        return [[True] * len(node.outputs) for _ in node.inputs]

    # -- what it is -------------------------------------------------------------------------

    def _properties(self) -> tuple[Any, ...]:
        return tuple(_hashable(getattr(self, name)) for name in self._parameters)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KnownOp):
            same = type(self) is type(other)
            return self is other or (same and self._properties() == other._properties())
        if self.node is None:
            return False
        return self.node.op is other or (callable(other) and other is _function_of(type(self)))

    def __hash__(self) -> int:
        return hash(type(self).__name__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.node is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        return getattr(self.node.op, name)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.node is not None:
            return (_op_of, (self.node,))
        return (_made, (type(self).__name__, dict(self.__dict__)))

    def __str__(self) -> str:
        written = _TEXTS.get(type(self).__name__)
        if written is not None and self.node is not None:
            return written(self)
        shown = {n: getattr(self, n) for n in self._parameters}
        inside = ", ".join(f"{n}={value}" for n, value in shown.items() if value is not None)
        name = type(self).__name__
        return f"{name}{{{inside}}}" if inside else name

    def __repr__(self) -> str:
        return str(self)


def _reduction_text(op: Any) -> str:
    axis = "" if op.axis is None else f"axis={list(op.axis)}, "
    return f"{type(op).__name__}{{{axis}acc_dtype={op.acc_dtype}}}"


def _axes_text(op: Any) -> str:
    return type(op).__name__ + ("" if op.axis is None else f"{{axis={tuple(op.axis)}}}")


def _index_text(op: Any) -> str:
    def part(entry: Any) -> str:
        if not isinstance(entry, slice):
            return str(entry) if isinstance(entry, int) else "int64"
        bounds = (entry.start, entry.stop, entry.step)
        return ":".join("" if b is None else part(b) for b in bounds)

    name, what = type(op).__name__, ""
    if name == "IncSubtensor":
        what = "Set;" if op.set_instead_of_inc else "Inc;"
    return f"{name}{{{what}{', '.join(map(part, op.idx_list))}}}"


#: What ops are called in graphs that are printed, where the arguments of their classes do not say.
_TEXTS: dict[str, Callable[[Any], str]] = {
    "Dot": lambda op: "dot", "Sum": _reduction_text, "Prod": _reduction_text,
    **dict.fromkeys(("Max", "Min", "Argmax", "Any", "All"), _axes_text),
    "Subtensor": _index_text, "IncSubtensor": _index_text,
    "Reshape": lambda op: f"Reshape{{{op.ndim}}}", "Shape_i": lambda op: f"Shape_i{{{op.i}}}",
    "Join": lambda op: "Join", "Scan": lambda op: "for{cpu,scan_fn}", "IfElse": lambda op: "if{}",
    "ARange": lambda op: f"ARange{{dtype='{op.dtype}'}}",
    "MakeVector": lambda op: f"MakeVector{{dtype='{op.node.dtype}'}}",
}  # fmt: skip


def listed(value: Any) -> list[Any]:
    """Results as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def given_axis(own: Any, given: Any) -> Any:
    """The axis of an op, which older ones take as an input."""
    value = own if given is None else given
    if isinstance(value, Tensor):
        return value.attrs["value"].tolist() if is_constant(value) else value
    return value


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_hashable, value))
    return (value.start, value.stop, value.step) if isinstance(value, slice) else value


def _function_of(cls: type) -> Any:
    from .. import tensor

    words = {"Dot": "dot", "Sum": "sum", "Prod": "prod", "Max": "max", "Any": "any", "All": "all"}
    return getattr(tensor, words.get(cls.__name__, ""), None)


def _own_variables(inputs: Sequence[Any]) -> tuple[list[Tensor], dict[Tensor, Tensor]]:
    """Floating inputs as variables of their own, so that gradients are by each place alone; and the
    way back."""
    given = [as_tensor(x) for x in inputs]
    fresh = [x.type() if is_float(x.dtype) else x for x in given]
    return fresh, {a: b for a, b in zip(fresh, given, strict=True) if a is not b}


def pulled_back(op: Any, inputs: Sequence[Any], gradients: Sequence[Any]) -> list[Any]:
    """The gradients of an op by its inputs, from those by its outputs."""
    from ..gradient import backward

    fresh, back = _own_variables(inputs)
    seeds = {}
    for y, g in zip(listed(op(*fresh)), gradients, strict=True):
        if not is_disconnected(g):
            seed = seeds[y] = y.type()
            back[seed] = as_tensor(g)
    wanted = [x for x in fresh if x in back]
    found = backward(seeds, wanted) if seeds and wanted else {}
    none = DisconnectedType()()
    return [clone(found[x], replace=back) if x in found else none for x in fresh]


def made_class(
    name: str, ops: str = "", families: str = "", parameters: str = "",
    apply: Callable[..., Any] | None = None,
    facts: Callable[[Tensor], dict[str, Any]] | None = None,
    when: Callable[[Tensor], bool] | None = None, base: type = KnownOp,
) -> Any:  # fmt: skip
    """A class of Theano's. ``parameters``: its arguments, as ``"ndim= name=None"``; ``apply(op,
    *inputs)`` is what it computes; ``facts(node)`` gives its arguments from a node of ours;
    ``when`` says of which nodes of these ops it is the class."""
    known: dict[str, Any] = {}
    for word in parameters.split():
        key, _, default = word.partition("=")
        known[key] = NEEDED if not default else _DEFAULTS[default]
    body = {
        "_ops": frozenset(ops.split()), "_families": frozenset(families.split()),
        "_parameters": known, "_apply": staticmethod(apply) if apply else None,
        "_facts": staticmethod(facts) if facts else None,
        "_when": staticmethod(when) if when else None, "__module__": __name__,
        "__doc__": f"Theano's class of {ops or families or 'ops that programs make'}.",
    }  # fmt: skip
    return OpClass(name, (base,), body)


_DEFAULTS = {"None": None, "True": True, "False": False, "0": 0, "1": 1, "2": 2}


def _op_of(node: Tensor) -> Any:
    from .applications import op_of

    return op_of(node)


def _made(name: str, facts: dict[str, Any]) -> Any:
    from . import op_classes

    cls = getattr(op_classes, name)
    made = object.__new__(cls)
    made.__dict__.update(facts)
    return made
