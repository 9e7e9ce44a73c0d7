"""Theano's own spelling: ``import theano`` and its modules, made of what is here.

``finder.py`` makes the modules, ``names.py`` says which Theano name is which of our objects,
``flags.py`` what Theano's flags mean here; the others hold what only old programs need.
"""

from __future__ import annotations

__all__ = ["install"]


def install() -> None:
    """From now on ``import theano``, and each of its modules, finds tensorcore.

    Reads ``THEANO_FLAGS`` and ``~/.theanorc``. A second call changes nothing. Raises ImportError
    when another package of that name was imported before.
    """
    from . import finder, flags

    if finder.install():
        flags.read_sources()
