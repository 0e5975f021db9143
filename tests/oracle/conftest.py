"""The exact cases: a sample for the quick tests, all of them for the slow ones."""

import pytest

from gradcheck.oracle.exact import case_of, recipes
from gradcheck.oracle.making import make_cases, make_suite, names

EVERY = 37  # no number of spatial axes, and no count of values in the tables, divides it


@pytest.fixture(scope="session")
def sample():
    return [case_of(recipe) for recipe in list(recipes())[::EVERY]]


@pytest.fixture(scope="session")
def all_exact():
    return [case_of(recipe) for recipe in recipes()]


@pytest.fixture(scope="session")
def whole_suite():
    return make_suite(list(make_cases(names(), workers=2)))
