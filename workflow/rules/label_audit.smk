# Experiments with a section `label_audit`: labels that a model finds wrong which did not learn from them; every split of
# a family, the model's first seed.
rule label_audit:
    input:
        samples="results/{experiment}/samples.npz",
        predictions=predictions_to_audit,
        code=code_of("steps.label_audit"),
    output:
        table=report(
            "results/tables/{experiment}.label_audit.csv",
            caption="../report/label_audit.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "form": "label audit, CSV"},
        ),
        facts="results/tables/{experiment}.label_audit.json",
    log:
        "results/logs/{experiment}/label_audit.log",
    wildcard_constraints:
        experiment=AUDITED,
    conda:
        "../../environment.yml"
    params:
        settings=label_audit_settings,
    shell:
        "python -m hemoseg label_audit --settings {params.settings:q} --samples {input.samples}"
        " --predictions {input.predictions} --out {output.table} --facts {output.facts} 2> {log}"


rule label_audit_page:
    input:
        samples="results/{experiment}/samples.npz",
        predictions=predictions_to_audit,
        table="results/tables/{experiment}.label_audit.csv",
        facts="results/tables/{experiment}.label_audit.json",
        notebook="reports/notebooks/label_audit.ipynb",
        template="reports/templates/page/index.html.j2",
        style="reports/templates/style.css.j2",
        code=code_of(
            "steps.report", "steps.label_audited", "figures.label_audit", "figures.label_audit_words", "figures.markup"
        ),
    output:
        report(
            "reports/build/{experiment}_label_audit.html",
            caption="../report/label_audit.rst",
            category="Pages",
            labels={"experiment": "{experiment}", "form": "label audit page"},
        ),
    log:
        notebook="results/logs/{experiment}/label_audit.ipynb",
        text="results/logs/{experiment}/label_audit_page.log",
    wildcard_constraints:
        experiment=AUDITED,
    conda:
        "../../environment.yml"
    params:
        settings=page_settings,
    shell:
        "python -m hemoseg report --settings {params.settings:q} --results results"
        " --notebook {input.notebook} --template {input.template}"
        " --executed {log.notebook} --out {output} 2> {log.text}"
