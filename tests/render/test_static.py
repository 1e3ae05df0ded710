import pytest
from matplotlib.figure import Figure

from pellucid.render import static
from tests.results import samples


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.parametrize("kind", ["attribution", "graph"])
def test_the_same_result_gives_the_same_bytes(kind, ending):
    assert static.picture(samples.KINDS[kind](), ending) == static.picture(samples.KINDS[kind](), ending)


def test_text_stays_text_in_svg():
    svg = static.picture(samples.attribution(), "svg").decode()
    assert ">Grad-CAM · layer4<" in svg
    assert "tabby, probability 0.71, predicted" in svg
    assert "<dc:date>" not in svg


def test_a_figure_is_no_global_state():
    import matplotlib.pyplot as plt

    figure = static.figure(samples.matrix())
    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []


def test_show_without_a_screen_says_what_to_do():
    with pytest.warns(UserWarning, match=r"save\('picture.png'\)"):
        static.show(samples.matrix())
