# Experiments with a section `segment`: a lab's own images, segmented with one of the experiment's trained models.
SEGMENTED = "results/{experiment}/segmented/{images}"


rule segment:
    input:
        model=model_to_segment,
        images=images_to_segment,
        code=lambda w: code_of(
            *("steps.segment", "steps.coco", "steps.ome", "steps.qupath", "steps.rois"),
            f"models.{experiment_of(w)['models'][experiment_of(w)['segment']['model']]['network']}",
        ),
    output:
        # Not segment.json, which tells where a run stopped: Snakemake removes what is declared before it starts anew.
        images=f"{SEGMENTED}/images.csv",
        groups=f"{SEGMENTED}/groups.csv",
        cells=f"{SEGMENTED}/cells.csv",
        table=f"{SEGMENTED}/cells.parquet",
    log:
        "results/logs/{experiment}/segment/{images}.log",
    wildcard_constraints:
        experiment=SEGMENTING,
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        settings=segment_settings,
        options=segment_options,
        folder=lambda w: experiment_of(w)["segment"]["images"],
        model=lambda w, input: Path(input.model[0]).parent,
        out=lambda w, output: Path(output.images).parent,
    shell:
        "python -m hemoseg segment {params.model} {params.folder:q} --out {params.out:q} --replace"
        " --settings {params.settings:q} {params.options} --threads {threads} 2> {log:q}"
