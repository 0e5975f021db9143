"""The exact cases: a sample for the quick tests, all of them for the slow ones."""

import pytest

from gradcheck.oracle.exact import case_of, recipes

EVERY = 37  # no number of spatial axes, and no count of values in the tables, divides it


@pytest.fixture(scope="session")
def sample():
    return [case_of(recipe) for recipe in list(recipes())[::EVERY]]


@pytest.fixture(scope="session")
def all_exact():
    return [case_of(recipe) for recipe in recipes()]
