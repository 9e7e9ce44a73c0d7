"""Rewrites that programs write for Theano: ``local_optimizer``, ``PatternSub``, ``register_*``.

They see applications under Theano's classes, so they run as they are: on a ``FunctionGraph`` that
a program makes, and, once registered, on what ``function`` compiles, before our own rewrites. One
that fails, or gives what does not fit, is left out with a warning, as in Theano.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..node import Tensor, as_tensor, is_constant
from ..origin import warn
from .flags import get
from .function_graphs import FunctionGraph

__all__ = [
    "DB", "EquilibriumDB", "EquilibriumOptimizer", "LocalOptGroup", "LocalOptimizer",
    "MergeOptimizer", "OpRemove", "OpSub", "Optimizer", "PatternOptimizer", "PatternSub",
    "ProxyDB", "Query", "SeqOptimizer", "SequenceDB", "TopoOptimizer", "copy_stack_trace",
    "gpu_optimizer", "in2out", "inplace_and_fusion", "local_optimizer", "op_lifter",
    "optdb", "out2in", "register_canonicalize", "register_opt", "register_specialize",
    "register_specialize_device", "register_stabilize", "register_uncanonicalize",
    "register_useless", "registered", "rewritten",
]  # fmt: skip

#: How often the rewrites of a graph go round before they are taken for a circle.
_ROUNDS = 10


class Optimizer:
    """A rewrite of a whole graph: ``apply(fgraph)``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs
        self.name = kwargs.get("name")

    def apply(self, fgraph: Any, *args: Any, **kwargs: Any) -> Any:
        """Change the graph: nothing, unless a program's class says what."""

    def add_requirements(self, fgraph: Any) -> None:
        """Nothing is required."""

    def optimize(self, fgraph: Any, *args: Any, **kwargs: Any) -> Any:
        """Change the graph."""
        self.add_requirements(fgraph)
        return self.apply(fgraph, *args, **kwargs)

    def __call__(self, fgraph: Any) -> Any:
        """Change the graph."""
        return self.optimize(fgraph)


class LocalOptimizer:
    """A rewrite of one application: ``transform(node)`` gives False, or what takes the place of
    its outputs; ``tracks()`` names the ops, or classes of ops, that it is asked for (all: None)."""

    name: str | None = None

    def transform(self, node: Any, *args: Any) -> Any:
        """Nothing, unless a program's class says what."""
        return False

    def tracks(self) -> Any:
        """All ops."""
        return None

    def add_requirements(self, fgraph: Any) -> None:
        """Nothing is required."""


class _Local(LocalOptimizer):
    """A function as a rewrite."""

    def __init__(self, function: Callable[..., Any], tracks: Any) -> None:
        self.function, self._tracks = function, tracks
        self.name = self.__name__ = getattr(function, "__name__", str(function))

    def transform(self, node: Any, *args: Any) -> Any:
        """What the function gives."""
        return self.function(node)

    __call__ = transform

    def tracks(self) -> Any:
        """The ops it is for."""
        return self._tracks


def local_optimizer(
    tracks: Any = None, inplace: bool = False, requirements: Any = ()
) -> Callable[[Any], Any]:
    """Decorator: a function of an application as a rewrite, for these ops or classes of ops."""
    return lambda function: _Local(function, tracks)


# -- running them ---------------------------------------------------------------------------


def _tracked(rewrite: Any, node: Any) -> bool:
    wanted = rewrite.tracks() if hasattr(rewrite, "tracks") else None
    if wanted is None:
        return True
    op = node.op
    return any(isinstance(op, w) if isinstance(w, type) else op == w for w in wanted)


def _replacements(rewrite: Any, node: Any) -> list[tuple[Tensor, Tensor]]:
    made = rewrite.transform(node)
    if not made:
        return []
    if isinstance(made, dict):
        return [(a, as_tensor(b)) for a, b in made.items() if isinstance(a, Tensor)]
    listed = list(made) if isinstance(made, (list, tuple)) else [made]
    pairs = zip(node.outputs, listed, strict=True)
    return [(old, as_tensor(new)) for old, new in pairs if new is not None and new is not old]


def _applied(rewrite: Any, node: Any, fgraph: FunctionGraph) -> bool:
    """Whether a rewrite has changed the graph at an application; a failure is a warning."""
    if not _tracked(rewrite, node):
        return False
    try:
        pairs = _replacements(rewrite, node)
        fgraph.replace_all(pairs)
    except Exception as problem:
        if get("on_opt_error") == "raise":
            raise
        name = getattr(rewrite, "name", None) or type(rewrite).__name__
        warn(f"the rewrite {name} failed at {node.op} and is left out there: {problem}")
        return False
    return bool(pairs)


def _to_the_end(fgraph: FunctionGraph, rewrites: Sequence[Any], rounds: int = _ROUNDS) -> None:
    for _ in range(rounds):
        changed = False
        for node in fgraph.toposort():
            done = [_applied(rewrite, node, fgraph) for rewrite in rewrites]
            changed = changed or any(done)
        if not changed:
            return


class TopoOptimizer(Optimizer):
    """A rewrite of applications, at each one in order."""

    def __init__(self, local_opt: Any, order: str = "in_to_out", **kwargs: Any) -> None:
        super().__init__(local_opt, **kwargs)
        self.local_opt = local_opt

    def apply(self, fgraph: Any, *args: Any, **kwargs: Any) -> None:
        """Change the graph, once round."""
        _to_the_end(fgraph, [self.local_opt], 1)


class EquilibriumOptimizer(Optimizer):
    """Rewrites of applications and of graphs, until none changes anything."""

    def __init__(self, optimizers: Sequence[Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*optimizers, **kwargs)
        self.optimizers = list(optimizers)

    def apply(self, fgraph: Any, *args: Any, **kwargs: Any) -> None:
        """Change the graph."""
        _to_the_end(fgraph, [o for o in self.optimizers if not isinstance(o, Optimizer)])
        for whole in self.optimizers:
            if isinstance(whole, Optimizer):
                whole.optimize(fgraph)


class SeqOptimizer(Optimizer):
    """Rewrites of graphs, one after the other."""

    def apply(self, fgraph: Any, *args: Any, **kwargs: Any) -> None:
        """Change the graph."""
        listed = (
            self.args[0] if len(self.args) == 1 and isinstance(self.args[0], list) else self.args
        )
        for rewrite in listed:
            rewrite.optimize(fgraph)


class MergeOptimizer(Optimizer):
    """Equal nodes are merged when a function is compiled; nothing is to be done before."""


class LocalOptGroup(LocalOptimizer):
    """Rewrites of applications, of which the first that applies does."""

    def __init__(self, *optimizers: Any, **kwargs: Any) -> None:
        self.opts = optimizers

    def transform(self, node: Any, *args: Any) -> Any:
        """What the first gives that gives anything."""
        for rewrite in self.opts:
            made = rewrite.transform(node) if _tracked(rewrite, node) else False
            if made:
                return made
        return False


def out2in(*local_opts: Any, **kwargs: Any) -> EquilibriumOptimizer:
    """Rewrites of applications as one of graphs."""
    return EquilibriumOptimizer(local_opts, **kwargs)


in2out = out2in

# -- patterns -------------------------------------------------------------------------------


class OpSub(LocalOptimizer):
    """``OpSub(op1, op2)``: the second op in place of the first."""

    def __init__(self, op1: Any, op2: Any, transfer_tags: bool = True) -> None:
        self.op1, self.op2 = op1, op2

    def transform(self, node: Any, *args: Any) -> Any:
        """The other op on the same inputs."""
        return self.op2.make_node(*node.inputs).outputs if node.op == self.op1 else False

    def tracks(self) -> Any:
        """The first op."""
        return [self.op1]


class OpRemove(LocalOptimizer):
    """``OpRemove(op)``: the inputs of the op in place of its outputs."""

    def __init__(self, op: Any) -> None:
        self.op = op

    def transform(self, node: Any, *args: Any) -> Any:
        """The inputs."""
        return node.inputs if node.op == self.op and node.nin == node.nout else False

    def tracks(self) -> Any:
        """The op."""
        return [self.op]


class PatternSub(LocalOptimizer):
    """``PatternSub((op, "x", 1.0), (other, "x"))``: an expression for another one, ``"x"`` standing
    for anything; ``{"pattern": ..., "constraint": f}`` for what ``f`` accepts."""

    def __init__(
        self, in_pattern: Any, out_pattern: Any, allow_multiple_clients: bool = False,
        skip_identities_fn: Any = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.in_pattern, self.out_pattern, self.name = in_pattern, out_pattern, name

    def tracks(self) -> Any:
        """The outermost op."""
        return [self.in_pattern[0]]

    def transform(self, node: Any, *args: Any) -> Any:
        """The other expression, where the first one matches."""
        found: dict[str, Tensor] = {}
        (output, *more) = node.outputs
        if more or not self._matches(self.in_pattern, output, found):
            return False
        return [as_tensor(self._made(self.out_pattern, found))]

    def _matches(self, pattern: Any, x: Tensor, found: dict[str, Tensor]) -> bool:
        if isinstance(pattern, tuple):
            owner = x.owner
            if owner is None or owner.op != pattern[0] or owner.nin != len(pattern) - 1:
                return False
            pairs = zip(pattern[1:], owner.inputs, strict=True)
            return all(self._matches(p, y, found) for p, y in pairs)
        if isinstance(pattern, dict):
            accepts = pattern.get("constraint", lambda x: True)
            return bool(accepts(x)) and self._matches(pattern["pattern"], x, found)
        if isinstance(pattern, str):
            return found.setdefault(pattern, x) is x
        if not is_constant(x):
            return False
        wanted = pattern.attrs["value"] if isinstance(pattern, Tensor) else pattern
        return bool((x.attrs["value"] == wanted).all())

    def _made(self, pattern: Any, found: dict[str, Tensor]) -> Any:
        if isinstance(pattern, tuple):
            return pattern[0](*(self._made(p, found) for p in pattern[1:]))
        return found[pattern] if isinstance(pattern, str) else pattern


def PatternOptimizer(
    p1: Any, p2: Any, allow_multiple_clients: bool = True, ign: bool = False
) -> Any:
    """A pattern as a rewrite of graphs."""
    return out2in(PatternSub(p1, p2))


# -- tables ---------------------------------------------------------------------------------

#: What programs have registered for ``function``, in order.
registered: list[Any] = []


def _register(lopt: Any = None, *tags: Any, **kwargs: Any) -> Any:
    if isinstance(lopt, str) or lopt is None:
        return lambda inner: _register(inner, *tags, **kwargs)
    if lopt not in registered:
        registered.append(lopt)
    return lopt


register_canonicalize = register_specialize = register_stabilize = register_useless = _register
register_specialize_device = register_uncanonicalize = register_opt = _register


def op_lifter(*args: Any, **kwargs: Any) -> Any:
    """Decorator of rewrites that bring ops to a GPU: they are kept and not run."""
    return lambda function: _Local(function, ())


def rewritten(outputs: Sequence[Tensor]) -> list[Tensor]:
    """The expressions after the rewrites that programs have registered."""
    graph = FunctionGraph((), outputs, clone=False)
    local = [r for r in registered if hasattr(r, "transform")]
    _to_the_end(graph, local)
    for whole in registered:
        if not hasattr(whole, "transform") and hasattr(whole, "optimize"):
            whole.optimize(graph)
    return graph.outputs


def copy_stack_trace(from_var: Any, to_var: Any) -> None:
    """Nodes know their lines without it."""


class Query:
    """Which rewrites of a table: those with these tags."""

    def __init__(self, include: Any = (), exclude: Any = (), **kwargs: Any) -> None:
        self.include, self.exclude = include, exclude


class DB:
    """A table of rewrites. What is registered here runs when ``function`` compiles."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def register(self, name: str, obj: Any, *tags: Any, **kwargs: Any) -> None:
        """Keep it, and run it from now on."""
        if not isinstance(obj, DB):
            _register(obj)
        self.known[name] = obj

    def query(self, *tags: Any, **kwargs: Any) -> Optimizer:
        """All rewrites of the table as one."""
        return EquilibriumOptimizer([r for r in self.known.values() if not isinstance(r, DB)])

    def add_tags(self, name: str, *tags: Any) -> None:
        """Nothing: tags choose among rewrites of Theano's."""

    remove_tags = add_tags

    def __contains__(self, name: object) -> bool:
        return name in self.known

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __getitem__(self, name: str) -> Any:
        return self.known.setdefault(name, DB())


EquilibriumDB = SequenceDB = ProxyDB = DB
optdb = gpu_optimizer = inplace_and_fusion = DB()
