import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

import pellucid as pl
from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.targets.similarity import Similarity, similarity
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.vocabulary import Texts
from tests.engine.outputs import PIXELS, ROWS, TOKENS, resolved
from tests.networks import NETWORKS

VECTOR = torch.tensor([1.0, -2.0, 0.5, 3.0, 1.0])


def given(reference: torch.Tensor, **more: object) -> Similarity:
    return Similarity(reference, embedding=reference, **more)


def test_cosine_and_dot_product() -> None:
    found, scores = resolved(given(VECTOR, measure="cosine"), ROWS)
    assert torch.allclose(scores, cosine_similarity(ROWS, VECTOR[None]))
    assert (found.infos[0].label, found.infos[0].zh) == ("cosine similarity to the reference", "与参考的余弦相似度")
    assert torch.allclose(resolved(given(VECTOR, measure="dot"), ROWS)[1], ROWS @ VECTOR)
    assert resolved(given(VECTOR, measure="dot"), ROWS)[0].infos[0].unit == "dot product"


def test_the_projection_is_the_cosine_at_the_clean_input_and_linear_in_the_embedding() -> None:
    found, scores = resolved(given(VECTOR), ROWS)
    assert torch.allclose(scores, cosine_similarity(ROWS, VECTOR[None]))
    assert torch.allclose(found.pick(3 * ROWS), 3 * scores) and found.infos[0].unit == "cosine"
    leaf = ROWS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(found.pick(leaf).sum(), leaf)
    assert torch.allclose(gradient, VECTOR / VECTOR.norm() / ROWS.norm(dim=1, keepdim=True))
    assert "length held" in found.infos[0].label and "长度固定" in found.infos[0].zh


def test_each_example_has_its_own_reference() -> None:
    found, scores = resolved(given(ROWS.flip(0), measure="dot"), ROWS)
    assert torch.allclose(scores, (ROWS * ROWS.flip(0)).sum(1))
    assert torch.allclose(found.pick(ROWS[1:], 1), scores[1:])
    assert torch.allclose(found.pick(torch.cat([ROWS, ROWS])), torch.cat([scores, scores]))


def test_tokens_and_grids_are_averaged_unless_a_token_is_named() -> None:
    whole = torch.randn(1, 4, 6)
    found, scores = resolved(given(whole), TOKENS)
    assert torch.allclose(scores, cosine_similarity(TOKENS.mean(1), whole.mean(1)))
    assert found.infos[0].label.endswith(", mean over tokens") and found.infos[0].zh.endswith("，词元平均")
    first, scores = resolved(given(whole, token=0), TOKENS)
    assert torch.allclose(scores, cosine_similarity(TOKENS[:, 0], whole[:, 0])) and "token 0" in first.infos[0].label
    one = torch.randn(3)
    assert torch.allclose(resolved(given(one), PIXELS)[1], cosine_similarity(PIXELS.mean((2, 3)), one[None]))


def test_padding_belongs_to_no_mean_and_is_no_token() -> None:
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1]]).bool()
    output, whole = torch.randn(3, 4, 6), torch.randn(1, 6)
    texts = Texts(torch.zeros(3, 4, dtype=torch.long), mask)
    kept = [output[i, mask[i]] for i in range(3)]

    def scores(token: int | None, out: torch.Tensor = output, start: int = 0) -> torch.Tensor:
        found = given(whole, measure="dot", token=token).resolve(output, texts)
        return found.pick(out, start)

    for token, vectors in ((None, [one.mean(0) for one in kept]), *((k, [one[k] for one in kept]) for k in (1, -1))):
        alone = torch.stack([vector @ whole[0] for vector in vectors])
        assert torch.allclose(scores(token), alone)
        assert torch.allclose(scores(token, torch.cat([output, output])), torch.cat([alone, alone]))
        assert torch.allclose(scores(token, output[1:], 1), alone[1:])
    with pytest.raises(BadTarget, match="no position 2: the text has 2 tokens"):
        scores(2)


def test_texts_of_a_padded_batch_are_as_like_as_alone() -> None:
    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(9, 5)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
            return self.embedding(input_ids) + (0 if attention_mask is None else attention_mask[:, :, None])

    lens = pl.Lens(Encoder())
    short, long = torch.tensor([[1, 2, 0, 0]]), torch.tensor([[3, 4, 5, 6]])
    ids = torch.cat([short, long])
    batch = {"input_ids": ids, "attention_mask": (ids > 0).long()}
    alone = [{name: one[i : i + 1, : (2, 4)[i]] for name, one in batch.items()} for i in (0, 1)]
    each = [lens.see(one, pl.saliency(), target=pl.similarity(alone[1 - i]))[0] for i, one in enumerate(alone)]
    crossed = {name: one.flip(0) for name, one in batch.items()}
    both = lens.see(batch, pl.saliency(), target=pl.similarity(crossed))[0]
    for i, one in enumerate(each):
        assert both.targets[i].score == pytest.approx(one.targets[0].score, abs=1e-6)
        assert np.allclose(both.values[i, : one.values.shape[1]], one.values[0], atol=1e-6)
    assert not both.values[0, 2:].any()


@pytest.mark.parametrize(
    ("asked", "output", "error", "words"),
    [
        (given(VECTOR[:4]), ROWS, BadTarget, "does not fit the output"),
        (given(ROWS[:2]), ROWS, BadTarget, "does not fit the output"),
        (similarity(VECTOR), ROWS, BadTarget, "has not been run"),
        (given(VECTOR[:1]), ROWS[:, :1], NotApplicable, "is no embedding"),
    ],
)
def test_what_cannot_be_compared(asked: object, output: torch.Tensor, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        resolved(asked, output)


def test_names_and_keys() -> None:
    with pytest.raises(BadTarget, match="no measure is called 'l2'"):
        similarity(VECTOR, "l2")
    assert repr(similarity("a/cat.jpg", "dot", 0)) == "pl.similarity('a/cat.jpg', measure='dot', token=0)"
    assert repr(similarity(VECTOR)) == "pl.similarity(tensor(5,))"
    assert repr(similarity(VECTOR, "cosine")) == "pl.similarity(tensor(5,), measure='cosine')"
    assert Target(given(VECTOR)).key == Target(given(VECTOR.clone())).key != Target(given(VECTOR, measure="dot")).key
    with pytest.raises(NotApplicable, match="only a class has a rival"):
        Target(given(VECTOR)).rival()


def test_a_file_is_called_by_its_name_and_a_text_by_its_words() -> None:
    for asked, name in (("a/cat.jpg", "cat.jpg"), ("either/or is it", "either/or is it")):
        label = resolved(Similarity(asked, embedding=VECTOR), ROWS)[0].infos[0].label
        assert label == f"cosine similarity (length held) to '{name}'"


def test_a_reference_picture_is_run_through_the_model_once() -> None:
    network = NETWORKS["article_net"]
    model, x, other = network.build(), network.x(3), torch.randn(1, 3, 32, 32)
    lens = pl.Lens(model)
    views = lens.see(x, pl.saliency(), pl.input_x_gradient(), target=pl.similarity(other, "cosine"))
    assert (views.cost.forwards, views.cost.backwards, views.cost.samples) == (1 + 1, 1, 1 + 3)
    leaf = x.clone().requires_grad_()
    score = cosine_similarity(model(leaf), model(other).detach())
    np.testing.assert_allclose(views[0].values, torch.autograd.grad(score.sum(), leaf)[0].numpy(), rtol=1e-4, atol=1e-8)
    assert [one.score for one in views[0].targets] == pytest.approx(score.tolist(), rel=1e-5)
    blocks = lens.see(x, pl.saliency(), target=pl.similarity(other, "cosine"), batch_size=2)
    np.testing.assert_allclose(blocks[0].values, views[0].values, rtol=1e-4, atol=1e-8)
    assert blocks.cost.forwards == 1 + 2
    vector = lens.see(x, pl.saliency(), target=pl.similarity(model(other)[0].detach(), "cosine"))
    np.testing.assert_allclose(vector[0].values, views[0].values, rtol=1e-4, atol=1e-8)
    assert vector.cost.forwards == 1


def test_why_like_this_picture_rather_than_like_that_one() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build().double(), network.x(2).double()
    a, b = torch.randn(2, 1, 3, 32, 32, dtype=torch.float64).unbind()
    result = pl.saliency()(model, x, target=pl.contrast(pl.similarity(a), pl.similarity(b)))
    parts = [pl.saliency()(model, x, target=pl.similarity(one)).values for one in (a, b)]
    np.testing.assert_allclose(result.values, parts[0] - parts[1], rtol=1e-9, atol=1e-15)
    each = pl.saliency()(model, x, target=pl.similarity(torch.cat([a, b]))).values
    np.testing.assert_allclose(each[1], parts[1][1], rtol=1e-9, atol=1e-15)


def test_the_reference_is_as_it_was() -> None:
    network = NETWORKS["article_net"]
    reference = torch.randn(1, 3, 32, 32, requires_grad=True)
    result = pl.integrated_gradients(n_steps=2)(network.build(), network.x(1), target=pl.similarity(reference))
    assert reference.grad is None and result.targets[0].unit == "cosine" and "pl.similarity(tensor" in result.code
