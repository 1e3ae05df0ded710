import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.sites import INPUT, OUTPUT, ROLES, Place, Site, address, parse

WORD = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
INDEX = st.none() | st.integers(0, 20)
SIDE = st.just("out") | st.just("in") | WORD.filter(lambda word: word not in ("in", "out")).map(lambda word: f":{word}")


@st.composite
def sites(draw, segment=WORD):
    """Any site that can be written: a call and a field only where their text would say so."""
    path = ".".join(draw(st.lists(segment, min_size=1, max_size=4)))
    op = draw(st.just("") | st.from_regex(r"[a-z][a-z_]{0,5}[a-z]", fullmatch=True))
    side, field = draw(SIDE), draw(st.just("") | st.from_regex(r"[a-z0-9_]{1,4}(\.[a-z0-9_]{1,4})?", fullmatch=True))
    return Site(path, draw(INDEX), op, draw(INDEX) if op else None, side, field)


@given(sites())
def test_a_site_is_what_its_address_parses_to(site):
    assert parse(address(site), {site.path}) == site
    assert str(site) == address(site)


@given(sites(segment=st.text("ab#/:@. -é", min_size=1, max_size=5)))
def test_a_name_of_the_model_is_taken_literally_whatever_it_contains(site):
    assert parse(address(site), {site.path}) == site


@given(sites())
def test_names_are_needed_only_where_a_path_looks_like_something_else(site):
    if site.path not in (INPUT, OUTPUT):
        assert parse(address(site)) == site


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("layer4.1", Site("layer4.1")),
        ("layer4.1:in", Site("layer4.1", side="in")),
        ("layer1.0.relu#1", Site("layer1.0.relu", 1)),
        ("layer1.0/add.0", Site("layer1.0", op="add", n=0)),
        ("layer1.0/add", Site("layer1.0", op="add")),
        ("layer1.0#2/add.3:in@0.x", Site("layer1.0", 2, "add", 3, "in", "0.x")),
        ("/relu.0", Site("", op="relu", n=0)),
        ("lstm@1.0", Site("lstm", field="1.0")),
        ("conv1:weight", Site("conv1", side=":weight")),
        (":position", Site("", side=":position")),
        ("blocks.3.attn/attention.0", Site("blocks.3.attn", op="attention", n=0)),
        ("layer*.conv2", Site("layer*.conv2")),
        ("input", Site("", side="in")),
        ("input@table", Site("", side="in", field="table")),
        (":in@table", Site("", side="in", field="table")),
        ("output", Site("")),
        ("output@logits", Site("", field="logits")),
        ("", Site("")),
    ],
)
def test_the_grammar(text, site):
    assert parse(text) == site


@pytest.mark.parametrize(
    "text",
    [
        "conv1#x",
        "conv1#",
        "conv1#-1",
        "conv1/",
        "conv1/2",
        "conv1/relu.x",
        "conv1:",
        "conv1@",
        "conv1:in:weight",
        "conv1/relu.0#1",
        "conv1@a#0",
        "conv1/add.0/mul.1",
    ],
)
def test_what_breaks_the_grammar_is_refused_with_the_grammar(text):
    with pytest.raises(ValueError, match=r"is not an address: write PATH\[#CALL\]\[/OP.N\]") as caught:
        parse(text)
    assert f"'{text}'" in str(caught.value)


def test_children_named_like_the_ends_of_the_model():
    names = {"", "input", "output", "input.conv"}
    assert parse("input", names) == Site("input") and parse("output", names) == Site("output")
    assert parse("input:in", names) == Site("input", side="in")
    assert parse("input.conv", names) == Site("input.conv")
    assert parse(":in", names) == Site("", side="in") and parse("", names) == Site("")
    assert parse("input/relu.0", {""}) == Site("input", op="relu", n=0)


def test_the_longest_name_wins():
    assert parse("d.a/b/relu.0", {"d.a", "d.a/b"}) == Site("d.a/b", op="relu", n=0)
    assert parse("d.a/b", {"d.a"}) == Site("d.a", op="b")


@pytest.mark.parametrize("role", ROLES)
def test_roles(role):
    assert parse(role) == Site(role, role=role) and str(parse(role)) == role
    assert parse(f"{role}:in") == Site(f"{role}:in", role=role, side="in") and str(parse(f"{role}:in")) == f"{role}:in"
    assert not parse(role).matches(Place(role))


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        ("relu", Place("relu", 0), True),
        ("relu", Place("relu", 5), True),
        ("relu#1", Place("relu", 1), True),
        ("relu#1", Place("relu", 0), False),
        ("relu", Place("relu", side="in"), False),
        ("relu:in", Place("relu", side="in"), True),
        ("a/add", Place("a", 0, "add", 3), True),
        ("a/add.1", Place("a", 2, "add", 1), True),
        ("a/add.1", Place("a", 2, "add", 0), False),
        ("a#0/add.1", Place("a", 2, "add", 1), False),
        ("a", Place("a", 0, "add"), False),
        ("a:weight", Place("a", side=":weight"), True),
        ("a:weight", Place("a", side=":bias"), False),
        ("layer*.conv2", Place("layer1.0.conv2"), True),
        ("layer?.conv2", Place("layer1.0.conv2"), False),
        ("layer[12].conv2", Place("layer2.conv2"), True),
        ("layer[12].conv2", Place("layer3.conv2"), False),
        ("*", Place(""), True),
        ("lay", Place("layer"), False),
        ("*/relu.0", Place("", 0, "relu", 0), True),
        ("*:weight", Place("conv1", side=":weight"), True),
    ],
)
def test_what_a_site_denotes(text, place, meant):
    assert parse(text).matches(place) is meant


def test_a_name_that_looks_like_a_pattern_denotes_itself():
    site = parse("heads[0]", {"heads[0]"})
    assert site.matches(Place("heads[0]"))


def test_attentions_of_a_module_are_those_inside_it():
    inside = Site("a.b?").attentions
    assert str(inside) == "a.b?" and str(Site("a", call=1).attentions) == "a#1/attention"
    met = {
        path for path in ("a", "a.b", "a.b1", "a.b1.c", "a.b12.c") if inside.matches(Place(path, op="attention", n=2))
    }
    assert met == {"a.b1", "a.b1.c"} and not inside.matches(Place("a.b1"))
    for other in (Site("a", op="relu"), Site("a", side="in"), Site("every attention", role="every attention")):
        assert other.attentions is other


def test_only_patterns_are_globs():
    assert parse("layer*").is_glob and parse("l?").is_glob and parse("l[12]").is_glob
    assert not parse("layer1.0/add.0").is_glob


def test_the_shortest_address_of_a_place():
    assert address(Place("conv", 0)) == "conv#0"
    assert address(Place("conv", 0), called_once=True) == "conv"
    assert address(Place("conv", 1, "relu", 2), called_once=True) == "conv/relu.2"
    assert address(Place("", side="in")) == "input" and address(Place("")) == "output"
    assert address(Place("", 0, "add", 1), called_once=True) == "/add.1"
    assert address(Site("", side=":scale")) == ":scale"
