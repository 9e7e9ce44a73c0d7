"""``OrderedUpdates``: new values by shared variable, as ``scan`` returns them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from .bundles import Bundle
from .node import Tensor
from .shared import Shared

__all__ = ["OrderedUpdates"]


class OrderedUpdates(OrderedDict):  # type: ignore[type-arg]
    """A dict from shared variables to their new values; ``+`` joins two.

    A key that is no shared variable is a TypeError. Joining, or ``update``, gives KeyError where
    a variable has a new value in both and the two are not the same.
    """

    def __setitem__(self, variable: Any, value: Any) -> None:
        if not isinstance(variable, (Shared, Bundle)):
            raise TypeError(
                f"OrderedUpdates: only shared variables can be updated, found {variable!r:.80} of "
                f"type {type(variable).__name__}."
            )
        super().__setitem__(variable, value)

    def update(self, other: Any = None, /, **named: Any) -> None:
        """Take the pairs of a dict, or of a list of pairs, too."""
        if named:
            raise TypeError(f"OrderedUpdates: {next(iter(named))!r} is no shared variable.")
        for variable, value in _pairs(other):
            if variable in self and not _same(self[variable], value):
                raise KeyError(
                    f"OrderedUpdates: {variable!r} has two new values, {self[variable]!r} and "
                    f"{value!r}. Leave one out, or set updates[variable] to the one that counts."
                )
            self[variable] = value

    def __add__(self, other: Any) -> OrderedUpdates:
        made = OrderedUpdates(self)
        made.update(other)
        return made

    def __radd__(self, other: Any) -> OrderedUpdates:
        made = OrderedUpdates(other)
        made.update(self)
        return made

    def __iadd__(self, other: Any) -> OrderedUpdates:  # noqa: PYI034 (`+=` makes a new one, as `+`)
        made: OrderedUpdates = self + other
        return made


def _pairs(other: Any) -> Iterable[tuple[Any, Any]]:
    if other is None:
        return ()
    return other.items() if isinstance(other, Mapping) else other


def _same(a: Any, b: Any) -> bool:
    """Whether two new values are one: the same tensor, or equal numbers."""
    if a is b:
        return True
    return not isinstance(a, Tensor) and not isinstance(b, Tensor) and bool(a == b)
