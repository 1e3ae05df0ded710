import numpy as np
import pytest

from pellucid.core.text import Text
from pellucid.results import Graph, Matrix, Points, Series, Table
from pellucid.results.describe_kinds import gallery, graph, matrix, points, series, table
from tests.results import samples


def told(sentences):
    return " ".join(sentence.en for sentence in sentences)


def test_matrices():
    said = told(matrix(samples.matrix()))
    values = samples.matrix().values
    _, head, row, column = np.unravel_index(values.argmax(), values.shape)
    assert said.startswith("2 matrices of 4 × 4.")
    assert f"{'abcd'[row]} → {'abcd'[column]} in head {head}." in said
    assert "Half of a row's sum lies on" in said
    assert told(matrix(Matrix(values=np.zeros((2, 2))))) == "A matrix of 2 × 2. All values are exactly zero."


def test_a_column_that_takes_most_is_named():
    values = np.full((5, 5), 0.05)
    values[:, 0] = 0.8
    said = told(matrix(Matrix(values=values, columns=("[CLS]", *"abcd"))))
    assert "80% of the total lies in the column [CLS]" in said


def test_that_the_first_token_looks_at_itself_alone_is_not_told():
    values = np.array([[[1, 0, 0], [0.4, 0.6, 0], [0.5, 0.2, 0.3]]])
    axes = ("batch", "query", "key")
    assert told(matrix(Matrix(values=values, axes=axes))).startswith("A matrix of 3 × 3. Half")
    for shown in (Matrix(values=values), Matrix(values=values[:, ::-1], axes=axes)):
        assert "largest value" in told(matrix(shown)).lower()


def test_negative_share():
    assert "25% of the absolute total is negative" in told(matrix(Matrix(values=np.array([[3.0, -1.0]]))))


def test_galleries():
    said = told(gallery(samples.gallery()))
    assert said.startswith("5 pictures in 2 groups.")
    assert "the largest in amount stands in “channel 4”" in said
    assert "1 of 5 pictures is zero everywhere" in said
    flat = samples.gallery(images=(np.ones((2, 2)), np.eye(2)), groups=())
    assert "1 of 2 pictures is flat" in told(gallery(flat))
    lone = told(gallery(samples.gallery(images=(np.eye(2),), groups=())))
    assert lone.startswith("One picture. Its values go from 0 to 1.") and "strongest" not in lone
    assert "drawn as they are" in told(gallery(samples.gallery(images=(np.zeros((2, 2, 3)),))))
    assert "No value is finite" in told(gallery(samples.gallery(images=(np.full((2, 2), np.nan),))))


def test_graphs():
    said = told(graph(samples.graph()))
    assert "5 operations and 6 connections; the longest path has 5 operations." in said
    assert "1,500 parameters, of which 47% are read in layer1" in said
    assert "One operation hands its output" in said
    assert told(graph(samples.graph(failed=4))).startswith("The model raised at layer1.0.add;")
    assert "One group of identical blocks" in told(graph(samples.graph(folds=(("layer1.0", "layer1.1"),))))
    spent = tuple({**node, "flops": 10**9, "memory": 2_000_000} for node in samples.graph().nodes)
    assert "One forward takes 6 GFLOP and 12 MB of new memory." in told(graph(Graph(nodes=spent)))
    broken = ({**spent[0], "value": {"nonfinite": 0}}, {**spent[1], "value": {"nonfinite": 3}})
    assert told(graph(Graph(nodes=broken))).startswith("Values that are not finite first appear at conv1.")
    bare = tuple({**node, "parameters": 0} for node in samples.graph().nodes)
    assert "No operation reads a parameter" in told(graph(Graph(nodes=bare)))


def test_curves():
    said = told(series(samples.series()))
    assert "“train” goes from 3 to 0.5, lowest 0.5, highest 3 at 0." in said
    assert "Marked: 20 (overfits)." in said
    assert "“h” is highest (5) at b" in told(
        series(Series(curves={"h": np.array([1.0, 5])}, labels=("a", "b"), style="histogram"))
    )
    assert told(series(Series(curves={"x": np.full(3, np.nan)}))).startswith("No value is finite")


def test_many_marks_are_cut():
    marks = {i: Text("here") for i in range(6)}
    assert told(series(Series(curves={"x": np.arange(9.0)}, marks=marks))).endswith("3 (here)….")


def test_scatter():
    said = told(points(samples.points()))
    assert said.startswith("40 points in 2 groups.")
    assert "of its own group in 100% of the cases (49% by chance)" in said
    assert "lies farthest from the middle" in said
    assert told(points(Points(values=np.zeros((1, 2))))) == "One point."


def test_chance_is_what_mixed_groups_have():
    rng = np.random.default_rng(0)
    mixed = samples.points(values=rng.normal(size=(400, 2)), groups=("a", "b") * 200, labels=())
    share = float(told(points(mixed)).split("own group in ")[1].split("%")[0])
    assert share == pytest.approx(50, abs=8)


def test_tables():
    said = told(table(samples.table()))
    assert said.startswith("Rows: 3; columns: 7.")
    assert "Highest dead: 0.2 (layer2); lowest: 0 (layer0)." in said
    same = Table(rows=({"n": "x", "v": 1}, {"n": "x", "v": 2}), columns={"n": Text("n"), "v": Text("v")})
    assert "Highest v: 2 (#1); lowest: 1 (#0)." in told(table(same))
    gaps = Table(rows=({"v": None}, {"v": 2}), columns={"v": Text("v")})
    assert "1 of 2 numeric cells is empty" in told(table(gaps))


def test_a_matrix_of_correlations_is_not_told_by_its_diagonal():
    values = np.array([[1.0, 0.2, -0.4], [0.2, 1.0, 0.7], [-0.4, 0.7, 1.0]], np.float32)
    names = ("a", "b", "c")
    said = Matrix(values=values, rows=names, columns=names, signed=True).describe()
    assert "0.7" in said and "b → c" in said and "total" not in said and "columns" not in said


def test_bare_numbers_of_a_matrix_have_the_name_of_their_axis():
    values = np.array([[0.1, 0.2], [0.9, 0.3]])
    result = Matrix(values=values, axes=("layer", "head"), rows=("0.attn", "1.attn"), columns=("0", "1"))
    assert "is at 1.attn → head 0" in told(matrix(result))
    assert "1.attn → 头 0" in "".join(one.say("zh") for one in matrix(result))
    assert "is at 1.attn → #0" in told(matrix(result.with_(columns=("#0", "#1"))))


def test_the_largest_of_correlations_that_are_all_negative_is_none_of_the_diagonal():
    values = np.array([[1.0, -0.2, -0.4], [-0.2, 1.0, -0.7], [-0.4, -0.7, 1.0]], np.float32)
    names = ("a", "b", "c")
    said = told(matrix(Matrix(values=values, rows=names, columns=names, signed=True)))
    assert said.endswith("The largest value, -0.2, is at a → b.")


def test_rows_that_two_columns_tell_apart_are_called_by_both():
    rows = [{"code": code, "rank": rank, "v": v} for code, rank, v in (("0", "1", 3), ("0", "2", 1), ("1", "1", 2))]
    columns = {"code": Text("code", "码"), "rank": Text("rank", "名次"), "v": Text("v")}
    found = table(Table(rows=tuple(rows), columns=columns))
    assert "Highest v: 3 (code 0, rank 1); lowest: 1 (code 0, rank 2)." in told(found)
    assert "码 0、名次 1" in "".join(one.say("zh") for one in found)


def test_a_slice_says_where_most_units_are_kept():
    nodes = [{**node, "kept": share} for node, share in zip(samples.graph().nodes[1:3], (0.25, 0.75), strict=True)]
    said = told(graph(Graph(nodes=tuple(nodes))))
    most, fewest = nodes[1]["site"], nodes[0]["site"]
    assert said == f"Of 2 layers, {most} keeps the largest share of its units (75%), {fewest} the smallest (25%)."
