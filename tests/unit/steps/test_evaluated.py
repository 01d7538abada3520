import pytest

from hemoseg.errors import InputError
from hemoseg.steps.evaluated import read_run


@pytest.mark.parametrize(
    "text", ["unet", "model=unet,split=fold0,seed=a,folder=x", "split=a,model=b,seed=0,folder=x", ""]
)
def test_a_run_in_another_form_is_refused(text):
    with pytest.raises(InputError, match="the form is model=KEY,split=NAME,seed=S,folder=DIR"):
        read_run(text)


def test_a_run_without_its_counts_is_refused_by_the_name_of_the_file(tmp_path):
    with pytest.raises(InputError, match=r"pixels\.csv: no such file"):
        read_run(f"model=unet,split=fold0,seed=0,folder={tmp_path}")
