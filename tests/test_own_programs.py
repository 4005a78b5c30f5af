"""Programs of the user's own: they compute what the network computes, run nothing else, and fail in one line."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from own_networks import Tiny, exported, onnx_model
from torch import nn

from pipeline.errors import InputError
from pipeline.models.exported import ExportedNetwork
from pipeline.models.exported_operators import OPERATORS
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.params.teachers import OwnNetwork
from pipeline.tasks.recognition.adapting import ProgramNetwork, program_network


@pytest.fixture(scope="module")
def pt2() -> bytes:
    return exported(Tiny())


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(6, 3, 24, 24, generator=torch.Generator().manual_seed(1))


def rewritten(content: bytes, change=lambda name, data: data, **more: bytes) -> bytes:
    """The archive with each entry as ``change(name, data)`` gives it, and entries more."""
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out := io.BytesIO(), "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name.partition("/")[2], old.read(name)))
        for name, data in more.items():
            new.writestr(f"{old.namelist()[0].partition('/')[0]}/{name}", data)
    return out.getvalue()


def with_graph(content: bytes, change) -> bytes:
    """The archive after ``change(program)`` on its JSON."""

    def edit(name: str, data: bytes) -> bytes:
        if name != "models/model.json":
            return data
        change(program := json.loads(data))
        return json.dumps(program).encode()

    return rewritten(content, edit)


class Several(nn.Module):
    """What face networks are made of beside convolutions: attention, splitting, shapes that depend on the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 16, 8, 8), nn.LayerNorm(16)
        self.query, self.out = nn.Linear(16, 48), nn.Linear(16, 8)
        self.register_buffer("place", torch.linspace(-1, 1, 9 * 16).view(9, 16), persistent=False)

    def forward(self, images):
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.place
        q, k, v = self.query(self.norm(tokens)).reshape(images.shape[0], 9, 3, 16).unbind(2)
        tokens = tokens + nn.functional.scaled_dot_product_attention(q, k, v)
        first, second = nn.functional.gelu(tokens).chunk(2, dim=2)
        tokens = torch.cat([first, second.flip(1)], 2).masked_fill_(tokens < -2, 0.0)
        weights = torch.ones(tokens.shape[0], 9, 1, device=images.device) * torch.arange(9.0).view(1, 9, 1)
        return nn.functional.normalize(self.out((tokens * weights).mean(1)), dim=1)


@pytest.mark.parametrize("batch", [None, 6])
@pytest.mark.parametrize("make", [Tiny, Several])
def test_an_exported_network_gives_what_it_gave(make, batch, images):
    """To the last bit; exported with operators as they were called and decomposed into fewer."""
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        expected = model(images)
    dynamic = None if batch else ({0: torch.export.Dim("batch")},)
    program = torch.export.export(model, (images,), dynamic_shapes=dynamic)
    for one in (program, program.run_decompositions()):
        torch.export.save(one, content := io.BytesIO())
        network = ExportedNetwork(content.getvalue(), "it.pt2")
        assert (network.batch, network.shape) == (batch, (3, 24, 24))
        with torch.no_grad():
            found = network(images)
            assert torch.allclose(found, expected, atol=1e-6) and (one is not program or torch.equal(found, expected))
            assert batch or torch.allclose(network(images[:1]), expected[:1], atol=1e-6)
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in model.parameters())


def test_an_onnx_model_gives_what_the_network_gives(images):
    model = Tiny()
    network = OnnxNetwork(onnx_model(model), "it.onnx")
    with torch.no_grad():
        assert torch.allclose(network(images), model(images), atol=1e-5)
    assert network.parameters_stored == sum(p.numel() for p in model.parameters())


def test_operators_on_the_list_are_there_and_write_no_files():
    for name in OPERATORS:
        packet = getattr(torch.ops.aten, name)
        for overload in packet.overloads():
            arguments = getattr(packet, overload)._schema.arguments
            assert not {"filename", "storage"} & {argument.name for argument in arguments}
    assert not {"from_file", "save", "load", "rand", "bernoulli", "set", "resize"} & OPERATORS


def test_a_device_in_the_file_is_where_it_was_exported_and_not_where_it_runs(images):
    content = exported(Several().eval())
    assert b'"type": "cpu"' in _graph(content)
    elsewhere = rewritten(
        content, lambda name, data: data.replace(b'"type": "cpu"', b'"type": "cuda"') if "json" in name else data
    )
    with torch.no_grad():
        assert torch.equal(ExportedNetwork(elsewhere, "it.pt2")(images), ExportedNetwork(content, "it.pt2")(images))


class Evil:
    """A pickle of it makes a folder where it is loaded."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_nothing_in_the_file_but_the_graph_is_looked_at(pt2, images, tmp_path):
    """Pickled sample inputs, text that torch evaluates, compiled code: not read, so the network is the same."""
    mark = tmp_path / "was-here"
    evil, text = pickle.dumps(Evil(mark)), f"__import__('os').mkdir({str(mark)!r})"
    pickle.loads(evil)
    mark.rmdir()  # it would have worked

    def spoil(program) -> None:
        program["guards_code"] = [text]
        for size in (
            size for value in program["graph_module"]["graph"]["tensor_values"].values() for size in value["sizes"]
        ):
            if "as_expr" in size:
                size["as_expr"]["expr_str"] = text
        for node in program["graph_module"]["graph"]["nodes"]:
            node["name"] = node["metadata"]["stack_trace"] = node["metadata"]["nn_module_stack"] = text

    changed = with_graph(pt2, spoil)
    changed = rewritten(changed, lambda name, data: evil if name.startswith("data/sample") else data)
    changed = rewritten(changed, **{"data/aotinductor/model/a.so": b"\x7fELF", "extra/evil.pkl": evil})
    assert torch.equal(ExportedNetwork(changed, "it.pt2")(images), ExportedNetwork(pt2, "it.pt2")(images))
    assert not mark.exists()


def first_node(**changes):
    return lambda program: program["graph_module"]["graph"]["nodes"][0].update(changes)


def pickled(name: str, data: bytes) -> bytes:
    if name != "data/weights/model_weights_config.json":
        return data
    table = json.loads(data)
    table["config"]["linear.weight"]["use_pickle"] = True
    return json.dumps(table).encode()


HOSTILE = [
    (lambda c: with_graph(c, first_node(target="torch.os.system")), "operator 'torch.os.system' is not among those"),
    (lambda c: with_graph(c, first_node(target="torch.ops.aten.from_file.default")), "from_file.default' is not among"),
    (lambda c: with_graph(c, first_node(target="torch.ops.aten.add.__class__")), "add.__class__' is not among"),
    (lambda c: with_graph(c, first_node(target="torch.ops.aten.__init__.default")), "__init__.default' is not among"),
    (lambda c: with_graph(c, first_node(target="_operator.methodcaller")), "methodcaller' is not among"),
    (lambda c: rewritten(c, pickled), "linear.weight is stored as a pickle"),
    (lambda c: rewritten(c, **{"data/weights/model.pt": b"\x80"}), "weights in a pickle, as older versions"),
    (lambda c: with_graph(c, lambda p: p["schema_version"].update(major=9)), "version 9 of torch's format, expected 8"),
    (lambda c: rewritten(c, lambda n, d: d[:-4] if n == "data/weights/weight_0" else d), "damaged graph or table"),
    (lambda c: c[: len(c) // 2], "truncated or no .pt2"),
    (lambda c: b"", "truncated or no .pt2"),
    (lambda c: rewritten(c, lambda n, d: d[:-9] if n == "models/model.json" else d), "damaged graph or table"),
    (lambda c: with_graph(c, lambda p: p["graph_module"]["graph"].pop("nodes")), "damaged graph or table.*nodes"),
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_or_damaged_file_is_one_line(number, pt2):
    change, line = HOSTILE[number]
    with pytest.raises(InputError, match=f"^it.pt2: .*{line}"):
        ExportedNetwork(change(pt2), "it.pt2")


def test_a_graph_with_any_part_taken_out_is_one_line_or_runs(pt2, images):
    """Every key of the first nodes and of the signature, left out or another thing in its place."""
    program = json.loads(_graph(pt2))
    paths = [p for p in _paths(program["graph_module"]["graph"]["nodes"][:3], ("graph", "nodes"))]
    paths += _paths(program["graph_module"]["signature"], ("signature",))
    refused = 0
    for path in paths:
        for other in (None, {"as_int": -7}, "x"):
            changed = json.loads(json.dumps(program))
            place = changed["graph_module"]
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = other
            try:
                content = with_graph(pt2, lambda p, new=changed: (p.clear(), p.update(new)))
                with torch.no_grad():
                    ExportedNetwork(content, "it.pt2")(images)
            except InputError as error:
                refused += 1
                assert str(error).startswith("it.pt2: ") and "\n" not in str(error)
    assert refused > len(paths)


def _graph(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return next(file.read(name) for name in file.namelist() if name.endswith("models/model.json"))


def _paths(value, so_far: tuple) -> list[tuple]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    inner = [path for key in keys if key != "metadata" for path in _paths(value[key], (*so_far, key))]
    return [so_far, *inner] if len(so_far) > 2 else inner


class Twice(nn.Module):
    def forward(self, a):
        return a.mean((2, 3)), a.sum()


class Pair(nn.Module):
    def forward(self, a, b):
        return (a + b).mean((2, 3))


class Whole(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, a):
        return self.function(a)


def network(content: bytes, kind: str = "pt2", **more) -> ProgramNetwork:
    settings = {"embedding": 8, "image_size": 24, "channels": 3, "mean": 127.5, "std": 127.5, "channel_order": "rgb"}
    return program_network(OwnNetwork(architecture="own", file=f"it.{kind}", **settings | more), content)


def training() -> bytes:
    program = torch.export.export(Tiny().train(), (torch.zeros(2, 3, 24, 24),))
    torch.export.save(program, content := io.BytesIO())
    return content.getvalue()


def two_images() -> bytes:
    torch.export.save(torch.export.export(Pair(), (torch.zeros(2, 3, 24, 24),) * 2), content := io.BytesIO())
    return content.getvalue()


NO_TEACHER = [
    (training, {}, "evaluation.*: eval\\(\\) before export"),
    (two_images, {}, "2 inputs, expected one"),
    (lambda: exported(Twice()), {}, "2 outputs, expected one"),
    (lambda: exported(Tiny()), {"embedding": 16}, r"gives float32 \(3, 8\) for 3 images, expected floats \(3, 16\)"),
    (lambda: exported(Tiny()), {"image_size": 32}, r"takes images \(B, 3, 24, 24\), expected \(B, 3, 32, 32\)"),
    (lambda: exported(Whole(lambda a: a[:, :, :1, :8])), {}, r"gives float32 \(3, 3, 1, 8\)"),
    (lambda: exported(Whole(lambda a: a[:, 0, 0, :8].long())), {}, r"gives int64 \(3, 8\)"),
    (lambda: exported(Whole(lambda a: a[:, 0, 0, :8].log())), {}, "NaN or infinite"),
    (
        lambda: exported(Whole(lambda a: a.mean((2, 3)).sort(dim=1, stable=True)[0].cumprod(1))),
        {},
        "aten.cumprod.default' is not",
    ),
    (lambda: exported(Whole(nn.functional.dropout)), {}, "in training mode, expected evaluation"),
]


@pytest.mark.parametrize("number", range(len(NO_TEACHER)))
def test_a_program_that_is_no_teacher_is_one_line(number):
    make, more, line = NO_TEACHER[number]
    with pytest.raises(InputError, match=f"^it.pt2: .*{line}"):
        network(make(), **more)(torch.zeros(3, 3, 32, 32) - 1)


def changed_onnx(change) -> bytes:
    import onnx

    change(model := onnx.load_model_from_string(onnx_model(Tiny())))
    return model.SerializeToString()


def outside(model) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="/etc/passwd")


def second_output(model) -> None:
    model.graph.output.add().CopyFrom(model.graph.output[0])
    model.graph.output[1].name = "e"


def not_a_number(model) -> None:
    bias = next(t for t in model.graph.initializer if t.name == "linear_bias")
    bias.raw_data = np.full(8, np.nan, np.float32).tobytes()


def integers(model) -> None:
    model.graph.input[0].type.tensor_type.elem_type = 7


NO_ONNX = [
    (lambda: b"", {}, "no ONNX model"),
    (lambda: b"no model at all " * 40, {}, "no ONNX model"),
    (lambda: onnx_model(Tiny())[:-200], {}, "no ONNX model|cannot be run by onnxruntime"),
    (lambda: changed_onnx(outside), {}, "keeps weights in another file.*external_data=False"),
    (lambda: changed_onnx(second_output), {}, "1 inputs and 2 outputs, expected one of each"),
    (lambda: changed_onnx(not_a_number), {}, "NaN or infinite"),
    (lambda: changed_onnx(integers), {}, "cannot be run by onnxruntime|takes tensor"),
    (
        lambda: changed_onnx(lambda m: setattr(m.graph.node[0], "op_type", "Cnv")),
        {},
        "cannot be run by onnxruntime: .*Cnv",
    ),
    (lambda: onnx_model(Tiny(), output="c"), {}, r"gives float32 \(3, 6, 12, 12\)"),
    (lambda: onnx_model(Tiny()), {"embedding": 16}, r"gives float32 \(3, 8\) for 3 images, expected floats \(3, 16\)"),
    (lambda: onnx_model(Tiny()), {"image_size": 32}, r"takes images \(B, 3, 24, 24\), expected \(B, 3, 32, 32\)"),
]


@pytest.mark.parametrize("number", range(len(NO_ONNX)))
def test_an_onnx_model_that_is_no_teacher_is_one_line(number):
    make, more, line = NO_ONNX[number]
    with pytest.raises(InputError, match=f"^it.onnx: .*({line})"):
        network(make(), "onnx", **more)(torch.zeros(3, 3, 32, 32))
