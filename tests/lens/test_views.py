import re

import pytest
import torch

import pellucid as pl
from pellucid.core.errors import BadRequest
from pellucid.engine.planner import Cost
from pellucid.lens.views import Views
from pellucid.results.failure import Failure
from tests.networks import NETWORKS

NETWORK = NETWORKS["article_net"]
MODEL, X = NETWORK.build(), NETWORK.x(2)


def views():
    return pl.Lens(MODEL, name="Net").see(
        X,
        pl.saliency(),
        pl.activation_maps(layer="pool"),
        pl.grad_cam(layer="conv1"),
        pl.saliency(),
        pl.grad_cam(layer="fc1"),
        target=3,
    )


def test_views_are_in_the_order_asked():
    found = views()
    assert len(found) == 5 and list(found)[2] is found[2] and found[-1] is found[4] and len(found[1:3]) == 2
    assert found[0].provenance.method == "saliency" and isinstance(found[1], tuple) and len(found[1]) == 2
    assert [one.layer for one in found[1]] == ["pool#0", "pool#1"]


def test_a_name_gives_what_its_view_gave_or_all_if_asked_often():
    found = views()
    assert found["activation_maps"] is found[1] and found["saliency"] == (found[0], found[3])
    assert found["grad_cam"] == (found[2], found[4])


def test_a_name_that_was_not_asked_for():
    with pytest.raises(BadRequest, match="'salience' is not among these views") as caught:
        views()["salience"]
    assert caught.value.nearest.startswith("'saliency'")
    with pytest.raises(IndexError):
        views()[5]


def test_failures_and_results():
    found = views()
    assert [card.method for card in found.failures] == ["grad_cam"] and isinstance(found[4], Failure)
    assert "does not lie on the input's grid" in found[4].reason and found[4].code == "pl.grad_cam(layer='fc1')"
    assert len(found.results) == 5 and found[4] not in found.results
    assert "grad_cam 没有生成图像" in found[4].describe("zh") and "gave no picture" in found[4].describe()


def test_they_print_as_a_list_with_the_cost():
    lines = repr(views()).splitlines()
    assert (
        lines[0].startswith("saliency(): <Attribution saliency")
        and lines[1] == "activation_maps(layer='pool'): 2 results"
    )
    assert lines[4].startswith("grad_cam(layer='fc1'): failed: ") and lines[5].startswith("1 forwards, 1 backwards, ")


def test_only_a_report_can_hold_them_all(tmp_path):
    with pytest.raises(BadRequest, match=r"must end in \.html") as caught:
        views().save(tmp_path / "all.png")
    assert "single results" in caught.value.hint and not list(tmp_path.iterdir())


def test_a_report_has_a_card_for_each_result_and_failure(tmp_path):
    found = pl.Lens(MODEL).see(X[:1], pl.saliency(), pl.grad_cam(layer="fc1"), target=3)
    found.save(tmp_path / "all.html", title="My <net>")
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert "My &lt;net&gt;" in page and "My <net>" not in page
    assert all(method in page for method in ("saliency", "grad_cam")) and "does not lie on the input" in page


def test_one_report_of_everything(tmp_path):
    lens = pl.Lens(MODEL, name="Net")
    optimizer = torch.optim.SGD(MODEL.parameters(), 0.0)
    with lens.watch(optimizer, every=1) as run:
        MODEL(X).sum().backward()
        run.log(loss=1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    written = pl.report(tmp_path / "all.html", lens.see(X, "saliency", target=3), lens.diagnose(X), run)
    page = written.read_text(encoding="utf-8")
    chapters = re.findall(r'<h2 id="chapter-\d"><span class="number">\d</span> ([^<]+)</h2>', page)
    assert chapters == ["Findings", "Training", "Decisions"] and "<title>Net</title>" in page


def test_a_report_refuses_what_it_cannot_show(tmp_path):
    with pytest.raises(BadRequest, match="not int") as caught:
        pl.report(tmp_path / "all.html", 3)
    assert "pl.report(" in caught.value.hint and not list(tmp_path.iterdir())


def test_show_shows_every_picture(monkeypatch):
    shown = []
    found = views()
    monkeypatch.setattr(type(found[0]), "show", lambda self, **words: shown.append((self, words)))
    monkeypatch.setattr(type(found[1][0]), "show", lambda self, **words: shown.append((self, words)))
    found.show(lang="zh")
    assert [one for one, _ in shown] == list(found.results) and all(words == {"lang": "zh"} for _, words in shown)


def test_nothing_asked():
    empty = Views([], [], Cost())
    assert len(empty) == 0 and empty.results == () and empty.failures == () and repr(empty).startswith("0 forwards")
