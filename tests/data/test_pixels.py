"""Batches on the device: the right pixels, enlarged as Pillow does, mirrored and scaled; and stored teachers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from pipeline.data.degradation import degrade_folder
from pipeline.data.degradations.bicubic import Settings as Bicubic
from pipeline.data.degradations.bicubic import larger
from pipeline.data.pixels import QualityArrays, normalise
from pipeline.distill import method, method_names
from pipeline.errors import InputError
from pipeline.face_losses import cosface
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.params.networks import Training
from pipeline.tasks.recognition import knowledge, networks
from pipeline.tasks.recognition.faces import Batch, training_faces
from pipeline.tasks.recognition.learning import ShownFaces
from pipeline.tasks.recognition.params.students import KNOWN
from pipeline.tasks.recognition.student import Distilling

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    """Twelve faces of four people at x1, x2 and x4; the last two are for testing."""
    faces = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "faces.npy", faces)
    degrade_folder(tmp_path / "faces.npy", tmp_path, Bicubic(method="bicubic", qualities=[1, 2, 4]))
    index = pd.DataFrame(
        {
            "face": range(12),
            "file": [f"{i}.png" for i in range(12)],
            "identity": ["b", "a", "007", "b", "a", "NA", "007", "b", "a", "NA", "t", "u"],
            "split": ["train"] * 10 + ["test"] * 2,
        }
    )
    index.to_csv(tmp_path / "index.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_enlarging_is_pillows_bicubic(factor):
    # no value near 0 or 255: Pillow also clips between its two passes
    small = np.random.default_rng(factor).integers(80, 176, (8, 8), dtype=np.uint8)
    wanted = np.asarray(Image.fromarray(small).resize((8 * factor, 8 * factor), Image.Resampling.BICUBIC))
    result = larger(torch.from_numpy(small.copy())[None, None], 8 * factor)[0, 0].numpy()
    assert np.abs(result - wanted).max() <= 1.2, "Pillow rounds to whole grey levels, after each of two passes"


def test_enlarging_stays_within_the_grey_levels():
    steep = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    steep[..., 4:] = 255
    enlarged = larger(steep, 64)
    assert enlarged.min() == 0 and enlarged.max() == 255


def test_a_batch_mixes_qualities_and_mirrors_in_the_order_asked_for(folder):
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2, 4], CPU)
    faces = torch.tensor([5, 0, 11, 5])
    qualities = torch.tensor([4, 1, 2, 1])
    flips = torch.tensor([False, True, False, True])
    batch = arrays.batch(faces, qualities, flips)
    assert batch.shape == (4, 3, 16, 16) and batch.is_contiguous(memory_format=torch.channels_last)
    assert batch.min() >= -1 and batch.max() <= 1
    for place, (face, quality, flip) in enumerate(zip(faces, qualities, flips, strict=True)):
        file = "faces.npy" if quality == 1 else f"x{quality}.npy"
        own = torch.from_numpy(np.load(folder / file)[face]).permute(2, 0, 1)[None]
        alone = normalise(larger(own, 16))[0]
        torch.testing.assert_close(batch[place], alone.flip(2) if flip else alone)


def test_arrays_that_do_not_belong_together_are_refused(folder):
    np.save(folder / "x2.npy", np.zeros((11, 8, 8, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"x2 holds \(11, 8, 8, 3\), expected \(12, 8, 8, 3\)"):
        QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    with pytest.raises(InputError, match="no such file"):
        QualityArrays(folder / "faces.npy", folder, [1, 8], CPU)
    with pytest.raises(InputError, match="expected a folder of degraded faces"):
        QualityArrays(folder / "faces.npy", None, [1, 2], CPU)


def test_training_faces_keep_names_that_look_like_numbers_or_nothing(folder):
    people = training_faces(folder / "index.csv")
    assert people.identities == ["007", "NA", "a", "b"]
    assert people.faces.tolist() == list(range(10))
    assert [people.identities[k] for k in people.labels] == ["b", "a", "007", "b", "a", "NA", "007", "b", "a", "NA"]


def teacher_of(identities, seed=0):
    network = ResNeXt(
        architecture="resnext_cbam",
        stem_width=4,
        stem_stride=1,
        depths=[1, 1],
        widths=[8, 8],
        cardinality=2,
        group_widths=[2, 2],
        reduction=4,
        attention_kernel=3,
        embedding=6,
        dropout=0.0,
    )
    margin = cosface.Settings(kind="cosface", scale=8.0, margin=0.2)
    return networks.build(network, margin, image_size=16, channels=3, identities=identities, seed=seed)


@pytest.mark.parametrize("keep_maps", [True, False])
def test_the_teacher_answers_the_same_from_store_as_when_asked(folder, keep_maps):
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    teacher = teacher_of(people.identities)
    knowledge.store(teacher, arrays, people, folder / "answers", keep_maps=keep_maps, batch_size=4, dtype=torch.float32)
    stored = knowledge.TeacherKnowledge(teacher, folder / "answers", arrays, people, torch.float32)
    rows, flips = torch.tensor([7, 2, 9]), torch.tensor([True, False, True])
    labels = people.labels[rows]
    known = stored.of(Batch(rows, flips, torch.empty(0), labels), {"logits", "channel_maps", "spatial_maps"})
    inputs = arrays.batch(people.faces[rows], torch.ones(3, dtype=torch.long), flips)
    embedding, channel_maps, spatial_maps, features = teacher.network.eval().look_inside(inputs)
    torch.testing.assert_close(known.embedding, embedding, atol=1e-4, rtol=1e-4)
    cosines = teacher.head.cosines(embedding)
    torch.testing.assert_close(known.logits, teacher.head.logits(cosines, labels), atol=1e-3, rtol=1e-3)
    for kept, asked in zip(known.channel_maps + known.spatial_maps, channel_maps + spatial_maps, strict=True):
        torch.testing.assert_close(kept.float(), asked, atol=5e-3, rtol=5e-3)  # float16 in the store
    asked = stored.of(Batch(rows, flips, torch.empty(0), labels), {"features"}).features
    for kept, fresh in zip(asked, features, strict=True):
        torch.testing.assert_close(kept, fresh)
    assert not known.logits.requires_grad


def test_answers_of_another_teacher_or_other_faces_are_refused(folder):
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1], CPU)
    with pytest.raises(InputError, match="knows other identities"):
        knowledge.TeacherKnowledge(teacher_of(["x", "y"]), folder, arrays, people, torch.float32)


def test_a_checkpoint_is_read_back_whole_or_refused_by_name(folder):
    teacher = teacher_of(["a", "b"])
    path = folder / "model.safetensors"
    networks.save({None: teacher}, path, {"made": "here"})
    again = networks.load(path)
    for name, tensor in teacher.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name
    assert again.card["provenance"] == {"made": "here"} and torch.equal(again.head.weight, teacher.head.weight)
    card = (folder / "model.json").read_text()
    (folder / "model.json").write_text(card.replace('"embedding": 6', '"embedding": 7'))
    with pytest.raises(InputError, match=r"model.safetensors: network.head.3.bias is \(6,\), expected \(7,\)"):
        networks.load(path)
    (folder / "model.json").write_text(card.replace('"embedding": 6', '"embedding": "six"'))
    with pytest.raises(InputError, match=r"model.json: network.embedding = 'six': expected a valid integer"):
        networks.load(path)
    (folder / "model.json").write_text(card)
    whole = path.read_bytes()
    for broken in (whole[:-9], whole[:20], b"", b"\x80\x04K\x01."):  # the last is a pickle
        path.write_bytes(broken)
        with pytest.raises(InputError, match="model.safetensors: not a whole safetensors file"):
            networks.load(path)
    path.unlink()
    with pytest.raises(InputError, match="model.safetensors: no such file"):
        networks.load(path)


@pytest.mark.parametrize("name", [name for name in method_names() if set(method(name).NEEDS) <= set(KNOWN)])
def test_every_method_teaches_the_whole_network(folder, name):
    """Through the real student task: a finite loss whose gradient reaches the first layer."""
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    teacher, answers = teacher_of(people.identities), folder / "answers"
    knowledge.store(teacher, arrays, people, answers, keep_maps=True, batch_size=4, dtype=torch.float32)
    stored = knowledge.TeacherKnowledge(teacher, answers, arrays, people, torch.float32)
    fields = method(name).Settings.model_fields
    settings = method(name).Settings(weight=2.0, **{key: 4.0 for key in ("temperature",) if key in fields})
    training = Training(
        epochs=1, batch_size=8, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    )  # fmt: skip
    student = teacher_of(people.identities)
    task = Distilling(
        student,
        ShownFaces(arrays, people, [1, 2]),
        training,
        torch.float32,
        teachers=[stored],
        methods={name: settings},
    )
    batch = task.draw(torch.arange(8), torch.Generator().manual_seed(0))
    losses = task.losses(batch, task.answer(batch))
    assert list(losses) == ["recognition", name] and torch.isfinite(losses[name])
    losses[name].backward()
    first = next(student.network.parameters()).grad
    assert torch.isfinite(first).all() and first.abs().max() > 0


def test_several_teachers_teach_their_mean_prediction_and_the_first_its_maps(folder):
    """The gradient of the mean of the divergences is that of the divergence from the mean of the predictions."""
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    teachers = []
    for seed in (1, 2):
        teacher, answers = teacher_of(people.identities, seed), folder / f"answers-{seed}"
        knowledge.store(teacher, arrays, people, answers, keep_maps=True, batch_size=4, dtype=torch.float32)
        teachers.append(knowledge.TeacherKnowledge(teacher, answers, arrays, people, torch.float32))
    methods = {
        "logit": method("logit").Settings(weight=2.0, temperature=4.0),
        "attention": method("attention").Settings(weight=3.0),
    }
    training = Training(
        epochs=1, batch_size=8, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    )  # fmt: skip
    student = teacher_of(people.identities, 3)
    task = Distilling(
        student, ShownFaces(arrays, people, [1, 2]), training, torch.float32, teachers=teachers, methods=methods
    )
    batch = task.draw(torch.arange(8), torch.Generator().manual_seed(0))
    inside = task.answer(batch)
    losses = task.losses(batch, inside)
    (gradient,) = torch.autograd.grad(losses["logit"], inside.embedding, retain_graph=True)
    known = [teacher.of(batch, {"logits", "spatial_maps"}) for teacher in teachers]
    mean = sum((k.logits / 4).softmax(dim=1) for k in known) / 2
    logits = task.head.logits(task.head.cosines(inside.embedding), batch.labels)
    divergence = (mean * (mean.log() - (logits / 4).log_softmax(dim=1))).sum(dim=1).mean()
    (expected,) = torch.autograd.grad(2.0 * 16 * divergence, inside.embedding, retain_graph=True)
    torch.testing.assert_close(gradient, expected)
    alone = Distilling(
        student, ShownFaces(arrays, people, [1, 2]), training, torch.float32, teachers=teachers[:1], methods=methods
    ).losses(batch, inside)
    assert losses["attention"] == alone["attention"] and losses["logit"] != alone["logit"]


def test_methods_run_on_unlabelled_faces_and_recognition_does_not(folder):
    """Faces without a label come last in the batch; their logits have no margin, on both sides."""
    index = pd.read_csv(folder / "index.csv", keep_default_na=False).assign(
        split=["train"] * 7 + ["unlabelled"] * 3 + ["test"] * 2
    )
    index.loc[9, "identity"] = ""
    index.to_csv(folder / "index.csv", index=False)
    people = training_faces(folder / "index.csv")
    assert people.faces.tolist() == list(range(7)) and people.unlabelled.tolist() == [7, 8, 9]
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    teacher, student = teacher_of(people.identities), teacher_of(people.identities, 3)
    knowledge.store(teacher, arrays, people, folder / "answers", keep_maps=False, batch_size=4, dtype=torch.float32)
    stored = knowledge.TeacherKnowledge(teacher, folder / "answers", arrays, people, torch.float32)
    training = Training(
        epochs=1, batch_size=4, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    )  # fmt: skip
    methods = {"logit": method("logit").Settings(weight=1.0, temperature=2.0)}
    task = Distilling(
        student,
        ShownFaces(arrays, people, [2]),
        training,
        torch.float32,
        teachers=[stored],
        methods=methods,
        unlabelled=1.5,
    )
    batch = task.draw(torch.tensor([6, 0, 3, 5]), torch.Generator().manual_seed(0))
    assert batch.rows[:4].tolist() == [6, 0, 3, 5] and len(batch.rows) == 10 and len(batch.labels) == 4
    assert set(batch.rows[4:].tolist()) <= {7, 8, 9} and len(batch.rows[4:].unique()) > 1
    inside = task.answer(batch)
    losses = task.losses(batch, inside)
    student_cosines = task.head.cosines(inside.embedding)
    teacher_cosines = stored.head.cosines(stored.of(batch, set()).embedding)
    logits = [
        torch.cat([head.logits(cosines[:4], batch.labels), 8.0 * cosines[4:]])
        for head, cosines in ((task.head, student_cosines), (stored.head, teacher_cosines))
    ]
    entropy = torch.nn.functional.cross_entropy(logits[0][:4], batch.labels)
    torch.testing.assert_close(losses["recognition"], entropy)
    p, q = (z.div(2).softmax(dim=1) for z in reversed(logits))
    torch.testing.assert_close(losses["logit"], 4 * (p * (p / q).log()).sum(dim=1).mean())


def test_the_teacher_answers_about_the_identities_of_the_students_softmax(folder):
    """With a share of the identities both sides' logits are of these, in one order."""
    people = training_faces(folder / "index.csv")
    arrays = QualityArrays(folder / "faces.npy", folder, [1, 2], CPU)
    teacher, student = teacher_of(people.identities), teacher_of(people.identities, 3)
    student.head.sampled = 0.75
    knowledge.store(teacher, arrays, people, folder / "answers", keep_maps=False, batch_size=4, dtype=torch.float32)
    stored = knowledge.TeacherKnowledge(teacher, folder / "answers", arrays, people, torch.float32)
    training = Training(
        epochs=1, batch_size=3, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    )  # fmt: skip
    methods = {"logit": method("logit").Settings(weight=1.0, temperature=2.0, margin=False)}
    task = Distilling(
        student, ShownFaces(arrays, people, [2]), training, torch.float32, teachers=[stored], methods=methods
    )
    rows = torch.tensor([6, 0, 3])  # two people of four
    batch = task.draw(rows, torch.Generator().manual_seed(0))
    assert len(batch.classes) == 3 and torch.equal(batch.classes[batch.labels], people.labels[rows])
    inside = task.answer(batch)
    known = stored.of(batch, {"plain_logits"})
    everyone = 8.0 * stored.head.cosines(known.embedding)
    torch.testing.assert_close(known.plain_logits, everyone[:, batch.classes])
    ours = (8.0 * task.head.cosines(inside.embedding))[:, batch.classes]
    of_teacher, of_student = ((of / 2).log_softmax(dim=1) for of in (known.plain_logits, ours))
    divergence = (of_teacher.exp() * (of_teacher - of_student)).sum(dim=1).mean()
    torch.testing.assert_close(task.losses(batch, inside)["logit"], 4 * divergence)
