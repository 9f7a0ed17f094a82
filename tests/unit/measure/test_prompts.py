"""Prompts of one length, none of which begins as another does."""

from pytest_rawrxd.measure.prompts import NONCE_TOKENS, prompts, short_texts, unique_prompts

TEXTS = [[1, *range(10, 40)], [1, *range(40, 45)]]


def test_every_prompt_has_the_length_asked_for_and_begins_as_the_tokeniser_begins():
    found = unique_prompts(TEXTS, count=50, length=16, seed=(7,))

    assert {len(prompt) for prompt in found} == {16}
    assert {prompt[0] for prompt in found} == {1}


def test_no_two_prompts_share_the_nonce_behind_it():
    found = unique_prompts(TEXTS, count=200, length=16, seed=(7,))

    assert len({tuple(prompt[1 : 1 + NONCE_TOKENS]) for prompt in found}) == 200


def test_the_seed_decides_and_nothing_else():
    assert unique_prompts(TEXTS, count=5, length=16, seed=(7,)) == unique_prompts(TEXTS, count=5, length=16, seed=(7,))
    assert unique_prompts(TEXTS, count=5, length=16, seed=(7,)) != unique_prompts(TEXTS, count=5, length=16, seed=(8,))


def test_a_prompt_shorter_than_its_nonce_is_cut():
    assert unique_prompts(TEXTS, count=1, length=3, seed=(7,))[0][0] == 1
    assert len(unique_prompts(TEXTS, count=1, length=3, seed=(7,))[0]) == 3


def test_texts_for_a_server_are_cut_or_repeated_to_about_the_tokens_asked_for():
    texts = prompts(seed=1)

    assert {len(text.split()) for text in short_texts(texts, tokens=100)} == {70}
    assert all(text for text in short_texts(texts, tokens=1))
