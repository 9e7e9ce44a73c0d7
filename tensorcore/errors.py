"""The exceptions tensorcore raises. Each message says what happened, what was expected and
found, which line of the user's code made the node, and what to do next."""

from __future__ import annotations

from numpy import linalg


class TensorcoreError(Exception):
    """Base of every error that tensorcore raises on purpose."""


class ShapeError(TensorcoreError, ValueError):
    """Sizes that do not fit together, found when building or when calling."""


class RankError(ShapeError, TypeError):
    """A number of axes that a type does not have, found when building or when calling."""


class OutOfRange(TensorcoreError, IndexError):
    """An index that lies outside its axis."""


class NumberError(TensorcoreError, ValueError):
    """A number that a function does not take, such as a probability above 1."""


class MatrixError(TensorcoreError, linalg.LinAlgError):
    """A matrix that has no inverse, factor or decomposition of the kind asked for."""


class DTypeError(TensorcoreError, TypeError):
    """A dtype that an op, a function input or a shared variable does not take."""


class UnusedInputError(TensorcoreError, ValueError):
    """A function input that no output and no update uses."""


class MissingInputError(TensorcoreError, ValueError, TypeError):
    """An output or update needs a variable that is no input, or a call left an input out."""


class TestValueError(MissingInputError, AttributeError):
    """A variable has no test value, and the option ``compute_test_value`` asks for one."""

    __test__ = False  # for pytest


class DisconnectedInputError(TensorcoreError, ValueError):
    """``grad`` was asked for a variable that the cost does not depend on."""


class NullTypeGradError(TensorcoreError, TypeError):
    """A gradient that is mathematically undefined or that its op does not declare."""


class UnsupportedOp(TensorcoreError):
    """A graph holds ops that the chosen backend does not run (policy ``fallback=error``)."""


class BackendUnavailable(TensorcoreError):
    """The backend asked for by name cannot run here; the message holds reason and fix."""


class CompileError(TensorcoreError):
    """A backend's compiler failed; the message holds the command and the compiler's words."""


class ConfigError(TensorcoreError, ValueError):
    """A configuration value that is not valid for its option, or an option that is unknown."""


class PluginError(TensorcoreError):
    """A plugin that cannot be loaded or does not keep the plugin contract."""
