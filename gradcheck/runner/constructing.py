"""An object of the target's class, made from the job's hyperparameters and from inputs that its constructor takes."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck.errors import GradcheckError, InvalidInput, LayerFailed
from gradcheck.runner.arguments import Takes, distribute, takes


@dataclass(frozen=True)
class Constructed:
    """The object, what is left of the inputs, what the constructor takes, and a maker where it can't be copied."""

    layer: Any
    inputs: Mapping[str, Any]
    constructor: Takes
    factory: Callable[[], Any] | None


def construct(kind: type, name: str, args: Mapping[str, str], inputs: Mapping[str, Any], *, call: Takes) -> Constructed:
    """Construct an object of `kind`; `call` is what its forward takes.

    Raises
    ------
    InvalidInput
        The constructor needs more than it is given.
    LayerFailed
        The constructor raised.
    """
    constructor = takes(kind)
    init_args, _ = distribute(args, constructor, call)
    arrays = {n: v for n, v in inputs.items() if n in constructor.names and n not in call.names and n not in init_args}
    _check(name, constructor, {*init_args, *arrays})

    def make() -> Any:
        try:
            return kind(**init_args, **arrays)
        except GradcheckError:
            raise
        except Exception as err:
            words = f"{type(err).__name__}: {err}".rstrip(": ")
            raise LayerFailed(f"{name}({_shown(init_args, arrays)}) raised {words}", stage="constructor") from err

    left = {n: v for n, v in inputs.items() if n not in arrays}
    layer = make()
    return Constructed(layer, left, constructor, None if _copyable(layer) else make)


def _check(name: str, constructor: Takes, given: set[str]) -> None:
    missing = [one for one in constructor.required if one not in given]
    if missing:
        examples = " ".join(f"--arg {one}=3" for one in missing)
        raise InvalidInput(
            f"every argument that {name}({', '.join(constructor.names)}) needs must be given; "
            f"{', '.join(f'`{one}`' for one in missing)} is not. Add for instance {examples} (or --input for an array)"
        )


def _shown(init_args: Mapping[str, Any], arrays: Mapping[str, Any]) -> str:
    values = [f"{name}={value!r}" for name, value in init_args.items()]
    return ", ".join([*values, *(f"{name}={value.shape}" for name, value in arrays.items())])


def _copyable(layer: Any) -> bool:
    try:
        copy.deepcopy(layer)
    except Exception:  # noqa: BLE001 - any object may refuse to be copied, in any way it likes
        return False
    return True
