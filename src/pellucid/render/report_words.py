"""Everything that a report itself says, in both languages."""

from pellucid.core.text import Text

FAMILIES = {
    "structure": Text("Structure and weights", "结构与权重"),
    "activation": Text("Activations", "激活"),
    "attention": Text("Attention", "注意力"),
    "decision": Text("Decisions", "决策依据"),
    "feature": Text("Features", "特征"),
    "learned": Text("What it has learned", "它学到了什么"),
    "gradient": Text("Gradients and training", "梯度与训练"),
    "judge": Text("How far to trust", "可信程度"),
    "outside": Text("From other packages", "来自其他软件包"),
    "failed": Text("What could not be made", "未能生成的图"),
}
WORDS = {
    "made": Text("A report by pellucid {version}", "由 pellucid {version} 生成的报告"),
    "untitled": Text("Report", "报告"),
    "brief": Text("In brief", "概要"),
    "contents": Text("Contents", "目录"),
    "skip": Text("Skip to the pictures", "跳到图像"),
    "nothing": Text("There is nothing in this report.", "这份报告中没有内容。"),
    "model": Text("{model}, weights {weights}.", "模型 {model}，权重 {weights}。"),
    "model.plain": Text("{model}.", "模型 {model}。"),
    "predicts": Text("It predicts {target}.", "模型预测为 {target}。"),
    "asked": Text("Explained for {targets}.", "解释的目标：{targets}。"),
    "target": Text("{label} with probability {probability}", "{label}（概率 {probability}）"),
    "target.score": Text("{label} ({unit} {score})", "{label}（{unit} {score}）"),
    "and": Text("; ", "；"),
    "count": Text("{pictures} by {methods}.", "共 {pictures}，来自 {methods}。"),
    "pictures": Text("{count} pictures", "{count} 幅图"),
    "pictures.one": Text("1 picture", "1 幅图"),
    "methods": Text("{count} methods", "{count} 种方法"),
    "methods.one": Text("1 method", "1 种方法"),
    "data": Text(
        "Of {name}, {read} of {samples} samples went through it.",
        "数据集 {name}：共 {samples} 个样本，通过 {read} 个。",
    ),
    "data.all": Text(
        "All {samples} samples of {name} went through it.", "数据集 {name} 的全部 {samples} 个样本均通过了网络。"
    ),
    "data.name": Text("Data set", "数据集"),
    "data.read": Text("Samples that went through", "通过的样本"),
    "data.left": Text("Left out", "略去"),
    "data.classes": Text("Classes", "类别"),
    "data.print": Text("Fingerprint", "指纹"),
    "data.covers": Text("{digest}, of {covers}", "{digest}，依据：{covers}"),
    "data.list": Text("What was left out, and why", "略去的样本及原因"),
    "data.of": Text("{count} of {every}", "{every} 个中的 {count} 个"),
    "sample": Text("sample", "样本"),
    "cost": Text(
        "They took {forwards} and {backwards} of the model, {seconds} s.",
        "总计 {forwards}、{backwards}，用时 {seconds} 秒。",
    ),
    "forwards": Text("{count} forward passes", "{count} 次前向计算"),
    "forwards.one": Text("1 forward pass", "1 次前向计算"),
    "backwards": Text("{count} backward passes", "{count} 次反向计算"),
    "backwards.one": Text("1 backward pass", "1 次反向计算"),
    "lacking": Text("{count} could not be made; the reasons stand at the end.", "{count} 项未能生成，原因见文末。"),
    "clean": Text("Nothing calls for a warning.", "没有需要提醒之处。"),
    "times": Text("{note} (× {count})", "{note}（× {count}）"),
    "worth": Text("Worth knowing before you trust a picture", "相信图像之前请注意"),
    "large": Text(
        "This report has {size} MB; the heaviest are {names}. Fewer examples or fewer methods make it smaller.",
        "本报告大小为 {size} MB，其中最大的是{names}。减少样本或方法可使其变小。",
    ),
    "reading": Text("How to read it", "如何看这幅图"),
    "shows": Text("Shows", "展示"),
    "cannot": Text("Cannot tell", "不能说明"),
    "check": Text("Check by", "检验办法"),
    "again": Text("To make it again", "重新生成"),
    "origin": Text("Where it comes from", "来源"),
    "weights": Text("weights {digest}", "权重 {digest}"),
    "layer": Text("layer {layer}", "层 {layer}"),
    "seed": Text("seed {seed}", "随机种子 {seed}"),
    "seconds": Text("{seconds} s for all pictures of this look", "这次观察的全部图像共用时 {seconds} 秒"),
    "more": Text("{count} more", "另有 {count} 个"),
    "numbers": Text("The numbers as a table", "以表格查看数值"),
    "reduced": Text("{shown} of {total} rows, evenly chosen", "共 {total} 行，均匀选取 {shown} 行"),
    "position": Text("position", "位置"),
    "point": Text("point", "点"),
    "group": Text("group", "组"),
    "picture": Text("picture {size}", "图 {size}"),
    "strip": Text("{count} numbers", "{count} 个数"),
    "yes": Text("yes", "是"),
    "no": Text("no", "否"),
    "operation": Text("operation", "运算"),
    "address": Text("address", "地址"),
    "shape": Text("output shape", "输出形状"),
    "parameters": Text("parameters", "参数量"),
    "failed": Text("{method} gave no picture", "{method} 没有生成图像"),
    "reason": Text("Reason", "原因"),
    "nearest": Text("Nearest", "最接近的"),
    "try": Text("Try", "可以尝试"),
    "see": Text("Other pictures are not touched by it.", "其他图像不受影响。"),
    "scroll": Text("Picture; scrolls", "图像，可滚动"),
    "foot": Text(
        "One file, without scripts; nothing is fetched. The colours of the data are the same in light and dark.",
        "单个文件，不含脚本，不读取任何外部内容。浅色与深色模式下，数据的颜色相同。",
    ),
}

COVERS = {  # what the fingerprint of a data set is made of, as the sources name it
    "content": Text("the content", "内容"),
    "class and length only": Text("the class and the length only", "仅类与长度"),
    "names and sizes of the files": Text("names and sizes of the files", "文件名与大小"),
    "size and number of lines": Text("size and number of lines", "大小与行数"),
    "the list, and sizes of the files": Text("the list, and sizes of the files", "列表与各文件的大小"),
    "shape and size of the file": Text("shape and size of the file", "文件的形状与大小"),
}


def phrase(key: str, lang: str, /, **values: object) -> str:
    """The words `key` in `lang` with their gaps filled."""
    return WORDS[key].say(lang).format(**values)


def counted(key: str, lang: str, count: int) -> str:
    """`1 picture`, `3 pictures`."""
    return phrase(f"{key}.one", lang) if count == 1 else phrase(key, lang, count=f"{count:,}")
