"""One tiny run of the flow to its page, which the tests of this folder look at."""

import pytest
import yaml

# Three rows and one split in place of all and two: seconds, not minutes.
ROWS = ("otsu", "unet", "deformable_unet")
TINY = {
    "experiments": {
        "scd2020_binary": {
            "models": dict.fromkeys(["autolabel", "region_growing", "ilastik", "pspnet", "deeplabv3plus"]),
            "split": {"protocol": "fixed", "train": 2, "test": 2},
        },
        "scd2020_patients": {"split": {"protocol": "folds"}},  # it is like the one above, and needs folds
    }
}
PAGE = "reports/build/scd2020_binary.html"


class Flow:
    """A workspace with the tiny settings in ``tiny.yaml``."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.page = PAGE
        if not (workspace / "tiny.yaml").exists():
            (workspace / "tiny.yaml").write_text(yaml.safe_dump(TINY))

    def __truediv__(self, path):
        return self.workspace / path

    def arguments(self, *targets, overlay=None, options=()):
        """Words after ``snakemake``: the tiny settings, with an overlay laid over them."""
        files = ["tests/params.yaml", "tiny.yaml"]
        if overlay is not None:
            (self / "overlay.yaml").write_text(yaml.safe_dump(overlay))
            files.append("overlay.yaml")
        return [*options, "--configfile", *files, "--", *(targets or [PAGE])]

    def run(self, *targets, overlay=None, options=(), expect=0, **variables):
        words = self.arguments(*targets, overlay=overlay, options=options)
        return self.workspace.run("snakemake", *words, expect=expect, **variables)

    def planned(self, *targets, overlay=None, options=()):
        return self.workspace.planned(*self.arguments(*targets, overlay=overlay, options=options))


@pytest.fixture(scope="session")
def flow(pristine, tmp_path_factory):
    """The finished tiny run; a test that changes a file of it puts it back."""
    flow = Flow(pristine.copy(tmp_path_factory.mktemp("flow") / "hemoseg"))
    flow.log = flow.run(options=["--cores", "2"])
    return flow


@pytest.fixture
def fresh_flow(workspace):
    """A flow that has not run."""
    return Flow(workspace)
