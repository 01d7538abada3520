import pytest

from hemoseg.errors import InputError
from hemoseg.steps.published import read_published, read_ratios


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row,class,column,value,sd\n", "column source is missing"),
        ("row,class,column,value,sd,source\nunet,1,dise,1,,x\n", "did you mean dice"),
        ("row,class,column,value,sd,source\n" + "unet,1,dice,1,,x\n" * 2, "twice"),
    ],
)
def test_published_numbers_in_another_form_are_refused(tmp_path, text, words):
    path = tmp_path / "published.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_published(path)


def test_the_ratios_of_the_repository_read_and_have_sources():
    assert read_ratios("reports/published/ratios.csv")["source"].str.contains("doi:").all()
