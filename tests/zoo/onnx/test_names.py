import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.zoo.onnx.names import paths_of, plain


def node(operation: str, name: str = "", reads: tuple[str, ...] = (), scopes: str = "") -> onnx.NodeProto:
    made = onnx.helper.make_node(operation, list(reads), ["y"], name=name)
    if scopes:
        made.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    return made


@pytest.mark.parametrize(
    ("one", "path"),
    [
        (node("Conv", "/a/b", ("x", "layer1.0.conv1.weight")), "layer1.0.conv1"),
        (node("Relu", "/layer1/layer1.0/relu/Relu"), "layer1.0.relu"),
        (node("Conv", "/features/features.1/block/block.0/block.0.0/Conv"), "features.1.block.0.0"),
        (node("Relu", "node_relu_3", scopes="['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']"), "layer1.0.relu"),
        (node("Add", "node_add", scopes="['', 'add']"), "Add"),
        (node("Add", "node_add", scopes="[[[["), "Add"),
        (node("Add", ""), "Add"),
        (node("Add", "/Add"), "Add"),
    ],
)
def test_a_node_is_called_after_its_weights_or_its_module(one: onnx.NodeProto, path: str) -> None:
    assert paths_of([one], {"layer1.0.conv1.weight"}) == [path]


def test_several_operations_of_one_module_lie_in_it() -> None:
    nodes = [
        node("MatMul", "/head/MatMul"),
        node("Add", "/head/Add"),
        node("Add", "/head/Add_1"),
        node("Relu", "/head/act/Relu"),
    ]
    assert paths_of(nodes, set()) == ["head.MatMul", "head.Add", "head.Add_1", "head.act"]


@given(st.lists(st.tuples(st.sampled_from(["Add", "Relu", "A_1"]), st.text("/.a1_\"');", max_size=8)), max_size=8))
def test_names_are_plain_and_none_is_the_folder_of_another(drawn: list[tuple[str, str]]) -> None:
    paths = paths_of([node(operation, f"/{name}/x") for operation, name in drawn], set())
    assert len(set(paths)) == len(drawn) and all(path == plain(path) and path for path in paths)
    assert not any(one.startswith(f"{other}.") for one in paths for other in paths)
