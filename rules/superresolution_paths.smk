"""Where the files of super-resolution lie."""

SR_DATA, SR_MODELS, SR_REPORTS = "data/superresolution", "models/superresolution/{scale}", f"{REPORTS}/superresolution/{{scale}}"
SR_PICTURES, SR_DEGRADED = f"{SR_DATA}/pictures", f"{SR_DATA}/degraded/{{scale}}"
SR_EVALUATIONS, SR_LOSSES = f"{SR_REPORTS}/evaluations", f"{SR_REPORTS}/losses"
superresolution = settings.superresolution
SR_TRAINED = [("teacher", superresolution.teacher.seed)] + [
    (variant, seed) for variant in [*superresolution.baselines, *superresolution.students] for seed in settings.seeds
]


def of_all_upscalers(pattern, also=()):
    """A pattern with {{scale}} left in it, for every trained variant and seed."""
    return [
        pattern.replace("{variant}", variant).replace("{seed}", str(seed)) for variant, seed in [*also, *SR_TRAINED]
    ]


def upscaler(wildcards, suffix=".safetensors"):
    """Where the network of a variant and seed lies."""
    variant = wildcards.variant
    group = "" if variant == "teacher" else "baselines/" if variant in superresolution.baselines else "students/"
    return f"{SR_MODELS.format(scale=wildcards.scale)}/{group}{variant}/{wildcards.seed}/model{suffix}"


def option_of_upscaler(wildcards):
    """The option that names the network; the floor has none."""
    return "" if wildcards.variant == "bicubic" else f" --model {upscaler(wildcards)}"


def files_of_upscaler(wildcards):
    """Weights and card; none for the floor."""
    return [] if wildcards.variant == "bicubic" else [upscaler(wildcards), upscaler(wildcards, ".json")]
