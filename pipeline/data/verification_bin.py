"""Reads the pair files (.bin) that face verification is passed around in, without running what a pickle says.

Such a file is a pickle of ``(images, same)``: 2n encoded images, those of a pair one after another, and n bools.
An image is bytes, ``str`` where Python 2 wrote the file, or a uint8 array of the encoded bytes. A pickle is a
program, and unpickling would run it: here its opcodes are walked as data, by a stack machine that knows only what
such a file needs. Nothing is imported and nothing is called.
"""

from __future__ import annotations

import math
import mmap
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import InputError

LAYOUT = "a pickle of (2n encoded images, n bools)"

# The functions that bytes (protocols 0 to 2) and arrays are pickled by: each is only a name here.
GLOBALS = {
    "_codecs encode": "encode",
    "numpy dtype": "dtype",
    "numpy ndarray": "ndarray",
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy.core.numeric _frombuffer": "buffer",
    "numpy._core.numeric _frombuffer": "buffer",
}
# Opcodes that push their own argument.
VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
PUTS, GETS = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Global:
    """A name of GLOBALS, as the file gives it."""

    name: str


@dataclass(frozen=True)
class _Type:
    """An array's type of values, such as "u1"."""

    name: str


@dataclass
class _Array:
    """A uint8 array, by its bytes; None until the file has said what is in it."""

    data: bytes | None = None


class _Refused(Exception):
    """What is wrong at an opcode."""


def read_bin(path: str | Path) -> tuple[list[bytes], np.ndarray]:
    """The encoded images (2n), those of a pair one after another, and whether each pair is of one person: bool (n,).

    All images are in memory, once. Raises InputError naming the file and, where there is one, opcode and position
    (bytes): absent, empty, truncated, not such a pickle, one that would call anything, unequal lengths.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            if not file.seek(0, 2):
                raise InputError(f"{path}: an empty file, expected {LAYOUT}")
            # A map gives no more than there is when a damaged length asks for gigabytes.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                value = _walk(path, content)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected {LAYOUT})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _images_and_pairs(path, value)


def _walk(path: Path, content: mmap.mmap) -> Any:
    """The value that the pickle describes."""
    machine, end = _Machine(), "the beginning"
    opcodes = pickletools.genops(content)
    while True:
        try:
            opcode, argument, position = next(opcodes)
        except (ValueError, IndexError) as error:  # also bytes that are not text; what it says may hold them all
            raise InputError(
                f"{path}: truncated or not a pickle, found after {end}: {str(error)[:80]} (expected {LAYOUT})"
            ) from None
        end = f"opcode {opcode.name} at position {position}"
        try:
            if opcode.name == "STOP":
                return machine.result()
            machine.step(opcode.name, argument)
        except _Refused as error:
            raise InputError(
                f"{path}: opcode {opcode.name} at position {position}: {error} (expected {LAYOUT}, nothing that runs)"
            ) from None


class _Machine:
    """The pickle machine, less whatever imports, calls or changes anything but lists."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Do one opcode. Raises _Refused."""
        if name in VALUES:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in ("BINSTRING", "SHORT_BINSTRING"):  # Python 2's str, which genops gives as Latin-1
            self.stack.append(argument.encode("latin-1"))
        elif name in PUTS:
            self.memo[argument] = self._top()
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self._top()
        elif name in GETS:
            if argument not in self.memo:
                raise _Refused(f"asks for value {str(argument)[:20]}, which was never stored")
            self.stack.append(self.memo[argument])
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in TUPLES:
            self.stack.append(tuple(reversed([self._pop() for _ in range(TUPLES[name])])))
        elif name == "TUPLE":
            self.stack.append(tuple(self._pop_marked()))
        elif name == "EMPTY_LIST":
            self.stack.append([])
        elif name == "LIST":
            self.stack.append(self._pop_marked())
        elif name in ("APPEND", "APPENDS"):
            items = [self._pop()] if name == "APPEND" else self._pop_marked()
            if type(target := self._top()) is not list:
                raise _Refused(f"adds to {_kind(target)}")
            target.extend(items)
        elif name == "GLOBAL":
            self.stack.append(_global(argument))
        elif name == "STACK_GLOBAL":
            attribute, module = self._pop(), self._pop()
            self.stack.append(_global(f"{module} {attribute}"))
        elif name == "REDUCE":
            arguments, function = self._pop(), self._pop()
            self.stack.append(_reduce(function, arguments))
        elif name == "BUILD":
            state = self._pop()
            _build(self._top(), state)
        elif name not in ("PROTO", "FRAME"):
            raise _Refused("is not allowed")

    def result(self) -> Any:
        """What is left at the end."""
        if len(self.stack) != 1 or self.marks:
            raise _Refused(f"{len(self.stack)} values are left, expected one")
        return self.stack[0]

    def _top(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise _Refused("finds nothing on the stack")
        return self.stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self.stack.pop()
        return value

    def _pop_marked(self) -> list[Any]:
        if not self.marks:
            raise _Refused("finds no mark on the stack")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def _global(name: str) -> _Global:
    if name not in GLOBALS:
        raise _Refused(f"names {name.replace(' ', '.')[:80]!r}")
    return _Global(name)


def _reduce(function: Any, arguments: Any) -> Any:
    """What a call in the file stands for: the bytes, type or array that it would make."""
    kind = GLOBALS[function.name] if isinstance(function, _Global) else ""
    match kind, arguments:
        case "encode", (str(text), "latin1" | "latin-1"):
            try:
                return text.encode("latin-1")
            except UnicodeEncodeError:
                raise _Refused("bytes are stored as text that is not Latin-1") from None
        case "dtype", (str(name) | bytes(name), *_):
            return _Type(name if isinstance(name, str) else name.decode("latin-1"))
        case "array", (_Global(name="numpy ndarray"), tuple(), bytes() | str()):
            return _Array()
        case "buffer", (bytes(data) | bytearray(data), _Type() as dtype, tuple(shape), str()):
            return _Array(_encoded(bytes(data), dtype, shape))
    called = function.name.replace(" ", ".") if isinstance(function, _Global) else _kind(function)
    raise _Refused(f"calls {called} in a way that neither bytes nor uint8 arrays need")


def _build(target: Any, state: Any) -> None:
    """Complete an array or a type; a type's state is byte order and alignment, which single bytes do not have."""
    match target, state:
        case _Type(), tuple():
            return
        case _Array(data=None), (int(), tuple(shape), _Type() as dtype, int(), bytes(data)):
            target.data = _encoded(data, dtype, shape)
        case _:
            raise _Refused(f"completes {_kind(target)} with {_kind(state)}")


def _encoded(data: bytes, dtype: _Type, shape: tuple) -> bytes:
    # OpenCV gives (n, 1) as well; a decoded image has two or three sides. A side may be an absurd number.
    sides = [side if type(side) is int and 0 <= side < 2**31 else -1 for side in shape[:4]]
    if dtype.name != "u1" or not sides or not len(data) == max(sides) == math.prod(sides):
        raise _Refused(
            f"makes an array of {dtype.name[:20]} {tuple(sides)} from {len(data)} bytes, expected u1 of one dimension"
        )
    return data


def _kind(value: Any) -> str:
    return type(value).__name__.lstrip("_").lower()


def _images_and_pairs(path: Path, value: Any) -> tuple[list[bytes], np.ndarray]:
    if type(value) not in (tuple, list) or len(value) != 2 or any(type(part) not in (list, tuple) for part in value):
        raise InputError(f"{path}: holds {_kind(value)}, expected {LAYOUT}")
    images, same = value
    if len(images) != 2 * len(same):
        raise InputError(f"{path}: {len(images)} images for {len(same)} pairs, expected {2 * len(same)}: two a pair")
    if not len(same):
        raise InputError(f"{path}: holds no pairs, expected {LAYOUT}")
    for number, answer in enumerate(same):
        if type(answer) not in (bool, int) or answer not in (0, 1):
            found = "another number" if type(answer) is int else _kind(answer)
            raise InputError(f"{path}: pair {number}: {found} found, expected True or False: whether it is one person")
    encoded = []
    for number, image in enumerate(images):
        data = image.data if isinstance(image, _Array) else image
        if not isinstance(data, (bytes, bytearray)):
            raise InputError(f"{path}: image {number} is {_kind(image)}, expected the bytes of an encoded image")
        encoded.append(bytes(data))
    return encoded, np.array(same, dtype=bool)
