"""`snakemake --report` on a finished run: one file, complete in itself, with captions."""

import re

import pytest

pytestmark = pytest.mark.xdist_group("workflow")


def test_the_report_is_one_file_that_loads_nothing(flow):
    flow.run(options=["--report", "report.html"])
    report = (flow / "report.html").read_text(encoding="utf-8")
    assert len(report) > 500_000  # its scripts are in it
    assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//", report)
    for shown in ("scd2020_binary", "Tables", "Pages"):
        assert shown in report, shown


def test_the_page_holds_the_table_and_loads_nothing(flow):
    page = (flow / flow.page).read_text(encoding="utf-8")
    assert "dU-Net" in page
    assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)


def test_no_run_leaves_temporary_files(flow):
    assert not list((flow / "results").rglob("*.part"))
