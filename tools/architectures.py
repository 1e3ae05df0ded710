"""Write what works on which transformer, measured on the list of the oracle tests, and the pages that show it.

Run it after adding a method of attention or a network to the list: `python -m tools.architectures` (a minute). A test
measures again and fails where the table is not current.
"""

import argparse
import json
import os
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import timm
import torch
import torchvision
from torch import Tensor, nn

import pellucid as pl
from docs.architectures import DATA, PAGES, page, standing, word_of
from pellucid.engine.attention.attention import Attention
from pellucid.registry import View, find, names
from pellucid.results.failure import Failure
from tests.engine.asking import see
from tests.oracle import test_transformers_attention as language
from tests.oracle import test_vision_attention as vision

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

BESIDE = ("attn_lrp", "logit_lens", "logit_attribution")
# The list has models as their libraries name them; where these only embed, the picture is asked of one that answers.
ANSWERS = {
    "BERT": "BertForSequenceClassification",
    "DistilBERT": "DistilBertForSequenceClassification",
    "ALBERT": "AlbertForSequenceClassification",
    "DeBERTa v2": "DebertaV2ForSequenceClassification",
    "BART": "BartForConditionalGeneration",
    "Whisper": "WhisperForConditionalGeneration",
    "ViT": "ViTForImageClassification",
    "SegFormer": "SegformerForImageClassification",
    "Swin": "SwinForImageClassification",
}
LIBRARIES: dict[str, tuple[str, ...]] = {
    "transformers": tuple(language.MODELS),
    "timm": tuple(vision.TIMM),
    "torchvision": tuple(vision.TORCHVISION),
}
# What the oracle tests hold errors to.
LIMITS = {"transformers": 1e-6, "timm": 1e-5, "torchvision": 1e-5}


@dataclass(frozen=True)
class Row:
    """One architecture.

    Args:
        kinds: how many attentions of each kind.
        fused: the largest error where attention is one fused kernel; None where there is none.
        written: the largest error where attention is written out.
        pictures: method → "" where it gives a picture, else the word for why not.
    """

    library: str
    name: str
    kinds: Mapping[str, int]
    fused: float | None
    written: float | None
    pictures: Mapping[str, str]


def methods() -> list[str]:
    """All methods of attention, and those that read or weigh what attention writes."""
    return [*(name for name in names() if find(name).family == "attention"), *BESIDE]


def measured(library: str, name: str) -> Row:
    """What works on one architecture, looked at now."""
    torch.set_num_threads(1)
    errors = caught(name) if library == "transformers" else rebuilt(library, name)
    kinds = errors.pop("kinds")
    return Row(library, name, kinds, errors.get("fused"), errors.get("written"), pictures(library, name))


def pictures(library: str, name: str, without: Collection[str] = ()) -> dict[str, str]:
    """Method → "" where it gives a picture, else the word for why not; of all methods but those `without`."""
    model, x = answering(library, name)
    asked = [method for method in methods() if method not in without]
    given = pl.Lens(model).see(x, *map(_quick, asked))
    return {method: _why(one) if isinstance(one, Failure) else "" for method, one in zip(asked, given, strict=True)}


def _why(refusal: Failure) -> str:
    word = word_of(refusal.reason)
    if word in ("refused", "fault"):
        print(f"{word}: {refusal.method}: {refusal.reason}", flush=True)
    return word


def answering(library: str, name: str) -> tuple[nn.Module, Any]:
    """The model that pictures are asked of, and its input."""
    if library != "transformers":
        return _seeing(library, name)
    model, config, settings, x, _, _ = language.MODELS[name]
    torch.manual_seed(0)
    made = getattr(transformers, config)(**settings, attn_implementation=_ways(name)[0])
    return getattr(transformers, ANSWERS.get(name, model))(made).eval(), x


def _seeing(library: str, name: str) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    model = (timm.create_model(name) if library == "timm" else getattr(torchvision.models, name)()).eval()
    size = model.default_cfg["input_size"][-1] if library == "timm" else 224
    return model, torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))


def _quick(name: str) -> View:
    return find(name)(**find(name).quick)


def _ways(name: str) -> tuple[str, ...]:
    return ("eager",) if name in language.ONLY_EAGER else ("sdpa", "eager")


def caught(name: str) -> dict[str, Any]:
    """The largest error of each way, against what the eager model itself returns; and how many of each kind."""
    expected, found, errors = language.expected(name), list[Attention](), dict[str, Any]()
    for way in _ways(name):
        found = language.captured(*language.built(name, way))
        each = zip(found, expected, strict=True)
        far = max(float((mine.weights - other.reshape(mine.shape)).abs().max()) for mine, other in each)
        errors[{"sdpa": "fused", "eager": "written"}[way]] = _rounded(far)
    return errors | {"kinds": _counted(found)}


def rebuilt(library: str, name: str) -> dict[str, Any]:
    """The largest error of each way, against what the model's own attention gives; and how many of each kind."""
    found, errors = list[Attention](), dict[str, Any]()
    for fused in (True, False) if library == "timm" else (True,):
        with _fusing(fused):
            model, x = _seeing(library, name)
        found = [spot.attention for spot in see(model, x, attention=("every attention",)).at("every attention")]
        for way, said in ((True, "fused"), (False, "written")):
            far = [one.error for one in found if (len(one.parts.held) > 1) == way]
            if far and (way == fused or library != "timm"):
                errors[said] = _rounded(max(far))
    return errors | {"kinds": _counted(found)}


@contextmanager
def _fusing(fused: bool) -> Iterator[None]:
    """Whether models of timm that are made now use a fused kernel where they can."""
    before = timm.layers.use_fused_attn()
    timm.layers.set_fused_attn(fused)
    try:
        yield
    finally:
        timm.layers.set_fused_attn(before)


def _counted(found: list[Attention]) -> dict[str, int]:
    kinds = [one.kind for one in found]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def _rounded(error: float) -> float:
    return float(f"{error:.0e}")


def main() -> None:
    """Measure every architecture; write the data and both pages."""
    asked = argparse.ArgumentParser(prog="python -m tools.architectures", description=__doc__)
    asked.add_argument("--words", action="store_true", help="only write the pages again, from what was measured last")
    rows = standing() if asked.parse_args().words else measurements()
    for lang, path in PAGES.items():
        path.write_text(page(rows, lang), encoding="utf-8")


def measurements() -> list[dict[str, Any]]:
    """Every architecture, looked at now; the data file holds them afterwards."""
    rows = []
    for library, listed in LIBRARIES.items():
        for name in listed:
            rows.append(asdict(measured(library, name)))
            print(json.dumps(rows[-1]), flush=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    DATA.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return rows


if __name__ == "__main__":
    main()
