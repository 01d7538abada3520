# Everything that a notebook may show.
FIGURES = [f"figures.{path.stem}" for path in sorted(Path("src/hemoseg/figures").glob("[!_]*.py"))]

PAGE = ["steps.report", "steps.results", "steps.explained", "steps.seamed"]


rule report:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        notes="results/{experiment}/splits.json",
        table="results/tables/{experiment}.csv",
        conventions="results/tables/{experiment}.conventions.json",
        other_rule="results/tables/{experiment}.other_rule.csv",
        confusion="results/tables/{experiment}.confusion.csv",
        roc="results/tables/{experiment}.roc.csv",
        precision_recall="results/tables/{experiment}.precision_recall.csv",
        reliability="results/tables/{experiment}.reliability.csv",
        statistics="results/tables/{experiment}.statistics.json",
        intervals="results/tables/{experiment}.intervals.csv",
        differences="results/tables/{experiment}.differences.csv",
        ranking="results/tables/{experiment}.ranking.csv",
        images="results/tables/{experiment}.images.csv",
        panel="results/tables/{experiment}.panel.csv",
        absences="results/tables/{experiment}.absences.csv",
        comparisons=comparisons_of,
        times="results/tables/{experiment}.times.csv",
        runs=of_runs("train", "run.json"),
        history=of_runs("train", "history.csv"),
        pixels=of_runs("evaluate", "pixels.csv"),
        cells=of_runs("evaluate", "cells.csv"),
        predictions=of_runs("predict", "predictions.npz"),
        timing=of_runs("predict", "timing.json"),
        models=of_runs("train", "model.json"),
        autolabels=shown_labels_of,
        explained=explained_of,
        seams=seams_of,
        published=published_of,
        claims=claims_of,
        viewer=ancient("reports/build/{experiment}_viewer.html"),  # linked, not read
        notebook=lambda w: f"reports/notebooks/{experiment_of(w)['report']['notebook']}.ipynb",
        template="reports/templates/page/index.html.j2",
        style="reports/templates/style.css.j2",
        code=code_of(*PAGE, "tables.audit", "tables.conventions", *FIGURES),
    output:
        report(
            "reports/build/{experiment}.html",
            caption="../report/page.rst",
            category="Pages",
            labels={"experiment": "{experiment}", "form": "page"},
        ),
    log:
        # The executed notebook stays when a cell fails, with the traceback in it.
        notebook="results/logs/{experiment}/report.ipynb",
        text="results/logs/{experiment}/report.log",
    conda:
        "../../environment.yml"
    params:
        settings=page_settings,
        published=lambda w, input: input.published or "none",
    shell:
        "python -m hemoseg report --settings {params.settings:q} --results results"
        " --published {params.published} --notebook {input.notebook} --template {input.template} --viewer {input.viewer}"
        " --executed {log.notebook} --out {output} 2> {log.text}"


rule index:
    input:
        # The flagship pages; the others are linked too where they have been built.
        pages=expand("reports/build/{experiment}.html", experiment=PLAN["flagship"]),
        template="reports/templates/index.html.j2",
        style="reports/templates/style.css.j2",
        code=code_of("steps.index"),
    output:
        "reports/build/index.html",
    log:
        "results/logs/index.log",
    conda:
        "../../environment.yml"
    params:
        settings=index_settings(),
    shell:
        "python -m hemoseg index --settings {params.settings:q} --tables results/tables"
        " --template {input.template} --out {output} 2> {log}"
