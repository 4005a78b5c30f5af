"""Low-quality face recognition: from download to its section of the report. Included by the Snakefile."""


include: "recognition_paths.smk"


rule download:
    input:
        code=code("download"),
    output:
        raw=directory(f"{DATA}/raw"),
    log:
        "logs/download.log",
    benchmark:
        "logs/benchmarks/download.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("download"),
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(240),
        gpu=0,
    shell:
        "python -m pipeline download --cache .resume/downloads --drop-in data/drop_in"
        " --out {output.raw} 2>&1 | tee -i {log}"


rule prepare:
    input:
        code=code("prepare"),
        raw=rules.download.output.raw,
    output:
        faces=f"{DATA}/faces.npy",
        index=f"{DATA}/index.csv",
        pairs=f"{DATA}/pairs.csv",
        searches=f"{DATA}/searches.csv",
        notes=f"{DATA}/notes.json",
        contact_sheet=f"{DATA}/contact_sheet.png",
    log:
        "logs/prepare.log",
    benchmark:
        "logs/benchmarks/prepare.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("prepare"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline prepare --raw {input.raw} --faces {output.faces} --index {output.index}"
        " --pairs {output.pairs} --searches {output.searches} --notes {output.notes}"
        " --contact-sheet {output.contact_sheet} 2>&1 | tee -i {log}"


rule degrade:
    input:
        code=code("degrade"),
        faces=rules.prepare.output.faces,
    output:
        degraded=directory(f"{DATA}/degraded"),
    log:
        "logs/degrade.log",
    benchmark:
        "logs/benchmarks/degrade.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("degrade"),
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline degrade --faces {input.faces} --out {output.degraded} 2>&1 | tee -i {log}"


rule fetch_teacher:
    input:
        code=code("fetch_teacher"),
    output:
        own=directory(f"{DATA}/teacher"),
    log:
        "logs/fetch_teacher.log",
    benchmark:
        "logs/benchmarks/fetch_teacher.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("fetch_teacher"),
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(60),
        gpu=0,
    shell:
        "python -m pipeline fetch_teacher --cache .resume/downloads --drop-in data/drop_in"
        " --out {output.own} 2>&1 | tee -i {log}"


rule train_teacher:
    input:
        code=code("train_teacher"),
        own=rules.fetch_teacher.output.own,
        faces=rules.prepare.output.faces,
        index=rules.prepare.output.index,
    output:
        model=f"{TEACHERS}/{{seed}}/model.safetensors",
        card=f"{TEACHERS}/{{seed}}/model.json",
        losses=f"{LOSSES}/teacher/{{seed}}/losses.csv",
    log:
        "logs/train_teacher/{seed}.log",
    benchmark:
        "logs/benchmarks/train_teacher/{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("train_teacher"),
    threads: 1
    priority: 30  # students wait for it
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline train_teacher --seed {wildcards.seed} --own {input.own}"
        " --faces {input.faces} --index {input.index}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule teacher_outputs:
    input:
        code=code("teacher_outputs"),
        teacher=rules.train_teacher.output.model,
        card=rules.train_teacher.output.card,
        faces=rules.prepare.output.faces,
        index=rules.prepare.output.index,
    output:
        answers=directory(f"{ANSWERS}/{{seed}}"),
    log:
        "logs/teacher_outputs/{seed}.log",
    benchmark:
        "logs/benchmarks/teacher_outputs/{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("teacher_outputs"),
    threads: 1
    priority: 30
    resources:
        mem_mb=more(3000),
        runtime=more(240),
        gpu=GPU,
    shell:
        "python -m pipeline teacher_outputs --teacher {input.teacher} --faces {input.faces} --index {input.index}"
        " --out {output.answers} 2>&1 | tee -i {log}"


rule train_baseline:
    input:
        code=code("train_baseline"),
        faces=rules.prepare.output.faces,
        degraded=rules.degrade.output.degraded,
        index=rules.prepare.output.index,
    output:
        model=f"{MODELS}/baselines/{{variant}}/{{seed}}/model.safetensors",
        card=f"{MODELS}/baselines/{{variant}}/{{seed}}/model.json",
        losses=f"{LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(recognition.baselines) or "none",
    log:
        "logs/train_baseline/{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/train_baseline/{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("train_baseline"),
    threads: 1
    priority: 20  # long ones first, or one core is left with them
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline train_baseline --variant {wildcards.variant} --seed {wildcards.seed}"
        " --faces {input.faces} --degraded {input.degraded} --index {input.index}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule train_student:
    input:
        code=code("train_student"),
        faces=rules.prepare.output.faces,
        degraded=rules.degrade.output.degraded,
        index=rules.prepare.output.index,
        teachers=of_all_teachers(rules.train_teacher.output.model),
        cards=of_all_teachers(rules.train_teacher.output.card),
        answers=of_all_teachers(rules.teacher_outputs.output.answers),
    output:
        model=f"{MODELS}/students/{{variant}}/{{seed}}/model.safetensors",
        card=f"{MODELS}/students/{{variant}}/{{seed}}/model.json",
        losses=f"{LOSSES}/{{variant}}/{{seed}}/losses.csv",
    wildcard_constraints:
        variant="|".join(recognition.students) or "none",
    log:
        "logs/train_student/{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/train_student/{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("train_student"),
    threads: 1
    priority: 20
    resources:
        mem_mb=more(3000),
        runtime=1440,  # it resumes
        gpu=GPU,
    shell:
        "python -m pipeline train_student --variant {wildcards.variant} --seed {wildcards.seed}"
        " --faces {input.faces} --degraded {input.degraded} --index {input.index}"
        f" --teachers {TEACHERS} --teacher-outputs {ANSWERS}"
        " --model {output.model} --losses {output.losses} 2>&1 | tee -i {log}"


rule evaluate:
    input:
        code=code("evaluate"),
        model=checkpoint,
        card=lambda wildcards: checkpoint(wildcards, ".json"),
        faces=rules.prepare.output.faces,
        degraded=rules.degrade.output.degraded,
        index=rules.prepare.output.index,
        pairs=rules.prepare.output.pairs,
        searches=rules.prepare.output.searches,
        notes=rules.prepare.output.notes,
    output:
        metrics=f"{EVALUATIONS}/{{variant}}/{{seed}}/metrics.csv",
        scores=f"{EVALUATIONS}/{{variant}}/{{seed}}/scores.csv",
        ranks=f"{EVALUATIONS}/{{variant}}/{{seed}}/ranks.csv",
        samples=f"{EVALUATIONS}/{{variant}}/{{seed}}/samples.npz",
        run=f"{EVALUATIONS}/{{variant}}/{{seed}}/run.json",
    log:
        "logs/evaluate/{variant}-{seed}.log",
    benchmark:
        "logs/benchmarks/evaluate/{variant}-{seed}.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("evaluate"),
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=more(120),
        gpu=GPU,
    shell:
        "python -m pipeline evaluate --variant {wildcards.variant} --seed {wildcards.seed}"
        " --model {input.model} --faces {input.faces} --degraded {input.degraded} --index {input.index}"
        " --pairs {input.pairs} --searches {input.searches} --notes {input.notes}"
        " --metrics {output.metrics} --scores {output.scores} --ranks {output.ranks}"
        " --samples {output.samples} --run {output.run} 2>&1 | tee -i {log}"


rule efficiency:
    input:
        code=code("efficiency"),
        own=rules.fetch_teacher.output.own,
        faces=rules.prepare.output.faces,
    output:
        table=f"{REPORTS}/recognition/efficiency.csv",
    log:
        "logs/efficiency.log",
    benchmark:
        "logs/benchmarks/efficiency.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("efficiency"),
    threads: 512  # as many as there are: other jobs would show in the times
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=GPU,
    shell:
        "python -m pipeline efficiency --own {input.own} --faces {input.faces} --out {output.table} 2>&1 | tee -i {log}"


rule report_recognition:
    input:
        code=code("report_recognition"),
        metrics=of_all_trained(rules.evaluate.output.metrics),
        scores=of_all_trained(rules.evaluate.output.scores),
        ranks=of_all_trained(rules.evaluate.output.ranks),
        samples=of_all_trained(rules.evaluate.output.samples),
        runs=of_all_trained(rules.evaluate.output.run),
        losses=of_all_trained(f"{LOSSES}/{{variant}}/{{seed}}/losses.csv"),
        efficiency=rules.efficiency.output.table,
        notes=rules.prepare.output.notes,
        contact_sheet=rules.prepare.output.contact_sheet,
    output:
        section=directory(f"{SECTIONS}/recognition"),
    log:
        "logs/report_recognition.log",
    benchmark:
        "logs/benchmarks/report_recognition.tsv"
    conda:
        "../environment.yaml"
    params:
        science=science_of("report_recognition"),
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
        gpu=0,
    shell:
        f"python -m pipeline report_recognition --evaluations {EVALUATIONS} --losses {LOSSES}"
        " --out {output.section} --efficiency {input.efficiency} --notes {input.notes}"
        " --contact-sheet {input.contact_sheet} 2>&1 | tee -i {log}"


SECTIONS_MADE.append(rules.report_recognition.output.section)
