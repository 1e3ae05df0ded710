import pytest

from pellucid.core.text import Text, say


def test_each_language_says_its_own():
    words = Text("gradient", "梯度")
    assert (words.say(), words.say("en"), words.say("zh"), str(words)) == ("gradient", "gradient", "梯度", "gradient")


def test_english_stands_in_for_what_was_not_translated():
    assert Text("gradient").say("zh") == "gradient"


@pytest.mark.parametrize(
    ("words", "lang", "said"),
    [
        ("logit", "zh", "logit"),
        (Text("a", "甲"), "zh", "甲"),
        (Text("a", "甲"), "en", "a"),
    ],
)
def test_say_takes_plain_strings_too(words, lang, said):
    assert say(words, lang) == said


def test_texts_are_values():
    assert Text("a", "甲") == Text("a", "甲") != Text("a", "乙") and len({Text("a", "甲"), Text("a", "甲")}) == 1
    with pytest.raises(AttributeError):
        Text("a").en = "b"


def test_a_change_is_made_in_both_languages():
    assert Text("try lens.a", "试试 lens.a", aside=True).changed(lambda one: one.replace("lens.a", "-a")) == Text(
        "try -a", "试试 -a", aside=True
    )
    assert Text("a").changed(lambda one: f"{one}!") == Text("a!")
