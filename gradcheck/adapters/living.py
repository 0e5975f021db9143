"""One living instance, and how its passes are called: what backward gets besides the gradient, what forward keeps."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.adapters.optimizers import Recorder, set_rate
from gradcheck.adapters.roles import Roles, call, parameters_of
from gradcheck.subject import Array, Cotangents, Inputs

_SEED = 20160905  # of a forward that draws random numbers: any will do, so long as it stays


class Exited(RuntimeError):
    """A pass called sys.exit, as some do with what they refuse: no reason for the judge to leave, too."""


@dataclass(frozen=True)
class Way:
    """How the passes of an instance are called.

    `forward` and `backward` are names of methods ("" where the owner is a pair of functions); `given` and `asked` the
    roles of their arguments, None for everything by position; `caches` how many entries at the end of what forward
    returns are kept for backward; `output` the attribute that holds forward's output where it returns none; `kind`
    what backward returns: "vjp", or, where it gets no gradient from above, the gradient of one "number", of the
    "sum" of the outputs, or the "elementwise" derivative. `seeded` says that forward draws random numbers, the same at
    every call; `equipped` that an optimizer is put where backward needs one and the owner has None. `sets` are inputs
    that forward takes as attributes of the owner, `upstream` the attribute in which backward finds the gradient from
    above.
    """

    forward: str = "forward"
    backward: str = "backward"
    given: Roles | None = None
    asked: Roles | None = None
    caches: int = 0
    output: str = ""
    kind: str = "vjp"
    seeded: bool = False
    equipped: bool = False
    sets: tuple[str, ...] = ()
    upstream: str = ""

    @property
    def multiplies(self) -> bool:
        """Whether what backward returns is still to be multiplied by the gradient from above."""
        return self.kind != "vjp"

    def asks(self, *kinds: str) -> bool:
        """Tell whether backward has an argument of one of these kinds."""
        return any(role.kind in kinds for role in (self.asked or {}).values())


@dataclass
class Living:
    """An instance with the calls bound to it; it remembers what its last forward returned."""

    owner: Any
    run_forward: Callable[..., Any]
    run_backward: Callable[..., Any]
    way: Way
    recorder: Recorder = field(default_factory=Recorder)
    rate_path: tuple[str, ...] = ()
    returned: Any = None
    output: Any = None
    _kept: tuple[Any, ...] = field(default=(), repr=False)

    def pace(self, rate: float) -> None:
        """Set the learning rate of an update that backward applies, and forget what an optimizer was told."""
        self.recorder.book.rate = rate
        self.recorder.book.told.clear()
        if self.rate_path:
            set_rate(self.owner, self.rate_path, rate)

    def forward(self, inputs: Inputs) -> Any:
        """Call forward; return its outputs without what it only keeps for backward."""
        for name in self.way.sets:
            setattr(self.owner, name, inputs[name])
        with _seeded() if self.way.seeded else nullcontext():
            if self.way.given is None:
                self.returned = self.run_forward(*inputs.values())
            else:
                self.returned = self._called(self.run_forward, self.way.given, inputs, ())
        self.output = self._output(self.returned)
        return np.sum(self.output) if self.way.kind == "sum" else self.output

    def backward(self, cotangents: Cotangents, inputs: Inputs) -> Any:
        """Call backward and return what it returns; lists in a tuple, `(dx, [dw, db])`, become one tuple."""
        if self.way.upstream:
            setattr(self.owner, self.way.upstream, self._upstream(cotangents))
        if self.way.asked is None:
            return _flat(self.run_backward(self._upstream(cotangents), *inputs.values()))
        return _flat(self._called(self.run_backward, self.way.asked, inputs, cotangents))

    def _output(self, returned: Any) -> Any:
        if self.way.output:
            return getattr(self.owner, self.way.output)
        if not self.way.caches:
            return returned
        self._kept = tuple(returned[-self.way.caches :])
        outputs = tuple(returned[: -self.way.caches])
        return outputs[0] if len(outputs) == 1 else outputs

    def _upstream(self, cotangents: Cotangents) -> Any:
        if len(cotangents) == 1:
            return cotangents[0]
        return list(cotangents) if isinstance(self.output, list) else cotangents

    def _called(self, function: Callable[..., Any], roles: Roles, inputs: Inputs, cotangents: Cotangents) -> Any:
        values: dict[str, Any] = {}
        for name, role in roles.items():
            of = role.of
            match role.kind:
                case "input":
                    values[name] = inputs[of]
                case "list":
                    values[name] = [inputs[one] for one in of]
                case "grad":
                    values[name] = self._upstream(cotangents) if of is None else cotangents[of]
                case "cache":
                    values[name] = self._kept if of is None else self._kept[of]
                case "output":
                    values[name] = self.output
                case "shape":
                    values[name] = np.shape(inputs[of])
                case "rate":
                    values[name] = self.recorder.book.rate
                case "optimizer":
                    values[name] = self.recorder
                case "attribute":
                    values[name] = getattr(self.owner, of)
                case _:
                    values[name] = of
        try:
            return call(function, parameters_of(function) or (), values)
        except SystemExit as err:
            raise Exited(f"the layer called sys.exit({err.code!r})") from err


@contextmanager
def _seeded() -> Iterator[None]:
    """Set the global random states to the same place at every call, and give them back as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - what such layers draw from
    np.random.seed(_SEED)  # noqa: NPY002 - the global state is the point
    random.seed(_SEED)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002 - given back as it was
        random.setstate(python_state)


def random_state() -> Any:
    """Return the global random states, of NumPy and of Python, in a form that can be compared."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - what such layers draw from
    return name, np.asarray(keys).tobytes(), rest, random.getstate()


def _flat(returned: Any) -> Any:
    """Return a tuple that holds lists or tuples of gradients as one tuple; else what it was."""
    if not isinstance(returned, tuple) or not any(isinstance(one, (list, tuple)) for one in returned):
        return returned
    flat = tuple(entry for part in returned for entry in (part if isinstance(part, (list, tuple)) else (part,)))
    return flat[0] if len(flat) == 1 else flat


def arrays_of(output: Any) -> tuple[Array, ...]:
    """Return outputs as a tuple of arrays, whatever they are; a list of numbers is one."""
    several = isinstance(output, tuple) or (isinstance(output, list) and any(isinstance(v, np.ndarray) for v in output))
    return tuple(np.asarray(one) for one in output) if several else (np.asarray(output),)
