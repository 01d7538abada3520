# Published weights that a row starts from, by address; rows without `pretrained: {url: ...}` need no network.
rule fetch:
    input:
        code=code_of("steps.fetch"),
    output:
        f"{FOLDER}/{{weights}}",
    log:
        "results/logs/fetch/{weights}.log",
    wildcard_constraints:
        weights="|".join(map(re.escape, ADDRESSES)) or "none",
    conda:
        "../../environment.yml"
    params:
        url=lambda w: ADDRESSES[w.weights]["url"],
        sha256=lambda w: ADDRESSES[w.weights]["sha256"],
    shell:
        "python -m hemoseg fetch --url {params.url:q} --sha256 {params.sha256} --out {output} 2> {log}"
