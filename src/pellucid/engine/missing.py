"""Why nothing was found where something was asked for."""

from collections.abc import Sequence

from pellucid.core.errors import LayerNotFound, NotApplicable, PellucidError
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.trace import Trace

ATTENTIONS = Text(
    "lens.layers(x) lists PATH/attention.N; a module stands for the attentions inside it",
    "lens.layers(x) 列出 PATH/attention.N；模块代表其中的全部注意力",
)
_NO_GRID = Text(
    "no output keeps the height and width (or length) of a convolution or pooling",
    "没有输出保留卷积或池化的高和宽（或长度）",
)
_NO_CONVOLUTION = Text("it has no convolution", "其中没有卷积")
_NO_MATRIX = Text("no layer holds a weight matrix", "没有层含有权重矩阵")
_ROLE_REASONS = {
    "last spatial": _NO_GRID,
    "last block": Text(f"{_NO_GRID}, and no block repeats", f"{_NO_GRID.zh}，也没有重复的块"),
    "first conv": _NO_CONVOLUTION,
    "every conv": _NO_CONVOLUTION,
    "first weight": _NO_MATRIX,
    "every weight": _NO_MATRIX,
    "every attention": Text(
        "no attention was recognised (a softmax between two products with batched matrices)",
        "没有识别出注意力（两次批量矩阵乘法之间的 softmax）",
    ),
    "every block": Text(
        "no module of two or more weighted layers repeats", "没有重复出现的、由两个以上带权重的层组成的模块"
    ),
    "every activation": Text("no activation function was seen", "没有看到激活函数"),
}


def missing(sites: Sequence[Site], notes: Sequence[Text], trace: Trace, looker: Looker) -> PellucidError:
    """The error for an address that denotes nothing in a forward, or a role that has no place in it.

    Args:
        notes: what was left out on the way; where there is any, the place is there and no gradient reached it.
    """
    names = ", ".join(f"'{site}'" for site in sites)
    if notes:
        return NotApplicable(
            Text(
                f"no gradient reaches any place of {names} from the target",
                f"目标的梯度没有到达 {names} 中的任何位置",
            )
        )
    if all(site.within for site in sites):
        return NotApplicable(Text(f"there is no attention in {names}", f"{names} 中没有注意力"), hint=ATTENTIONS)
    if all(site.role for site in sites):
        return NotApplicable(
            _no_place(names, sites[0].role),
            hint=Text("name a layer; lens.layers() lists them", "请指定一个层；lens.layers() 列出各层"),
        )
    for site in sites:
        called = trace.calls.get(site.path, 0)
        if site.call is not None and not site.is_glob and 0 < called <= site.call:
            return LayerNotFound(
                Text(
                    f"'{site.path}' was called {called} times, #0 to #{called - 1}: there is no '{site}'",
                    f"'{site.path}' 被调用了 {called} 次，即 #0 至 #{called - 1}：没有 '{site}'",
                )
            )
    unused = [site.path for site in sites if site.path in looker.names and not site.op]
    if unused and len(unused) == len(sites):
        return NotApplicable(
            Text(
                f"'{unused[0]}' was not called in this forward, or gave no tensor",
                f"这次前向没有调用 '{unused[0]}'，或它没有给出张量",
            ),
            hint=Text("lens.layers(x) lists what ran", "lens.layers(x) 列出实际运行的各层"),
        )
    return LayerNotFound(
        Text(f"nothing in this forward is called {names}", f"这次前向中没有 {names}"),
        nearest=looker.neighbours(str(sites[0])),
        hint=Text("lens.layers(x) lists every address", "lens.layers(x) 列出全部地址"),
    )


def _no_place(names: str, role: str) -> Text:
    why = _ROLE_REASONS.get(role, Text("nothing of that kind ran", "没有运行过此类部分"))
    return Text(f"this network has no place for the role {names}: {why}", f"此网络没有 {names} 所指的位置：{why.zh}")
