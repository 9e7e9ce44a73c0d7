"""``theano.gof.FunctionGraph``: expressions that a program changes in place, node by node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..expressions import clone
from ..graph import Graph, Walked, rebuild, toposort
from ..node import Tensor, as_tensor
from .graphs import InconsistencyError

__all__ = ["FunctionGraph"]


class _FunctionGraphClass(type):
    """The graph of a compiled function passes for one, too."""

    def __instancecheck__(cls, value: object) -> bool:
        return type.__instancecheck__(cls, value) or isinstance(value, Graph)


class FunctionGraph(Walked, metaclass=_FunctionGraphClass):
    """Inputs and outputs, and what is between them. ``replace`` makes the outputs anew; variables
    and applications from before it go on standing for what they have become."""

    def __init__(
        self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], features: Any = None,
        clone: bool = True, update_mapping: Any = None,
    ) -> None:  # fmt: skip
        self.inputs, self.outputs = list(inputs), list(outputs)
        if clone:
            self.inputs, self.outputs = _copied(self.inputs, self.outputs)
        self.update_mapping = update_mapping
        self.features: list[Any] = []
        self._became: dict[Tensor, Tensor] = {}
        for feature in features or ():
            self.attach_feature(feature)

    # -- what is in it ----------------------------------------------------------------------

    inputs: list[Tensor]
    outputs: list[Tensor]

    def clients(self, r: Tensor) -> list[tuple[Any, int]]:
        """Who takes a variable, and as which input; ``("output", k)`` for an output."""
        return super().clients(self._now(r))

    def __contains__(self, item: Any) -> bool:
        return item in (self.variables if isinstance(item, Tensor) else self.apply_nodes)

    # -- changing it ------------------------------------------------------------------------

    def _now(self, r: Tensor) -> Tensor:
        while r in self._became:
            r = self._became[r]
        return r

    def replace(self, r: Tensor, new_r: Any, reason: Any = None, verbose: Any = None) -> None:
        """Put another variable in the place of one. Raises InconsistencyError where their types
        differ."""
        old, new = self._now(r), as_tensor(new_r)
        if old.type != new.type:
            raise InconsistencyError(
                f"FunctionGraph.replace: {old!r} has type {old.type!r}, and {new!r} that would "
                f"replace it has {new.type!r}. Cast or reshape it first."
            )
        if old is new:
            return
        made: dict[Tensor, Tensor] = {old: new}
        for node in toposort(self.outputs, stop=[old]):
            if node not in made:
                inputs = tuple(made[i] for i in node.inputs)
                made[node] = rebuild(node, inputs) if node.inputs else node
        self.outputs = [made[y] for y in self.outputs]
        self._became.update({a: b for a, b in made.items() if a is not b})

    def replace_all(self, pairs: Iterable[tuple[Tensor, Any]], reason: Any = None) -> None:
        """``replace`` for each pair."""
        for r, new_r in pairs:
            self.replace(r, new_r, reason)

    replace_validate, replace_all_validate = replace, replace_all

    def change_input(self, node: Any, i: int, new_r: Tensor, reason: Any = None) -> None:
        """Let an application, or the output of this number, take another variable."""
        if node == "output":
            self.outputs[i] = as_tensor(new_r)
            return
        inputs = list(node.inputs)
        inputs[i] = new_r
        made = node.clone_with_new_inputs(inputs)
        self.replace_all(zip(node.outputs, made.outputs, strict=True))

    def attach_feature(self, feature: Any) -> None:
        """Keep it; ``on_attach`` is called."""
        self.features.append(feature)
        if hasattr(feature, "on_attach"):
            feature.on_attach(self)

    def remove_feature(self, feature: Any) -> None:
        """Forget it."""
        self.features = [f for f in self.features if f is not feature]

    def check_integrity(self) -> None:
        """Nothing: what cannot be changed stays whole."""

    validate = disown = check_integrity

    def add_input(self, variable: Tensor) -> None:
        """One more input."""
        if variable not in self.inputs:
            self.inputs.append(variable)

    def clone(self, check_integrity: bool = True) -> FunctionGraph:
        """A copy over variables of its own."""
        return FunctionGraph(self.inputs, self.outputs)

    def clone_get_equiv(
        self, check_integrity: bool = True, attach_feature: bool = True
    ) -> tuple[FunctionGraph, dict[Tensor, Tensor]]:
        """A copy, and which of its variables are which of these."""
        made = self.clone()
        pairs = zip([*self.inputs, *self.outputs], [*made.inputs, *made.outputs], strict=True)
        return made, dict(pairs)

    def __repr__(self) -> str:
        from ..printing import pp

        return f"[{', '.join(pp(y) for y in self.outputs)}]"


def _copied(inputs: list[Tensor], outputs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    from ..shared import Shared

    fresh = [x if isinstance(x, Shared) else x.type(x.name) for x in inputs]
    pairs = {a: b for a, b in zip(inputs, fresh, strict=True) if a is not b}
    return fresh, list(clone(outputs, replace=pairs))
