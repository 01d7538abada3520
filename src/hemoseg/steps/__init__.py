"""One module per stage of the flow: the only room that opens files and parses arguments."""

# Modules of this room that serve the steps and are none themselves.
NOT_STEPS = (
    "arguments",
    "building",
    "comparable",
    "compare_arguments",
    "costs",
    "decoding",
    "evaluated",
    "explained",
    "files",
    "folders",
    "images",
    "labelled",
    "manifests",
    "mask_folders",
    "predicted",
    "pretrained",
    "progress",
    "published",
    "results",
    "resuming",
    "run_names",
    "seamed",
    "trusted",
    "weights",
)
