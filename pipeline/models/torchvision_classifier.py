"""Any classifier of torchvision by its name, with random weights: logits, what its last layer reads, features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.models.staged import Inside

# These give several predictions while they learn, which no loss here expects.
SEVERAL = ("googlenet", "inception_v3")


class TorchvisionClassifier(nn.Module):
    """Pictures (B, 1 or 3, H, W), normalised, to logits (B, classes); a grey picture is shown as three equal
    channels.

    Inputs and outputs of layers are taken down by hooks: torchvision's own extraction traces a network anew for
    training and evaluation, and cannot trace all. Raises InputError where there is no such network or layer.
    """

    def __init__(
        self, image_size: int, channels: int, classes: int, *, name: str, features: Sequence[str] = ()
    ) -> None:
        from torchvision import models  # a second that other architectures need not wait

        super().__init__()
        known = [model for model in models.list_models(module=models) if model not in SEVERAL]
        if name not in known:
            raise InputError(f"network.name = {name!r}: no classifier of torchvision (there are: {', '.join(known)})")
        options = {"image_size": image_size} if name.startswith("vit_") else {}
        try:
            self.network = models.get_model(name, weights=None, num_classes=classes, **options)
        except (ValueError, AssertionError) as error:  # a vision transformer whose patches do not divide the side
            raise InputError(f"network.name = {name!r}: not for pictures of {image_size} pixels ({error})") from None
        layers = dict(self.network.named_modules())
        last = [layer for layer in layers.values() if isinstance(layer, nn.Linear)][-1:]
        if not last or last[0].out_features != classes:
            raise InputError(f"network.name = {name!r}: its last layer is not linear, expected another network")
        last[0].register_forward_pre_hook(lambda _layer, given: self._seen.update(embedding=given[0]))
        for position, feature in enumerate(features):
            if feature not in layers:
                raise InputError(f"network.features: {name} has no layer {feature!r} (see torchvision's named_modules)")
            keep = lambda _layer, _given, made, key=position: self._seen.update({key: made})  # noqa: E731
            layers[feature].register_forward_hook(keep)
        self._count, self._seen = len(features), {}

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, classes)."""
        return self.look_inside(pictures).logits

    def look_inside(self, pictures: Tensor) -> Inside:
        """As forward, with the embedding and the features asked for. Raises InputError where a feature is no map."""
        logits = self.network(pictures.expand(-1, 3, -1, -1))
        seen, self._seen = self._seen, {}
        features = [seen[position] for position in range(self._count)]
        for position, feature in enumerate(features):
            if not isinstance(feature, Tensor) or feature.ndim != 4:
                raise InputError(f"network.features: the layer in place {position + 1} gives no map, expected another")
        return Inside(logits, seen["embedding"], features)
