"""How published layers spell the gradient of a parameter: one table, and the comparison of two names by it."""

from functools import cache

# What is written around a parameter's name to name its gradient; {} stands for the parameter.
_AROUND = (
    "d{}", "d_{}", "dl_d{}", "dld{}", "dloss_d{}", "de_d{}", "dj_d{}", "grad_{}", "grad{}", "g_{}", "delta_{}",
    "nabla_{}", "gradient_{}", "gradients_{}", "{}_grad", "{}grad", "{}_grads", "{}_gradient", "{}_gradients",
    "{}_deriv", "{}_derivative", "{}_update", "{}s_update",
)  # fmt: skip

# Attributes that hold gradients under the names of the parameters themselves.
_HOLDERS = {"grads", "grad", "gradients", "gradient", "dparams", "d_params", "param_grads", "derivatives", "deltas"}

# Entries of an object that wraps one parameter: its value, and its gradient.
_VALUES = {"data", "value", "val", "values", "array"}
_OWN_GRADIENTS = {"grad", "gradient", "grads", "g", "derivative"}

# Names that mean the same thing; the first of a row stands for all.
_SYNONYMS = (
    ("weight", "weights", "w", "kernel", "kernels", "filter", "filters", "filt", "k"),
    ("bias", "biases", "b"),
    ("input", "inputs", "x", "in", "a_prev"),
    ("gamma", "scale"),
    ("beta", "shift"),
)
_MEANING = {name: row[0] for row in _SYNONYMS for name in row}

Path = tuple[str, ...]


def spells_gradient(gradient: Path, parameter: Path, *, exactly: bool = False) -> bool:
    """Tell whether the attribute path `gradient` names the gradient of `parameter`.

    Examples
    --------
    >>> spells_gradient(("dW",), ("W",)), spells_gradient(("grads", "W"), ("params", "W"))
    (True, True)
    >>> spells_gradient(("dW",), ("weights",)), spells_gradient(("dW",), ("weights",), exactly=True)
    (True, False)
    """
    name = bare(parameter).casefold().strip("_")
    stems = _stems(tuple(part.casefold() for part in gradient))
    return name in stems if exactly else _meaning(name) in {_meaning(stem) for stem in stems}


def bare(path: Path) -> str:
    """Return the last word of a path that says something: `W` for `params.W`, and for `W.data`."""
    return path[-2] if len(path) > 1 and path[-1].casefold() in _VALUES else path[-1]


@cache
def _stems(path: Path) -> frozenset[str]:
    """Return the parameter names that a gradient of this path could belong to."""
    leaf = path[-1].strip("_")
    found = set()
    for around in _AROUND:
        before, after = around.split("{}")
        if leaf.startswith(before) and leaf.endswith(after) and len(leaf) > len(before) + len(after):
            found.add(leaf[len(before) : len(leaf) - len(after)].strip("_"))
    if len(path) > 1:
        if path[-2].strip("_") in _HOLDERS:
            found.add(leaf)
        if leaf in _OWN_GRADIENTS:
            found.add(path[-2].strip("_"))
    return frozenset(found)


def _meaning(name: str) -> str:
    """Return the word a name stands for, with its number kept: `w2` means `weight2`."""
    stem = name.rstrip("0123456789")
    return _MEANING.get(stem, stem) + name[len(stem) :]
