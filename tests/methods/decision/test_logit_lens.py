"""Each row is the model's own readout of the stream after a layer, and the last one its answer."""

import numpy as np
import pytest
import timm
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import PreTrainedTokenizerFast

import pellucid as pl
from pellucid.registry import find
from tests.methods.decision.streams import DEPTH, WORDS, Scaled, Speaker, read, speaker, streams, tokens
from tests.networks import seeded
from tests.networks.writers import t5, words

lens = find("logit_lens")
ROWS = ("embedding", *(f"blocks.{i}" for i in range(DEPTH)))
MODELS = {
    "layer norm": speaker(),
    "root mean square": speaker(Scaled),
    "tied": speaker(tied=True),
    "capped": speaker(cap=2.0),
    "parallel": speaker(kind="parallel"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_the_readout_of_the_stream_after_its_layer(name: str) -> None:
    model, x = MODELS[name], tokens()
    shown, along = lens(values="logit", top=WORDS)(model, x, target=4)
    expected = torch.stack([read(model, one)[0, -1] for one in streams(model, x)])
    assert shown.rows == ROWS and shown.axes == ("level", "token")
    order = [int(one.removeprefix("#")) for one in shown.columns]
    np.testing.assert_allclose(shown.values, expected[:, order], rtol=0, atol=1e-12)
    assert order[0] == 4 and sorted(order) == list(range(WORDS))
    np.testing.assert_allclose(along.curves["score"], expected[:, 4], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_the_last_row_is_the_answer_and_the_model_reads_it_so_itself(name: str) -> None:
    model, x = MODELS[name], tokens(2)
    answer = model(x).detach()
    shown = lens(values="logit", top=WORDS, examples=2)(model, x)
    for example, one in enumerate(shown[::2]):
        order = [int(column.removeprefix("#")) for column in one.columns]
        assert np.abs(one.values[-1] - answer[example, -1, order].numpy()).max() == 0.0
        assert one.facts["gap"] == 0.0 and one.facts["kl"][-1] == 0.0 and one.facts["kl"][0] > 1e-3


def test_probabilities_entropy_and_divergence_are_those_of_the_readouts() -> None:
    model, x = MODELS["layer norm"], tokens()
    shown = lens(top=WORDS)(model, x, target=4)[0]
    shares = torch.stack([read(model, one)[0, -1] for one in streams(model, x)]).softmax(-1)
    order = [int(one.removeprefix("#")) for one in shown.columns]
    np.testing.assert_allclose(shown.values, shares[:, order], rtol=1e-12)
    np.testing.assert_allclose(shown.facts["entropy"], -(shares * shares.log()).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(shown.facts["kl"], (shares * (shares / shares[-1]).log()).sum(-1), atol=1e-14)
    assert shown.facts["rank"] == tuple((shares > shares[:, 4:5]).sum(-1).tolist())
    assert shown.facts["best"] == tuple(f"#{one}" for one in shares.argmax(-1).tolist())


def test_a_contrast_is_followed_through_the_layers() -> None:
    model, x = MODELS["layer norm"], tokens()
    shown, along = lens()(model, x, target=pl.contrast(4, 7))
    expected = torch.stack([read(model, one)[0, -1, 4] - read(model, one)[0, -1, 7] for one in streams(model, x)])
    np.testing.assert_allclose(along.curves["score"], expected, atol=1e-12)
    assert shown.columns[:2] == ("#4", "#7")
    since = next(i for i in range(len(expected) + 1) if bool((expected[i:] > 0).all()))
    assert along.facts["from"] == (ROWS[since] if since < len(ROWS) else "")


def test_every_position_at_once() -> None:
    model, x = MODELS["layer norm"], tokens(2)
    shares = torch.stack([read(model, one)[1] for one in streams(model, x)]).softmax(-1)
    own = lens(position="all", examples=2)(model, x)[1]
    final = shares[-1].argmax(-1)
    expected = shares.gather(-1, final.expand(shares.shape[:-1])[..., None])[..., 0]
    np.testing.assert_allclose(own.values, expected, rtol=1e-12)
    assert own.columns[0] == f"{int(x[1, 0])} → #{int(final[0])}" or " → " in own.columns[0]
    asked = lens(position="all", examples=2)(model, x, target=4)[1]
    np.testing.assert_allclose(asked.values, shares[..., 4], rtol=1e-12)
    scores = torch.stack([read(model, one)[1] for one in streams(model, x)])
    both = lens(position="all", examples=2)(model, x, target=pl.contrast(4, 7))[1]
    np.testing.assert_allclose(both.values, scores[..., 4] - scores[..., 7], atol=1e-12)
    assert both.signed and both.axes == ("level", "position")


def test_a_position_counts_from_the_end() -> None:
    model, x = MODELS["layer norm"], tokens()
    second, same = (lens(position=one)(model, x, target=4) for one in (-2, 4))
    assert np.array_equal(second.values, same.values)
    np.testing.assert_allclose(second.values[-1, 0], model(x)[0, -2].softmax(-1)[4].item(), rtol=1e-12)
    with pytest.raises(pl.BadSetting, match="6 positions"):
        lens(position=6)(model, x)


def test_labels_name_tokens() -> None:
    words = [f"w{i}" for i in range(WORDS)]
    views = pl.Lens(MODELS["layer norm"], labels=words).see(tokens(), lens(), target=pl.contrast("w4", "w7"))
    assert views[0][0].columns[:2] == ("w4", "w7") and set(views[0][0].facts["best"]) <= set(words)


def written_in_bytes() -> PreTrainedTokenizerFast:
    """A tokenizer of as many tokens as there are scores, one of them a character, one the first bytes of another."""
    pieces = ["<unk>", "<pad>", "ĠMary", "ä½ł", "å¥", "½", *"abcdefg"]
    made = Tokenizer(models.BPE({one: i for i, one in enumerate(pieces)}, [], unk_token="<unk>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", pad_token="<pad>")


def test_a_tokenizer_names_tokens_as_people_write_them() -> None:
    seer = pl.Lens(MODELS["layer norm"], tokenizer=written_in_bytes())
    names = {"<unk>", "<pad>", " Mary", "你", "‹e5›‹a5›", "‹bd›", *"abcdefg"}
    shown = seer.see({"tokens": tokens()}, lens(top=WORDS), target=2)[0][0]
    assert shown.columns[0] == " Mary" and set(shown.columns) == names
    assert set(shown.facts["best"]) <= names and "#" not in shown.describe()
    every = seer.see({"tokens": tokens()}, lens(position="all"))[0]
    assert all(column.split(" → ")[1] in names for column in every.columns)


def test_layers_are_chosen_by_address() -> None:
    model = MODELS["layer norm"]
    shown = lens(layer=("blocks.0.attention", "blocks.1"))(model, tokens())[0]
    assert shown.rows == ("embedding", "blocks.1", "blocks.2.mlp")
    with pytest.raises(pl.NotApplicable, match="nothing is written"):
        lens(layer="blocks.0.attention")(model, tokens())


def test_each_example_is_read_for_itself_in_half_precision() -> None:
    model = seeded(Speaker)().bfloat16()
    one, two = tokens(2)[1:], tokens(2)
    alone, among = lens()(model, one)[0], lens(examples=2)(model, two)[2]
    assert alone.columns == among.columns and np.array_equal(alone.values, among.values)


@pytest.mark.parametrize("pool", ["token", "avg"])
def test_a_vision_transformer_is_read_by_its_head(pool: str) -> None:
    def make() -> nn.Module:
        return timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=7, depth=3, global_pool=pool)

    model = seeded(make)().double()
    nn.init.normal_(model.head.weight)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    shown = lens(values="logit", top=7, examples=2)(model, x)[2]
    kept: list[torch.Tensor] = []
    hooks = [block.register_forward_hook(lambda _, __, out: kept.append(out)) for block in model.blocks]
    with torch.no_grad():
        model(x)
        for hook in hooks:
            hook.remove()
        expected = torch.stack([model.forward_head(model.norm(one))[1] for one in kept])
    order = [int(one.removeprefix("#")) for one in shown.columns]
    np.testing.assert_allclose(shown.values[1:], expected[:, order], atol=1e-12)
    assert shown.axes == ("level", "class") and shown.rows == ("embedding", "blocks.0", "blocks.1", "blocks.2")
    with pytest.raises(pl.NotApplicable, match="one position"):
        lens(position="all")(model, x)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("post", "post-norm, 'blocks.2.norm1'"),
        ("bent", "is bent by"),
        ("past", "no residual stream"),
        ("bare", "itself"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(kind: str, says: str) -> None:
    with pytest.raises(pl.NotApplicable, match=says):
        lens()(speaker(kind=kind), tokens())


def test_few_forwards() -> None:
    model, x = MODELS["layer norm"], tokens()
    seer = pl.Lens(model)
    seer.see(x, lens())
    assert seer.see(x, lens()).cost.forwards == 2


@pytest.mark.parametrize(
    ("text", "read"), [("the cat", ["<s>"]), ({"text": "the cat", "text_target": "mat"}, ["<s>", "mat"])]
)
def test_positions_of_a_decoder_are_called_by_what_it_reads(text: object, read: list[str]) -> None:
    (shown,) = pl.Lens(t5(), tokenizer=words()).see(text, lens(position="all")).results
    assert [column.split(" → ")[0] for column in shown.columns] == read
