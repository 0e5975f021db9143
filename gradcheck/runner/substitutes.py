"""What a target misses, put in its place on request: modules that are not installed, names that NumPy has removed."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck.errors import InvalidInput

# Names that NumPy has removed since 1.24, and what stands for them now: a builtin, or the name it goes by today.
_BUILTINS = {"bool": bool, "int": int, "float": float, "complex": complex, "object": object, "str": str}
_RENAMED = {
    "product": "prod", "cumproduct": "cumprod", "sometrue": "any", "alltrue": "all", "in1d": "isin",
    "row_stack": "vstack", "trapz": "trapezoid", "round_": "round", "mat": "asmatrix", "float_": "float64",
    "complex_": "complex128", "cfloat": "complex128", "singlecomplex": "complex64", "longfloat": "longdouble",
    "string_": "bytes_", "unicode_": "str_", "bool8": "bool_", "int0": "intp", "uint0": "uintp",
    "Inf": "inf", "Infinity": "inf", "infty": "inf", "PINF": "inf", "NaN": "nan",
}  # fmt: skip


def _as_floats(a: Any, dtype: Any = np.float64) -> Any:
    return np.asarray(a, dtype=dtype)


_VALUES = {"NINF": -np.inf, "NZERO": -0.0, "PZERO": 0.0, "asfarray": _as_floats}

REMOVED = (*_BUILTINS, *_RENAMED, *_VALUES)

# What a layer's file imports for something else than the layer's arithmetic: pictures, data, progress, experiments.
ASIDE = {
    "matplotlib", "seaborn", "plotly", "bokeh", "tqdm", "progressbar", "pandas", "sklearn", "skimage", "cv2", "PIL",
    "imageio", "wandb", "mlflow", "tensorboard", "tensorboardX", "IPython", "ipywidgets", "h5py", "numba", "colorama",
    "termcolor", "tabulate", "prettytable", "rich", "requests", "mnist", "emnist", "idx2numpy", "python_mnist",
    "torchvision", "datasets", "keras", "tensorflow", "tensorflow_datasets", "nltk", "gym", "gymnasium", "pygame",
    "streamlit", "gradio", "flask", "kagglehub", "yaml", "joblib", "graphviz", "pydot", "loguru", "dill", "librosa",
    "soundfile", "openpyxl", "dotenv", "pytest", "tkinter", "pympler", "memory_profiler", "line_profiler",
    "keras_preprocessing",
}  # fmt: skip

# Functions of such modules that loops run over, or that are called for what they return: their plain counterparts.
_PLAIN: Mapping[str, Callable[..., Any]] = {
    "tqdm": lambda one, *_, **__: one,
    "trange": range,
    "prange": range,
    "progressbar": lambda one, *_, **__: one,
}

_stood_in: list[str] = []  # the modules aside that were missing, and are stubbed in this process
_restored: list[str] = []  # the removed names that NumPy has got back in this process


class Stub:
    """What a stubbed module gives: to be called, indexed, decorated with and inherited from; it computes nothing."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> "Stub":
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self._path}.{name}")

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        """Return a stub; as a decorator, what is decorated; of a progress bar, what it runs over."""
        plain = _PLAIN.get(self._path.rpartition(".")[2])
        if plain is not None and arguments:
            return plain(*arguments)
        if len(arguments) == 1 and callable(arguments[0]) and not isinstance(arguments[0], Stub):
            return arguments[0]
        return Stub(f"{self._path}()")

    def __getitem__(self, key: Any) -> "Stub":
        return Stub(f"{self._path}[...]")

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __bool__(self) -> bool:
        return False

    def __enter__(self) -> "Stub":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self._path} is a stub and has no values; this layer really needs the module")

    def __repr__(self) -> str:
        return f"<stub {self._path}>"


class _StubModule(ModuleType):
    def __getattr__(self, name: str) -> Stub:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self.__name__}.{name}")


class _Stubs(MetaPathFinder, Loader):
    """Finds the named modules and all below them, after every other finder has failed to."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Find a stub of that name."""
        if fullname.partition(".")[0] not in self._names and fullname not in self._names:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the stub."""
        return _StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""


def put_in_place(stubs: Sequence[str], *, old_numpy: bool) -> None:
    """Stub the named modules where they are missing, and give NumPy the names back that it has removed since 1.24.

    Raises
    ------
    InvalidInput
        A name to be stubbed is none.
    """
    for name in stubs:
        if not all(part.isidentifier() for part in name.split(".")):
            raise InvalidInput(f"--stub must name a module, for instance cupy; it names {name!r}.")
    if stubs:
        sys.meta_path.append(_Stubs(tuple(stubs)))
    if old_numpy:
        _restored.extend(name for name in REMOVED if name not in vars(np))
        for name in _restored:
            setattr(np, name, replacement(name))


def stand_in(module: str) -> bool:
    """Stub a missing module that layers import for something else than their arithmetic; tell whether it is one."""
    name = module.partition(".")[0]
    if name not in (*ASIDE, *_TWINS) or name in _stood_in:
        return False
    for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[loaded]  # of a version that has not what is imported
    if name in _TWINS:
        sys.modules[name] = _Twin(name, _TWINS[name])
    sys.meta_path.insert(0, _Stubs((name,)))
    _stood_in.append(name)
    return True


class _Twin(ModuleType):
    """A module with the names of another: what NumPy has of cupy's, and stubs for the rest."""

    def __init__(self, name: str, others: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(np, name) if hasattr(np, name) else Stub(f"{self.__name__}.{name}")


_TWINS: Mapping[str, Mapping[str, Any]] = {
    "cupy": {"asnumpy": np.asarray, "get_array_module": lambda *_: np},
}


def notes_on(stubs: Sequence[str], *, old_numpy: bool) -> list[str]:
    """Say what was put in place."""
    notes = [f"stubbed where missing: {', '.join(stubs)}; whatever they compute is left out"] if stubs else []
    if _stood_in:
        stubbed = [name for name in _stood_in if name not in _TWINS]
        notes += [f"not installed, NumPy takes its place: {name}" for name in _stood_in if name in _TWINS]
        told = f"not installed, and stubbed: {', '.join(stubbed)}; whatever they compute is left out"
        notes += [told] if stubbed else []
    if old_numpy and _restored:
        notes.append(f"NumPy {np.__version__} was given back the names it has removed: {', '.join(_restored)}")
    return notes


def replacement(name: str) -> Any:
    """Return what stands for a removed name now; None where there is no such name."""
    if name in _BUILTINS:
        return _BUILTINS[name]
    if name in _RENAMED:
        return getattr(np, _RENAMED[name], getattr(np, "trapz", None) if name == "trapz" else None)
    return _VALUES.get(name)


def is_of_stub(error: BaseException) -> bool:
    """Tell whether an error says that a stub has no values."""
    return isinstance(error, TypeError) and "is a stub and has no values" in str(error)


def advice(message: str) -> str:
    """Say what to do where a target's error is about a name that NumPy has removed; empty where it is not."""
    for name in REMOVED:
        if f"module 'numpy' has no attribute '{name}'" in message or f"`np.{name}` was removed" in message:
            return f"; NumPy has removed np.{name}, --old-numpy puts it back"
    if "no usable devices" in message:
        return "; tinygrad needs a compiler, or DEV=PYTHON in the environment, which is its interpreter"
    if "only 0-dimensional arrays can be converted to Python scalars" in message:
        return f"; NumPy took arrays of one entry for numbers before 2.4 (this is {np.__version__})"
    return ""
