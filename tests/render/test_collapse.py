from pellucid.render.collapse import CHUNK, MOST, collapse


class Net:
    """Operations as they ran."""

    def __init__(self):
        self.nodes, self.edges = [], []

    def op(self, name, module, *sources, shape=(1, 8), parameters=0):
        number = len(self.nodes)
        self.nodes.append(
            {
                "id": number,
                "op": name,
                "module": module,
                "site": f"{module}/{name}.0",
                "shape": shape,
                "parameters": parameters,
            }
        )
        self.edges += [{"source": source, "sink": number} for source in sources]
        return number

    def collapse(self, folds=(), **how):
        return collapse(self.nodes, self.edges, folds, **how)


def blocks(count, *, reuse=True):
    net = Net()
    x = net.op("input", "")
    for i in range(count):
        start = x
        x = net.op("conv2d", f"body.{i}.conv", x, parameters=9)
        x = net.op("relu", f"body.{i}.relu", x)
        x = net.op("add", f"body.{i}", x, start)
        if reuse:
            x = net.op("relu", f"body.{i}.relu", x)
    net.op("linear", "head", x, parameters=5)
    return net


def test_a_run_of_identical_siblings_is_one_box():
    boxes, links = blocks(12).collapse()
    assert [(box.name, box.times, box.last) for box in boxes] == [
        ("input", 1, ""),
        ("body.0", 12, "body.11"),
        ("head", 1, ""),
    ]
    assert links == [(0, 1), (1, 2)]
    assert boxes[1].parameters == 12 * 9


def test_a_small_network_is_opened_and_a_module_used_twice_is_a_box_per_call():
    boxes, links = blocks(1).collapse()
    assert [box.name for box in boxes] == [
        "input",
        "body.0.conv",
        "body.0.relu",
        "body.0/add.0",
        "body.0.relu#1",
        "head",
    ]
    assert links == [(0, 1), (0, 3), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_links_never_go_backward():
    for count in (1, 2, 3, 7):
        _, links = blocks(count).collapse()
        assert all(source < sink for source, sink in links)


def test_siblings_that_differ_are_not_folded():
    net = blocks(3)
    net.nodes[5]["parameters"] = 10
    assert [box.times for box in net.collapse(most=6)[0]] == [1, 1, 1, 1, 1]


def test_folds_of_the_method_count():
    net = Net()
    x = net.op("input", "")
    for i in range(4):
        x = net.op("linear", f"layers.{i}", x, parameters=i)
    assert len(net.collapse()[0]) == 5
    boxes, _ = net.collapse(folds=[tuple(f"layers.{i}" for i in range(4))])
    assert [box.times for box in boxes] == [1, 4]


def test_the_deepest_level_that_fits_is_opened():
    net = blocks(3, reuse=False)
    assert len(net.collapse(most=1000)[0]) == 11
    assert len(net.collapse(most=10)[0]) == 3


def test_where_it_failed_is_never_folded_away():
    net = blocks(5)
    boxes, _ = net.collapse(failed=6, most=6)
    assert [(box.times, box.failed) for box in boxes] == [(1, False), (1, False), (1, True), (3, False), (1, False)]


def test_a_long_flat_list_becomes_sections():
    net = Net()
    x = net.op("input", "")
    for i in range(CHUNK + 40):
        x = net.op(f"op{i}", f"m{i}", x)
    boxes, links = net.collapse()
    assert len(boxes) <= MOST
    assert sum(len(box.members) for box in boxes) == CHUNK + 41
    assert links == [(i, i + 1) for i in range(len(boxes) - 1)]


def test_nothing():
    assert collapse([], []) == ([], [])
