rule evaluate:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        autolabels=autolabels_of,
        predictions=f"results/{{experiment}}/predict/{RUN}/predictions.npz",
        code=code_of("steps.evaluate"),
    output:
        pixels=f"results/{{experiment}}/evaluate/{RUN}/pixels.csv",
        cells=f"results/{{experiment}}/evaluate/{RUN}/cells.csv",
        histograms=f"results/{{experiment}}/evaluate/{RUN}/histograms.npz",
    log:
        f"results/logs/{{experiment}}/evaluate/{RUN}.log",
    benchmark:
        f"results/{{experiment}}/seconds/evaluate/{RUN}.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=section("evaluate"),
        autolabels=autolabels_argument,
    shell:
        "python -m hemoseg evaluate --settings {params.settings:q} --samples {input.samples} --splits {input.splits}"
        " --split {wildcards.split} {params.autolabels} --predictions {input.predictions}"
        " --pixels {output.pixels} --cells {output.cells}"
        " --histograms {output.histograms} 2> {log}"
