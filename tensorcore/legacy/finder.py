"""The modules of Theano: a finder on ``sys.meta_path`` that makes each one from ``names.py``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from . import variables
from .names import MODULES, instead

_ROOT = "theano"
_NOWHERE = object()
#: Modules of Theano that its packages do not hide behind an object of the same name.
_MODULES_FIRST = {(_ROOT, "ifelse"), (_ROOT, "version"), ("theano.tensor", "xlogx")}


class NotHere(ImportError):
    """A module or name of Theano that has no counterpart; the message says what to use."""


def places(module: str) -> list[ModuleType]:
    """Our modules in which the names of a Theano module are looked up, those that exist."""
    found = []
    for place in MODULES[module]:
        path = f"tensorcore.{place}" if place != "." else "tensorcore"
        try:
            found.append(importlib.import_module(path))
        except ModuleNotFoundError as missing:
            if missing.name is None or not path.startswith(missing.name):
                raise
    return found


def look_up(module: str, name: str) -> Any:
    """Our object for a name of a Theano module. Raises AttributeError with what to use."""
    for place in places(module):
        listed = getattr(place, "__all__", ())
        if name in listed or (name.startswith("_") and name in vars(place)):
            return getattr(place, name)
    # Python would guess once more, had the error the name and the module in it.
    raise AttributeError(missing_text(f"{module}.{name}"), name=None, obj=None)


def missing_text(full: str) -> str:
    """What is said where a name of Theano is asked for that is not here."""
    words = instead(full)
    hint = words or _near(full)
    return f"{full} is not here{hint and ': ' + hint} docs/theano.md lists what is.".replace(
        "here docs", "here. docs"
    )


def _near(full: str) -> str:
    import difflib

    module, _, name = full.rpartition(".")
    if module not in MODULES:
        return ""
    known = {n for place in places(module) for n in getattr(place, "__all__", ())}
    found = difflib.get_close_matches(name, known, 1, cutoff=0.75)
    return f"did you mean {found[0]!r}?" if found else ""


class TheanoModule(ModuleType):
    """A module of Theano; names are looked up when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return _exported(self.__name__)
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if full == "theano.theano":
            return self
        if full in MODULES and _is_module(self.__name__, name):
            return importlib.import_module(full)
        found = look_up(self.__name__, name)
        self.__dict__[name] = found
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system sets a module on its parent; where that has an object of this name, as
        # `theano.tensor.var` is a function, the object stays.
        made_by_import = isinstance(value, TheanoModule) and value.__name__.endswith("." + name)
        if not made_by_import or _is_module(self.__name__, name):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *_exported(self.__name__)})


def _is_module(module: str, name: str) -> bool:
    """Whether an attribute of a module of Theano is a module: not where there is an object of this
    name, but for those of ``_MODULES_FIRST``."""
    if (module, name) in _MODULES_FIRST:
        return True
    try:
        return isinstance(look_up(module, name), ModuleType)
    except AttributeError:
        return True


def _exported(module: str) -> list[str]:
    own = {n for place in places(module) for n in getattr(place, "__all__", ())}
    if module == _ROOT:
        own |= {"tensor", "config", "gof", "compile", "printing", "gradient", "scalar"}
    return sorted(name for name in own if not name.startswith("_"))


class Finder(MetaPathFinder, Loader):
    """Finds and makes the modules ``theano`` and ``theano.*``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of Theano. Raises ImportError for one that is not here."""
        if fullname != _ROOT and not fullname.startswith(_ROOT + "."):
            return None
        if fullname not in MODULES:
            parent, _, name = fullname.rpartition(".")
            known = sys.modules.get(parent)
            if known is not None and getattr(known, name, _NOWHERE) is not _NOWHERE:
                return None  # an attribute, such as a flag; then it is no module
            raise NotHere(missing_text(fullname), name=fullname)
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module, without content: that is looked up."""
        return TheanoModule(spec.name, "What programs for Theano find in this module.")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is to be run; a program may have set flags before it imports theano."""
        if module.__name__ == _ROOT:
            from . import flags

            flags.read_again()


def install() -> bool:
    """Put the finder first; whether it was not there yet."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return False
    known = sys.modules.get(_ROOT)
    if known is not None and not isinstance(known, TheanoModule):
        raise ImportError(
            f"install_as_theano: another theano was imported before, from "
            f"{getattr(known, '__file__', 'an unknown place')}. Call it before the first import "
            f"of theano, or run the program with `tensorcore run`."
        )
    sys.meta_path.insert(0, Finder())
    variables.provide()
    return True


def uninstall() -> None:
    """Take the finder, the modules and the owners of nodes back, for tests."""
    variables.withdraw()
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, Finder)]
    for name in [n for n, m in sys.modules.items() if isinstance(m, TheanoModule)]:
        del sys.modules[name]
