from dataclasses import replace

import numpy as np
import pytest

from pellucid.core.provenance import TargetInfo
from pellucid.results import Attribution, Base, Matrix
from pellucid.results.caption import caption, said_target, scope, sizes, source, subtitle, title
from tests.results import samples


def test_titles_name_method_and_place():
    assert title(samples.attribution()) == "Grad-CAM · layer4"
    assert title(samples.attribution(), "zh") == "Grad-CAM 类激活热力图 · layer4"
    assert title(Matrix(values=np.eye(2))) == "Matrix"
    assert title(Matrix(values=np.eye(2)), "zh") == "矩阵"


def test_titles_name_the_input_where_there_are_results_for_several():
    one = samples.attribution(layer="", input="decoder_input_ids")
    assert title(one) == "Grad-CAM", "it may be the only one that is explained"
    among = one.with_(provenance=replace(one.provenance, input="decoder_input_ids"))
    assert title(among) == "Grad-CAM · decoder_input_ids"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (TargetInfo("tabby", (281,), 9.4, 0.71, "predicted"), "tabby, probability 0.71, predicted"),
        (TargetInfo("tabby", (281,), 9.4, 0.71), "tabby, probability 0.71"),
        (TargetInfo("neuron 3", None, 9.4, None), "neuron 3, logit 9.4"),
    ],
)
def test_targets(target, words):
    assert said_target(target) == words


def test_subtitles():
    assert subtitle(samples.attribution(), "zh") == "tabby，概率 0.71，模型预测 · resnet18"
    assert subtitle(samples.attribution(targets=(samples.TABBY,) * 2)) == "resnet18"
    assert subtitle(Matrix(values=np.eye(2))) == ""


def test_sources():
    assert source(samples.attribution()) == "grad_cam · Selvaraju et al. 2017, arXiv:1610.02391 · torch 2.14"
    assert source(Matrix(values=np.eye(2))) == ""


def attribution(shape, **changes):
    return Attribution(
        **{"values": np.linspace(-1, 1, int(np.prod(shape))).reshape(shape), "base": samples.picture(), **changes}
    )


@pytest.mark.parametrize(
    ("result", "said"),
    [
        pytest.param(
            attribution((1, 7, 7), signed=True),
            "Colours: red for, blue against, white 0; symmetric to ±1, not "
            "normalised; map 7×7, enlarged 4× (bilinear).",
            id="signed map",
        ),
        pytest.param(
            attribution((1, 7, 14)),
            "Colours: -1 to 1, not normalised; map 7×14, resampled to 28×28 (bilinear).",
            id="two factors",
        ),
        pytest.param(
            attribution((1, 3, 28, 28), reduction="max_abs"),
            "Colours: 0 to 1, not normalised; largest absolute value over channels.",
            id="reduced",
        ),
        pytest.param(
            attribution((1, 7), base=Base("features", np.zeros((1, 7))), signed=True),
            "Red for, blue against; not normalised.",
            id="bars",
        ),
        pytest.param(
            attribution((1, 28, 28), base=Base("image", np.zeros((1, 28, 28, 3)), stretched=True)),
            "Colours: -1 to 1, not normalised; the picture beneath is stretched to its own extremes "
            "(no preprocess= was stated).",
            id="stretched",
        ),
        pytest.param(
            attribution((1, 3, 4), base=Base("tokens", None, (tuple("abc"),)), reduction="l2"),
            "Colours: 0 to 1.51, not normalised; l2 norm over features.",
            id="tokens",
        ),
        pytest.param(
            samples.gallery(scope="image"),
            "Colours: every picture from its own lowest to its own highest value.",
            id="own scales",
        ),
        pytest.param(samples.gallery(images=(np.zeros((2, 2, 3)),)), "Pictures drawn as they are.", id="colour"),
        pytest.param(samples.series(), "", id="series"),
    ],
)
def test_captions_say_how_numbers_became_colours(result, said):
    assert caption(result) == said


def test_clipping_is_in_the_caption():
    values = np.zeros((1, 3, 64, 64))
    values[0, 0, :8] = 1
    values[0, 0, 0, 0] = 50
    result = Attribution(values=values, reduction="max_abs", base=Base("image", np.zeros((1, 64, 64, 3))))
    assert "saturated at the 99th percentile of the absolute values" in caption(result)
    assert "第 99 百分位" in caption(result, "zh")


def test_small_words():
    assert sizes((7, 7)) == "7×7"
    assert scope(samples.matrix().scale).en == "one scale for all panels"


def test_a_map_with_its_channels_last_is_not_called_enlarged():
    series = Base("series", values=np.zeros((1, 4, 20)))
    result = attribution((1, 20, 4), base=series, axes=("batch", "time", "channel"), reduction="max_abs")
    assert result.heat.shape == (1, 20)
    assert "enlarged" not in caption(result) and "map" not in caption(result)
