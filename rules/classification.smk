"""Visual recognition: from labelled images to a section of the report. Included by the Snakefile."""


include: "classification_paths.smk"


rule download_classes:
    input:
        code=code("download_classes"),
    output:
        raw=directory("data/classification/{set}/raw"),
    log:
        "logs/download_classes/{set}.log",
    benchmark:
        "logs/benchmarks/download_classes/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("download_classes"),
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(240),
        gpu=0,
    shell:
        "python -m pipeline download_classes --set {wildcards.set} --cache .resume/downloads --drop-in data/drop_in"
        " --out {output.raw} 2>&1 | tee -i {log}"


rule prepare_classes:
    input:
        code=code("prepare_classes"),
        raw=rules.download_classes.output.raw,
    output:
        images=directory(CL_IMAGES),
    log:
        "logs/prepare_classes/{set}.log",
    benchmark:
        "logs/benchmarks/prepare_classes/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("prepare_classes"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline prepare_classes --set {wildcards.set} --raw {input.raw} --out {output.images}"
        " 2>&1 | tee -i {log}"


rule classes_train_teacher:
    input:
        code=code("classes_train_teacher"),
        images=rules.prepare_classes.output.images,
    output:
        model=f"{CL_TEACHER}.safetensors",
        card=f"{CL_TEACHER}.json",
        losses=f"{CL_LOSSES}/teacher/{classification.teacher.seed}/losses.csv",
    log:
        "logs/classes_train_teacher/{set}.log",
    benchmark:
        "logs/benchmarks/classes_train_teacher/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("classes_train_teacher"),
    threads: 1
    priority: 10  # students wait for it
    resources:
        mem_mb=more(4000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline classes_train_teacher --set {wildcards.set} --data {input.images}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule classes_train_baseline:
    input:
        code=code("classes_train_baseline"),
        images=rules.prepare_classes.output.images,
    output:
        model=f"{CL_MODELS}/baselines/{{variant}}/{{seed}}/model.safetensors",
        card=f"{CL_MODELS}/baselines/{{variant}}/{{seed}}/model.json",
        losses=f"{CL_LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(classification.baselines) or "none",
    log:
        "logs/classes_train_baseline/{set}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/classes_train_baseline/{set}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("classes_train_baseline"),
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline classes_train_baseline --set {wildcards.set} --variant {wildcards.variant}"
        " --seed {wildcards.seed} --data {input.images}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule classes_train_student:
    input:
        code=code("classes_train_student"),
        images=rules.prepare_classes.output.images,
        teacher=rules.classes_train_teacher.output.model,
        teacher_card=rules.classes_train_teacher.output.card,
    output:
        model=f"{CL_MODELS}/students/{{variant}}/{{seed}}/model.safetensors",
        card=f"{CL_MODELS}/students/{{variant}}/{{seed}}/model.json",
        others=directory(f"{CL_MODELS}/students/{{variant}}/{{seed}}/others"),
        losses=f"{CL_LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(classification.students) or "none",
    log:
        "logs/classes_train_student/{set}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/classes_train_student/{set}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("classes_train_student"),
    threads: 1
    priority: 5
    resources:
        mem_mb=more(4000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline classes_train_student --set {wildcards.set} --variant {wildcards.variant}"
        " --seed {wildcards.seed} --data {input.images} --teacher {input.teacher}"
        " --model {output.model} --losses {output.losses} --others {output.others} 2>&1 | tee -i {log}"


rule classes_evaluate:
    input:
        code=code("classes_evaluate"),
        classifier=files_of_classifier,
        images=rules.prepare_classes.output.images,
    output:
        metrics=f"{CL_EVALUATIONS}/{{variant}}/{{seed}}/metrics.csv",
        pictures=f"{CL_EVALUATIONS}/{{variant}}/{{seed}}/pictures.csv",
        reliability=f"{CL_EVALUATIONS}/{{variant}}/{{seed}}/reliability.csv",
        run=f"{CL_EVALUATIONS}/{{variant}}/{{seed}}/run.json",
    log:
        "logs/classes_evaluate/{set}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/classes_evaluate/{set}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("classes_evaluate"),
        classifier=options_of_classifier,
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=more(240),
        gpu=GPU,
    shell:
        "python -m pipeline classes_evaluate --set {wildcards.set} --variant {wildcards.variant}"
        " --seed {wildcards.seed}"
        " --data {input.images}{params.classifier} --metrics {output.metrics} --pictures {output.pictures}"
        " --reliability {output.reliability} --run {output.run} 2>&1 | tee -i {log}"


rule classes_efficiency:
    input:
        code=code("classes_efficiency"),
        images=rules.prepare_classes.output.images,
    output:
        table=f"{CL_REPORTS}/efficiency.csv",
    log:
        "logs/classes_efficiency/{set}.log",
    benchmark:
        "logs/benchmarks/classes_efficiency/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("classes_efficiency"),
    threads: 512  # as many as there are: other jobs would show in the times
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=GPU,
    shell:
        "python -m pipeline classes_efficiency --set {wildcards.set} --data {input.images} --out {output.table}"
        " 2>&1 | tee -i {log}"


rule report_classification:
    input:
        code=code("report_classification"),
        metrics=of_all_classifiers(rules.classes_evaluate.output.metrics),
        pictures=of_all_classifiers(rules.classes_evaluate.output.pictures),
        reliability=of_all_classifiers(rules.classes_evaluate.output.reliability),
        runs=of_all_classifiers(rules.classes_evaluate.output.run),
        losses=of_all_classifiers(f"{CL_LOSSES}/{{variant}}/{{seed}}/losses.csv"),
        efficiency=rules.classes_efficiency.output.table,
        images=rules.prepare_classes.output.images,
    output:
        section=directory(f"{SECTIONS}/classification_{{set}}"),
    log:
        "logs/report_classification/{set}.log",
    benchmark:
        "logs/benchmarks/report_classification/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("report_classification"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=0,
    shell:
        "python -m pipeline report_classification --set {wildcards.set}"
        f" --evaluations {REPORTS}/classification/{{wildcards.set}}/evaluations"
        f" --losses {REPORTS}/classification/{{wildcards.set}}/losses"
        " --efficiency {input.efficiency} --data {input.images} --out {output.section} 2>&1 | tee -i {log}"


SECTIONS_MADE += expand(rules.report_classification.output.section, set=classification.sets)
