"""Where the files of photo-sketch synthesis lie."""

SK_DATA, SK_TEACHERS = "data/synthesis", "models/synthesis/teachers"
SK_PAIRS, SK_MODELS = f"{SK_DATA}/{{collection}}/pairs", "models/synthesis/{collection}"
SK_REPORTS, SK_TEACHER_LOSSES = f"{REPORTS}/synthesis/{{collection}}", f"{REPORTS}/synthesis/teacher_losses"
SK_EVALUATIONS, SK_LOSSES = f"{SK_REPORTS}/evaluations", f"{SK_REPORTS}/losses"
synthesis = settings.synthesis
SK_TRAINED = [(variant, seed) for variant in [*synthesis.baselines, *synthesis.students] for seed in settings.seeds]


def of_all_students(pattern, also=()):
    """A pattern with {{collection}} left in it, for every variant and seed."""
    return [
        pattern.replace("{variant}", variant).replace("{seed}", str(seed)) for variant, seed in [*also, *SK_TRAINED]
    ]


def of_all_domains(pattern):
    """A pattern for every teacher."""
    return expand(pattern, domain=synthesis.teacher.domains)


def students(wildcards, suffix=".safetensors"):
    """Where the networks of a variant and seed lie."""
    group = "baselines" if wildcards.variant in synthesis.baselines else "students"
    return f"{SK_MODELS.format(collection=wildcards.collection)}/{group}/{wildcards.variant}/{wildcards.seed}/model{suffix}"


def losses_of_students(wildcards):
    """Where the losses of their training lie."""
    return f"{SK_LOSSES.format(collection=wildcards.collection)}/{wildcards.variant}/{wildcards.seed}/losses.csv"


def options_of_students(wildcards):
    """The options that name both; the floor has none."""
    if wildcards.variant == "copy":
        return ""
    return f" --model {students(wildcards)} --training-losses {losses_of_students(wildcards)}"


def files_of_students(wildcards):
    """Weights, card and losses; none for the floor."""
    if wildcards.variant == "copy":
        return []
    return [students(wildcards), students(wildcards, ".json"), losses_of_students(wildcards)]
