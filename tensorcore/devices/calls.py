"""The functions that carry out calls: products, sorting, computed places.

They depend on dtypes and ranks alone, and a product takes a compiler longer than most kernels. So
each is built once for a device, however many Programs use it; and a driver that keeps programs by
their text has it for all processes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from ..codegen.dialect import Dialect
from ..codegen.items import with_head
from ..codegen.order import order
from ..codegen.products import product
from ..errors import CompileError
from ..program import Call, Program, bodies
from .copies import only_for_products
from .machine import SCATTERS, Built, Device, Entry
from .scatter import functions_of

#: Parts of a text that belong together; texts may have parts in common.
Parts = tuple[str, ...]


def texts_of_calls(program: Program, dialect: Dialect) -> list[Parts]:
    """The functions of a Program's calls and of those inside its steps, text by text."""
    found: dict[Parts, None] = {}

    def look(inside: Program) -> None:
        copies = only_for_products(inside)
        for step in inside.steps:
            if isinstance(step, Call) and not step.host:
                tabled = not copies.isdisjoint(step.inputs)
                found.update(dict.fromkeys(_texts_of(step, inside, dialect, tabled)))
            for body in bodies(step):
                look(body)

    look(program)
    return list(found)


def _texts_of(step: Call, program: Program, dialect: Dialect, tabled: bool) -> list[Parts]:
    dtype = program.slots[step.inputs[0]].dtype if step.inputs else ""
    if step.op == "contract":
        made = [product(dtype, dialect, form) for form in {False, tabled}]
        return [(each.helper, each.text) for each in made]
    if step.op == "argsort":
        return [(order(dtype, dialect).text,)]
    if step.op in SCATTERS:
        places = functions_of(step, program, dialect).texts
        return [(order("int64", dialect).text,), *((text,) for text in places)]
    return []


class WithCalls:
    """The functions of a Program's kernels, which are ``own`` to it, and of its calls."""

    def __init__(
        self, own: Built | None, device: Device, dialect: Dialect, texts: Sequence[Parts]
    ) -> None:
        self.own = own
        self.texts = ["".join(parts) for parts in texts]
        self.origin = own.origin if own else "shared with other functions"
        self._device, self._dialect = device, dialect

    def entry(self, name: str) -> Entry:
        """See ``machine.Built``. Raises CompileError."""
        for text in self.texts:
            if f" {name}(" in text:
                return common(self._device, with_head(text, self._dialect)).entry(name)
        if self.own is None:
            raise CompileError(f"the Program has neither a kernel nor a call named {name}")
        return self.own.entry(name)


_built: WeakKeyDictionary[Device, dict[str, Built]] = WeakKeyDictionary()
_lock = threading.Lock()


def common(device: Device, text: str) -> Built:
    """A program that others use as well, built once for each device. Raises CompileError."""
    with _lock:
        known = _built.setdefault(device, {})
        if text not in known:
            known[text] = device.build(text)
        return known[text]
