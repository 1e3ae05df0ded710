"""The demo: a real network on eight photographs and on two animals in one picture; one more on a sentence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from pellucid.core.errors import Cancelled
from pellucid.core.text import Text
from pellucid.diagnose.findings import Findings
from pellucid.engine.planner import Cost, Progress
from pellucid.engine.targets.similarity import similarity
from pellucid.engine.targets.target import targets
from pellucid.inputs.data.data import Data
from pellucid.lens.lens import Lens
from pellucid.lens.views import Views
from pellucid.registry import View, factory
from pellucid.results.failure import Failure
from pellucid.zoo.crops import Crops
from pellucid.zoo.minilm import NAME, minilm_folder
from pellucid.zoo.opening import open as open_lens

PHOTOS = Path(__file__).parent / "photos"
SIDE = 512
LEVELS = ("_conv_stem", "_blocks.*._depthwise_conv", "_conv_head")
MIDDLE, CHANNELS = "_blocks.5._swish#0", (7, 113, 189)
PIECES = "demo/photos (3 × 3)"
Watch = Callable[[Progress], None]


@dataclass(frozen=True)
class Animal:
    """One photograph.

    Args:
        file: its name without the ending.
        name: what it shows.
        label: what ImageNet calls it.
    """

    file: str
    name: Text
    label: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return PHOTOS / f"{self.file}.jpg"


ANIMALS = (
    Animal("bison", Text("bison", "美洲野牛"), "bison"),
    Animal("german_shepherd", Text("German shepherd", "德国牧羊犬"), "German shepherd"),
    Animal("hen", Text("hens", "母鸡"), "hen"),
    Animal("ice_bear", Text("polar bear", "北极熊"), "ice bear"),
    Animal("jaguar", Text("jaguars", "美洲豹"), "jaguar"),
    Animal("koala", Text("koala", "考拉"), "koala"),
    Animal("lemur", Text("ring-tailed lemurs", "环尾狐猴"), "Madagascar cat"),
    Animal("macaw", Text("scarlet macaw", "绯红金刚鹦鹉"), "macaw"),
)
SENTENCE = "The veterinarian gave the puppy its medicine before the long train journey."
OTHERS = ("A vet treated a young dog.", "We travelled by rail all day.")
LEFT, RIGHT = ("jaguar", (245, 0, 365, 239)), ("bison", (90, 38, 243, 346))  # file, and box: left top right bottom


@dataclass(frozen=True)
class Chapter:
    """A part of the demo's report.

    Args:
        title: of the chapter.
        looks: what was seen, one `Views` per look.
        found: what checks found.
    """

    title: Text
    looks: tuple[Views, ...] = ()
    found: tuple[Findings, ...] = ()

    @property
    def seen(self) -> list[Any]:
        """Results and failures, in order, and findings; what was stopped is left out."""
        return [one for views in self.looks for one in views if not _stopped(one)] + list(self.found)

    @property
    def costs(self) -> list[Cost]:
        """Of everything in it."""
        return [one.cost for one in (*self.looks, *self.found)]


def lens() -> Lens:
    """EfficientNet-Lite0 with its ImageNet weights, preprocessing and class names.

    Raises:
        BadSetting: the extra `demo` is not installed.
    """
    return open_lens("demo")


def composite() -> Image.Image:
    """Half of one photograph beside half of another: a picture in which two answers are right."""
    picture = Image.new("RGB", (SIDE, SIDE))
    for column, (file, box) in enumerate((LEFT, RIGHT)):
        with Image.open(PHOTOS / f"{file}.jpg") as photo:
            half = photo.convert("RGB").crop(box).resize((SIDE // 2, SIDE), Image.Resampling.BICUBIC)
        picture.paste(half, (column * SIDE // 2, 0))
    return picture


def chapters(lens: Lens, watch: Watch | None = None) -> Iterator[Chapter]:
    """The parts of the demo, each looked at when it is asked for."""
    yield photographs(lens, watch)
    yield two_answers(lens, watch)
    yield all_sides(lens, watch)
    yield inside(lens, watch)
    yield checked(lens, watch)
    yield learned(lens, watch)
    encoder = sentence_lens()
    if encoder is not None:
        yield sentences(encoder, watch)


def photographs(lens: Lens, watch: Watch | None = None) -> Chapter:
    """What the network says of each photograph, and where it looks."""
    halves = (ANIMALS[:4], ANIMALS[4:])
    looks = tuple(lens.see([one.path for one in some], _view("grad_cam"), progress=watch) for some in halves)
    return Chapter(Text("Eight photographs: what it sees, and where", "八张照片：看到了什么，看的是哪里"), looks)


def two_answers(lens: Lens, watch: Watch | None = None) -> Chapter:
    """The same picture explained for either of its two animals."""
    both = targets(*(_labelled(file) for file, _ in (LEFT, RIGHT)))
    views = (_view("grad_cam"), _view("saliency"))
    return Chapter(
        Text("Two animals in one picture: each answer has its own region", "一图两种动物：每个答案各有其区域"),
        (lens.see(composite(), *views, target=both, progress=watch),),
    )


def all_sides(lens: Lens, watch: Watch | None = None) -> Chapter:
    """One photograph through many methods."""
    views = (
        _view("activation_maps", layer=("_swish#0", "_blocks.4._swish#0", "_swish#1"), channels=12),
        _view("saliency"),
        _view("input_x_gradient"),
        _view("integrated_gradients", n_steps=64),
        _view("guided_backprop"),
    )
    return Chapter(
        Text("One photograph from many sides: the koala", "从多个角度看同一张照片：考拉"), (_koala(lens, views, watch),)
    )


def inside(lens: Lens, watch: Watch | None = None) -> Chapter:
    """The network itself, and one step of its training."""
    views = (
        _view("flow_graph"),
        _view("weights"),
        _view("activation_statistics"),
        _view("slices", layer=LEVELS),
        _view("gradient_flow", layer=LEVELS),
        _view("gradient_maps"),
    )
    return Chapter(
        Text("The network itself: structure, weights, gradients", "网络本身：结构、权重与梯度"),
        (_koala(lens, views, watch),),
    )


def checked(lens: Lens, watch: Watch | None = None) -> Chapter:
    """Whether anything is wrong with it."""
    photos, labels = [one.path for one in ANIMALS], [one.label for one in ANIMALS]
    found = lens.diagnose(photos, labels=labels, progress=watch)
    title = Text("Is anything wrong with it? Checks on the photographs", "它有问题吗？用这些照片做检查")
    return Chapter(title, found=(found,) if found.passed else ())


def learned(lens: Lens, watch: Watch | None = None) -> Chapter:
    """Three channels of a middle layer, and the pieces of the photographs that excite them most."""
    crops = Crops([one.path for one in ANIMALS], tuple(one.label for one in ANIMALS))
    view = _view("top_regions", layer=MIDDLE, channels=CHANNELS, k=7)
    return Chapter(
        Text("What it has learned: three channels of 240", "它学到了什么：240 个通道中的三个"),
        (lens.sweep(Data(crops, PIECES), view, progress=watch),),
    )


def sentence_lens() -> Lens | None:
    """MiniLM with its tokenizer; None where its package or transformers is not installed."""
    folder = minilm_folder()
    return None if folder is None else open_lens(f"hf:{folder}", name=NAME)


def sentences(encoder: Lens, watch: Watch | None = None) -> Chapter:
    """What one sentence has in common with each of two others, token by token and word by word."""
    views = (_view("saliency"), _view("occlusion", groups="words"))
    both = targets(*(similarity(one) for one in OTHERS))
    return Chapter(
        Text("One sentence, likened to two others: which words count", "一个句子与另外两句相比：哪些词起作用"),
        (encoder.see(SENTENCE, *views, target=both, progress=watch),),
    )


def _koala(lens: Lens, views: tuple[View, ...], watch: Watch | None) -> Views:
    return lens.see(PHOTOS / "koala.jpg", *views, progress=watch)


def _stopped(one: Any) -> bool:
    return isinstance(one, Failure) and isinstance(one.error, Cancelled)


def _labelled(file: str) -> str:
    return next(one.label for one in ANIMALS if one.file == file)


def _view(name: str, **settings: Any) -> View:
    return factory(name)(**settings)
