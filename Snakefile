"""Knowledge distillation for low-quality faces: the graph. What a step does is in pipeline/steps/."""

from engines.agreement import agree


include: "rules/common.smk"


wildcard_constraints:
    variant="[a-z][a-z0-9_]*",
    seed="[0-9]+",
    scale="[a-z][a-z0-9_]*",
    collection="[a-z][a-z0-9_]*",
    set="[a-z][a-z0-9_]*",


localrules:
    all,
    check,


rule all:
    input:
        f"{REPORTS}/index.html",
        "data/params-checked.txt",


rule check:
    input:
        code=code("check"),
    output:
        note="data/params-checked.txt",
    log:
        "logs/check.log",
    benchmark:
        "logs/benchmarks/check.tsv"
    conda:
        "environment.yaml"
    params:
        science=science_of("check"),
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(5),
        gpu=0,
    shell:
        "python -m pipeline check --out {output.note} 2>&1 | tee -i {log}"


include: "rules/recognition.smk"


if settings.superresolution:

    include: "rules/superresolution.smk"


if settings.synthesis:

    include: "rules/synthesis.smk"


if settings.classification:

    include: "rules/classification.smk"


rule report:
    input:
        code=code("report"),
        sections=SECTIONS_MADE,
    output:
        page=f"{REPORTS}/index.html",
        text=f"{REPORTS}/report.md",
        metrics=f"{REPORTS}/metrics.csv",
        summary=f"{REPORTS}/metrics.json",
        accuracy=f"{REPORTS}/accuracy.csv",
        figures=directory(f"{REPORTS}/figures"),
    log:
        "logs/report.log",
    benchmark:
        "logs/benchmarks/report.tsv"
    conda:
        "environment.yaml"
    params:
        science=science_of("report"),
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
        gpu=0,
    shell:
        f"python -m pipeline report --sections {SECTIONS} --out {REPORTS}"
        " 2>&1 | tee -i {log}"


agree(workflow, params_document)  # with DVC, on what is up to date
