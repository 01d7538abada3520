# Experiments with a section `share`: one trained model with what its sisters said of images that they did not learn from.
SHARED = "results/{experiment}/shared/{model}"


rule share:
    input:
        samples="results/{experiment}/samples.npz",
        predictions=predictions_to_share,
        counts=counts_to_share,
        weights=weights_to_share,
        code=code_of("steps.share"),
    output:
        weights=f"{SHARED}/model.safetensors",
        description=f"{SHARED}/model.json",
        evidence=f"{SHARED}/evidence.json",
        card=report(
            f"{SHARED}/README.md",
            caption="../report/share.rst",
            category="Models",
            labels={"experiment": "{experiment}", "form": "model card"},
        ),
    log:
        "results/logs/{experiment}/share/{model}.log",
    wildcard_constraints:
        experiment=SHARING,
    conda:
        "../../environment.yml"
    params:
        settings=share_settings,
        runs=runs_to_share,
        model=lambda w, input: Path(input.weights[0]).parent,
        out=lambda w, output: Path(output.weights).parent,
    shell:
        "python -m hemoseg share --settings {params.settings:q} --samples {input.samples}"
        " --predictions {input.predictions} {params.runs} --model {params.model} --out {params.out} 2> {log}"
