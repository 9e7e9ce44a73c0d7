"""Sabotages of the backends: each alters one expression, and a named test of the conformance
suite catches it. The tables import nothing of the project, as the docs are made from them too."""

from __future__ import annotations

from .of_reference import OF_REFERENCE
from .of_scalar_code import OF_SCALAR_CODE
from .of_structure import OF_STRUCTURE
from .rows import Sabotage

ALL: tuple[Sabotage, ...] = (*OF_REFERENCE, *OF_SCALAR_CODE, *OF_STRUCTURE)
