rule simulate:
    input:
        code=lambda w: code_of(
            "steps.simulate",
            f"simulation.{PLAN['datasets'][w.dataset]['simulate']['kind']}",
        ),
    output:
        directory("data/{dataset}"),
    log:
        "results/logs/simulate/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: json.dumps(PLAN["datasets"][w.dataset]["simulate"]),
        seed=lambda w: PLAN["datasets"][w.dataset]["seed"],
    shell:
        "python -m hemoseg simulate --settings {params.settings:q} --seed {params.seed} --out {output} 2> {log}"
