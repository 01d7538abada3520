rule tabulate:
    input:
        pixels=of_runs("evaluate", "pixels.csv"),
        cells=of_runs("evaluate", "cells.csv"),
        histograms=of_runs("evaluate", "histograms.npz"),
        published=published_of,
        code=code_of("steps.tabulate"),
    output:
        table=report(
            "results/tables/{experiment}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "form": "CSV"},
        ),
        conventions="results/tables/{experiment}.conventions.json",
        other_rule="results/tables/{experiment}.other_rule.csv",
        confusion="results/tables/{experiment}.confusion.csv",
        roc="results/tables/{experiment}.roc.csv",
        precision_recall="results/tables/{experiment}.precision_recall.csv",
        reliability="results/tables/{experiment}.reliability.csv",
        markdown="results/tables/{experiment}.md",
        metrics="results/tables/{experiment}.metrics.json",
    log:
        "results/logs/{experiment}/tabulate.log",
    benchmark:
        "results/{experiment}/seconds/tabulate.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=table_settings,
        runs=runs_as_arguments("evaluate"),
        published=lambda w, input: input.published or "none",
    shell:
        "python -m hemoseg tabulate --settings {params.settings:q} --published {params.published} {params.runs}"
        " --out {output.table} --markdown {output.markdown} --metrics {output.metrics} 2> {log}"
