"""Where the files of visual recognition lie."""

CL_IMAGES, CL_MODELS = "data/classification/{set}/images", "models/classification/{set}"
CL_REPORTS = f"{REPORTS}/classification/{{set}}"
CL_EVALUATIONS, CL_LOSSES = f"{CL_REPORTS}/evaluations", f"{CL_REPORTS}/losses"
classification = settings.classification
CL_TEACHER = f"{CL_MODELS}/teacher/{classification.teacher.seed}/model"
CL_TRAINED = [("teacher", classification.teacher.seed)] + [
    (variant, seed) for variant in [*classification.baselines, *classification.students] for seed in settings.seeds
]


def of_all_classifiers(pattern):
    """A pattern with {{set}} left in it, for every trained variant and seed."""
    return [pattern.replace("{variant}", variant).replace("{seed}", str(seed)) for variant, seed in CL_TRAINED]


def classifier(wildcards):
    """The folder of a variant and seed."""
    variant = wildcards.variant
    group = "" if variant == "teacher" else "baselines/" if variant in classification.baselines else "students/"
    return f"{CL_MODELS.format(set=wildcards.set)}/{group}{variant}/{wildcards.seed}"


def options_of_classifier(wildcards):
    """The options that name its weights, its teacher and what else its training left."""
    options = f" --model {classifier(wildcards)}/model.safetensors"
    if wildcards.variant != "teacher":
        options += f" --teacher {CL_TEACHER.format(set=wildcards.set)}.safetensors"
    return options + (f" --others {classifier(wildcards)}/others" if wildcards.variant in classification.students else "")


def files_of_classifier(wildcards):
    """The files that these options name, with their cards."""
    own = classifier(wildcards)
    files = [f"{own}/model.safetensors", f"{own}/model.json"]
    if wildcards.variant != "teacher":
        files += [f"{CL_TEACHER.format(set=wildcards.set)}{suffix}" for suffix in (".safetensors", ".json")]
    return files + ([f"{own}/others"] if wildcards.variant in classification.students else [])
