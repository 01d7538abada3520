# Experiments with a section `seams`: hard tiles, blended windows and one pass over the test images of the last split.
rule seams:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        weights=lambda w: [f"{seamed_training(w)}/{file}" for file in ("model.safetensors", "model.json")],
        code=lambda w: code_of("steps.seams", f"models.{seamed_row(w)['network']}"),
    output:
        table="results/{experiment}/seams/seams.csv",
        maps="results/{experiment}/seams/maps.npz",
    log:
        "results/logs/{experiment}/seams.log",
    benchmark:
        "results/{experiment}/seconds/seams.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        settings=lambda w: json.dumps(seamed_row(w)["predict"]),
        split=lambda w: experiment_of(w)["split_names"][-1],
        model=seamed_training,
    shell:
        "python -m hemoseg seams --settings {params.settings:q} --samples {input.samples} --splits {input.splits}"
        " --split {params.split} --model {params.model} --table {output.table} --maps {output.maps}"
        " --threads {threads} 2> {log}"
