"""JSON and the headers of .safetensors: bounded in size and depth, and refused in one line where they are not JSON."""

import json
import struct
import tracemalloc

import pytest
import torch

from pipeline import plain_json, resume
from pipeline.checkpoints import load_checkpoint, load_tensors, save_tensors
from pipeline.errors import InputError
from pipeline.files import read_json, write_json
from pipeline.resume import ResumeFile

BAD = {
    "deep lists": ("[" * 100_000 + "]" * 100_000, "within one another"),
    "deep objects": ('{"a":' * 100_000 + "1" + "}" * 100_000, "within one another"),
    "deeper than allowed by one": ("[" * 65 + "]" * 65, "within one another"),
    "brackets that never close": ("[" * 1_000_000, "within one another"),
    "quotes that never close": ('"' + '\\"' * 500_000, "Unterminated string"),
    "quotes by the million": ('""' * 1_000_000, "Extra data"),
    "a number of 5,000 digits": ("9" * 5000, "4300"),
    "NaN": ('{"a": NaN}', "NaN found"),
    "infinity": ('{"a": -Infinity}', "-Infinity found"),
    "a number that is infinite": ('{"a": 1e999}', "1e999"),
    "a key twice": ('{"a": {"b": 1, "c": 2, "b": 3}}', "'b' occurs twice"),
    "half of a surrogate pair": ('["\\ud800"]', "surrogates"),
    "too large": ("[" + "0," * plain_json.MAX_BYTES + "0]", "limit"),
    "UTF-16": ("{}".encode("utf-16"), "utf-8"),
    "bytes that are not text": (b'{"a": "\xff"}', "utf-8"),
    "nothing": ("", "Expecting value"),
    "NUL": ("{}\0", "Extra data"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_json(case, tmp_path):
    text, expected = BAD[case]
    path = tmp_path / "notes.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_json(path)
    assert str(path) in str(caught.value) and expected in str(caught.value) and len(str(caught.value)) < 500


def test_good_json(tmp_path):
    value = {"[{": ["]}", '"[\\', "ü😀\u2028"], "a": {"b": [[[1.5, -2, 1e300, True, None]]]}, "": "\\"}
    for depth in range(50):
        value = [value] if depth % 2 else {"x": value}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert plain_json.parse("NaN", finite=False) != plain_json.parse("NaN", finite=False)
    assert plain_json.parse('"\\ud83d\\ude00 \\\\ud800"') == "😀 \\ud800"


def test_memory_of_json(tmp_path):
    """The densest there is: an empty object for three bytes."""
    tracemalloc.start()
    try:
        plain_json.parse("[" + "{}," * 100_000 + "{}]")
        assert tracemalloc.get_traced_memory()[1] < 35 * 300_000
    finally:
        tracemalloc.stop()


def safetensors(metadata, tensors=None, size=None):
    header = json.dumps({"__metadata__": metadata} | (tensors or {})).encode()
    return struct.pack("<Q", len(header) if size is None else size) + header


HEADERS = {
    "deep notes": safetensors({"notes": "[" * 100_000 + "]" * 100_000}),
    "notes that are not an object": safetensors({"notes": "[1, 2]"}),
    "notes of a giant number": safetensors({"notes": '{"a": ' + "9" * 5000 + "}"}),
    "a header of 64 EB": safetensors({}, size=2**63),
    "a header of 90 MB": safetensors({}, size=90_000_000) + b" " * 90_000_000,
    "a deep header": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "a tensor outside the file": safetensors({}, {"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}),
    "a tensor of absurd sides": safetensors(
        {}, {"a": {"dtype": "F32", "shape": [2**62, 2**62, 0], "data_offsets": [0, 0]}}
    ),
    "seven bytes": b"\1\0\0\0\0\0\0",
    "nothing": b"",
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_tensors(case, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(HEADERS[case])
    with pytest.raises(InputError, match="not a whole safetensors file") as caught:
        load_tensors(path)
    assert str(path) in str(caught.value)


def test_a_deep_card(tmp_path):
    save_tensors(tmp_path / "model.safetensors", {"a": torch.zeros(2)})
    (tmp_path / "model.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="model.json: not valid JSON"):
        load_checkpoint(tmp_path / "model.safetensors")


def test_a_resume_state_is_taken_whole_or_not_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resume, "FOLDER", tmp_path / ".resume")
    monkeypatch.chdir(tmp_path)
    file = ResumeFile(tmp_path / "model.safetensors", {"seed": 1})
    tensors = {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(7), "h": torch.ones(3, dtype=torch.bfloat16)}
    notes = {"position": 3, "sums": {"total": float("inf")}, "history": [{"epoch": 1, "total": 0.1}]}
    file.save(tensors, notes)
    result, said = file.load()
    assert all(torch.equal(result[name], tensors[name]) for name in tensors) and len(result) == 3
    assert {key: said[key] for key in notes} == notes
    whole = file.path.read_bytes()
    for change in (
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b'\\"position\\": 3', b'\\"position\\": 4'),
        lambda data: data.replace(b'\\"position\\": 3', b'\\"positiom\\": 3'),
        lambda data: data[:-1],
        lambda data: safetensors({"notes": "[" * 100_000}),
        lambda data: safetensors({"notes": json.dumps({"binding": file.binding})}),
    ):
        damaged = change(whole)
        assert damaged != whole
        file.path.write_bytes(damaged)
        assert file.load() is None
        assert "ignored, training starts over" in capsys.readouterr().err
