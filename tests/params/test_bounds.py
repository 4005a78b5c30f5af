"""A hostile or damaged params.yaml: one line of bounded length in little time and memory, whatever the file says."""

from __future__ import annotations

import resource
import time

import pytest

from pipeline.document import check
from pipeline.errors import InputError
from pipeline.params.short import shown

MOST = 2000  # characters of a line, beside the file's name
GUARD = 30.0  # seconds of processor time, no timing: an endless one is meant


def epochs(value: str):
    """tiny.yaml with something else for a number of epochs."""
    return lambda text: text.replace("epochs: 2", f"epochs: {value}", 1)


def kind(value: str):
    """tiny.yaml with something else for a word."""
    return lambda text: text.replace("kind: arcface", f"kind: {value}", 1)


def before(line: str):
    return lambda text: f"{line}\n{text}"


BOMB = "a0: &a0 [x, x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
CASES = {
    "nested anchors": (
        lambda text: BOMB + text.replace("seeds: [0]", "seeds: *a39"),
        "line 1: &a0: expected no anchor",
    ),
    "an anchor where a number goes": (
        lambda text: f"a: &x [1]\n{epochs('*x')(text)}",
        "line 1: &x: expected no anchor",
    ),
    "an alias of nothing": (epochs("*x"), r"line 30: \*x: expected no anchor"),
    "a merge key": (before("a: {<<: {b: 1}}"), "line 1: a merge key"),
    "a name as long as a book": (lambda text: "a: &" + "x" * 90_000, "line 1: &xxx.*: expected no anchor"),
    "5,000 digits": (epochs("9" * 5000), "line 30: 999.*: a number of 5,000 characters, expected at most 40"),
    "5,000 digits in hexadecimal": (epochs("0x" + "f" * 5000), "a number of 5,002 characters"),
    "39 digits": (epochs("9" * 39), "epochs = 9{39}: expected less than or equal to 1000000"),
    "a number past a float's": (lambda text: text.replace("0.05", "1e400", 1), "rate = inf: expected a finite number"),
    ".inf": (epochs(".inf"), "epochs = inf: expected a valid integer"),
    ".nan": (lambda text: text.replace("0.05", ".nan", 1), "rate = nan: expected a finite number"),
    "a boolean": (epochs("true"), "epochs = True: expected a valid integer"),
    "yes, a text in YAML 1.2": (lambda text: text.replace("keep_maps: true", "keep_maps: yes"), "keep_maps = 'yes'"),
    "sixty minutes": (epochs("1:30"), "epochs = '1:30': expected a valid integer"),
    "a date": (epochs("2020-01-01"), "line 30: 2020-01-01 is read as timestamp"),
    "a date that is none": (epochs("2020-99-99"), "line 30: 2020-99-99 is read as timestamp"),
    "a huge key": (before("? " + "k" * 1500 + "\n: 1"), "line 1: the key kkk.* has 1,500 characters"),
    "a huge text": (kind("x" * 50_000), "line 14: xxx.*: a text of 50,000 characters, expected at most 2,000"),
    "many unknown keys": (lambda text: "".join(f"k{i}: 1\n" for i in range(3000)) + text, r"\(and 2,990 more\)"),
    "a long list of texts": (lambda text: text.replace("[0]", "[" + "x," * 20_000 + "]", 1), r"\(and 19,990 more\)"),
    "a long list of seeds": (lambda text: text.replace("[0]", "[" + "1," * 20_000 + "]", 1), "expected each seed once"),
    "a number as key": (before("1: 2"), "line 1: the key 1 is read as int, expected a name"),
    "null as key": (before("~: 2"), "line 1: the key ~ is read as null"),
    "a list as key": (before("[a]: 2"), "line 1: a mapping or list as a key"),
    "a key twice": (lambda text: text + "seeds: [1]\n", "not valid YAML: line .*duplicate key"),
    "a large value twice": (lambda text: ("a: [" + "1," * 9000 + "]\n") * 2, "not valid YAML: line .*duplicate key"),
    "deep lists": (lambda text: "a: " + "[" * 90_000, "line 1: more than 30 mappings and lists"),
    "deep mappings": (lambda text: "a: " + "{a: " * 20_000, "line 1: more than 30 mappings and lists"),
    "deep blocks": (lambda text: "".join(" " * i + "a:\n" for i in range(400)), "more than 30 mappings and lists"),
    "deep keys": (lambda text: "? " * 40_000, "more than 30 mappings and lists"),
    "100 MB": (lambda text: b"a: 1\n" * 20_000_000, "more than 100,000 bytes"),
    "a tab": (before("a:\n\tb: 1"), "not valid YAML: line 2, column 1: .*cannot start any token"),
    "a NUL byte": (lambda text: text + "\0", "not valid YAML: unacceptable character"),
    "a NUL that is written out": (kind('"\\0"'), r"line 14: '\\x00' has the character '\\x00'"),
    "half a character": (kind('"\\ud800"'), r"line 14: '\\ud800' has the character"),
    "a terminal's control": (kind('"\\x1b[31m"'), r"line 14: '\\x1b\[31m' has the character"),
    "no character": (kind('"\\UFFFFFFFF"'), "not valid YAML"),
    "a program": (before("a: !!python/object/apply:os.system ['false']"), "line 1: the tag tag:yaml.org,2002:python"),
    "binary": (epochs("!!binary abcd"), "line 30: the tag tag:yaml.org,2002:binary"),
    "a set": (before("a: !!set {a}"), "line 1: the tag tag:yaml.org,2002:set"),
    "a number by its tag": (epochs("!!int abc"), "line 30: the tag tag:yaml.org,2002:int"),
    "a tag as long as a book": (before("a: !" + "x" * 50_000 + " 1"), "line 1: the tag !xxx"),
    "a directive's number": (lambda text: f"%YAML 1.{'9' * 5000}\n---\n{text}", "not valid YAML"),
    "another YAML": (lambda text: f"%YAML 9.9\n---\n{text}", "not valid YAML: .*incompatible"),
    "two documents": (lambda text: f"{text}---\n{text}", "not valid YAML: .*expected a single document"),
    "UTF-16": (lambda text: text.encode("utf-16"), "not valid YAML: byte 0 is not UTF-8"),
    "Latin-1": (lambda text: text.encode() + b"# \xe9\n", "not valid YAML: byte .* is not UTF-8"),
    "an open text": (lambda text: 'a: "' + "x\n" * 40_000, "not valid YAML: .*unexpected end of stream"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_one_short_line(root, tmp_path, name):
    change, line = CASES[name]
    content = change((root / "tests/settings/tiny.yaml").read_text())
    path = tmp_path / "params.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    began, size = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=line) as refused:
        check(path)
    said = str(refused.value)
    assert "\n" not in said and said.isprintable() and len(said) < MOST + len(str(path))
    assert time.process_time() - began < GUARD
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size < 300_000, "kB above what was there"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),  # a mark of byte order
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"---\n{text}...\n",
        lambda text: text.replace("epochs: 2", "epochs: 0o2"),
        lambda text: text.replace("basicnet: {", 'basicnet: {description: "été 😀, two\\nlines", '),
        lambda text: "# " + "x" * 50_000 + "\n" + text,
    ],
)
def test_what_is_only_unusual_is_read(root, tmp_path, change):
    text = (root / "tests/settings/tiny.yaml").read_text()
    content = change(text)
    (tmp_path / "params.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert check(tmp_path / "params.yaml").recognition.student.training.epochs == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, "a", None], "[1, 'a', None]"),
        ({"a": {"b": 1.5}}, "{'a': {'b': 1.5}}"),
        ("x" * 10**6, "'" + "x" * 56 + "..."),
        (1 << 20_000, "a number of 20,001 bits"),
        (list(range(10**6)), str(list(range(30)))[:57] + "..."),
        ((1, 2), "(1, 2)"),
        ([], "[]"),
    ],
    ids=range(7),
)
def test_a_value_is_cut_before_it_is_written_out(value, expected):
    assert shown(value) == expected


def test_a_value_that_shares_its_parts_is_cut_too():
    value: list = ["x"]
    for _ in range(200):  # 2^200 texts when written out
        value = [value, value]
    assert len(shown(value)) <= 60
