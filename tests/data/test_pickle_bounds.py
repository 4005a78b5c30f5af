"""What a pickle makes is bounded by what the file is: a few opcodes cannot ask for the same megabytes again and again."""

import pickle
import tracemalloc

import numpy as np
import pytest

from pipeline.data import pickles
from pipeline.data.verification_bin import read_bin
from pipeline.errors import InputError

MIB = 2**20


def long_bytes(data):
    return b"B" + len(data).to_bytes(4, "little") + data


def long_text(data):
    return b"X" + len(data).to_bytes(4, "little") + data


def byte_array(data):
    return b"\x96" + len(data).to_bytes(8, "little") + data


def pickled(body):
    return b"\x80\x05" + body


BIG = bytes(MIB)
TEXT = b"a" * MIB
PAIRS = b"(" + b"\x88" * 500 + b"l" + b"\x86."
HOSTILE = {
    "a byte array in a thousand places": (b"(" + byte_array(BIG) + b"q\x01" + b"h\x01" * 999 + b"l" + PAIRS, None),
    "bytes made of the same text": (
        b"(c_codecs\nencode\nq\x01" + long_text(TEXT) + b"q\x02" + long_text(b"latin1") + b"q\x03\x86R"
        + b"h\x01h\x02h\x03\x86R" * 999 + b"l" + PAIRS,
        "asks for more memory",
    ),
    "arrays made of the same bytes": (
        b"(cnumpy.core.numeric\n_frombuffer\nq\x01(" + byte_array(BIG) + b"q\x02"
        + b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tRq\x03J\x00\x00\x10\x00\x85" + long_text(b"C") + b"tR"
        + (b"h\x01(h\x02h\x03J\x00\x00\x10\x00\x85" + long_text(b"C") + b"tR") * 999 + b"l" + PAIRS,
        "asks for more memory",
    ),
    "many empty lists": (b"(" + b"]" * 100_000 + b"l.", "asks for more memory"),
    "many memos": (b"N" + b"\x94" * 100_000 + b".", "asks for more memory"),
    "many marks": (b"(" * 100_000 + b".", "asks for more memory"),
    "wide text": (b"(" + b"".join(long_text("😀".encode() + TEXT) for _ in range(1)) * 12 + b"l.", ""),
    "a number of two megabytes": (b"\x8b" + (2 * MIB).to_bytes(4, "little") + b"\x7f" * 2 * MIB + b".", ""),
    "a number that is longer than the file": (b"\x8b\xff\xff\xff\x7f" + b"1.", "truncated"),
    "bytes that are longer than the file": (b"\x8e" + b"\xff" * 7 + b"\x3f" + b"1.", "truncated"),
    "a number of 5000 digits": (b"L" + b"9" * 5000 + b"L\n.", "not a pickle"),
    "a memo of 4000 digits": (b"Np" + b"9" * 4000 + b"\n.", "absurd"),
    "a memo below zero": (b"Np-1\n.", "absurd"),
    "tuples in tuples": (b")" + b"\x85" * 20_000 + b".", ""),
    "a list in itself": (b"]q\x01h\x01a.", ""),
    "a name of nested tuples": (b")" + b"\x85" * 20_000 + b"q\x01h\x01\x93.", "names tuple and tuple"),
    "a name of a megabyte": (b"c" + b"n" * MIB + b"\nm\n.", "names 'nnn"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_memory_of_a_pickle(case, tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "BUDGET", 4 * MIB)
    body, expected = HOSTILE[case]
    path = tmp_path / "pairs.bin"
    path.write_bytes(pickled(body))
    bound = pickles.BUDGET + pickles.BUDGET_PER_BYTE * len(pickled(body))
    tracemalloc.start()
    try:
        if expected is None:
            images, same = read_bin(path)
            assert len(images) == 2 * len(same) == 1000 and images[999] == BIG
        else:
            with pytest.raises(InputError) as caught:
                read_bin(path)
            assert str(path) in str(caught.value) and expected in str(caught.value)
            assert len(str(caught.value)) < 600
        assert tracemalloc.get_traced_memory()[1] < bound
    finally:
        tracemalloc.stop()


def test_pickles_above_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_BYTES", 1000)
    (tmp_path / "pairs.bin").write_bytes(pickle.dumps(([b"a" * 600, b"b" * 600], [True])))
    with pytest.raises(InputError, match="the limit of a pickle .* is 1000"):
        read_bin(tmp_path / "pairs.bin")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("form", [bytes, bytearray, lambda data: np.frombuffer(data, np.uint8)])
def test_good_pairs_of_every_protocol(protocol, form, tmp_path, monkeypatch):
    """Images as small as they come, a quarter of LFW's: the opcodes alone are within a quarter of the budget."""
    monkeypatch.setattr(pickles, "BUDGET", pickles.BUDGET // 4)
    images = [number.to_bytes(2, "little") * 50 for number in range(3000)]
    if form is bytearray and protocol < 5:
        pytest.skip("calls bytearray")
    content = pickle.dumps(([form(image) for image in images], [True, False] * 750), protocol)
    (tmp_path / "pairs.bin").write_bytes(content)
    assert read_bin(tmp_path / "pairs.bin")[0] == images
