"""Values that are several tensors to the compiler and one object to the user, as sparse matrices.

``function`` takes them as inputs, outputs and updates, ``grad`` as what to differentiate by.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

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
        elif isinstance(value, Bundle):
            return True
    return False


class BundledFunction:
    """A compiled function some of whose inputs or outputs are bundles. Everything but the call is
    that of the ``Function`` inside."""

    def __init__(
        self,
        inner: Function,
        inputs: Sequence[Any],
        kept: Sequence[Sequence[bool]],
        outputs: Sequence[Any],
        single: bool,
    ) -> None:
        self.inner = inner
        self._inputs, self._kept = list(inputs), list(kept)
        self._outputs, self._single = list(outputs), single
        self._places = {getattr(x, "name", None): k for k, x in enumerate(self._inputs)}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; see ``Function``."""
        given = dict(enumerate(args))
        for name, value in kwargs.items():
            if self._places.get(name, 0) in given or name not in self._places:
                raise TypeError(f"{self.inner!r}: no input {name!r}, or it is given twice.")
            given[self._places[name]] = value
        missing = [k for k in range(len(self._inputs)) if k not in given]
        if missing or len(given) > len(self._inputs):
            raise TypeError(f"{self.inner!r} takes {len(self._inputs)} inputs, found {len(given)}.")
        flat: list[Any] = []
        for k, (x, kept) in enumerate(zip(self._inputs, self._kept, strict=True)):
            found = x.apart(given[k]) if isinstance(x, Bundle) else (given[k],)
            flat += [value for value, keep in zip(found, kept, strict=True) if keep]
        return self._results(iter(self.inner(*flat)))

    def _results(self, found: Iterator[Any]) -> Any:
        results = [
            y.together([next(found) for _ in y.parts]) if isinstance(y, Bundle) else next(found)
            for y in self._outputs
        ]
        return results[0] if self._single else results

    def __getitem__(self, key: Any) -> Any:
        return self.inner[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.inner[key] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def bundled_function(
    make: Callable[..., Function], inputs: Any, outputs: Any, updates: Any, rest: dict[str, Any]
) -> BundledFunction:
    """``function`` where bundles are among the arguments: each stands for its parts. A part that
    nothing needs is left out, unless nothing needs any."""
    single = outputs is not None and not isinstance(outputs, (list, tuple))
    results = [outputs] if single else list(outputs or ())
    flat = [t for y in results for t in parts_of(y)]
    changes = [pair for old, new in _pairs(updates) for pair in zip(
        parts_of(old), parts_of(new), strict=True)]  # fmt: skip
    used = set(variables([t for t in (*flat, *(new for _, new in changes)) if _is_tensor(t)]))
    kept = []
    for x in inputs:
        needed = [part in used for part in x.parts] if isinstance(x, Bundle) else [True]
        kept.append(needed if any(needed) else [True] * len(needed))
    given = [p for x, keep in zip(inputs, kept, strict=True)
             for p, k in zip(parts_of(x), keep, strict=True) if k]  # fmt: skip
    inner = make(given, flat, updates=changes, **rest)
    return BundledFunction(inner, inputs, kept, results, single)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


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
