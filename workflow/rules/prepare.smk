rule prepare:
    input:
        frames=frames_of,
        code=code_of("steps.prepare"),
    output:
        "results/{experiment}/samples.npz",
    log:
        "results/logs/{experiment}/prepare.log",
    benchmark:
        "results/{experiment}/seconds/prepare.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=prepare_settings,
        data=lambda w: f"data/{experiment_of(w)['dataset']}",
    shell:
        "python -m hemoseg prepare --settings {params.settings:q} --data {params.data:q} --out {output} 2> {log}"


rule autolabel:
    input:
        samples="results/{experiment}/samples.npz",
        code=code_of("steps.autolabel"),
    output:
        labels="results/{experiment}/autolabels.npz",
        quality="results/{experiment}/autolabels.csv",
        chosen="results/{experiment}/autolabels.json",
    log:
        "results/logs/{experiment}/autolabel.log",
    benchmark:
        "results/{experiment}/seconds/autolabel.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=section("autolabel"),
    shell:
        "python -m hemoseg autolabel --settings {params.settings:q} --samples {input.samples}"
        " --out {output.labels} --quality {output.quality} --chosen {output.chosen} 2> {log}"


rule split:
    input:
        samples="results/{experiment}/samples.npz",
        code=code_of("steps.split"),
    output:
        splits="results/{experiment}/splits.csv",
        notes="results/{experiment}/splits.json",
    log:
        "results/logs/{experiment}/split.log",
    benchmark:
        "results/{experiment}/seconds/split.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=section("split"),
    shell:
        "python -m hemoseg split --settings {params.settings:q} --samples {input.samples}"
        " --out {output.splits} --notes {output.notes} 2> {log}"
