from pellucid.core.provenance import TargetInfo


def test_a_label_is_said_in_both_languages() -> None:
    assert TargetInfo("tabby", (3,), 1.0).words.say("zh") == "tabby"
    words = TargetInfo("class 3", (3,), 1.0, zh="类别 3").words
    assert (words.say("en"), words.say("zh")) == ("class 3", "类别 3")
