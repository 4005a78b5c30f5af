"""Lists in MATLAB's format: what scipy wrote is read as scipy reads it, and damage is one line, whatever it says."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from pipeline.data.matlab import read_named_ids
from pipeline.errors import InputError

NAMES = ["a.jpg", "Ä ö.png", "x" * 300, "b"]


def written(names=NAMES, ids=(7, 0, 2, 7), kind="f8", shape=(-1, 1), compressed=True, wrapped=False) -> bytes:
    """A file with other variables beside the two."""
    cells = np.empty(len(names), dtype=object)
    cells[:] = [np.array([name], dtype=object) if wrapped else name for name in names]
    file = io.BytesIO()
    variables = {"other": np.eye(3), "names": cells.reshape(shape), "ids": np.array(ids, kind).reshape(shape)}
    savemat(file, variables | {"struct": {"a": 1}, "text": "words"}, do_compression=compressed)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["f8", "f4", "u1", "i2", "u4", "i8"])
@pytest.mark.parametrize("shape", [(-1, 1), (1, -1), (2, 2)])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_scipy_wrote_is_read_as_scipy_reads_it(kind, shape, compressed):
    data = written(kind=kind, shape=shape, compressed=compressed)
    result = loadmat(io.BytesIO(data))
    names = [str(cell.item()) for cell in result["names"].ravel(order="F")]
    expected = list(zip(names, result["ids"].ravel(order="F").astype(int).tolist(), strict=True))
    assert read_named_ids(data, "a.mat", "names", "ids") == expected


def refused(data: bytes, line: str, keys=("names", "ids")) -> None:
    with pytest.raises(InputError, match=line) as error:
        read_named_ids(data, "a.mat", *keys)
    assert "\n" not in str(error.value)


def test_what_is_no_list_is_named():
    refused(written(), "a.mat: no variable nothing, expected nothing and ids", ("nothing", "ids"))
    refused(written(), "names holds something other than whole numbers", ("names", "names"))
    refused(written(), "ids is no cell array of texts", ("ids", "ids"))
    refused(written(), "text is no cell array of texts", ("text", "ids"))
    refused(written(), "struct holds something other than whole numbers", ("names", "struct"))
    refused(written(wrapped=True), "names is no cell array of texts")
    refused(written(ids=(1, 2, 3, 0.5)), "ids holds something other than whole numbers")
    refused(written(ids=(1, 2, 3, np.nan)), "ids holds something other than whole numbers")
    refused(written(ids=(1, 2, 3, 1j), kind="c16"), "ids holds something other than whole numbers")
    refused(b"MATLAB 7.3" + bytes(600), "not a whole .mat file .its first 128 bytes")


def test_lies_about_sizes_stay_inside_the_bytes_that_there_are():
    """Each word of a file in turn replaced: read as before or refused, never more than is there."""
    whole = written(names=["a.jpg", "b"], ids=(1, 2), compressed=False)
    for place in range(128, len(whole), 4):
        for lie in (0, 1, 4, 14, 15, 0x10001, 0x40005, 2**31 - 1, 2**32 - 1):
            data = whole[:place] + struct.pack("<I", lie) + whole[place + 4 :]
            try:
                assert len(read_named_ids(data, "a.mat", "names", "ids")) == 2
            except InputError:
                continue


@pytest.mark.parametrize("compressed", [True, False])
def test_a_cut_file_is_one_line(compressed):
    whole = written(compressed=compressed)
    last = whole.index(b"struct") if not compressed else len(whole) // 2
    for length in range(0, last, 7):
        refused(whole[:length], "a.mat: ")
