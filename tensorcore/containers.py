"""The values that belong to a function, under the names that Theano gives them: ``f["y"]``,
``f.value``, ``f.container``, ``f.input_storage``, and calls without arguments by ``f.fn()``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .node import Tensor

if TYPE_CHECKING:
    from .function import Function


class Container:
    """The place of a value: ``value`` (or ``data``, or ``storage[0]``) is read and written."""

    def __init__(
        self, variable: Tensor | None, name: str | None, read: Callable[[], Any],
        write: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self.variable, self.name = variable, name
        self._read, self._write = read, write

    @property
    def value(self) -> Any:
        """What is there; None where there is nothing."""
        return self._read()

    @value.setter
    def value(self, new: Any) -> None:
        self._write(new)

    data = value

    @property
    def storage(self) -> Container:
        """A list of one entry, the value."""
        return self

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value,))

    def __getitem__(self, place: int) -> Any:
        _only(place)
        return self.value

    def __setitem__(self, place: int, new: Any) -> None:
        _only(place)
        self.value = new

    def __repr__(self) -> str:
        return f"<container of {self.name or self.variable!r}: {self.value!r}>"


def _only(place: int) -> None:
    if place not in (0, -1):
        raise IndexError(f"a container holds one value, at 0; found {place!r}.")


class Values:
    """Containers by variable, by name, and by the input's number; ``plain`` gives the values."""

    def __init__(self, function: str, containers: Sequence[Container], plain: bool) -> None:
        self._function, self._containers, self._plain = function, containers, plain

    def _find(self, key: Any) -> Container:
        if isinstance(key, int) and 0 <= key < len(self._containers):
            return self._containers[key]
        text = isinstance(key, str)
        named = [c for c in self._containers if c.variable is key or (text and c.name == key)]
        if len(named) == 1:
            return named[0]
        known = ", ".join(repr(c.name or c.variable) for c in self._containers) or "nothing"
        words = "is the name of several" if named else "is no input or shared variable"
        raise KeyError(
            f"{self._function}: {key!r} {words}; it has {known}. Give the variable itself."
        )

    def __getitem__(self, key: Any) -> Any:
        found = self._find(key)
        return found.value if self._plain else found

    def __setitem__(self, key: Any, value: Any) -> None:
        self._find(key).value = value

    def __contains__(self, key: object) -> bool:
        try:
            self._find(key)
        except KeyError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._containers)

    def __iter__(self) -> Iterator[Any]:
        return iter(c.value if self._plain else c for c in self._containers)


def containers_of(f: Function) -> list[Container]:
    """Those of the inputs in order, then of the function's own states, then of shared variables."""
    found = [_of_input(f, k) for k in range(len(f._inputs))]
    states = {cell: variable for variable, cell in f._request.states}
    for cell in sorted(f._cells, key=lambda cell: cell not in states):
        variable = states.get(cell, cell)
        found.append(Container(variable, cell.name, cell.get_value, cell.set_value))
    return found


def _of_input(f: Function, k: int) -> Container:
    spec = f._inputs[k]

    def write(value: Any) -> None:
        spec.value = value

    return Container(spec.variable, spec.name, lambda: spec.value, write)


class Calling:
    """``f.fn``: called without arguments, it computes from what ``input_storage`` holds and puts
    the results into ``output_storage``. All else is the executable's."""

    def __init__(self, f: Function) -> None:
        self._f = f
        self._results: list[Any] = [None] * len(f._request.outputs)
        self.output_storage = [self._of_output(k) for k in range(len(self._results))]

    def __call__(self) -> list[Any]:
        """The results, as a list."""
        found = self._f()
        self._results[:] = [found] if self._f._single else found
        return list(self._results)

    def _of_output(self, k: int) -> Container:
        def write(value: Any) -> None:
            self._results[k] = value

        return Container(self._f._request.outputs[k], None, lambda: self._results[k], write)

    def __getattr__(self, name: str) -> Any:
        if name == "_f":
            raise AttributeError(name)
        return getattr(self._f.executable, name)
