"""tensorcore: mathematics on symbolic tensors, differentiated, rewritten, compiled, and run on
the backend you choose."""

from __future__ import annotations

from . import config, gradient, printing, tensor
from .arguments import In, Out, Param
from .function import Function, clone, explain, function
from .gradient import Lop, Rop, grad, hessian, jacobian
from .node import Tensor
from .printing import debugprint, pp
from .shared import Shared, shared
from .tensor import nnet
from .types import TensorType

__version__ = "0.1.0"
__all__ = [
    "Function", "In", "Lop", "Out", "Param", "Rop", "Shared", "Tensor", "TensorType", "clone",
    "config", "debugprint", "explain", "function", "grad", "gradient", "hessian", "jacobian",
    "nnet", "pp", "printing", "shared", "tensor",
]  # fmt: skip
