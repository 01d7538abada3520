rule clinic:
    input:
        measured=measured_of,
        code=code_of("steps.clinic"),
    output:
        frames="results/tables/{experiment}.clinic_frames.csv",
        patients=report(
            "results/tables/{experiment}.clinic_patients.csv",
            caption="../report/clinic.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "form": "clinic, CSV"},
        ),
    log:
        "results/logs/{experiment}/clinic.log",
    wildcard_constraints:
        experiment=CLINICS,
    conda:
        "../../environment.yml"
    params:
        settings=clinic_settings,
        measured=lambda w, input: Path(input.measured[0]).parent,
    shell:
        "python -m hemoseg clinic --settings {params.settings:q} --measured {params.measured}"
        " --frames {output.frames} --patients {output.patients} 2> {log}"


rule clinic_page:
    input:
        measured=measured_of,
        frames="results/tables/{experiment}.clinic_frames.csv",
        patients="results/tables/{experiment}.clinic_patients.csv",
        notebook="reports/notebooks/clinic.ipynb",
        template="reports/templates/page/index.html.j2",
        style="reports/templates/style.css.j2",
        code=code_of("steps.report", "steps.clinic", "figures.clinic", "figures.clinic_words", "figures.markup"),
    output:
        report(
            "reports/build/{experiment}_clinic.html",
            caption="../report/clinic.rst",
            category="Pages",
            labels={"experiment": "{experiment}", "form": "clinic page"},
        ),
    log:
        notebook="results/logs/{experiment}/clinic.ipynb",
        text="results/logs/{experiment}/clinic_page.log",
    wildcard_constraints:
        experiment=CLINICS,
    conda:
        "../../environment.yml"
    params:
        settings=page_settings,
    shell:
        "python -m hemoseg report --settings {params.settings:q} --results results"
        " --notebook {input.notebook} --template {input.template}"
        " --executed {log.notebook} --out {output} 2> {log.text}"
