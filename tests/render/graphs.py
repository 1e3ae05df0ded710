"""Graphs for tests of the drawing: operations as they ran."""

from pellucid.render.collapse import collapse


class Net:
    """Records of a graph, written one operation after another."""

    def __init__(self):
        self.nodes, self.edges, self.modules = [], [], []

    def op(self, name, module, *sources, shape=(1, 8), parameters=0, **more):
        """Add an operation that reads these; returns its id."""
        number = len(self.nodes)
        self.nodes.append(
            {
                "id": number,
                "op": name,
                "module": module,
                "site": f"{module}/{name}.0",
                "shape": shape,
                "parameters": parameters,
                **more,
            }
        )
        self.edges += [{"source": source, "sink": number} for source in sources]
        return number

    def collapse(self, folds=(), **how):
        return collapse(self.nodes, self.edges, folds, modules=self.modules, **how)


def blocks(count, *, reuse=True):
    """Residual blocks in a row and a head."""
    net = Net()
    x = net.op("input", "", site="x")
    for i in range(count):
        start = x
        x = net.op("conv2d", f"body.{i}.conv", x, parameters=9)
        x = net.op("relu", f"body.{i}.relu", x)
        x = net.op("add", f"body.{i}", x, start)
        if reuse:
            x = net.op("relu", f"body.{i}.relu", x)
    net.op("linear", "head", x, parameters=5)
    return net


def chain(count, name="op{}", module="m{}"):
    """Operations in a row."""
    net = Net()
    x = net.op("input", "", site="x")
    for i in range(count):
        x = net.op(name.format(i), module.format(i), x)
    return net


def outline(boxes):
    """Names as nested lists."""
    return [[box.name, outline(box.inside)] if box.inside else box.name for box in boxes]
