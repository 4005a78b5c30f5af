"""Super-resolution: from pictures to a section of the report for each scale. Included by the Snakefile."""


include: "superresolution_paths.smk"


rule download_pictures:
    input:
        code=code("download_pictures"),
    output:
        raw=directory(f"{SR_DATA}/raw/{{set}}"),
    wildcard_constraints:
        set="|".join(superresolution.pictures) or "none",
    log:
        "logs/download_pictures/{set}.log",
    benchmark:
        "logs/benchmarks/download_pictures/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("download_pictures"),
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(240),
        gpu=0,
    shell:
        "python -m pipeline download_pictures --set {wildcards.set} --cache .resume/downloads --drop-in data/drop_in"
        " --out {output.raw} 2>&1 | tee -i {log}"


rule prepare_pictures:
    input:
        code=code("prepare_pictures"),
        raw=rules.download_pictures.output.raw,
    output:
        pictures=directory(f"{SR_PICTURES}/{{set}}"),
    wildcard_constraints:
        set="|".join(superresolution.pictures) or "none",
    log:
        "logs/prepare_pictures/{set}.log",
    benchmark:
        "logs/benchmarks/prepare_pictures/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("prepare_pictures"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline prepare_pictures --set {wildcards.set} --raw {input.raw} --out {output.pictures}"
        " 2>&1 | tee -i {log}"


rule prepare_face_pictures:
    input:
        code=code("prepare_face_pictures"),
        faces=rules.prepare.output.faces,
        index=rules.prepare.output.index,
    output:
        pictures=directory(f"{SR_PICTURES}/{{set}}"),
    wildcard_constraints:
        set="|".join(superresolution.faces) or "none",
    log:
        "logs/prepare_face_pictures/{set}.log",
    benchmark:
        "logs/benchmarks/prepare_face_pictures/{set}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("prepare_face_pictures"),
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline prepare_face_pictures --set {wildcards.set} --faces {input.faces} --index {input.index}"
        " --out {output.pictures} 2>&1 | tee -i {log}"


rule degrade_pictures:
    input:
        code=code("degrade_pictures"),
        pictures=expand(f"{SR_PICTURES}/{{set}}", set=[*superresolution.pictures, *superresolution.faces]),
    output:
        patches=directory(f"{SR_DEGRADED}/patches"),
        pairs=directory(f"{SR_DEGRADED}/pairs"),
    log:
        "logs/degrade_pictures/{scale}.log",
    benchmark:
        "logs/benchmarks/degrade_pictures/{scale}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("degrade_pictures"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(120),
        gpu=0,
    shell:
        f"python -m pipeline degrade_pictures --scale {{wildcards.scale}} --pictures {SR_PICTURES}"
        " --patches {output.patches} --pairs {output.pairs} 2>&1 | tee -i {log}"


rule sr_train_teacher:
    input:
        code=code("sr_train_teacher"),
        patches=rules.degrade_pictures.output.patches,
    output:
        model=f"{SR_MODELS}/teacher/{{seed}}/model.safetensors",
        card=f"{SR_MODELS}/teacher/{{seed}}/model.json",
        losses=f"{SR_LOSSES}/teacher/{{seed}}/losses.csv",
    log:
        "logs/sr_train_teacher/{scale}-{seed}.log",
    benchmark:
        "logs/benchmarks/sr_train_teacher/{scale}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sr_train_teacher"),
    threads: 1
    priority: 10  # students wait for it
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline sr_train_teacher --scale {wildcards.scale} --seed {wildcards.seed}"
        " --patches {input.patches}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule sr_train_baseline:
    input:
        code=code("sr_train_baseline"),
        patches=rules.degrade_pictures.output.patches,
    output:
        model=f"{SR_MODELS}/baselines/{{variant}}/{{seed}}/model.safetensors",
        card=f"{SR_MODELS}/baselines/{{variant}}/{{seed}}/model.json",
        losses=f"{SR_LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(superresolution.baselines) or "none",
    log:
        "logs/sr_train_baseline/{scale}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/sr_train_baseline/{scale}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sr_train_baseline"),
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline sr_train_baseline --variant {wildcards.variant} --scale {wildcards.scale}"
        " --seed {wildcards.seed}"
        " --patches {input.patches} --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule sr_train_student:
    input:
        code=code("sr_train_student"),
        patches=rules.degrade_pictures.output.patches,
        teacher=f"{SR_MODELS}/teacher/{superresolution.teacher.seed}/model.safetensors",
        teacher_card=f"{SR_MODELS}/teacher/{superresolution.teacher.seed}/model.json",
    output:
        model=f"{SR_MODELS}/students/{{variant}}/{{seed}}/model.safetensors",
        card=f"{SR_MODELS}/students/{{variant}}/{{seed}}/model.json",
        losses=f"{SR_LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(superresolution.students) or "none",
    log:
        "logs/sr_train_student/{scale}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/sr_train_student/{scale}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sr_train_student"),
    threads: 1
    priority: 5
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline sr_train_student --variant {wildcards.variant} --scale {wildcards.scale}"
        " --seed {wildcards.seed}"
        " --patches {input.patches} --teacher {input.teacher} --model {output.model} --losses {output.losses}"
        " 2>&1 | tee -i {log}"


rule sr_evaluate:
    input:
        code=code("sr_evaluate"),
        model=files_of_upscaler,
        pairs=rules.degrade_pictures.output.pairs,
        recogniser=f"{TEACHERS}/{recognition.teacher.seeds[0]}/model.safetensors",
        recogniser_card=f"{TEACHERS}/{recognition.teacher.seeds[0]}/model.json",
        faces=rules.prepare.output.faces,
        degraded=rules.degrade.output.degraded,
        index=rules.prepare.output.index,
        face_pairs=rules.prepare.output.pairs,
        notes=rules.prepare.output.notes,
    output:
        metrics=f"{SR_EVALUATIONS}/{{variant}}/{{seed}}/metrics.csv",
        pictures=f"{SR_EVALUATIONS}/{{variant}}/{{seed}}/pictures.csv",
        scores=f"{SR_EVALUATIONS}/{{variant}}/{{seed}}/scores.csv",
        samples=f"{SR_EVALUATIONS}/{{variant}}/{{seed}}/samples.npz",
        run=f"{SR_EVALUATIONS}/{{variant}}/{{seed}}/run.json",
    log:
        "logs/sr_evaluate/{scale}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/sr_evaluate/{scale}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sr_evaluate"),
        model=option_of_upscaler,
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=more(240),
        gpu=GPU,
    shell:
        "python -m pipeline sr_evaluate --variant {wildcards.variant} --seed {wildcards.seed}"
        " --scale {wildcards.scale}{params.model}"
        " --small-and-large {input.pairs} --recogniser {input.recogniser} --faces {input.faces}"
        " --degraded {input.degraded}"
        " --index {input.index} --pairs {input.face_pairs} --notes {input.notes} --metrics {output.metrics}"
        " --pictures {output.pictures} --scores {output.scores} --samples {output.samples} --run {output.run}"
        " 2>&1 | tee -i {log}"


rule sr_efficiency:
    input:
        code=code("sr_efficiency"),
        patches=rules.degrade_pictures.output.patches,
    output:
        table=f"{SR_REPORTS}/efficiency.csv",
    log:
        "logs/sr_efficiency/{scale}.log",
    benchmark:
        "logs/benchmarks/sr_efficiency/{scale}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sr_efficiency"),
    threads: 512  # as many as there are: other jobs would show in the times
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=GPU,
    shell:
        "python -m pipeline sr_efficiency --scale {wildcards.scale} --patches {input.patches} --out {output.table}"
        " 2>&1 | tee -i {log}"


rule report_superresolution:
    input:
        code=code("report_superresolution"),
        metrics=of_all_upscalers(rules.sr_evaluate.output.metrics, also=[("bicubic", 0)]),
        pictures=of_all_upscalers(rules.sr_evaluate.output.pictures, also=[("bicubic", 0)]),
        scores=of_all_upscalers(rules.sr_evaluate.output.scores, also=[("bicubic", 0)]),
        samples=of_all_upscalers(rules.sr_evaluate.output.samples, also=[("bicubic", 0)]),
        runs=of_all_upscalers(rules.sr_evaluate.output.run, also=[("bicubic", 0)]),
        losses=of_all_upscalers(f"{SR_LOSSES}/{{variant}}/{{seed}}/losses.csv"),
        efficiency=rules.sr_efficiency.output.table,
        recognised=of_all_trained(rules.evaluate.output.metrics),
        recognised_scores=of_all_trained(rules.evaluate.output.scores),
    output:
        section=directory(f"{SECTIONS}/superresolution_{{scale}}"),
    log:
        "logs/report_superresolution/{scale}.log",
    benchmark:
        "logs/benchmarks/report_superresolution/{scale}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("report_superresolution"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=0,
    shell:
        "python -m pipeline report_superresolution --scale {wildcards.scale}"
        f" --evaluations {REPORTS}/superresolution/{{wildcards.scale}}/evaluations"
        f" --losses {REPORTS}/superresolution/{{wildcards.scale}}/losses"
        f" --efficiency {{input.efficiency}} --recognition-evaluations {EVALUATIONS}"
        " --out {output.section} 2>&1 | tee -i {log}"


SECTIONS_MADE += expand(rules.report_superresolution.output.section, scale=superresolution.scales)
