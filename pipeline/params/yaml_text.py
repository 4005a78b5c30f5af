"""YAML text as plain dicts, lists, texts, numbers, booleans and nulls: what a file of settings needs, no more.

YAML lets a kilobyte stand for gigabytes (aliases of aliases) and for objects (tags). A file of settings needs
neither, so anchors, aliases, merge keys and tags are refused where they stand, before anything is built of them, and
so are numbers, texts and nesting beyond any that a setting has. What is left costs time and memory as its length does.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.composer import Composer
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode

from pipeline.params.same_as import SAME_AS
from pipeline.params.short import cut

MOST_DEPTH = 30
MOST_CHARACTERS = {"key": 100, "number": 40, "text": 2000}
NUMBERS = ("int", "float")
PLAIN = ("str", "int", "float", "bool", "null", "map", "seq")


def parse(data: bytes) -> Any:
    """The only document in ``data``, YAML 1.2 in UTF-8. Raises ValueError with one line that names the place."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid YAML: byte {error.start} is not UTF-8, expected text in that encoding") from None
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    try:
        return yaml.load(text)
    except _Refused:
        raise
    except YAMLError as error:
        raise ValueError(f"not valid YAML: {_described(error)}") from None
    except Exception as error:  # ruamel's own slips on broken text (IndexError, AttributeError, ...)
        raise ValueError(f"not valid YAML: {cut(str(error)) or type(error).__name__}") from None


class _Refused(ValueError):
    """Valid YAML that is no file of settings."""


class _Composer(Composer):
    """ruamel's, which looks at every node as it is read."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or event.anchor is not None:
            sign = "*" if isinstance(event, AliasEvent) else "&"
            raise _Refused(
                f"line {line}: {sign}{cut(event.anchor)}: expected no anchor or alias,"
                f" but {SAME_AS}: with the dotted key of the mapping meant"
            )
        if event.ctag is not None:
            raise _Refused(f"line {line}: the tag {cut(str(event.ctag))}: expected plain values, texts in quotes")
        if self.depth >= MOST_DEPTH:
            raise _Refused(f"line {line}: more than {MOST_DEPTH} mappings and lists inside one another")
        node = super().compose_node(parent, index)
        is_key = isinstance(parent, MappingNode) and index is None
        if problem := _key_problem(node) if is_key else _problem(node):
            raise _Refused(f"line {line}: {problem}")
        return node


def _kind(node: Any) -> str:
    return str(node.tag).rpartition(":")[2]


def _key_problem(node: Any) -> str:
    """What is wrong with a node as a key; empty where nothing is."""
    if not isinstance(node, ScalarNode):
        return "a mapping or list as a key, expected a name"
    if _kind(node) == "merge":
        return f"a merge key (<<): expected {SAME_AS}: with the dotted key of the mapping meant"
    if _kind(node) != "str":
        return f"the key {cut(node.value)} is read as {_kind(node)}, expected a name, in quotes if need be"
    if len(node.value) > MOST_CHARACTERS["key"]:
        return f"the key {cut(node.value)} has {len(node.value):,} characters, expected a name"
    return _odd_character(node.value)


def _problem(node: Any) -> str:
    """What is wrong with a node as a value; empty where nothing is."""
    kind = _kind(node)
    if kind not in PLAIN:
        return f"{cut(node.value)} is read as {kind}, expected a plain value, in quotes where it is a text"
    if not isinstance(node, ScalarNode):
        return ""
    expected = "number" if kind in NUMBERS else "text"
    if len(node.value) > MOST_CHARACTERS[expected]:
        return (
            f"{cut(node.value)}: a {expected} of {len(node.value):,} characters,"
            f" expected at most {MOST_CHARACTERS[expected]:,}"
        )
    return _odd_character(node.value)


def _odd_character(text: str) -> str:
    odd = [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs")]
    return f"{cut(text)!a} has the character {odd[0]!a}, expected none that cannot be printed" if odd else ""


def _described(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = [getattr(error, "context", None), getattr(error, "problem", None)]
    said = cut(", ".join(word for word in words if word) or str(error), 160)
    return f"line {mark.line + 1}, column {mark.column + 1}: {said}" if mark else said
