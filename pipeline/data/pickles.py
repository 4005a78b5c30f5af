"""Reads pickles of plain values and uint8 arrays, without running what they say.

A pickle is a program, and unpickling would run it: here its opcodes are walked as data, by a stack machine that knows
only what such files need. Nothing is imported and nothing is called. What the file makes is charged against a budget
of memory that follows from its size: a few opcodes can ask for the same megabytes over and over again.
"""

from __future__ import annotations

import math
import mmap
import pickletools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pipeline.errors import InputError

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
MAX_BYTES = 2**30  # of a pickle: the largest in use, CIFAR-100's, has 155 MB
BUDGET_PER_BYTE, BUDGET = (
    4,
    64 * 2**20,
)  # bytes of memory that a file may ask for: so many per byte of the file, and more
OPCODE_COST = 128  # bytes that an opcode takes at most, beside its argument: an empty dictionary in the memo
MAX_MEMO = 2**31  # memo keys; beyond, numbers could be chosen that a dictionary finds slowly
# Opcodes that push their argument.
VALUES = {
    "INT",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG",
    "LONG1",
    "LONG4",
    "UNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE",
    "BINUNICODE8",
    "SHORT_BINBYTES",
    "BINBYTES",
    "BINBYTES8",
    "BYTEARRAY8",
}
STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
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
class Array:
    """A uint8 array, by its bytes, in the order that ``values`` undoes; None until the file has said what is in it."""

    data: bytes | None = None
    sides: tuple[int, ...] = ()
    columns_first: bool = False

    def values(self) -> np.ndarray:
        """The array itself, read-only; the data must be there."""
        return np.frombuffer(self.data, dtype=np.uint8).reshape(self.sides, order="F" if self.columns_first else "C")


class _Refused(Exception):
    """What is wrong at an opcode."""


def walk(
    name: str | Path, content: mmap.mmap | BinaryIO, layout: str, *, sides: int, dictionaries: bool = False
) -> Any:
    """The value that the pickle in ``content`` describes: numbers, text, bytes, tuples, lists and ``Array``.

    ``sides`` is how many sides of an array may be other than 1; ``dictionaries`` allows them, with keys of text or
    bytes. Python 2's ``str`` comes as bytes. ``name`` is what messages call the pickle, ``layout`` what it should be.

    Raises InputError with opcode and position (bytes): truncated, no pickle, anything else in it, a call above all.
    """
    size = _size(content)
    if size > MAX_BYTES:
        raise InputError(f"{name}: {size} bytes, the limit of {layout} is {MAX_BYTES}")
    machine, end = _Machine(sides, dictionaries, BUDGET_PER_BYTE * size + BUDGET), "the beginning"
    opcodes = pickletools.genops(content)
    while True:
        try:
            opcode, argument, position = next(opcodes)
        except (ValueError, IndexError) as error:  # also bytes that are not text; what it says may hold them all
            raise InputError(
                f"{name}: truncated or not a pickle, found after {end}: {str(error)[:80]} (expected {layout})"
            ) from None
        end = f"opcode {opcode.name} at position {position}"
        try:
            if opcode.name == "STOP":
                return machine.result()
            machine.step(opcode.name, argument)
        except _Refused as error:
            raise InputError(
                f"{name}: opcode {opcode.name} at position {position}: {error} (expected {layout}, nothing that runs)"
            ) from None


def _size(content: mmap.mmap | BinaryIO) -> int:
    place = content.tell()
    content.seek(0, 2)
    size = content.tell()
    content.seek(place)
    return size - place


class _Machine:
    """The pickle machine, less whatever imports, calls or changes anything but lists and dictionaries."""

    def __init__(self, sides: int, dictionaries: bool, budget: int) -> None:
        self.sides, self.dictionaries = sides, dictionaries
        self.budget = budget  # bytes of memory that are left
        self.stack: list[Any] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Do one opcode. Raises _Refused."""
        self._charge(OPCODE_COST + sys.getsizeof(argument))
        if name in VALUES:
            # Python 3.8's bytearray as well: it is not changed here, and a value that stands in many places is in memory once
            self.stack.append(bytes(argument) if type(argument) is bytearray else argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in STRINGS:  # Python 2's str, which genops gives as Latin-1
            self.stack.append(argument.encode("latin-1"))
        elif name in PUTS:
            if not 0 <= argument < MAX_MEMO:
                raise _Refused("stores a value under an absurd number")
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
                raise _Refused(f"adds to {kind(target)}")
            target.extend(items)
        elif name in ("EMPTY_DICT", "DICT", "SETITEM", "SETITEMS") and self.dictionaries:
            self._dictionary(name)
        elif name == "GLOBAL":
            self.stack.append(_global(argument))
        elif name == "STACK_GLOBAL":
            attribute, module = self._pop(), self._pop()
            if type(module) is not str or type(attribute) is not str:
                raise _Refused(f"names {kind(module)} and {kind(attribute)}")
            self.stack.append(_global(f"{module[:80]} {attribute[:80]}"))
        elif name == "REDUCE":
            arguments, function = self._pop(), self._pop()
            if type(arguments) is tuple:  # a call may copy them
                self._charge(sum(len(given) for given in arguments if isinstance(given, (str, bytes))))
            self.stack.append(_reduce(function, arguments, self.sides))
        elif name == "BUILD":
            state = self._pop()
            _build(self._top(), state, self.sides)
        elif name not in ("PROTO", "FRAME"):
            raise _Refused("is not allowed")

    def _dictionary(self, name: str) -> None:
        if name == "SETITEM":
            value, key = self._pop(), self._pop()
            items = [key, value]
        else:
            items = [] if name == "EMPTY_DICT" else self._pop_marked()
        if name.endswith("DICT"):
            self.stack.append({})
        if type(target := self._top()) is not dict:
            raise _Refused(f"sets items of {kind(target)}")
        if len(items) % 2 or any(type(key) not in (str, bytes) for key in items[::2]):
            raise _Refused("sets items whose keys are not all text")
        target.update(zip(items[::2], items[1::2]))

    def result(self) -> Any:
        """What is left at the end."""
        if len(self.stack) != 1 or self.marks:
            raise _Refused(f"{len(self.stack)} values are left, expected one")
        return self.stack[0]

    def _charge(self, count: int) -> None:
        """Take ``count`` bytes from the budget."""
        self.budget -= count
        if self.budget < 0:
            raise _Refused(f"asks for more memory than {BUDGET_PER_BYTE} bytes for each of the file, and {BUDGET} more")

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


def _reduce(function: Any, arguments: Any, sides: int) -> Any:
    """What a call in the file stands for: the bytes, type or array that it would make."""
    called = GLOBALS[function.name] if isinstance(function, _Global) else ""
    match called, arguments:
        case "encode", (str(text), "latin1" | "latin-1"):
            try:
                return text.encode("latin-1")
            except UnicodeEncodeError:
                raise _Refused("bytes are stored as text that is not Latin-1") from None
        case "dtype", (str(name) | bytes(name), *_):
            return _Type(name[:20] if isinstance(name, str) else name[:20].decode("latin-1"))
        case "array", (_Global(name="numpy ndarray"), tuple(), bytes() | str()):
            return Array()
        case "buffer", (bytes(data), _Type() as dtype, tuple(shape), str(order)):
            return _filled(Array(), data, dtype, shape, order == "F", sides)
    called = function.name.replace(" ", ".") if isinstance(function, _Global) else kind(function)
    raise _Refused(f"calls {called} in a way that neither bytes nor uint8 arrays need")


def _build(target: Any, state: Any, sides: int) -> None:
    """Complete an array or a type; a type's state is byte order and alignment, which single bytes do not have."""
    match target, state:
        case _Type(), tuple():
            return
        case Array(data=None), (int(), tuple(shape), _Type() as dtype, int(columns_first), bytes(data)):
            _filled(target, data, dtype, shape, bool(columns_first), sides)
        case _:
            raise _Refused(f"completes {kind(target)} with {kind(state)}")


def _filled(array: Array, data: bytes, dtype: _Type, shape: tuple, columns_first: bool, most: int) -> Array:
    # A side may be an absurd number.
    sides = tuple(side if type(side) is int and 0 <= side < 2**31 else -1 for side in shape[:4])
    wrong = not sides or len(shape) > 4 or -1 in sides or sum(side != 1 for side in sides) > most
    if dtype.name != "u1" or wrong or len(data) != math.prod(sides):
        dimensions = "one dimension" if most == 1 else f"at most {most} dimensions"
        raise _Refused(
            f"makes an array of {dtype.name[:20]} {sides} from {len(data)} bytes, expected u1 of {dimensions}"
        )
    array.data, array.sides, array.columns_first = data, sides, columns_first
    return array


def kind(value: Any) -> str:
    """What messages call a value."""
    return type(value).__name__.lstrip("_").lower()
