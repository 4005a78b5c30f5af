"""Knowledge distillation for low-quality faces. The graph is in graph/, what a step does in pipeline/tasks/TASK/steps/."""

from pipeline.errors import InputError

try:
    from engines.agreement import agree, source_of_settings  # these load every part that is found by its name
    from engines.code import refresh
    from engines.surroundings import prepare
    from graph.rules import directives
    from pipeline.document import Document
    from pipeline.params.loading import read_document, validate

    prepare()
    params = read_document(source_of_settings(workflow))
    validate(Document, params, "")
    refresh(params)  # what the steps' code is now
except InputError as error:
    sys.exit(str(error))

# A time limit, scancel and kill send SIGTERM to all processes of a job. The step saves its state and ends; until then
# its shell waits, or it would be taken for dead, and so does tee, or the step could write no line more.
shell.prefix('set -euo pipefail; trap : TERM; tee() {{ trap "" TERM; command tee "$@"; }}; ')


localrules:
    all,


rule all:
    input:
        "reports/index.html",
        "data/params-checked.txt",


for job in directives(params):

    rule:
        name:
            job.name
        input:
            **job.input,
        output:
            **{name: directory(path) if name in job.folders else path for name, path in job.output.items()},
        log:
            f"logs/{job.label}.log",
        benchmark:
            f"logs/benchmarks/{job.label}.tsv"
        wildcard_constraints:
            **job.constraints,
        priority: job.priority
        conda:
            "environment.yaml"
        threads: job.threads
        resources:
            **job.resources,
        params:
            science=job.science,
            command=job.command,
        shell:
            "{params.command} 2>&1 | tee -i {log}"  # a constant: it is read when the job runs, when the loop has ended


agree(workflow, params)  # with DVC, on what is up to date
