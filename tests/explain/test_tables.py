"""What rows give with rows is worked out once for the arrays that live, and never for another that came after."""

import numpy as np

import gradcheck
from gradcheck.explain.scene import Scene
from gradcheck.explain.tables import Tables, inner_products, largest_sizes, norms_of_products


def rows_of(count, seed):
    return np.random.default_rng(seed).standard_normal((count, 50))


def test_a_table_is_that_of_the_rows():
    a, b = rows_of(3, 0), rows_of(2, 1)
    found = Tables().look(norms_of_products, a, b)
    np.testing.assert_allclose(found, [[np.linalg.norm(x * y) for y in b] for x in a], rtol=1e-14)


def test_a_known_table_is_not_worked_out_again_nor_is_a_part_of_it():
    calls = []

    def counted(rows, others):
        calls.append(len(rows))
        return inner_products(rows, others)

    a, b, tables = rows_of(3, 0), rows_of(2, 1), Tables()
    first = tables.look(counted, a, b, (1, 1))
    whole = tables.look(counted, a, b)
    assert tables.look(counted, a, b) is whole
    np.testing.assert_allclose(first, tables.look(counted, a, b, (1, 1)))
    assert calls == [1, 3]


def test_an_array_in_the_place_of_one_that_is_gone_has_a_table_of_its_own():
    others, tables = rows_of(2, 1), Tables()
    for seed in range(20):
        a = rows_of(1, seed)
        np.testing.assert_allclose(tables.look(inner_products, a, others), a @ others.T)
        del a


def test_one_vector_is_a_row():
    a, v = rows_of(3, 0), rows_of(1, 1)[0]
    assert Tables().look(norms_of_products, a, v).shape == (3, 1)


def test_the_largest_sizes_bound_the_norms():
    a, b = rows_of(3, 0), rows_of(4, 1)
    most = np.linalg.norm(a, axis=1)[:, None] * largest_sizes(b, b)
    assert np.all(norms_of_products(a, b) <= most)


def test_a_hypothesis_refused_by_a_bound_is_refused_by_its_bars(monkeypatch):
    """Every refusal from a bound on the bars is checked against the bars themselves."""
    asked = []
    plausible, may_pass = Scene.plausible, Scene.may_pass

    def by_bars(method, name):
        def both(self, claims, cotangents, **where):
            found = method(self, claims, cotangents, **where)
            with monkeypatch.context() as no_bound:
                no_bound.setattr(Scene, "_most", lambda self, *_: np.full(2, np.inf))
                assert method(self, claims, cotangents, **where) == found, name
            asked.append(found)
            return found

        return both

    monkeypatch.setattr(Scene, "plausible", by_bars(plausible, "plausible"))
    monkeypatch.setattr(Scene, "may_pass", by_bars(may_pass, "may pass"))
    x = np.random.default_rng(0).standard_normal((4, 5))
    for wrong in (lambda g, x: -g * (1 - np.tanh(x) ** 2), lambda g, x: g * np.tanh(x), lambda g, x: g * x):
        assert str(gradcheck.check((np.tanh, wrong), {"x": x}).verdict) == "disagrees"
    assert any(asked)
    assert asked.count(False) > asked.count(True)
