"""What an op is, and the one registry of all of them.

An op is declared once. The function a user calls, the dtype and shape rules, the reference,
the scalar code, the gradient, the docs and the conformance cases all derive from the
declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol

from ..errors import DTypeError, NullTypeGradError, ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType

if TYPE_CHECKING:
    from ..program import SizeId

P = ParamSpec("P")
Shape = tuple[int, ...]


#: Called with each new node; filled when the package is complete, so that import reads no option.
ON_NEW_NODE: list[Callable[[Tensor], None]] = []


class SizeBuilder(Protocol):
    """Symbolic integers, as a shape rule sees them; every value is the id of a size."""

    def const(self, value: int) -> SizeId: ...
    def add(self, *sizes: SizeId) -> SizeId: ...
    def sub(self, a: SizeId, b: SizeId) -> SizeId: ...
    def mul(self, *sizes: SizeId) -> SizeId: ...
    def arith(self, kind: str, *sizes: SizeId) -> SizeId: ...
    def integer(self, node: Tensor) -> SizeId:
        """The size that equals a 0-d integer tensor."""
        ...

    def measured(self, expression: Tensor) -> Shape:
        """The sizes of an expression over the node's own operands."""
        ...

    def of_body(
        self,
        node: Tensor,
        body: Any,
        bound: Mapping[Tensor, Shape],
        outer: Mapping[Tensor, Tensor],
    ) -> list[Shape]:
        """The sizes of the outputs of a graph inside ``node``, from those of its variables;
        ``outer`` has the nodes that variables stand for. Raises ShapeError where they depend on
        values inside."""
        ...

    def shape_of_item(self, node: Tensor, index: int) -> Shape:
        """The sizes of one result of a node that has several."""
        ...

    def same(self, a: SizeId, b: SizeId, node: Tensor, what: str) -> SizeId:
        """Demand that two sizes are equal; returns the one to go on with."""
        ...

    def demand(
        self,
        kind: str,
        sizes: tuple[SizeId, ...],
        node: Tensor,
        what: str,
        error: type[Exception] = ShapeError,
    ) -> None:
        """Demand another check of ``program.Check``, which raises ``error``."""
        ...


class Family(Protocol):
    """What ops of one kind share: how arguments bind, and the type and shape rules.

    ``data``: how many leading operands are read by their values (None: all); the others are
    0-d integers that become sizes.
    """

    name: str
    data: int | None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        """Tensor inputs and checked attributes from the arguments of a call."""
        ...

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        """The result type; raises DTypeError or ShapeError."""
        ...

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """The dtypes in which the op computes, one per input."""
        ...

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        """The sizes of the result from those of the inputs."""
        ...


class Op(Generic[P]):
    """One operation; calling it on tensors, numbers or arrays makes a new Tensor.

    ``accepts`` lists the operand dtypes, ``rule`` names the dtype rule, ``domain`` is the open
    interval samples are drawn from, ``ulp`` the promised accuracy as (float32, float64),
    ``reference(xp, *arrays, **attrs)`` the meaning over an array namespace, ``c`` the scalar
    code by kind. ``no_gradient`` lists the operands by which no derivative is programmed.
    ``associative``: with more than two operands it is called by turns.
    A ``host`` op has no scalar code: its reference runs in Python on every backend.
    ``title`` is what messages call it, where users know it by another name. A composite has a
    ``body`` that expresses it through other ops. ``notes`` says in words where results differ
    from NumPy's or are not promised. ``turns``, for a decomposition, has from the last two sizes
    of its operand the rows of the result, first and end, whose columns may each be multiplied by
    a number of size 1, or with a third entry that is true by its conjugate: libraries differ in
    that, and the reference has LAPACK's choice. ``libraries``: the reference of a host op takes any
    library with NumPy's functions as its ``xp``, so that a device that has one may claim the op.
    """

    def __init__(
        self,
        stub: Callable[P, Tensor],
        family: Family,
        *,
        name: str | None = None,
        accepts: tuple[str, ...],
        rule: str = "same",
        domain: tuple[float, float] = (-3.0, 3.0),
        ulp: float | tuple[float, float] = 0,
        reference: Callable[..., Any],
        c: str | Mapping[str, str] | None = None,
        symbol: str | None = None,
        composite: bool = False,
        differentiable: bool = True,
        no_gradient: tuple[int, ...] = (),
        associative: bool = False,
        host: bool = False,
        title: str | None = None,
        samples: Callable[..., Any] | None = None,
        notes: str = "",
        turns: Callable[[int, int], Sequence[tuple[int, int, bool]]] | None = None,
        libraries: bool = False,
    ) -> None:
        self.name = name or stub.__name__.rstrip("_")
        self.family = family
        self.accepts = accepts
        self.rule = rule
        self.domain = domain
        self.ulp = ulp if isinstance(ulp, tuple) else (ulp, ulp)
        self.reference = reference
        self.c = c
        self.symbol = symbol
        self.body = stub if composite else None
        self.differentiable = differentiable
        self.no_gradient = no_gradient
        self.associative = associative
        self.host = host
        self.title = title or self.name
        self.samples = samples
        self.notes = notes
        self.turns = turns
        self.libraries = libraries
        self.arity = stub.__code__.co_argcount
        self.vjp: Callable[..., Any] | None = None
        self.__name__ = stub.__name__
        self.__doc__ = stub.__doc__
        self.__wrapped__ = stub
        self.__module__ = stub.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        """Apply to the arguments; raises DTypeError or ShapeError when they do not fit."""
        if self.associative and len(args) > self.arity and not kwargs:
            call: Any = self
            result: Tensor = call(*args[:-1])
            return call(result, args[-1])  # type: ignore[no-any-return]
        inputs, attrs = self.family.bind(self, args, kwargs)
        return self.make(inputs, attrs)

    def make(self, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Tensor:
        """The node over these tensors and checked attributes."""
        node = Tensor(self, inputs, attrs, self.family.infer(self, inputs, attrs))
        for look in ON_NEW_NODE:
            look(node)
        return node

    def operands(self, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """The inputs, cast to the dtypes in which the op computes."""
        wanted = self.family.operand_dtypes(self, inputs, attrs)
        if all(t.type.dtype == d for t, d in zip(inputs, wanted, strict=True)):
            return inputs
        from .elementwise import cast_to

        return tuple(cast_to(t, d) for t, d in zip(inputs, wanted, strict=True))

    def gradient(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: the vector-Jacobian product ``rule(g, y, *inputs)``.

        ``g`` is the cotangent of the result ``y``. The rule returns one entry per input (or
        the lone one): a Tensor, None where the input does not matter, or a function of no
        arguments that makes the Tensor when it is needed.
        """
        self.vjp = rule
        return rule

    def expand(self, inputs: Sequence[Tensor], attrs: Mapping[str, Any]) -> Tensor:
        """A composite's body over these inputs."""
        if self.body is None:
            raise NullTypeGradError(f"{self.name} is a primitive and has no body.")
        body: Callable[..., Tensor] = self.body
        return body(*inputs, **attrs)

    def template(self, dtype_kind: str) -> str | None:
        """Scalar code for operands of a kind (``b i u f c``), or None."""
        if self.c is None or isinstance(self.c, str):
            return self.c
        return self.c.get(dtype_kind, self.c.get("*"))

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (op_named, (self.name,))


OPS: dict[str, Op[Any]] = {}


def op_named(name: str) -> Op[Any]:
    """The op with this name, those of loops and choices included; raises KeyError."""
    if name in OPS:
        return OPS[name]
    from . import control

    ops = (control.loop, control.item, control.choice, control.branch)
    return {op.name: op for op in ops}[name]


def declare(
    family: Family, *, composite: bool = False, **facts: Any
) -> Callable[[Callable[P, Tensor]], Op[P]]:
    """Decorator that turns a stub into an Op and registers it.

    A primitive's stub holds only signature and docstring; a composite's is its body.
    """

    def decorate(stub: Callable[P, Tensor]) -> Op[P]:
        op = Op(stub, family, composite=composite, **facts)
        if op.name in OPS:
            raise ValueError(f"op {op.name!r} is declared twice")
        OPS[op.name] = op
        return op

    return decorate


def tensors(args: Sequence[TensorLike]) -> tuple[Tensor, ...]:
    """All arguments as Tensors."""
    return tuple(a if isinstance(a, Tensor) else as_tensor(a) for a in args)


def check_accepts(op: Op[Any], dtype: str, inputs: Sequence[Tensor]) -> None:
    """Raise DTypeError when the op does not compute in ``dtype``."""
    if dtype not in op.accepts:
        found = ", ".join(t.dtype for t in inputs)
        wanted = next((d for d in ("int64", "float64") if d in op.accepts), op.accepts[-1])
        raise DTypeError(
            f"{op.name} does not take {dtype} (operands: {found}). It takes: "
            f"{', '.join(op.accepts)}. Cast the operands first, as in T.cast(x, {wanted!r})."
        )
