"""Photo-sketch synthesis: from pairs to a section of the report. Included by the Snakefile."""


include: "synthesis_paths.smk"


rule download_sketches:
    input:
        code=code("download_sketches"),
    output:
        raw=directory(f"{SK_DATA}/{{collection}}/raw"),
    log:
        "logs/download_sketches/{collection}.log",
    benchmark:
        "logs/benchmarks/download_sketches/{collection}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("download_sketches"),
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(240),
        gpu=0,
    shell:
        "python -m pipeline download_sketches --collection {wildcards.collection} --cache .resume/downloads"
        " --drop-in data/drop_in --out {output.raw}"
        " 2>&1 | tee -i {log}"


rule prepare_sketches:
    input:
        code=code("prepare_sketches"),
        raw=rules.download_sketches.output.raw,
    output:
        pairs=directory(SK_PAIRS),
    log:
        "logs/prepare_sketches/{collection}.log",
    benchmark:
        "logs/benchmarks/prepare_sketches/{collection}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("prepare_sketches"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline prepare_sketches --collection {wildcards.collection} --raw {input.raw} --out {output.pairs}"
        " 2>&1 | tee -i {log}"


rule draw_faces:
    input:
        code=code("draw_faces"),
        faces=rules.prepare.output.faces,
    output:
        drawings=f"{SK_DATA}/drawings/{{method}}.npy",
    log:
        "logs/draw_faces/{method}.log",
    benchmark:
        "logs/benchmarks/draw_faces/{method}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("draw_faces"),
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(240),
        gpu=0,
    shell:
        "python -m pipeline draw_faces --method {wildcards.method} --faces {input.faces} --out {output.drawings}"
        " 2>&1 | tee -i {log}"


rule sketch_train_teacher:
    input:
        code=code("sketch_train_teacher"),
        faces=rules.prepare.output.faces,
        index=rules.prepare.output.index,
        drawings=expand(rules.draw_faces.output.drawings, method=synthesis.teacher.drawings),
    output:
        model=f"{SK_TEACHERS}/{{domain}}/model.safetensors",
        card=f"{SK_TEACHERS}/{{domain}}/model.json",
        losses=f"{SK_TEACHER_LOSSES}/{{domain}}/losses.csv",
    wildcard_constraints:
        domain="photos|drawings|both",
    log:
        "logs/sketch_train_teacher/{domain}.log",
    benchmark:
        "logs/benchmarks/sketch_train_teacher/{domain}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sketch_train_teacher"),
    threads: 1
    priority: 10  # students wait for it
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline sketch_train_teacher --domain {wildcards.domain} --faces {input.faces}"
        " --drawings {input.drawings} --index {input.index} --cache .resume/downloads --drop-in data/drop_in"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule sketch_train_baseline:
    input:
        code=code("sketch_train_baseline"),
        pairs=rules.prepare_sketches.output.pairs,
    output:
        model=f"{SK_MODELS}/baselines/{{variant}}/{{seed}}/model.safetensors",
        card=f"{SK_MODELS}/baselines/{{variant}}/{{seed}}/model.json",
        losses=f"{SK_LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(synthesis.baselines) or "none",
    log:
        "logs/sketch_train_baseline/{collection}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/sketch_train_baseline/{collection}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sketch_train_baseline"),
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline sketch_train_baseline --collection {wildcards.collection} --variant {wildcards.variant}"
        " --seed {wildcards.seed} --pairs {input.pairs}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule sketch_train_student:
    input:
        code=code("sketch_train_student"),
        pairs=rules.prepare_sketches.output.pairs,
        teachers=of_all_domains(rules.sketch_train_teacher.output.model),
        cards=of_all_domains(rules.sketch_train_teacher.output.card),
    output:
        model=f"{SK_MODELS}/students/{{variant}}/{{seed}}/model.safetensors",
        card=f"{SK_MODELS}/students/{{variant}}/{{seed}}/model.json",
        losses=f"{SK_LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(synthesis.students) or "none",
    log:
        "logs/sketch_train_student/{collection}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/sketch_train_student/{collection}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sketch_train_student"),
    threads: 1
    priority: 5
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline sketch_train_student --collection {wildcards.collection} --variant {wildcards.variant}"
        " --seed {wildcards.seed} --pairs {input.pairs}"
        f" --teachers {SK_TEACHERS} --model {{output.model}} --losses {{output.losses}} 2>&1 | tee -i {{log}}"


rule sketch_evaluate:
    input:
        code=code("sketch_evaluate"),
        model=files_of_students,
        pairs=rules.prepare_sketches.output.pairs,
        recogniser=f"{TEACHERS}/{recognition.teacher.seeds[0]}/model.safetensors",
        recogniser_card=f"{TEACHERS}/{recognition.teacher.seeds[0]}/model.json",
    output:
        metrics=f"{SK_EVALUATIONS}/{{variant}}/{{seed}}/metrics.csv",
        pictures=f"{SK_EVALUATIONS}/{{variant}}/{{seed}}/pictures.csv",
        dimensions=f"{SK_EVALUATIONS}/{{variant}}/{{seed}}/dimensions.csv",
        scores=f"{SK_EVALUATIONS}/{{variant}}/{{seed}}/scores.csv",
        samples=f"{SK_EVALUATIONS}/{{variant}}/{{seed}}/samples.npz",
        run=f"{SK_EVALUATIONS}/{{variant}}/{{seed}}/run.json",
    log:
        "logs/sketch_evaluate/{collection}-{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/sketch_evaluate/{collection}-{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sketch_evaluate"),
        model=options_of_students,
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=more(240),
        gpu=GPU,
    shell:
        "python -m pipeline sketch_evaluate --collection {wildcards.collection} --variant {wildcards.variant}"
        " --seed {wildcards.seed}{params.model}"
        " --photo-sketch-pairs {input.pairs} --recogniser {input.recogniser} --metrics {output.metrics}"
        " --pictures {output.pictures} --dimensions {output.dimensions} --scores {output.scores}"
        " --samples {output.samples}"
        " --run {output.run} 2>&1 | tee -i {log}"


rule sketch_efficiency:
    input:
        code=code("sketch_efficiency"),
        pairs=rules.prepare_sketches.output.pairs,
    output:
        table=f"{SK_REPORTS}/efficiency.csv",
    log:
        "logs/sketch_efficiency/{collection}.log",
    benchmark:
        "logs/benchmarks/sketch_efficiency/{collection}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("sketch_efficiency"),
    threads: 512  # as many as there are: other jobs would show in the times
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=GPU,
    shell:
        "python -m pipeline sketch_efficiency --collection {wildcards.collection} --pairs {input.pairs}"
        " --out {output.table} 2>&1 | tee -i {log}"


rule report_synthesis:
    input:
        code=code("report_synthesis"),
        metrics=of_all_students(rules.sketch_evaluate.output.metrics, also=[("copy", 0)]),
        pictures=of_all_students(rules.sketch_evaluate.output.pictures, also=[("copy", 0)]),
        dimensions=of_all_students(rules.sketch_evaluate.output.dimensions, also=[("copy", 0)]),
        scores=of_all_students(rules.sketch_evaluate.output.scores, also=[("copy", 0)]),
        samples=of_all_students(rules.sketch_evaluate.output.samples, also=[("copy", 0)]),
        runs=of_all_students(rules.sketch_evaluate.output.run, also=[("copy", 0)]),
        losses=of_all_students(f"{SK_LOSSES}/{{variant}}/{{seed}}/losses.csv"),
        teachers=of_all_domains(rules.sketch_train_teacher.output.losses),
        efficiency=rules.sketch_efficiency.output.table,
    output:
        section=directory(f"{SECTIONS}/synthesis_{{collection}}"),
    log:
        "logs/report_synthesis/{collection}.log",
    benchmark:
        "logs/benchmarks/report_synthesis/{collection}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("report_synthesis"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=0,
    shell:
        "python -m pipeline report_synthesis --collection {wildcards.collection}"
        f" --evaluations {REPORTS}/synthesis/{{wildcards.collection}}/evaluations"
        f" --losses {REPORTS}/synthesis/{{wildcards.collection}}/losses"
        f" --teacher-losses {SK_TEACHER_LOSSES}"
        " --efficiency {input.efficiency} --out {output.section} 2>&1 | tee -i {log}"


SECTIONS_MADE += expand(rules.report_synthesis.output.section, collection=synthesis.collections)
