"""Ops that a program writes in Python: ``theano.Op``, ``Apply``, ``as_op``, ``OpFromGraph``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from ..node import Application, Tensor, as_tensor
from ..ops.foreign import Site, results_of_python
from ..ops.movement import shape_list
from ..origin import warn
from ..types import TensorType
from .gradients import DisconnectedType
from .own_types import Type, object_of

__all__ = [
    "Apply", "COp", "CLinkerOp", "EnumList", "EnumType", "ExternalCOp", "FromFunctionOp", "Op",
    "OpWiseCLinker", "OpenMPOp", "Params", "ParamsType", "PureOp", "ViewOp",
    "WrapLinkerMany", "as_op", "view_op",
]  # fmt: skip

_C_METHODS = ("c_code", "c_kernel_string", "gpu_kernels", "c_code_helper")
_told: set[type] = set()


class _ApplyClass(type):
    """Nodes of our own graphs pass for applications, too."""

    def __instancecheck__(cls, value: object) -> bool:
        if type.__instancecheck__(cls, value):
            return True
        if cls is not Apply:
            return False
        return isinstance(value, Application) or (isinstance(value, Tensor) and bool(value.inputs))


class Apply(metaclass=_ApplyClass):
    """An application of an op to inputs. ``outputs``: variables whose types the results have; what
    they become are the results."""

    def __init__(self, op: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.op = op
        self.inputs = [as_tensor(x) for x in inputs]
        for y in outputs:
            if not isinstance(getattr(y, "type", None), TensorType):
                raise TypeError(
                    f"Apply: the outputs of {op} must be tensors, found {y!r:.60}. Make them by a "
                    f"TensorType, as in T.dmatrix() or x.type()."
                )
        self._types = [y.type for y in outputs]
        for made, y in zip(self.outputs, outputs, strict=True):
            made.name = y.name

    @cached_property
    def tag(self) -> Any:
        """Free for notes."""
        return SimpleNamespace()

    @cached_property
    def outputs(self) -> list[Tensor]:
        """The results."""
        op = self.op
        site = Site(
            self._run, self._types, title=str(op), key=_key_of(op),
            gradient=self._gradient if _differentiable(op) else None, owner=self._owner,
            shapes=self._shapes if hasattr(op, "infer_shape") else None,
        )  # fmt: skip
        return results_of_python(site, self.inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        # Not the results: they lead back here.
        return (_application, (self.op, list(self.inputs), self._types))

    @property
    def nin(self) -> int:
        """How many inputs."""
        return len(self.inputs)

    @property
    def nout(self) -> int:
        """How many outputs."""
        return len(self.outputs)

    @property
    def out(self) -> Tensor:
        """The lone output."""
        return self.outputs[0]

    def default_output(self) -> Tensor:
        """The output that stands for the application."""
        return self.outputs[getattr(self.op, "default_output", None) or 0]

    def clone(self) -> Apply:
        """The same application again."""
        return Apply(self.op, self.inputs, [y.type(y.name) for y in self.outputs])

    def clone_with_new_inputs(self, inputs: Sequence[Any], strict: bool = True) -> Any:
        """The op on other inputs."""
        return self.op.make_node(*inputs)

    def run_params(self) -> Any:
        """What ``get_params`` of the op gives."""
        get = getattr(self.op, "get_params", None)
        return get(self) if get else None

    def _run(self, arrays: list[Any]) -> list[Any]:
        given = zip(self.inputs, arrays, strict=True)
        arrays = [object_of(a) if isinstance(x.type, Type) else a for x, a in given]
        storage: list[list[Any]] = [[None] for _ in self._types]
        if hasattr(self.op, "perform"):
            params = (self.run_params(),) if hasattr(self.op, "params_type") else ()
            self.op.perform(self, arrays, storage, *params)
        else:
            self._run_thunk(arrays, storage)
        for k, (value,) in enumerate(storage):
            if value is None:
                raise ValueError(
                    f"{self.op}: perform left output {k} without a value. It stores each one, as "
                    f"in output_storage[{k}][0] = value."
                )
        made = zip(self._types, (value for (value,) in storage), strict=True)
        return [t.held(value) if isinstance(t, Type) else value for t, value in made]

    def _run_thunk(self, arrays: list[Any], storage: list[list[Any]]) -> None:
        """Run what ``make_thunk`` gives, which reads and writes ``storage_map[variable][0]``."""
        known = dict(zip(self.inputs, ([a] for a in arrays), strict=True))
        known.update(zip(self.outputs, storage, strict=True))
        computed = {v: [v in self.inputs] for v in known}
        self.op.make_thunk(self, known, computed, [])()

    def _gradient(
        self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> list[Any]:
        if hasattr(self.op, "L_op"):
            parts = self.op.L_op(list(inputs), list(outputs), list(gradients))
        else:
            parts = self.op.grad(list(inputs), list(gradients))
        return [None if isinstance(g, DisconnectedType.Variable) else g for g in parts]

    def _shapes(self, inputs: Sequence[Tensor]) -> Any:
        return self.op.infer_shape(self, [shape_list(x) for x in inputs])

    def _owner(self, node: Tensor) -> Apply:
        """This application as it is in the graph of ``node``, where inputs may be others."""
        inputs = list(node.inputs[0].inputs)
        if inputs == self.inputs:
            return self
        made = object.__new__(Apply)
        made.__dict__.update(self.__dict__)
        made.inputs = inputs
        return made

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.inputs))})"


def _application(op: Any, inputs: list[Tensor], types: list[TensorType]) -> Apply:
    made = object.__new__(Apply)
    made.op, made.inputs, made._types = op, inputs, types
    return made


def _key_of(op: Any) -> Any:
    """Equal for ops that compute the same: those of one class with equal properties."""
    if getattr(op, "__props__", None) is None and "__eq__" not in _own_names(op):
        return None
    return (type(op), op)


def _own_names(op: Any) -> set[str]:
    """What the program's own classes define."""
    return {name for kind in type(op).__mro__ if kind not in (Op, object) for name in vars(kind)}


def _differentiable(op: Any) -> bool:
    return hasattr(op, "L_op") or hasattr(op, "grad")


class Op:
    """What a program derives its ops from: ``make_node`` (or ``itypes`` and ``otypes``) and
    ``perform``; ``grad`` or ``L_op`` to be differentiated; ``infer_shape`` to be used in loops;
    ``__props__`` to name what makes two ops equal. Forward mode needs no ``R_op``; C code is not
    compiled."""

    default_output: int | None = None
    view_map: Any = {}  # noqa: RUF012 (Theano's name, never written)
    destroy_map: Any = {}  # noqa: RUF012

    def make_node(self, *inputs: Any) -> Apply:
        """The application to inputs, by ``itypes`` and ``otypes``."""
        itypes, otypes = getattr(self, "itypes", None), getattr(self, "otypes", None)
        if itypes is None or otypes is None:
            raise TypeError(f"{self}: write a method make_node, or give itypes and otypes.")
        if len(inputs) != len(itypes):
            raise ValueError(f"{self} takes {len(itypes)} input(s), found {len(inputs)}.")
        given = [as_tensor(x) for x in inputs]
        for k, (x, wanted) in enumerate(zip(given, itypes, strict=True)):
            if x.type != wanted:
                raise TypeError(f"{self}: input {k} must be {wanted!r}, found {x.type!r}.")
        return Apply(self, given, [type_() for type_ in otypes])

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The results on inputs: one, or a list where there are several."""
        listed = kwargs.pop("return_list", False)
        self._tell()
        node = self.make_node(*inputs, **kwargs)
        if self.default_output is not None and not listed:
            return node.outputs[self.default_output]
        return node.outputs if listed or len(node.outputs) != 1 else node.outputs[0]

    def _tell(self) -> None:
        """Say once that there is C code which is not used, and whether Python code is."""
        kind = type(self)
        runs = hasattr(self, "perform") or hasattr(self, "make_thunk")
        c_code = [name for name in _C_METHODS if hasattr(self, name)]
        if not runs:
            what = (
                f"has only {c_code[0]}, and C code is not compiled here" if c_code else "has none"
            )
            raise TypeError(f"{self}: a method perform is needed; {kind.__name__} {what}.")
        if c_code and kind not in _told:
            _told.add(kind)
            warn(f"{kind.__name__}: {c_code[0]} is not compiled here; perform runs in its place.")

    def _props(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__props__)  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        if getattr(self, "__props__", None) is None or type(self) is not type(other):
            return self is other
        return self._props() == other._props()

    def __hash__(self) -> int:
        if getattr(self, "__props__", None) is None:
            return id(self)
        return hash((type(self), self._props()))

    def __str__(self) -> str:
        name = getattr(self, "name", None) or type(self).__name__
        props = getattr(self, "__props__", None)
        inside = ", ".join(f"{n}={getattr(self, n)!r}" for n in props or ())
        return f"{name}{{{inside}}}" if inside else str(name)

    __repr__ = __str__

    @staticmethod
    def _get_test_value(v: Any) -> Any:
        """The test value of a variable. Raises AttributeError when it has none."""
        from .graphs import get_test_value

        return get_test_value(v)


PureOp = CLinkerOp = OpenMPOp = Op


class COp(Op):
    """An op whose C code is in files: they are not read, and perform runs in their place."""

    def __init__(self, func_files: Any = (), func_name: Any = None, *rest: Any) -> None:
        self.func_files, self.func_name = func_files, func_name

    c_code_helper = None


ExternalCOp = COp


class ParamsType:
    """The parameters of an op, by name; ``get_params`` gives those of an object."""

    def __init__(self, **types: Any) -> None:
        self.types = types

    def get_params(self, *objects: Any, **named: Any) -> Params:
        """The values, from keywords and attributes of objects."""
        found = {n: getattr(o, n) for o in objects for n in self.types if hasattr(o, n)}
        return Params(**{**found, **named})


class Params(dict):  # type: ignore[type-arg]
    """Values by name, as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


EnumList = EnumType = ParamsType


class OpWiseCLinker:
    """A linker of Theano's: backends take its place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is linked."""


WrapLinkerMany = OpWiseCLinker


class FromFunctionOp(Op):
    """What ``as_op`` makes of a function."""

    def __init__(self, fn: Any, itypes: Any, otypes: Any, infer_shape: Any = None) -> None:
        self._fn = fn
        self.itypes, self.otypes = _types(itypes), _types(otypes)
        self.name = getattr(fn, "__name__", str(fn))
        if infer_shape is not None:
            self.infer_shape = infer_shape

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Call the function."""
        found = self._fn(*inputs)
        found = found if isinstance(found, (list, tuple)) else (found,)
        if len(found) != len(outputs):
            raise ValueError(f"{self}: gave {len(found)} results, expected {len(outputs)}.")
        for storage, value in zip(outputs, found, strict=True):
            storage[0] = value


def _types(types: Any) -> list[TensorType]:
    listed = list(types) if isinstance(types, (list, tuple)) else [types]
    for type_ in listed:
        if not isinstance(type_, TensorType):
            raise TypeError(f"as_op: expected types such as T.dmatrix, found {type_!r:.60}.")
    return listed


def as_op(itypes: Any, otypes: Any, infer_shape: Any = None) -> Callable[[Any], FromFunctionOp]:
    """Decorator: a function of arrays as an op."""
    return lambda fn: FromFunctionOp(fn, itypes, otypes, infer_shape)


class ViewOp(Op):
    """The input itself."""

    __props__ = ()

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """``x``."""
        from ..ops.elementwise import identity

        return identity(as_tensor(inputs[0]))


view_op = ViewOp()
