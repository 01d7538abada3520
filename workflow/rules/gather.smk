# One file per model that stands for all its runs: the target of a DVC stage, and a list for people.
rule gather_train:
    input:
        models=lambda w: files_of_model("train", w, "model.json", "run.json"),
        code=code_of("steps.gather"),
    output:
        "results/{experiment}/train/{model}/runs.csv",
    log:
        "results/logs/{experiment}/gather_train/{model}.log",
    conda:
        "../../environment.yml"
    params:
        folders=lambda w: folders_of_model("train", w),
    shell:
        "python -m hemoseg gather {params.folders} --out {output} 2> {log}"


rule gather_evaluate:
    input:
        counts=lambda w: files_of_model("evaluate", w, "pixels.csv", "cells.csv", "histograms.npz"),
        code=code_of("steps.gather"),
    output:
        "results/{experiment}/evaluate/{model}/runs.csv",
    log:
        "results/logs/{experiment}/gather_evaluate/{model}.log",
    conda:
        "../../environment.yml"
    params:
        folders=lambda w: folders_of_model("evaluate", w),
    shell:
        "python -m hemoseg gather {params.folders} --out {output} 2> {log}"
