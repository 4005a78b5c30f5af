"""``same_as: some.dotted.key`` in a mapping: it is the mapping at that key, but for the other keys it has itself.

The key is from the top of the file. Other keys take the place of those they name, whole (``schedule:`` replaces all
of a schedule). The mapping named may say ``same_as`` too. This stands in place of YAML's anchors and merge keys: it
has one meaning for every reader of the file, and a value that is written once can be set from the command line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.params.short import cut, shown

SAME_AS = "same_as"
LOOP = "leads back to where it stands, expected another mapping"
MOST_CHARACTERS = 1_000_000  # of all values and keys when every same_as is followed; ten times what a file may have
MOST_DEPTH = 60  # of mappings and lists nested in each other, each same_as on the way counted
# What dvc.yaml makes its stages from. DVC reads the file as it is, so these stand in it, not behind a same_as.
WRITTEN_OUT = (
    "seeds",
    *(f"recognition.{key}" for key in ("teacher.seeds", "baselines", "students")),
    *(f"super_resolution.{key}" for key in ("pictures", "faces", "scales", "teacher.seed", "baselines", "students")),
    *(f"synthesis.{key}" for key in ("collections", "teacher.drawings", "teacher.domains", "baselines", "students")),
    *(f"classification.{key}" for key in ("sets", "teacher.seed", "baselines", "students")),
)


def resolve(document: dict[str, Any]) -> dict[str, Any]:
    """The document without any ``same_as``. Raises ValueError naming the key that says it and the key that it names."""
    whole = _Reader(document).value(document, "", 0)
    if whole.characters > MOST_CHARACTERS:
        raise ValueError(
            f"{whole.characters:,} characters of settings when every {SAME_AS} is followed,"
            f" expected at most {MOST_CHARACTERS:,}"
        )
    resolved = whole.plain()
    for key in WRITTEN_OUT:
        if _is_there(resolved, key) and not _is_there(document, key):
            raise ValueError(f"{key} comes by {SAME_AS}, expected written out: DVC makes its stages from it")
    return resolved


@dataclass(frozen=True)
class _Value:
    """A value without ``same_as``, which may share its parts with others, and its size when they are written out."""

    parts: Any  # of a mapping or list those of its values, anything else as it is
    characters: int

    def plain(self) -> Any:
        """Plain dicts and lists, nothing shared."""
        if isinstance(self.parts, dict):
            return {key: part.plain() for key, part in self.parts.items()}
        return [part.plain() for part in self.parts] if isinstance(self.parts, list) else self.parts


@dataclass
class _Reader:
    """Every mapping and list is read once, however many name it: time grows with what is written in the file."""

    document: dict[str, Any]
    read: dict[int, _Value] = field(default_factory=dict)  # by the id of the mapping or list
    begun: set[int] = field(default_factory=set)  # and not yet read to its end
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)  # the mapping at a key, as it is written
    followed: list[str] = field(default_factory=list)  # keys on the way to a mapping that is looked for

    def value(self, node: Any, where: str, depth: int) -> _Value:
        """``node``, which stands at the key ``where``."""
        if not isinstance(node, dict | list):
            return _Value(node, len(node) if isinstance(node, str) else 8)
        if id(node) not in self.read:
            if depth > MOST_DEPTH:
                raise ValueError(f"{cut(where)}: more than {MOST_DEPTH} mappings and {SAME_AS} lead here")
            self.begun.add(id(node))
            by_kind = self._mapping if isinstance(node, dict) else self._list
            self.read[id(node)] = by_kind(node, where, depth)
            self.begun.discard(id(node))
        return self.read[id(node)]

    def _list(self, node: list[Any], where: str, depth: int) -> _Value:
        parts = [self.value(child, f"{where}.{place}", depth + 1) for place, child in enumerate(node)]
        return _Value(parts, 2 + sum(part.characters for part in parts))

    def _mapping(self, node: dict[str, Any], where: str, depth: int) -> _Value:
        parts: dict[str, _Value] = {}
        if SAME_AS in node:
            said = f"{cut(f'{where}.' if where else '')}{SAME_AS} = {shown(node[SAME_AS])}"
            target = self._target(node[SAME_AS], said)
            if id(target) in self.begun:
                raise ValueError(f"{said}: {LOOP}")
            parts |= self.value(target, node[SAME_AS], depth + 1).parts
        for key, child in node.items():
            if key != SAME_AS:
                parts[key] = self.value(child, f"{where}.{key}" if where else key, depth + 1)
        return _Value(parts, 2 + sum(len(key) + part.characters for key, part in parts.items()))

    def _target(self, key: Any, said: str) -> dict[str, Any]:
        """The mapping at the dotted ``key``, as it is written; ``said`` begins the line for the user."""
        if not isinstance(key, str):
            raise ValueError(f"{said}: expected the dotted key of a mapping")
        if key in self.targets:
            return self.targets[key]
        if key in self.followed or len(self.followed) > MOST_DEPTH:
            raise ValueError(f"{said}: {LOOP}")
        self.followed.append(key)
        node: Any = self.document
        for part in key.split("."):
            node = self._child(node, part, said)
        self.followed.pop()
        if not isinstance(node, dict):
            raise ValueError(f"{said}: found {shown(node)} there, expected a mapping")
        self.targets[key] = node
        return node

    def _child(self, node: Any, part: str, said: str) -> Any:
        """What stands in the mapping under this name, or in the first that it is ``same_as`` and that has the name."""
        for _ in range(MOST_DEPTH):
            if not isinstance(node, dict) or (part not in node and SAME_AS not in node):
                known = ", ".join(node) if isinstance(node, dict) else "no settings"
                raise ValueError(f"{said}: no such key; where {cut(part)} is looked for there are: {cut(known, 200)}")
            if part in node:
                return node[part]
            node = self._target(node[SAME_AS], said)
        raise ValueError(f"{said}: {LOOP}")


def _is_there(document: Any, key: str) -> bool:
    """Whether the dotted key stands in the document, no ``same_as`` followed, neither before it nor in it."""
    for part in key.split("."):
        if not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return not isinstance(document, dict) or SAME_AS not in document
