rule predict:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        weights=weights_of,
        code=code_of_model("predict"),
    output:
        predictions=f"results/{{experiment}}/predict/{RUN}/predictions.npz",
        timing=f"results/{{experiment}}/predict/{RUN}/timing.json",
    log:
        f"results/logs/{{experiment}}/predict/{RUN}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        settings=lambda w: json.dumps(model_of(w)["predict"]),
        model=lambda w, input: Path(input.weights[0]).parent,
    shell:
        "python -m hemoseg predict --settings {params.settings:q} --samples {input.samples} --splits {input.splits}"
        " --split {wildcards.split} --model {params.model} --out {output.predictions} --threads {threads} 2> {log}"
