"""A network from a file of torch.export (.pt2), run without running what else such a file may hold.

torch.export.load unpickles, evaluates text and looks operators up by any name, so that a file can do whatever it
likes. Here the graph is read as data (pipeline.models.exported_archive) and its operators, pure functions of tensors
that stand on a list, are called one after another. Nothing else in the file is looked at.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.models.exported_archive import DAMAGE, DTYPES, LAYOUTS, MEMORY_FORMATS, Archive, damaged, read_archive
from pipeline.models.exported_operators import OPERATORS

# What the exporter took for granted of shapes and types; their output is none.
ASSERTIONS = {
    f"torch.ops.aten.{name}.default"
    for name in ("_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range", "sym_constrain_range_for_size")
}
KEYWORD = 2  # the kind of an argument that is given by its name
# What shapes are computed by where the batch is not fixed.
ON_NUMBERS: dict[str, Callable[..., Any]] = {
    f"_operator.{name}": getattr(operator, name)
    for name in ("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "pos", "eq", "ne", "le", "lt", "ge", "gt",
                 "and_", "or_", "getitem")
} | {
    "math.trunc": math.trunc,
    "torch.sym_max": max, "torch.sym_min": min, "torch.sym_int": int, "torch.sym_float": float,
    "torch.sym_not": operator.not_,
}  # fmt: skip


class ExportedNetwork(nn.Module):
    """Images (B, C, H, W) to embeddings (B, D), as the exported program computes them, on any device.

    ``batch`` is the number of images that the program takes, None where it takes any; ``shape`` is (C, H, W). Raises
    InputError, naming ``name``, where the content is no whole .pt2, has more inputs or outputs than one, changes its
    own weights (it was exported in training mode), or uses an operator that is not on the list.
    """

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__()
        archive = read_archive(content, name)
        self.name = name
        self.register_buffer("somewhere", torch.empty(0), persistent=False)  # moves with the weights
        self.places: dict[str, str] = {}  # where a weight of the graph lies in this module
        try:
            self.source, self.batch, self.shape, self.dtype = _bind(self, archive)
            self.result = _output(name, archive)
            nodes = [node for node in archive.graph["nodes"] if node["target"] not in ASSERTIONS]
            self.steps = [_Step(node, name) for node in nodes]
            self.last_use = {used: i for i, step in enumerate(self.steps) for used in step.uses}
        except DAMAGE as error:
            raise damaged(name, error) from error

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D), B as ``batch`` says. Raises InputError at the operator that fails."""
        values = {name: getattr(self, place) for name, place in self.places.items()}
        values[self.source] = images.to(self.dtype)
        for i, step in enumerate(self.steps):
            try:
                step.run(values, self.somewhere.device)
            except DAMAGE as error:
                reason = str(error).strip().partition("\n")[0][:200]
                reason = reason or type(error).__name__
                raise InputError(f"{self.name}: operator {step.target} fails: {reason}") from error
            for used in step.uses:  # an activation is large, and the next may need its place
                if self.last_use[used] == i and used != self.result:
                    values.pop(used, None)
        if self.result not in values:
            raise InputError(f"{self.name}: its output {self.result} is never computed")
        return values[self.result]


def _bind(network: ExportedNetwork, archive: Archive) -> tuple[str, int | None, tuple[int, ...], torch.dtype]:
    """Take the weights over; the name of the input, its batch (None: any), shape and type."""
    sources = []
    for spec in archive.signature["input_specs"]:
        (kind, entry), *_ = spec.items()
        if kind in ("parameter", "buffer", "tensor_constant"):
            tensor = archive.tensors.get(entry[f"{kind}_name"])
            if tensor is None:
                raise InputError(f"{network.name}: {entry[f'{kind}_name']} is not stored, expected its numbers")
            place = network.places[entry["arg"]["name"]] = f"weight_{len(network.places)}"
            if kind == "parameter":
                network.register_parameter(place, nn.Parameter(tensor, requires_grad=False))
            else:
                network.register_buffer(place, tensor)
        elif kind == "user_input" and "as_tensor" in entry["arg"]:
            sources.append(entry["arg"]["as_tensor"]["name"])
        else:
            raise InputError(f"{network.name}: an input of the kind {kind}, expected images alone")
    if len(sources) != 1:
        raise InputError(f"{network.name}: {len(sources)} inputs, expected one: images (B, C, H, W)")
    meta = archive.graph["tensor_values"][sources[0]]
    sizes = [size.get("as_int") for size in meta["sizes"]]
    if len(sizes) != 4 or None in sizes[1:]:
        raise InputError(f"{network.name}: takes {tuple(s or '?' for s in sizes)}, expected (B, C, H, W), only B free")
    return sources[0], sizes[0], tuple(sizes[1:]), DTYPES[meta["dtype"]]


def _output(name: str, archive: Archive) -> str:
    results = [spec.get("user_output") for spec in archive.signature["output_specs"]]
    if None in results:
        raise InputError(f"{name}: changes its own weights, expected evaluation mode: eval() before export")
    if len(results) != 1 or "as_tensor" not in results[0]["arg"]:
        raise InputError(f"{name}: {len(results)} outputs, expected one: embeddings (B, D)")
    if not isinstance(result := results[0]["arg"]["as_tensor"]["name"], str):
        raise TypeError(f"an output of the name {result}")
    return result


class _Step:
    """One operator with its arguments, as the graph has them."""

    def __init__(self, node: dict[str, Any], name: str) -> None:
        self.target, self.outputs = node["target"], node["outputs"]
        self.function = _function(self.target, name)
        self.keywords = [given["name"] for given in node["inputs"] if given.get("kind") == KEYWORD]
        self.uses: list[str] = []
        self.read: list[Callable] = []  # positional arguments first
        for given in sorted(node["inputs"], key=lambda given: given.get("kind") == KEYWORD):
            self.read.append(_reader(given["arg"], self.uses, f"{name}: operator {self.target}"))
        at_random = [g for g in node["inputs"] if g["name"] == "dropout_p" and g["arg"].get("as_float")]
        training = [g for g in node["inputs"] if g["name"] in ("train", "training") and g["arg"].get("as_bool")]
        if at_random or training:
            raise InputError(
                f"{name}: operator {self.target} is in training mode, expected evaluation: eval() before export"
            )

    def run(self, values: dict[str, Any], device: torch.device) -> None:
        """Compute, and put the outputs under their names."""
        given = [read(values, device) for read in self.read]
        split = len(given) - len(self.keywords)
        result = self.function(*given[:split], **dict(zip(self.keywords, given[split:], strict=True)))
        # One output, a list of them, or several: the graph names each tensor and number.
        names = [_names(output) for output in self.outputs]
        names = names[0] if len(names) == 1 else names
        pairs = zip(names, result, strict=True) if isinstance(names, list) else [(names, result)]
        values.update({name: value for name, value in pairs if name is not None})


def _names(output: dict[str, Any]) -> Any:
    (kind, entry), *_ = output.items()
    if kind == "as_tensors":
        return [tensor["name"] for tensor in entry]
    return entry.get("name", entry.get("as_name")) if isinstance(entry, dict) else None


def _function(target: str, name: str) -> Callable[..., Any]:
    if target in ON_NUMBERS:
        return ON_NUMBERS[target]
    namespace, _, rest = target.removeprefix("torch.ops.").partition(".")
    operator_name, _, overload = rest.partition(".")
    base = operator_name.removesuffix("_")  # in place
    if target.startswith("torch.ops.") and namespace == "aten" and base in OPERATORS:
        packet = getattr(torch.ops.aten, operator_name, None)
        if packet is not None and overload in packet.overloads():
            return getattr(packet, overload)
    raise InputError(
        f"{name}: operator {target[:80]!r} is not among those that run here: export the network to ONNX instead"
    )


def _reader(argument: dict[str, Any], uses: list[str], where: str) -> Callable:
    """How the argument is read when the step runs: ``(values, device) -> value``."""
    (kind, entry), *_ = argument.items()

    def stored(name: str) -> Callable:
        uses.append(name)
        return lambda values, device: values[name]

    def several(readers: list[Callable]) -> Callable:
        return lambda values, device: [read(values, device) for read in readers]

    def constant(value: Any) -> Callable:
        return lambda values, device: value

    match kind:
        case "as_none":
            return constant(None)
        case "as_tensor":
            return stored(entry["name"])
        case "as_tensors":
            return several([stored(tensor["name"]) for tensor in entry])
        case "as_optional_tensors" | "as_sym_ints" | "as_sym_bools" | "as_sym_floats":
            return several([_reader(_symbol(one), uses, where) for one in entry])
        case "as_sym_int" | "as_sym_bool" | "as_sym_float" | "as_optional_tensor":
            return _reader(_symbol(entry), uses, where)
        case "as_int" | "as_bool" | "as_string" | "as_ints" | "as_bools":
            return constant(entry)
        case "as_float":
            return constant(float(entry))  # "Infinity" is text
        case "as_floats":
            return constant([float(value) for value in entry])
        case "as_scalar_type" if entry in DTYPES:
            return constant(DTYPES[entry])
        case "as_memory_format" if entry in MEMORY_FORMATS:
            return constant(MEMORY_FORMATS[entry])
        case "as_layout" if entry in LAYOUTS:
            return constant(LAYOUTS[entry])
        case "as_device":
            return lambda values, device: device  # where the weights are, not where it was exported
    raise InputError(f"{where} has an argument of the kind {kind}, which does not run here")


def _symbol(entry: dict[str, Any]) -> dict[str, Any]:
    """A number by name is read as a tensor by name is."""
    return {"as_tensor": {"name": entry["as_name"]}} if "as_name" in entry else entry
