"""Where the recognition task's files lie."""

DATA, MODELS = "data/recognition", "models/recognition"
EVALUATIONS, LOSSES = f"{REPORTS}/recognition/evaluations", f"{REPORTS}/recognition/losses"
TEACHERS, ANSWERS = f"{MODELS}/teacher", f"{MODELS}/teacher_outputs"
recognition = settings.recognition
TRAINED = [("teacher", seed) for seed in recognition.teacher.seeds] + [
    (variant, seed) for variant in [*recognition.baselines, *recognition.students] for seed in settings.seeds
]


def of_all_trained(pattern):
    return [pattern.format(variant=variant, seed=seed) for variant, seed in TRAINED]


def of_all_teachers(pattern):
    return expand(pattern, seed=recognition.teacher.seeds)


def checkpoint(wildcards, suffix=".safetensors"):
    """Where the network of a variant and seed lies."""
    group = "" if wildcards.variant == "teacher" else "baselines/" if wildcards.variant in recognition.baselines else "students/"
    return f"{MODELS}/{group}{wildcards.variant}/{wildcards.seed}/model{suffix}"
