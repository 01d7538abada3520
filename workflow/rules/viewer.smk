# Every cell of some test images: truth, prediction of each row, difference, classes and boxes; linked from the page.
rule viewer:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        autolabels=autolabels_of,
        pixels=of_runs("evaluate", "pixels.csv"),
        cells=of_runs("evaluate", "cells.csv"),
        predictions=of_runs("predict", "predictions.npz"),
        template=VIEWER,
        code=code_of("steps.view_results"),
    output:
        report(
            "reports/build/{experiment}_viewer.html",
            caption="../report/viewer.rst",
            category="Pages",
            labels={"experiment": "{experiment}", "form": "every cell"},
        ),
    log:
        "results/logs/{experiment}/viewer.log",
    conda:
        "../../environment.yml"
    params:
        settings=page_settings,
    shell:
        "python -m hemoseg view_results --settings {params.settings:q} --results results --out {output} 2> {log}"
