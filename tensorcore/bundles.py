"""Values that are several tensors to the compiler and one object to the user, as sparse matrices.

``function`` takes them as inputs, outputs and updates, ``grad`` as what to differentiate by.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .graph import variables
from .node import Tensor

if TYPE_CHECKING:
    from .function import Function


class Bundle(ABC):
    """Several tensors that belong together. The first of ``parts`` is what can be differentiated;
    gradients by it are of the same kind."""

    name: str | None
    parts: tuple[Tensor, ...]

    @abstractmethod
    def with_parts(self, parts: Sequence[Tensor]) -> Bundle:
        """The same kind of bundle of other tensors."""

    @abstractmethod
    def like(self, value: Any, what: str) -> Bundle:
        """A value, or another bundle, as one that may take the place of this one; TypeError for
        what does not fit."""

    @abstractmethod
    def apart(self, value: Any) -> Sequence[Any]:
        """What a value of a call is for each part; TypeError for one that does not fit."""

    @abstractmethod
    def together(self, arrays: Sequence[Any]) -> Any:
        """The value that results for the parts are."""


def any_bundle(*values: Any) -> bool:
    """Whether one of the values, or of the entries of lists and dicts among them, is a bundle."""
    for value in values:
        if isinstance(value, (list, tuple)):
            if any_bundle(*value):
                return True
        elif isinstance(value, dict):
            if any_bundle(*value, *value.values()):
                return True
        elif isinstance(getattr(value, "variable", value), Bundle):  # In and Out have variables
            return True
    return False


class BundledInput(NamedTuple):
    """An input as it was given: its name, and the value for when it is left out."""

    variable: Any
    name: str | None
    value: Any


class BundledFunction:
    """A compiled function some of whose inputs or outputs are bundles. Everything but the call is
    that of the ``Function`` inside."""

    def __init__(
        self,
        inner: Function,
        inputs: Sequence[BundledInput],
        kept: Sequence[Sequence[bool]],
        outputs: Sequence[Any],
        single: bool,
    ) -> None:
        self.inner = inner
        self._inputs, self._kept = list(inputs), list(kept)
        self._outputs, self._single = list(outputs), single
        self._places = {x.name: k for k, x in enumerate(self._inputs) if x.name}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; see ``Function``."""
        given = dict(enumerate(args))
        for name, value in kwargs.items():
            if self._places.get(name, 0) in given or name not in self._places:
                raise TypeError(f"{self.inner!r}: no input {name!r}, or it is given twice.")
            given[self._places[name]] = value
        for k, x in enumerate(self._inputs):
            if k not in given and x.value is not None:
                given[k] = x.value
        missing = [k for k in range(len(self._inputs)) if k not in given]
        if missing or len(given) > len(self._inputs):
            raise TypeError(f"{self.inner!r} takes {len(self._inputs)} inputs, found {len(given)}.")
        flat: list[Any] = []
        for k, ((x, _, _), kept) in enumerate(zip(self._inputs, self._kept, strict=True)):
            found = x.apart(given[k]) if isinstance(x, Bundle) else (given[k],)
            flat += [value for value, keep in zip(found, kept, strict=True) if keep]
        return self._results(iter(self.inner(*flat)))

    def _results(self, found: Iterator[Any]) -> Any:
        results = [
            y.together([next(found) for _ in y.parts]) if isinstance(y, Bundle) else next(found)
            for y in self._outputs
        ]
        return results[0] if self._single else results

    def copy(self, share_memory: bool = False, swap: Any = None, **kwargs: Any) -> BundledFunction:
        """See ``Function.copy``."""
        return self.over(self.inner.copy(share_memory, swap=dict(_pairs(swap)), **kwargs))

    def over(self, inner: Function) -> BundledFunction:
        """The same inputs and outputs of another function."""
        return BundledFunction(inner, self._inputs, self._kept, self._outputs, self._single)

    def __getitem__(self, key: Any) -> Any:
        return self.inner[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.inner[key] = value

    def __getattr__(self, name: str) -> Any:
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)


def bundled_function(
    make: Callable[..., Function], inputs: Any, outputs: Any, updates: Any, rest: dict[str, Any]
) -> BundledFunction:
    """``function`` where bundles are among the arguments: each stands for its parts. A part that
    nothing needs is left out, unless nothing needs any."""
    single = outputs is not None and not isinstance(outputs, (list, tuple))
    results = [getattr(y, "variable", y) for y in ([outputs] if single else list(outputs or ()))]
    flat = [t for y in results for t in parts_of(y)]
    changes = _pairs(updates)
    given = _pairs(rest.pop("givens", None))
    targets = [*flat, *(new for _, new in changes), *(new for _, new in given)]
    used = set(variables([t for t in targets if isinstance(t, Tensor)]))
    kept, plain = [], []
    specs = [
        BundledInput(getattr(x, "variable", x), getattr(x, "name", None), getattr(x, "value", None))
        for x in inputs
    ]
    for x, given_as in zip(specs, inputs, strict=True):
        bundle = isinstance(x.variable, Bundle)
        needed = [part in used for part in x.variable.parts] if bundle else [True]
        kept.append(needed if any(needed) else [True] * len(needed))
        parts = x.variable.parts if bundle else (given_as,)
        plain += [p for p, keep in zip(parts, kept[-1], strict=True) if keep]
    inner = make(plain, flat, updates=changes, givens=given, **rest)
    return BundledFunction(inner, specs, kept, results, single)


def _pairs(updates: Any) -> list[tuple[Any, Any]]:
    from .arguments import pairs

    return pairs(updates, "updates")


def parts_of(value: Any) -> Sequence[Any]:
    """The parts of a bundle; anything else is its own."""
    return value.parts if isinstance(value, Bundle) else (value,)


def bundled_gradient(gradient: Callable[[list[Any]], list[Any]], wrt: Any) -> Any:
    """Gradients by tensors and bundles: of a bundle, one with the gradient by its first part."""
    many = isinstance(wrt, (list, tuple))
    items = list(wrt) if many else [wrt]
    found = gradient([parts_of(x)[0] for x in items])
    results = [
        x.with_parts((g, *x.parts[1:])) if isinstance(x, Bundle) and g is not None else g
        for x, g in zip(items, found, strict=True)
    ]
    return results if many else results[0]
