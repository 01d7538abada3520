import pytest

from hemoseg import models
from hemoseg.errors import InputError


def test_a_misspelt_model_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"there is no model 'deformable_unett'.*did you mean deformable_unet"):
        models.load("deformable_unett")


def test_a_strange_model_is_refused_with_all_names():
    with pytest.raises(InputError, match=r"the models are .*otsu.*unet"):
        models.load("xyzzy")


@pytest.mark.parametrize("name", ["__init__", "", "..nn.unet", "unet.build"])
def test_only_files_of_the_folder_are_models(name):
    with pytest.raises(InputError, match="there is no model"):
        models.load(name)


def test_networks_are_told_from_methods_that_are_fitted():
    assert models.is_network(models.load("unet"))
    assert not models.is_network(models.load("otsu"))
