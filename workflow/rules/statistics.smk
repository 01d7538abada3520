rule statistics:
    input:
        pixels=of_runs("evaluate", "pixels.csv"),
        cells=of_runs("evaluate", "cells.csv"),
        histograms=of_runs("evaluate", "histograms.npz"),
        code=code_of("steps.statistics"),
    output:
        told="results/tables/{experiment}.statistics.json",
        intervals="results/tables/{experiment}.intervals.csv",
        differences="results/tables/{experiment}.differences.csv",
        ranking="results/tables/{experiment}.ranking.csv",
        images="results/tables/{experiment}.images.csv",
        panel="results/tables/{experiment}.panel.csv",
        absences="results/tables/{experiment}.absences.csv",
    log:
        "results/logs/{experiment}/statistics.log",
    benchmark:
        "results/{experiment}/seconds/statistics.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=table_settings,
        runs=runs_as_arguments("evaluate"),
    shell:
        "python -m hemoseg statistics --settings {params.settings:q} {params.runs} --out {output.told} 2> {log}"
