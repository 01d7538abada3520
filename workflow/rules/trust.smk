# Experiments with a section `trust`: masks and counts of every frame, and how far the model agrees with the labels that
# were made without a human. Every split of a family, the model's first seed.
MASKS = "results/{experiment}/masks/{model}"


rule restore:
    input:
        samples="results/{experiment}/samples.npz",
        predictions=predictions_to_measure,
        code=code_of("steps.restore"),
    output:
        directory(MASKS),
    log:
        "results/logs/{experiment}/restore/{model}.log",
    benchmark:
        "results/{experiment}/seconds/restore/{model}.tsv"
    conda:
        "../../environment.yml"
    shell:
        "python -m hemoseg restore --samples {input.samples} --predictions {input.predictions} --out {output} 2> {log}"


rule trust:
    input:
        samples="results/{experiment}/samples.npz",
        autolabels="results/{experiment}/autolabels.npz",
        masks=masks_to_trust,
        code=code_of("steps.trust"),
    output:
        report(
            "results/tables/{experiment}.trust.csv",
            caption="../report/trust.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "form": "trust, CSV"},
        ),
    log:
        "results/logs/{experiment}/trust.log",
    wildcard_constraints:
        experiment=TRUSTED,
    conda:
        "../../environment.yml"
    shell:
        "python -m hemoseg trust --samples {input.samples} --autolabels {input.autolabels} --masks {input.masks}"
        " --out {output} 2> {log}"


rule trust_page:
    input:
        samples="results/{experiment}/samples.npz",
        autolabels="results/{experiment}/autolabels.npz",
        chosen="results/{experiment}/autolabels.json",
        masks=masks_to_trust,
        table="results/tables/{experiment}.trust.csv",
        models=trusted_models,
        truth=truth_to_trust,
        notebook="reports/notebooks/trust.ipynb",
        template="reports/templates/page/index.html.j2",
        style="reports/templates/style.css.j2",
        code=code_of("steps.report", "steps.trusted", "figures.trust", "figures.trust_words", "figures.markup"),
    output:
        report(
            "reports/build/{experiment}_trust.html",
            caption="../report/trust.rst",
            category="Pages",
            labels={"experiment": "{experiment}", "form": "trust page"},
        ),
    log:
        notebook="results/logs/{experiment}/trust.ipynb",
        text="results/logs/{experiment}/trust_page.log",
    wildcard_constraints:
        experiment=TRUSTED,
    conda:
        "../../environment.yml"
    params:
        settings=page_settings,
    shell:
        "python -m hemoseg report --settings {params.settings:q} --results results"
        " --notebook {input.notebook} --template {input.template}"
        " --executed {log.notebook} --out {output} 2> {log.text}"
