import pytest

from pellucid.core.late import late


def test_the_function_is_imported_at_its_first_call():
    assert late("os.path:join")("a", "b").endswith("b")
    assert late("os.path:join") is late("os.path:join")


@pytest.mark.parametrize(("name", "error"), [("no_such_module:f", ModuleNotFoundError), ("os:no_such", AttributeError)])
def test_a_name_that_does_not_exist_is_not_swallowed(name, error):
    with pytest.raises(error):
        late(name)
