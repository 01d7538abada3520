# raw frames -> prepare -> autolabel -> split -> train -> predict -> evaluate -> tabulate, statistics, ... -> report
#                                                train -> explain, seams   predict -> measure -> clinic -> clinic_page
#                                                                         predict -> restore -> trust -> trust_page
#                                                                         predict -> label_audit -> label_audit_page
#                                                                         evaluate -> share
#
# data/<dataset>/                                            frames as published, simulated or from a lab
# results/<experiment>/samples.npz, splits.csv               what all models of an experiment share
# results/<experiment>/<stage>/<model>/<split>/seed<seed>/   train, predict and evaluate, one folder each
# results/<experiment>/explain/, seams/, measure/<model>/    where kernels sample; seams of windows; every cell of a model
# results/<experiment>/segmented/<folder>/                   a lab's own images: instances, class maps, cells.csv, ...
# results/<experiment>/masks/<model>/                        masks in the frames' own size, counts.csv: cells per frame
# results/<experiment>/shared/<model>/                       a model for others: weights, evidence, card
# results/tables/<experiment>.csv, <experiment>.<what>.csv   ours beside the published numbers; times, comparisons, ...
# reports/build/<experiment>.html, index.html                pages that open offline; <experiment>_clinic.html, _trust.html, _label_audit.html
configfile: "params.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/settings.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/gather.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/seams.smk"
include: "workflow/rules/tabulate.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/families.smk"
include: "workflow/rules/viewer.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/clinic.smk"
include: "workflow/rules/trust.smk"
include: "workflow/rules/label_audit.smk"
include: "workflow/rules/share.smk"
include: "workflow/rules/segment.smk"


rule all:
    default_target: True
    input:
        expand("reports/build/{experiment}.html", experiment=PLAN["experiments"]),
        expand("results/tables/{experiment}.csv", experiment=PLAN["experiments"]),
        clinic_pages(),
        trust_pages(),
        label_audit_pages(),
        shared_models(),
        segmented_images(),
        "reports/build/index.html",


rule demo:
    input:
        expand("reports/build/{experiment}.html", experiment=PLAN["flagship"]),
        "reports/build/index.html",
