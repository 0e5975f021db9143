"""Every question of a reader is answered by an example that holds."""

import pytest

from gradcheck.article.questions import QUESTIONS, Fact


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.label)
def test_the_example_shows_what_the_answer_says(question):
    facts = question.example()
    assert facts
    for fact in facts:
        assert fact.holds, f"{question.asked} {fact}"


def test_a_fact_that_is_false_does_not_hold():
    assert not Fact("two is three", [2], [3]).holds


def test_eleven_questions_are_answered_in_a_few_sentences():
    assert [one.label for one in QUESTIONS] == [f"Q{number}" for number in range(1, 12)]
    assert all(40 < len(one.answer) < 400 for one in QUESTIONS)
