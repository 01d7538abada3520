# Experiments with a section `clinic`: the cells of a model's test samples, every split of a family, its first seed.
MEASURED = "results/{experiment}/measure/{model}"


rule measure:
    input:
        samples="results/{experiment}/samples.npz",
        predictions=predictions_to_measure,
        code=code_of("steps.measure"),
    output:
        cells=f"{MEASURED}/cells.csv",
        frames=f"{MEASURED}/frames.csv",
        facts=f"{MEASURED}/facts.json",
    log:
        "results/logs/{experiment}/measure/{model}.log",
    benchmark:
        "results/{experiment}/seconds/measure/{model}.tsv"
    conda:
        "../../environment.yml"
    shell:
        "python -m hemoseg measure --samples {input.samples} --predictions {input.predictions}"
        " --cells {output.cells} --frames {output.frames} --facts {output.facts} 2> {log}"
