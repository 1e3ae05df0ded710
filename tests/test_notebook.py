from pellucid.notebook import mimebundle
from tests.results import samples


def test_words_and_a_picture():
    result = samples.matrix()
    bundle = result._repr_mimebundle_()
    assert bundle["text/plain"] == result.describe()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "text/html" not in bundle


def test_only_what_is_asked_for_is_made():
    assert set(mimebundle(samples.matrix(), include=["text/plain"])) == {"text/plain"}
    assert set(mimebundle(samples.matrix(), exclude=["image/png"])) == {"text/plain"}
