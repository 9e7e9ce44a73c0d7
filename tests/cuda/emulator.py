"""CUDA C on a processor: the text that NVRTC would get is compiled by gcc as C, and threads of a
block take turns (``emulator.c``). What goes wrong on a device and not here is looked for: each
kernel runs a second time with blocks and threads in the opposite order, and must leave the same
bits; a thread that waits where others do not, and a write beside a buffer, are errors."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
_KERNEL = re.compile(
    r"^__global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\(([^)]*)\) \{\n(.*?)^\}\n",
    re.MULTILINE | re.DOTALL,
)
_FLAGS = ["-O1", "-march=native", "-ffp-contract=off", "-fno-strict-aliasing", "-w"]
_GUARD = 64
_LAUNCH = """\
static void **tc_arguments_{name};
static void tc_thread_{name}(void) {{ {name}({arguments}); }}
int tc_launch_{name}(void **arguments, long groups, int size, int backwards) {{
  tc_arguments_{name} = arguments;
  gridDim.x = groups; blockDim.x = size;
  for (long b = 0; b < groups; b++) {{
    blockIdx.x = backwards ? groups - 1 - b : b;
    if ({waits}) {{
      if (!tc_block(tc_thread_{name}, size, backwards)) return 1;
    }} else for (int t = 0; t < size; t++) {{
      threadIdx.x = backwards ? size - 1 - t : t;
      tc_thread_{name}();
    }}
  }}
  return 0;
}}
"""
_folder: list[str] = []


def folder() -> Path:
    """Where libraries are, for the life of the process."""
    if not _folder:
        _folder.append(tempfile.mkdtemp(prefix="tensorcore-emulated-"))
        atexit.register(shutil.rmtree, _folder[0], True)
    return Path(_folder[0])


class Mistake(AssertionError):
    """What a kernel must not do."""


class Memory:
    """All buffers, by their address, each between guards that nobody may write into."""

    def __init__(self) -> None:
        self.buffers: dict[int, np.ndarray] = {}
        self.total = 0

    def allocate(self, size: int) -> int:
        """The address of a new buffer, full of what is no sensible number."""
        whole = np.full(size + 2 * _GUARD + 64, 0xA5, np.uint8)
        start = -(whole.ctypes.data + _GUARD) % 64
        whole = whole[start : start + size + 2 * _GUARD]
        address = whole.ctypes.data + _GUARD
        self.buffers[address] = whole
        self.total += size
        return address

    def free(self, address: int) -> None:
        """Give it back."""
        self.check(address)
        self.total -= len(self.buffers.pop(address)) - 2 * _GUARD

    def owner(self, address: int) -> int | None:
        """The buffer that an address lies in."""
        if address in self.buffers:
            return address
        for start, whole in self.buffers.items():
            if start < address < start + len(whole) - 2 * _GUARD:
                return start
        return None

    def view(self, address: int) -> np.ndarray:
        """The bytes of a buffer."""
        return self.buffers[address][_GUARD:-_GUARD]

    def check(self, address: int) -> None:
        """Raises Mistake if a guard was written over."""
        whole = self.buffers[address]
        if (whole[:_GUARD] != 0xA5).any() or (whole[-_GUARD:] != 0xA5).any():
            raise Mistake("a kernel wrote beside a buffer")


MEMORY = Memory()


class Module:
    """The kernels of a text."""

    def __init__(self, source: str) -> None:
        name = hashlib.sha256(source.encode()).hexdigest()[:24]
        library = folder() / f"{name}.so"
        kernels = {m[1]: (m[2], m[3]) for m in _KERNEL.finditer(source)}
        text = (HERE / "emulator.c").read_text() + source
        for kernel, (parameters, body) in kernels.items():
            types = [re.sub(r"\w+$", "", words.strip()) for words in parameters.split(",")]
            values = [f"*({t}*)tc_arguments_{kernel}[{k}]" for k, t in enumerate(types)]
            waits = int("__syncthreads" in body or "__shfl" in body)
            text += _LAUNCH.format(name=kernel, arguments=", ".join(values), waits=waits)
        if not library.exists():
            self._compile(text, library)
        self._library = ctypes.CDLL(str(library))
        #: Of what reports failures, the first to do so is heard, in whichever order.
        self._ordered = {k for k, (_, body) in kernels.items() if "tc_fail(" in body}
        self.kernels = set(kernels)

    @staticmethod
    def _compile(text: str, library: Path) -> None:
        source = library.with_suffix(".c")
        source.write_text(text)
        command = ["gcc", *_FLAGS, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"gcc failed on the emulated text:\n{done.stderr[:3000]}")

    def launch(self, name: str, arguments: tuple[Any, ...], groups: int, size: int) -> None:
        """Run a kernel, twice unless it may report failures. Raises Mistake."""
        values = [np.int64(a) if isinstance(a, int) else a for a in arguments]
        rooms = [np.array(v) for v in values]
        pointers = (ctypes.c_void_p * len(rooms))(*(room.ctypes.data for room in rooms))
        owners = (MEMORY.owner(a) for a in arguments if isinstance(a, int))
        buffers = list(dict.fromkeys(owner for owner in owners if owner is not None))
        function = getattr(self._library, f"tc_launch_{name}")
        before = [MEMORY.view(b).copy() for b in buffers] if name not in self._ordered else []
        self._run(function, name, pointers, groups, size, False)
        after = [MEMORY.view(b).copy() for b in buffers] if before else []
        for address, content in zip(buffers, before, strict=False):
            MEMORY.view(address)[:] = content
        if before:
            self._run(function, name, pointers, groups, size, True)
        for number, (address, content) in enumerate(zip(buffers, after, strict=False)):
            if MEMORY.view(address).tobytes() != content.tobytes():
                raise Mistake(
                    f"kernel {name}: buffer {number} depends on the order in which threads run"
                )
        for address in buffers:
            MEMORY.check(address)

    @staticmethod
    def _run(
        function: Any, name: str, pointers: Any, groups: int, size: int, backwards: bool
    ) -> None:
        if function(pointers, ctypes.c_long(groups), size, int(backwards)):
            raise Mistake(f"kernel {name}: threads wait at a barrier that others never reach")
