"""A file that somebody else gives out: its name, where it is, and how its content is known again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")  # told apart by content where they are read


@dataclass(frozen=True)
class RemoteFile:
    """A file that somebody else gives out.

    ``name``: the file's name in its folder. ``address``: http, https or file address, or a path relative to
    the current folder; None where the file cannot be downloaded freely. ``sha256``: 64 hex digits; None
    accepts any content and prints its checksum. ``provider``: who gives the file out, for the message.
    ``sha256_start``: the first digits of the checksum, where its provider publishes only these.
    """

    name: str
    address: str | None
    sha256: str | None
    provider: str
    sha256_start: str | None = None

    def check(self) -> None:
        """Raise InputError where name, address or checksum are none."""
        if not self.name or Path(self.name).name != self.name:
            raise InputError(f"{self.name!r}: expected the plain name of a file, without folders")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise InputError(f"{self.name}: sha256 {self.sha256!r}, expected 64 hex digits or none")
        if self.address is not None and not self.address.strip():
            raise InputError(f"{self.name}: address {self.address!r}, expected null or an address")

    @property
    def stem(self) -> str | None:
        """The name without the suffix of an archive; None for other files."""
        return next((self.name.removesuffix(end) for end in reversed(ARCHIVES) if self.name.endswith(end)), None)

    @property
    def is_pinned(self) -> bool:
        """Whether its content is known beforehand."""
        return self.sha256 is not None or self.sha256_start is not None

    def is_right(self, digest: str) -> bool:
        """Whether content of the SHA-256 ``digest``, in lower case, may be this file's."""
        if self.sha256 is not None and digest != self.sha256.lower():
            return False
        return digest.startswith(self.sha256_start or "")

    @property
    def expected(self) -> str:
        """The checksum asked for, in words."""
        return self.sha256.lower() if self.sha256 else f"a sha256 that begins with {self.sha256_start}"

    def wrong(self, source: str | Path, digest: str, remark: str = "") -> InputError:
        """The error of a content of another checksum, which came from ``source``."""
        return InputError(
            f"{self.name}: wrong checksum of {source}: found sha256 {digest}, expected {self.expected}"
            f" (the file given out by {self.provider}){remark}"
        )
