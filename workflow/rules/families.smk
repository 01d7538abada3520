# Rows compared by what they take, families of splits by what they say.
rule times:
    input:
        trainings=of_runs("train", "run.json"),
        predictions=of_runs("predict", "timing.json"),
        published="reports/published/ratios.csv",
        code=code_of("steps.times"),
    output:
        "results/tables/{experiment}.times.csv",
    log:
        "results/logs/{experiment}/times.log",
    conda:
        "../../environment.yml"
    params:
        settings=times_settings,
        trained=runs_as_arguments("train", "--trained"),
        predicted=runs_as_arguments("predict", "--predicted"),
    shell:
        "python -m hemoseg times --settings {params.settings:q} --published {input.published}"
        " {params.trained} {params.predicted} --out {output} 2> {log}"


rule families_equal:
    input:
        pixels=of_runs("evaluate", "pixels.csv"),
        cells=of_runs("evaluate", "cells.csv"),
        histograms=of_runs("evaluate", "histograms.npz"),
        published="reports/published/ratios.csv",
        code=code_of("steps.families"),
    output:
        "results/tables/{experiment}.equal.csv",
    log:
        "results/logs/{experiment}/families_equal.log",
    conda:
        "../../environment.yml"
    params:
        settings=table_settings,
        runs=runs_as_arguments("evaluate"),
    shell:
        "python -m hemoseg families --settings {params.settings:q} --comparison equal --published {input.published}"
        " {params.runs} --out {output} 2> {log}"


rule families_optimism:
    input:
        pixels=of_runs("evaluate", "pixels.csv"),
        cells=of_runs("evaluate", "cells.csv"),
        histograms=of_runs("evaluate", "histograms.npz"),
        code=code_of("steps.families"),
    output:
        table="results/tables/{experiment}.optimism.csv",
        images="results/tables/{experiment}.optimism.images.csv",
    log:
        "results/logs/{experiment}/families_optimism.log",
    conda:
        "../../environment.yml"
    params:
        settings=table_settings,
        runs=runs_as_arguments("evaluate"),
    shell:
        "python -m hemoseg families --settings {params.settings:q} --comparison optimism"
        " {params.runs} --out {output.table} 2> {log}"
