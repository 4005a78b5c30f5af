"""Layers that see the whole batch where several processes have a share of it each.

torch has batch normalisation like this for GPUs alone, and no dropout: its mask would be the same on every process,
and another than that of a single process with the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline.together import places, total


def synchronise(module: nn.Module, device: torch.device) -> None:
    """Put such layers, in place, where ``module`` has batch normalisation or dropout; names and weights stay."""
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout):
            setattr(module, name, BatchDropout(child.p))
        elif not isinstance(child, _BatchNorm):
            synchronise(child, device)
        elif device.type == "cuda":
            setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))
        else:
            setattr(module, name, BatchNorm(child))


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe, Szegedy, ICML 2015) by the statistics over all processes, for any number of sides.

    Takes over the weights and buffers of ``layer``, under the same names.
    """

    def __init__(self, layer: _BatchNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps, self.momentum = layer.weight, layer.bias, layer.eps, layer.momentum
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(layer, name))
        self.train(layer.training)

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape and type; sums in float32."""
        if not self.training:
            return functional.batch_norm(
                values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        sides = [0, *range(2, values.dim())]
        shape = (1, -1, *[1] * (values.dim() - 2))
        with torch.autocast(values.device.type, enabled=False):
            share = values.float()
            sums = total(torch.cat([share.sum(sides), share.new_tensor([share.numel() / share.shape[1]])]))
            count = sums[-1].detach()
            mean = sums[:-1] / count
            centred = share - mean.view(shape)
            variance = total(centred.square().sum(sides)) / count
            factor = self.weight * (variance + self.eps).rsqrt()
            result = centred * factor.view(shape) + self.bias.view(shape)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)  # the unbiased variance is kept
        return result.to(values.dtype)


class BatchDropout(nn.Module):
    """Dropout by the rows of the whole batch's mask: the mask that a single process would draw."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """(n, ...) of this process's share -> the same shape."""
        if not self.training:
            return values
        size, places_here = places()
        last = values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last)
        order = torch.channels_last if last else torch.contiguous_format  # numbers are drawn as they lie in memory
        whole = torch.empty(size, *values.shape[1:], dtype=values.dtype, device=values.device, memory_format=order)
        return values * functional.dropout(whole.fill_(1), self.p)[places_here.to(values.device)]
