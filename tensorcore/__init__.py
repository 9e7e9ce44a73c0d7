"""tensorcore: mathematics on symbolic tensors, differentiated, rewritten, compiled, and run on
the backend you choose."""

from __future__ import annotations

from . import config, gradient, printing, scalar, tensor
from .arguments import In, Out, Param
from .checkpoints import scan_checkpoints
from .expressions import clone
from .function import Function, explain, function
from .gradient import Lop, Rop, grad, hessian, jacobian
from .ifelse import ifelse
from .node import Tensor, TensorConstant
from .ops._declare import ON_NEW_NODE
from .printing import debugprint, pp
from .saving import load, save
from .scan import foldl, foldr, map, reduce, scan, until
from .shared import Shared, shared
from .tensor import dot, nnet
from .testing_values import attach as _attach
from .types import TensorType

Variable = Tensor
Constant = TensorConstant
SharedVariable = Shared
ON_NEW_NODE.append(_attach)

__version__ = "0.1.0"


def install_as_theano() -> None:
    """From now on ``import theano``, and each of its modules, finds tensorcore; reads
    ``THEANO_FLAGS`` and ``~/.theanorc``. Raises ImportError when another theano was imported
    before."""
    from .legacy import install

    install()


__all__ = [
    "Constant", "Function", "In", "Lop", "Out", "Param", "Rop", "Shared", "SharedVariable",
    "Tensor", "TensorType", "Variable", "clone", "config", "debugprint", "dot", "explain",
    "foldl", "foldr", "function", "grad", "gradient", "hessian", "ifelse", "install_as_theano",
    "jacobian", "load", "map", "nnet", "pp", "printing", "reduce", "save", "scalar", "scan",
    "scan_checkpoints", "shared", "tensor", "until",
]  # fmt: skip


def __getattr__(name: str) -> object:
    # Imported when it is asked for, as most programs do not.
    if name == "sparse":
        import importlib

        return importlib.import_module(".sparse", __name__)
    raise AttributeError(f"tensorcore has no {name!r}.")
