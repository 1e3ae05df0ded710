from pellucid.methods.gradient._training_words import WORDS


def test_every_picture_has_words_in_both_languages():
    for words in WORDS.values():
        for one in (words.title, words.question, words.shows, words.cannot, words.check):
            assert one.en and one.zh
