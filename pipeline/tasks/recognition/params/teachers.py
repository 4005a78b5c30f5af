"""The teacher: a network that is trained here, or a user's network that is adopted as it is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.face_networks import Network
from pipeline.params.faces import Channels, ImageSize, RemoteFileSettings, Sha256
from pipeline.params.loading import Settings
from pipeline.params.networks import Seeds, Training

CHECKPOINT = ".safetensors"
Value = Annotated[float, Field(ge=-1e6, le=1e6)]
Spread = Annotated[float, Field(gt=0, le=1e6)]


class OwnNetwork(RemoteFileSettings):
    """A user's network, by its file: an ONNX model (.onnx) or a checkpoint that this project wrote (.safetensors).

    A checkpoint has its card (.json) beside it, which says all that is to be known. Of a model these say it: faces
    are (B, channels, image_size, image_size), ``(pixel - mean) / std`` with pixels in 0..255, one number for all
    channels or one per channel, in ``channel_order``; it gives embeddings (B, embedding). ``address`` and ``sha256``
    are as those of other files; null, or left out: dropped in by hand, and any content.
    """

    architecture: Literal["own"]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(onnx|safetensors)$")]
    address: str | None = None
    sha256: Sha256 | None = None
    embedding: Annotated[int, Field(ge=2, le=8192)] | None = None
    image_size: ImageSize | None = None
    channels: Channels | None = None
    mean: Value | list[Value] | None = None
    std: Spread | list[Spread] | None = None
    channel_order: Literal["rgb", "bgr"] | None = None

    @property
    def is_checkpoint(self) -> bool:
        """Whether the file is a checkpoint of this project, whose maps and features methods can compare too."""
        return self.file.endswith(CHECKPOINT)

    @model_validator(mode="before")
    @classmethod
    def _one_kind_of_number(cls, given: Any) -> Any:
        # A union of number and list would be two errors, neither of which names the setting well.
        for name in ("mean", "std") if isinstance(given, dict) else ():
            value = given.get(name)
            numbers = value if isinstance(value, list) else [value]
            if value is not None and not all(type(number) in (int, float) for number in numbers):
                raise ValueError(f"{name} = {value!r}: expected a number, or one per channel")
        return given

    @model_validator(mode="after")
    def _says_what_is_needed(self) -> OwnNetwork:
        if self.is_checkpoint:
            if self.address is not None and not self.address.endswith(CHECKPOINT):
                raise ValueError(
                    f"address = {self.address!r}: expected {CHECKPOINT} at its end, with the .json beside it"
                )
            described = ("embedding", "image_size", "channels", "mean", "std", "channel_order")
            if given := [name for name in described if getattr(self, name) is not None]:
                raise ValueError(f"{given[0]} is given, expected none: the card of a checkpoint says it")
            return self
        needed = ("embedding", "image_size", "channels", "mean", "std")
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"{missing[0]} is missing, expected for {self.file}, which does not say it")
        for name in ("mean", "std"):
            if isinstance(value := getattr(self, name), list) and len(value) != self.channels:
                raise ValueError(f"{name} = {value}: expected a number, or {self.channels}, one per channel")
        if (self.channel_order is None) == (self.channels == 3):
            expected = "rgb or bgr" if self.channels == 3 else "none with one channel"
            raise ValueError(f"channel_order is {self.channel_order or 'missing'}, expected {expected}")
        return self


TeacherNetwork = Annotated[Network | OwnNetwork, Field(discriminator="architecture")]


class Teacher(Settings):
    """The network that sees sharp faces and that students learn from; with several seeds they learn from all."""

    seeds: Seeds
    network: TeacherNetwork
    training: Training | None  # null for a user's network: it is used as it is

    @model_validator(mode="after")
    def _trained_or_own(self) -> Teacher:
        is_own = isinstance(self.network, OwnNetwork)
        if is_own and self.training is not None:
            raise ValueError("training is given, expected null: a teacher of your own is not trained here")
        if is_own and len(self.seeds) > 1:
            raise ValueError(
                f"seeds = {self.seeds}: expected one seed, such as [0]: a teacher of your own is a single network"
            )
        if not is_own and self.training is None:
            raise ValueError("training is null, expected how the teacher is trained: only a teacher of your own is not")
        return self
