"""One small result of every kind, as methods make them."""

import numpy as np

from pellucid.core.provenance import Provenance, TargetInfo, Trace, Words
from pellucid.core.text import Text
from pellucid.results import Attribution, Base, Gallery, Graph, Matrix, Points, Series, Table

WORDS = Words(
    title=Text("Grad-CAM", "Grad-CAM 类激活热力图"),
    question=Text("Which regions?", "哪些区域？"),
    shows=Text("Bright raised the score.", "亮处抬高了得分。"),
    cannot=Text("fine detail", "细节"),
    check=Text("deletion", "删除检验"),
    paper="Selvaraju et al. 2017, arXiv:1610.02391",
)
TABBY = TargetInfo("tabby", (281,), 9.4, 0.71, "predicted")


def provenance(**changes):
    given = {
        "method": "grad_cam",
        "family": "activation",
        "words": WORDS,
        "settings": {"relu": True, "layer": "layer4"},
        "model": "resnet18",
        "layer": "layer4",
        "targets": (TABBY,),
        "seed": 0,
        "versions": {"torch": "2.14"},
        "code": "pl.grad_cam()(model, x)",
        "trace": Trace(forwards=1, seconds=0.2, date="2026-01-01"),
    }
    return Provenance(**{**given, **changes})


def blob(height, width, row, column, spread=0.12):
    y, x = np.mgrid[0:height, 0:width]
    return np.exp(-(((y + 0.5) / height - row) ** 2 + ((x + 0.5) / width - column) ** 2) / (2 * spread**2)).astype("f4")


def picture(batch=1, size=28):
    rng = np.random.default_rng(0)
    return Base(
        "image",
        np.clip(
            np.stack([blob(size, size, 0.3, 0.3)] * 3, -1)[None] * 0.7 + 0.2 * rng.random((batch, size, size, 3)), 0, 1
        ).astype("f4"),
    )


def attribution(**changes):
    given = {
        "values": blob(7, 7, 0.2, 0.2)[None],
        "axes": ("batch", "height", "width"),
        "unit": Text("logit", "logit"),
        "layer": "layer4",
        "targets": (TABBY,),
        "base": picture(),
        "provenance": provenance(),
    }
    return Attribution(**{**given, **changes})


def tokens(**changes):
    words = ("[CLS]", "the", "film", "was", "wonderful", "", "[SEP]")
    given = {
        "values": np.array([[0.1, 0.0, 0.3, -0.2, 1.5, 0.0, 0.05]], "f4"),
        "axes": ("batch", "token"),
        "signed": True,
        "base": Base("tokens", None, (words,)),
        "targets": (TABBY,),
        "provenance": provenance(),
    }
    return Attribution(**{**given, **changes})


def gallery(**changes):
    images = tuple(blob(6 + i, 8, 0.1 * i, 0.5) * i for i in range(5))
    given = {
        "values": np.zeros((5, 2), "f4"),
        "images": images,
        "captions": tuple(f"channel {i}" for i in range(5)),
        "groups": ("conv1",) * 2 + ("conv2",) * 3,
        "unit": "activation",
        "provenance": provenance(method="activation_maps"),
    }
    return Gallery(**{**given, **changes})


def matrix(**changes):
    rng = np.random.default_rng(1)
    values = rng.random((1, 2, 4, 4)).astype("f4")
    given = {
        "values": values / values.sum(-1, keepdims=True),
        "axes": ("batch", "head", "query", "key"),
        "rows": tuple("abcd"),
        "columns": tuple("abcd"),
        "panels": ("head 0", Text("head 1", "头 1")),
        "provenance": provenance(method="attention_weights"),
    }
    return Matrix(**{**given, **changes})


def graph(**changes):
    names = ["input", "conv1", "relu", "layer1.0.conv", "layer1.0.add", "fc"]
    nodes = tuple(
        {
            "id": i,
            "op": "input" if i == 0 else name.split(".")[-1],
            "site": name,
            "module": name if i else "",
            "shape": (1, 8, 8, 8),
            "parameters": 100 * i,
            "attributes": {"stride": (1, 1)},
        }
        for i, name in enumerate(names)
    )
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 4), (4, 5)]
    given = {
        "nodes": nodes,
        "edges": tuple({"source": a, "sink": b, "shape": (1, 8, 8, 8)} for a, b in pairs),
        "provenance": provenance(method="flow_graph"),
    }
    return Graph(**{**given, **changes})


def series(**changes):
    given = {
        "curves": {"train": np.array([3, 2, 1, 0.5], "f4"), "val": np.array([3, 2.5, np.nan, 2], "f4")},
        "positions": (0.0, 10.0, 20.0, 30.0),
        "position_unit": Text("step", "步"),
        "unit": "loss",
        "marks": {2: Text("overfits", "过拟合")},
        "provenance": provenance(method="gradient_flow"),
    }
    return Series(**{**given, **changes})


def points(**changes):
    rng = np.random.default_rng(2)
    places = np.concatenate([rng.normal(0, 1, (20, 2)), rng.normal(8, 1, (20, 2))]).astype("f4")
    given = {
        "values": places,
        "axes": ("point", "axis"),
        "labels": tuple(f"p{i}" for i in range(40)),
        "groups": ("cat",) * 20 + ("dog",) * 20,
        "axis_names": (Text("first", "第一"), "second"),
        "provenance": provenance(method="embedding"),
    }
    return Points(**{**given, **changes})


def table(**changes):
    rows = tuple(
        {
            "name": f"layer{i}",
            "dead": 0.1 * i,
            "shape": (1, i),
            "picture": blob(3, 3, 0.5, 0.5),
            "strip": np.arange(4.0),
            "note": None,
            "ok": i > 1,
        }
        for i in range(3)
    )
    given = {
        "rows": rows,
        "columns": {key: Text(key, key + "列") for key in rows[0]},
        "beside": (series(),),
        "provenance": provenance(method="slices"),
    }
    return Table(**{**given, **changes})


KINDS = {
    "attribution": attribution,
    "tokens": tokens,
    "gallery": gallery,
    "matrix": matrix,
    "graph": graph,
    "series": series,
    "points": points,
    "table": table,
}
