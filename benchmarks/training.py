"""Images per second of the training step against the plain way: python -m benchmarks.training

Both train the student logit_attention_kd of params.yaml on the same rendered faces. The plain way: a DataLoader
that decodes a JPEG, resizes and degrades it image by image, the teacher asked each step, float32, channels first.
Ours: arrays, batches made on the device, the teacher's answers stored, bf16 and channels last where they help.
The rows between take one step back to the plain way each; where the machine has no bfloat16, the last of them is ours.
Rounds alternate, so that a noisy machine is noisy for all; the ratio is the median over rounds. Seconds are the
processor's, on a GPU the clock's. ``--smallest`` runs everything once on a few faces: its figures say nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from pipeline.data import faceset
from pipeline.data.arrays import open_faces
from pipeline.data.degradation import degrade_folder
from pipeline.data.degradations.bicubic import Settings as Bicubic
from pipeline.data.pixels import QualityArrays
from pipeline.data.rendering import render_faces
from pipeline.device import select_device, select_dtype
from pipeline.document import check
from pipeline.tasks.recognition import knowledge, networks
from pipeline.tasks.recognition.faces import Batch, training_faces
from pipeline.tasks.recognition.learning import ShownFaces
from pipeline.tasks.recognition.student import Distilling


@dataclass(frozen=True)
class Size:
    """How much is measured: ``steps`` batches must fit in ``images``; ``batch`` None is params.yaml's."""

    images: int = 512
    rounds: int = 5
    steps: int = 6
    batch: int | None = None


SMALLEST = Size(images=16, rounds=1, steps=1, batch=4)


class JPEGFaces(Dataset):
    """The usual way: one file per image, decoded, resized, degraded and mirrored when it is asked for."""

    def __init__(self, folder: Path, size: int, qualities: list[int]) -> None:
        self.files, self.size, self.qualities = sorted(folder.glob("*.jpg")), size, qualities
        self.finish = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor, int, bool]:
        sharp = Image.open(self.files[row]).convert("RGB").resize((self.size, self.size), Image.Resampling.BICUBIC)
        mirrored = bool(torch.rand(()) < 0.5)
        if mirrored:
            sharp = sharp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        quality = self.qualities[int(torch.randint(len(self.qualities), ()))]
        small = sharp.resize((self.size // quality, self.size // quality), Image.Resampling.BICUBIC)
        low = small.resize((self.size, self.size), Image.Resampling.BICUBIC)
        return self.finish(low), self.finish(sharp), row, mirrored


def main() -> None:
    """Print images per second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", action="store_true", help="a few faces, once: no figures")
    measured = SMALLEST if parser.parse_args().smallest else Size()
    settings = check().recognition
    device = select_device()
    training = settings.student.training
    batch, size = measured.batch or training.batch_size, settings.data.image_size
    qualities = settings.degradation.qualities
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rendered = render_faces(
            seed=0, image_size=size, identities=measured.images // 8, images_per_identity=8, folds=2, pairs_per_fold=2
        )
        faces = faceset.FaceSet(rendered.index, rendered.pairs, rendered.chunks, channels=3, name="rendered")
        paths = {part: folder / f"{part}.csv" for part in ("index", "pairs", "searches")}
        faceset.write(faces, faces=folder / "faces.npy", notes=folder / "notes.json", **paths)
        degrade_folder(folder / "faces.npy", folder, Bicubic(method="bicubic", qualities=qualities))
        (folder / "jpeg").mkdir()
        for row, face in enumerate(open_faces(folder / "faces.npy")[: measured.images]):
            # as large as the aligned faces that people keep, 112 pixels for networks of 64 and above
            picture = Image.fromarray(face).resize((size * 7 // 4, size * 7 // 4), Image.Resampling.BICUBIC)
            picture.save(folder / "jpeg" / f"{row:05d}.jpg", quality=95)

        people = training_faces(paths["index"])
        arrays = QualityArrays(folder / "faces.npy", folder, qualities, device)
        fast, plain = select_dtype(device, training.precision), torch.float32

        def classifier(network_settings):
            return networks.build(
                network_settings,
                settings.margin,
                image_size=size,
                channels=3,
                identities=people.identities,
                seed=0,
            )

        def student(dtype: torch.dtype, keep_maps: bool) -> Distilling:
            teacher = classifier(settings.teacher.network)
            answers = folder / f"answers-{dtype}-{keep_maps}"
            if not answers.exists():
                knowledge.store(teacher, arrays, people, answers, keep_maps=keep_maps, batch_size=256, dtype=dtype)
            known = knowledge.TeacherKnowledge(teacher, answers, arrays, people, dtype)
            methods = settings.students["logit_attention_kd"].distill
            task = Distilling(
                classifier(settings.student.network),
                ShownFaces(arrays, people, qualities),
                training,
                dtype,
                teachers=[known],
                methods=methods,
            )
            task.network.train()
            return task

        def ours(task: Distilling) -> Callable[[], None]:
            def steps() -> None:
                for step in range(measured.steps):
                    rows = torch.arange(step * batch, (step + 1) * batch) % measured.images
                    for optimiser, losses in task.step(rows, torch.Generator().manual_seed(step)):
                        update(task, optimiser, losses)

            return steps

        def usual(task: Distilling) -> Callable[[], None]:
            task.network.to(memory_format=torch.contiguous_format)
            asked = task.teachers[0]
            teacher = asked.network.to(memory_format=torch.contiguous_format)
            files = JPEGFaces(folder / "jpeg", size, qualities)

            def steps() -> None:
                loader = DataLoader(files, batch_size=batch, shuffle=True, drop_last=True)
                for _, (low, sharp, rows, mirrored) in zip(range(measured.steps), loader, strict=False):
                    labels = people.labels[rows].to(device)
                    with torch.no_grad():
                        embedding, channel_maps, spatial_maps, _ = teacher.look_inside(sharp.to(device))
                        cosines = asked.head.cosines(embedding)
                        known = knowledge.Knowledge(
                            embedding=embedding,
                            logits=asked.head.logits(cosines, labels),
                            channel_maps=channel_maps,
                            spatial_maps=spatial_maps,
                        )
                    asked.of = lambda batch, needs, known=known: known
                    drawn = Batch(rows, mirrored, low.to(device), labels)
                    update(task, "sgd", task.losses(drawn, task.answer(drawn)))

            return steps

        ways = {
            "plain: DataLoader, teacher each step, float32": usual(student(plain, False)),
            "arrays, teacher each step, float32": ours(student(plain, False)),
            "arrays, stored teacher, float32": ours(student(plain, True)),
        }
        if fast != plain:
            ways["arrays, stored teacher, " + str(fast).removeprefix("torch.")] = ours(student(fast, True))
        measure(ways, device, batch, measured)


def update(task: Distilling, optimiser: str, losses: dict[str, torch.Tensor]) -> None:
    """What the loop does with the losses of a step."""
    task.optimisers[optimiser].zero_grad(set_to_none=True)
    sum(losses.values()).backward()
    task.optimisers[optimiser].step()


def measure(ways: dict[str, Callable[[], None]], device: torch.device, batch: int, measured: Size) -> None:
    """Time each way in turn, round after round, and print images/s and the ratio to the first; the last is ours."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    for steps in ways.values():
        steps()
    for _ in range(measured.rounds):
        for name, steps in ways.items():
            start = clock()
            steps()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[name].append(clock() - start)
    first, last = next(iter(times.values())), next(reversed(times))
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(first, seconds, strict=True))
        name = f"ours: {name}" if seconds is times[last] else name
        print(f"{name:48s} {measured.steps * batch / statistics.median(seconds):7.0f} images/s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
