"""Tables, lists and arrays on disk: whatever they say, time and memory are bounded and the error is one short line."""

import codecs
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from pipeline.data import arrays, photo_lists, text_lines
from pipeline.data.arrays import open_array, read_arrays
from pipeline.data.recordio import read_index, read_property
from pipeline.data.sources import lfw
from pipeline.data.tables import read_csv
from pipeline.errors import InputError
from pipeline.report import tidy

READERS = {
    "photos": photo_lists.read_photos,
    "pairs": photo_lists.read_pairs,
    "searches": photo_lists.read_searches,
    "landmarks": photo_lists.read_landmarks,
    "names": photo_lists.read_names,
    "table": lambda path: read_csv(path, text=("file",)),
    "tidy": lambda path: tidy.read(path, ("file", "identity"), text=("file", "identity")),
    "index": read_index,
    "property": read_property,
    "lfw": lfw.read_pairs,
}
HEADER = b"file,identity\n"
CONTENTS = {
    "a million columns": b",".join([b"a"] * 1_000_000) + b"\n",
    "a million different columns": b",".join(b"%d" % i for i in range(1_000_000)) + b"\n",
    "a million columns in a row": HEADER + b"," * 1_000_000 + b"\n",
    "a row of 5,000 values": HEADER + b"a" + b"," * 5_000 + b"\n",
    "rows of more values than columns": HEADER + b"a.jpg,b,c\n" * 10,
    "a million quotes": HEADER + b'"' * 1_000_000,
    "a quote without an end": HEADER + b'"' + b"a,b\n" * 300_000,
    "a row in quotes without an end": HEADER + b'a,"\n' + b'","\n' * 300_000,
    "a line of five megabytes": HEADER + b"a" * 5_000_000,
    "a header of five megabytes": b"a" * 5_000_000,
    "a byte of zero": HEADER + b"a\0b,c\n",
    "UTF-16": codecs.BOM_UTF16_LE + (HEADER + b"a,b\n").decode().encode("utf-16-le"),
    "UTF-16 without its mark": (HEADER + b"a,b\n").decode().encode("utf-16-le"),
    "escapes of a terminal": b"file,\x1b[2J\x9b" + "\u202e".encode() + b"\n\x1b[31m,x\n",
}


@pytest.mark.parametrize("case", CONTENTS)
@pytest.mark.parametrize("reader", READERS)
def test_texts_that_are_none(reader, case, tmp_path):
    if reader in ("table", "tidy") and case in ("a quote without an end", "a row in quotes without an end"):
        pytest.skip("pandas reads to the end of the file, which is bounded")
    path = tmp_path / "given"
    path.write_bytes(CONTENTS[case])
    tracemalloc.start()
    try:
        try:
            READERS[reader](path)
        except InputError as error:
            line = str(error)
            assert line.startswith(str(path)) and line.isprintable() and len(line) <= 2000
        else:
            kept = ("escapes of a terminal", "a quote without an end", "a row in quotes without an end")
            # A name may be any text.
            assert reader in ("table", "names") and case in kept or (reader, case) == ("names", "a row of 5,000 values")
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reader", ["table", "tidy"])
def test_values_beyond_the_columns_are_never_taken_for_names_of_rows(reader, tmp_path):
    (tmp_path / "a").write_bytes(HEADER + b"a.jpg,b,c\n" * 10)
    with pytest.raises(InputError, match="a: rows with more values than columns, expected as many"):
        READERS[reader](tmp_path / "a")
    (tmp_path / "a").write_bytes(HEADER + b"0,b,c\n1,b,c\n2,b,c\n")
    with pytest.raises(InputError, match="a: rows with more values than columns, expected as many"):
        READERS[reader](tmp_path / "a")
    (tmp_path / "a").write_bytes(HEADER + b"a" + b"," * 5_000 + b"\n")
    with pytest.raises(InputError, match="a: more than 100 columns, the limit"):
        READERS[reader](tmp_path / "a")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_lines_as_they_are(end, mark, tmp_path, monkeypatch):
    """Whatever the blocks are that the file comes in."""
    lines = ["ü,\u2028,\x0b", "", "日本😀", "a" * 40, "last"]
    content = mark + end.join(lines).encode()
    for block in (1, 2, 3, 5, 64):
        monkeypatch.setattr(text_lines, "BLOCK", block)
        for behind in (b"", end.encode()):
            (tmp_path / "a").write_bytes(content + behind)
            assert [line.rstrip("\r\n") for line in text_lines.read_lines(tmp_path / "a", "text")] == lines
    (tmp_path / "a").write_bytes(mark + b"a\nb\n\xff\n")
    with pytest.raises(InputError, match="line 3: not UTF-8 text .byte 0xff., expected text"):
        list(text_lines.read_lines(tmp_path / "a", "text"))


def test_files_above_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "MAX_BYTES", 1000)
    (tmp_path / "a").write_bytes(HEADER + b"a.jpg,b\n" * 1000)
    for reader in ("photos", "names", "table", "tidy"):
        with pytest.raises(InputError, match="more than 1000 bytes, the limit"):
            READERS[reader](tmp_path / "a")


def npy(header, version=b"\1\0", data=b"", length=None):
    size = len(header) if length is None else length
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<L", size) + header + data


def described(shape, descr="'|u1'"):
    return b"{'descr': %s, 'fortran_order': False, 'shape': %s}\n" % (descr.encode(), shape.encode())


ARRAYS = {
    "a shape that lies": npy(described("(1000000000000,)")),
    "a negative side": npy(described("(-1, -4)"), data=bytes(4)),
    "sides that overflow": npy(described("(4294967296, 4294967296, 4)")),
    "too few bytes": npy(described("(4,)"), data=bytes(3)),
    "too many bytes": npy(described("(4,)"), data=bytes(5)),
    "Python objects": npy(described("(1,)", "'|O'"), data=bytes(8)),
    "a header of 4 GB": npy(b"{}", b"\2\0", length=2**32 - 1),
    "a header of brackets": npy(b"(" * 9000),
    "a header of signs": npy(b"-" * 9000 + b"1"),
    "a header of a giant number": npy(described("(" + "9" * 6000 + ",)")),
    "another version": npy(described("(1,)"), b"\7\0", bytes(1)),
    "a type of 2 GB": npy(described("(1,)", "'|V2147483647'")),
    "no header": b"\x93NUMPY\1\0",
    "nothing": b"",
    "text": b"hello",
}  # fmt: skip


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_are_none(case, tmp_path):
    (tmp_path / "a.npy").write_bytes(ARRAYS[case])
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", ARRAYS[case])
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="a.npz: cannot be read as arrays"):
            read_arrays(tmp_path / "a.npz")
        if case != "too many bytes":  # a map of what there is, as numpy has it
            with pytest.raises(InputError, match="a.npy: not a whole .npy array"):
                open_array(tmp_path / "a.npy")
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_an_array_that_decompresses_to_more(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAX_NPZ_BYTES", 10_000)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(20_000, np.uint8))
    with pytest.raises(InputError, match="a.npz: cannot be read as arrays .*limit"):
        read_arrays(tmp_path / "a.npz")


def test_good_arrays(tmp_path):
    wanted = {
        "a": np.arange(24, dtype="<f4").reshape(2, 3, 4), "b": np.asfortranarray(np.arange(6, dtype=">i8").reshape(2, 3)),
        "c": np.array(3.5), "d": np.zeros((0, 4), np.uint8), "e": np.array(["x", "yz"]), "f/g": np.array([True]),
    }  # fmt: skip
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **wanted)
        result = read_arrays(tmp_path / "a.npz")
        assert list(result) == list(wanted)
        for name, array in wanted.items():
            assert result[name].dtype == array.dtype and np.array_equal(result[name], array)
            assert result[name].flags.writeable
    assert list(read_arrays(tmp_path / "a.npz", ["c", "a"])) == ["c", "a"]
    with pytest.raises(InputError, match="an array is missing .z."):
        read_arrays(tmp_path / "a.npz", ["a", "z"])
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, wanted["a"], version=(2, 0))
    (tmp_path / "a.npy").write_bytes(buffer.getvalue())
    assert np.array_equal(open_array(tmp_path / "a.npy"), wanted["a"])
