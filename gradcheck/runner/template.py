"""The source of a case for a target: `case(**inputs) -> (output, pullback)`, to be checked at once and then mended."""

import os
from collections.abc import Sequence
from pathlib import Path

from gradcheck.adapters.spellings import spells_gradient
from gradcheck.errors import TargetError
from gradcheck.runner.importing import package_of
from gradcheck.runner.outline import Function, Outline, Parameter

_SIZE = "3"  # stands for a constructor's argument that nobody gave, until somebody does

_HEAD = '''"""A case for {target}, to be checked by

    gradcheck check {place}:case {inputs}

A case gets its inputs by name and returns (output, pullback). `pullback(grad_output)` returns the gradients: a dict by
name, as below, a tuple in the order of the inputs, or one array. What is no array, or not floating, is a constant:
give it with --arg NAME=VALUE, or --input y=4:int:0..9 for labels. Every call gets arrays of its own.
"""

{imports}

def case({parameters}):
{body}
'''


def template(outlines: Sequence[Outline], target: str, out: Path | None) -> str:
    """Write the case.

    Parameters
    ----------
    outlines : sequence of Outline
        The class, the one function, or the forward and the backward function.
    target : str
        As the user wrote it, for the docstring.
    out : path, optional
        The file that it is written for; without one, the working folder.

    Raises
    ------
    TargetError
        A class has nothing that can be called.
    """
    first = outlines[0]
    if not first.functions:
        raise TargetError(f"a class must have a method that can be called; {first.name} has none.")
    framework = _framework(first)
    forward = first.functions[0]
    inputs = _inputs(forward)
    extra: list[Parameter] = []
    if framework:
        lines, imports = _of_framework(first, forward, framework), _FRAMEWORKS[framework]
    elif len(outlines) > 1:
        lines, imports = _pair(forward, outlines[1].functions[0], extra), []
    elif first.constructor is None:
        lines, imports = _one_function(forward), []
    else:
        lines, imports = _object(first, extra), ["", "import numpy as np"] if first.draws else []
    constructor = [Parameter(p.name, p.default or _SIZE) for p in _constructed(first) if p.name not in forward.names]
    parameters = _ordered([*forward.parameters, *extra, *constructor])
    return _HEAD.format(
        target=target,
        place=out.as_posix() if out else "FILE.py",
        inputs=" ".join(f"--input {name}=2,3" for name in inputs),
        imports="\n".join([*_imports(outlines, out), *imports, ""]),
        parameters=", ".join(p.name if p.default is None else f"{p.name}={p.default}" for p in parameters),
        body="\n".join(f"    {line}".rstrip() for line in lines),
    )


def _constructed(outline: Outline) -> tuple[Parameter, ...]:
    return outline.constructor.required if outline.constructor else ()


def _ordered(parameters: list[Parameter]) -> list[Parameter]:
    """Return every parameter once, those without a default first."""
    known = {p.name: p for p in reversed(parameters)}
    once = [known[name] for name in dict.fromkeys(p.name for p in parameters)]
    return [*(p for p in once if p.default is None), *(p for p in once if p.default is not None)]


def _inputs(forward: Function) -> list[str]:
    return [p.name for p in forward.required] or [p.name for p in forward.parameters[:1]]


def _call(function: str, parameters: Sequence[Parameter]) -> str:
    """Write a call; what has a default is handed on by name."""
    words = [p.name if p.default is None else f"{p.name}={p.name}" for p in parameters]
    return f"{function}({', '.join(words)})"


def _object(outline: Outline, extra: list[Parameter]) -> list[str]:
    forward, backward = outline.functions[0], outline.functions[1] if len(outline.functions) > 1 else None
    made = ", ".join(f"{p.name}={p.name}" for p in _constructed(outline))
    method = "" if forward.name == "__call__" else f".{forward.name}"
    pairs = [(one, grad) for one in outline.stored for grad in outline.set_back if spells_gradient((grad,), (one,))]
    lines = ["np.random.seed(0)  # the same weights in every call"] if outline.draws else []
    lines += ["# A new one for every call, so that nothing is left of the last.", f"layer = {outline.name}({made})"]
    if pairs:
        names = ", ".join(one for one, _ in pairs)
        lines += [
            f"# To check {names} too: add them to the arguments above, and to the gradients below.",
            *(f"# layer.{one} = {one}" for one, _ in pairs),
        ]
    lines += [f"output = {_call(f'layer{method}', forward.parameters)}", "", "def pullback(grad_output):"]
    if backward is None:
        return [
            *lines,
            "    # There is no backward that could be told by its name: call it here.",
            f"    return {{{', '.join(f'{n!r}: None' for n in _inputs(forward))}}}",
            "",
            "return output, pullback",
        ]
    known = forward.names
    taken = backward.parameters[1:]
    extra += [Parameter(p.name, "1.0") for p in taken if p.name not in known and p.default is None]
    gets = [Parameter(p.name) for p in taken if p.name in known or p.default is None]
    call = _call(f"layer.{backward.name}", [*([Parameter("grad_output")] if backward.parameters else []), *gets])
    return [*lines, *(f"    {line}" for line in _gradients(call, _inputs(forward), backward, outline, pairs)), "",
            "return output, pullback"]  # fmt: skip


def _gradients(
    call: str, inputs: list[str], backward: Function, outline: Outline, pairs: list[tuple[str, str]]
) -> list[str]:
    size = max(backward.returns, default=0)
    more = [f'# "{one}": layer.{grad},' for one, grad in pairs]
    if size == 0:
        held = next((one for one in outline.set_back if spells_gradient((one,), (inputs[0],))), None)
        return [call, "return {", f'    "{inputs[0]}": {f"layer.{held}" if held else "None"},', *_indented(more), "}"]
    if size == 1:
        return [
            f"grad_{inputs[0]} = {call}",
            "return {",
            f'    "{inputs[0]}": grad_{inputs[0]},',
            *_indented(more),
            "}",
        ]
    names = [f"grad_{name}" for name in inputs[:size]] + [f"other{n}" for n in range(1, size - len(inputs) + 1)]
    return [
        f"{', '.join(names)} = {call}",
        "return {",
        *(f'    "{name}": grad_{name},' for name in inputs[:size]),
        *_indented(more),
        "}",
    ]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _pair(forward: Function, backward: Function, extra: list[Parameter]) -> list[str]:
    inputs = _inputs(forward)
    taken = [Parameter(p.name) for p in backward.parameters[1:] if p.name in forward.names]
    rest = [p for p in backward.required[1:] if p.name not in forward.names]
    kept = max(forward.returns, default=1) > 1 and bool(rest)
    if kept:
        taken, rest = [Parameter("kept"), *taken], rest[1:]
    extra += [Parameter(p.name, "1.0") for p in rest]
    call = _call(backward.name, [Parameter("grad_output"), *taken, *(Parameter(p.name) for p in rest)])
    size = max(backward.returns, default=1)
    lines = [f"{'output, kept' if kept else 'output'} = {_call(forward.name, forward.parameters)}", ""]
    lines += ["def pullback(grad_output):"]
    if size <= 1 and len(inputs) == 1:
        return [*lines, f'    return {{"{inputs[0]}": {call}}}', "", "return output, pullback"]
    names = [f"grad_{name}" for name in inputs[:size]] + [f"other{n}" for n in range(1, size - len(inputs) + 1)]
    told = ", ".join(f'"{name}": grad_{name}' for name in inputs[:size])
    lines += [f"    {', '.join(names)} = {call}  # in the order in which {backward.name} returns them"]
    return [*lines, f"    return {{{told}}}", "", "return output, pullback"]


def _one_function(function: Function) -> list[str]:
    """Write the case of a function that returns (output, gradients): most often a loss."""
    inputs, size = _inputs(function), max(function.returns, default=1)
    names = [f"grad_{name}" for name in inputs[: max(size - 1, 1)]]
    rest = [f"other{n}" for n in range(1, size - len(names))]
    told = ", ".join(f'"{name.removeprefix("grad_")}": {name} * grad_output' for name in names)
    if size < 2:
        claims = ", ".join(f"{name!r}: None" for name in inputs)
        return [
            f"output = {_call(function.name, function.parameters)}",
            "",
            "def pullback(grad_output):",
            f"    # Call the backward pass of {function.name} here.",
            f"    return {{{claims}}}",
            "",
            "return output, pullback",
        ]
    return [
        f"output, {', '.join([*names, *rest])} = {_call(function.name, function.parameters)}", "",
        "def pullback(grad_output):", "    # The gradients of a loss are those at grad_output = 1.",
        f"    return {{{told}}}", "", "return output, pullback",
    ]  # fmt: skip


def _framework(outline: Outline) -> str:
    """Return torch or jax where the target is written for it: told by a class's bases, or by a function's imports."""
    if len(outline.frameworks) != 1 or outline.frameworks[0] not in _FRAMEWORKS:
        return ""
    by_base = any(base.rpartition(".")[2] in ("Module", "Function") for base in outline.bases)
    return outline.frameworks[0] if by_base or outline.constructor is None else ""


# What a case of the framework imports.
_FRAMEWORKS = {
    "torch": ["import torch"],
    "jax": [
        "import jax",
        "",
        'jax.config.update("jax_enable_x64", True)  # as precise as the arrays that are handed over',
    ],
    "autograd": ["from autograd import make_vjp"],
    "tinygrad": ["from tinygrad import Tensor"],
}


def _of_framework(outline: Outline, forward: Function, framework: str) -> list[str]:
    inputs, name = _inputs(forward), outline.name
    if framework == "jax":
        given = ", ".join(inputs)
        return [
            f"output, vjp = jax.vjp(lambda {given}: {_call(name, forward.parameters)}, {given})",
            "", "def pullback(grad_output):", "    return vjp(jax.numpy.asarray(grad_output))", "",
            "return output, pullback",
        ]  # fmt: skip
    if framework == "autograd":
        numbers = ", ".join(map(str, range(len(inputs)))) + ("," if len(inputs) == 1 else "")
        return [
            f"vjp, output = make_vjp(lambda {', '.join(inputs)}: {_call(name, forward.parameters)}, ({numbers}))"
            f"({', '.join(inputs)})",
            "", "def pullback(grad_output):", "    return vjp(grad_output)", "", "return output, pullback",
        ]  # fmt: skip
    if framework == "tinygrad":
        return [
            *(f"{one} = Tensor({one})" for one in inputs),
            f"output = {_call(name, forward.parameters)}", "", "def pullback(grad_output):",
            f"    gradients = output.gradient({', '.join(inputs)}, gradient=Tensor(grad_output))",
            "    return [gradient.numpy() for gradient in gradients]", "", "return output.numpy(), pullback",
        ]  # fmt: skip
    is_module = outline.constructor is not None and any("Module" in base for base in outline.bases)
    made = ", ".join(f"{p.name}={p.name}" for p in _constructed(outline))
    lines = ["torch.manual_seed(0)  # the same weights in every call", f"layer = {name}({made}).double()"]
    lines = lines if is_module else []
    lines += [f"{one} = torch.tensor({one}, requires_grad=True)" for one in inputs]
    call = _call("layer" if is_module else name, forward.parameters)
    if outline.constructor is not None and not is_module:  # an autograd.Function, which takes no keywords
        call = f"{name}.apply({', '.join(forward.names)})"
    asked = f"torch.autograd.grad(output, [{', '.join(inputs)}], torch.as_tensor(grad_output), allow_unused=True)"
    return [
        *lines,
        f"output = {call}",
        "",
        "def pullback(grad_output):",
        f"    return {asked}",
        "",
        "return output.detach().numpy(), pullback",
    ]


def _imports(outlines: Sequence[Outline], out: Path | None) -> list[str]:
    """Write the import of the target, with its root on the path where it is not beside the case."""
    files = dict.fromkeys(outline.file.resolve() for outline in outlines)
    if len(files) > 1:
        apart = [[outline for outline in outlines if outline.file.resolve() == file] for file in files]
        return list(dict.fromkeys(line for some in apart for line in _imports(some, out)))
    root, module = package_of(outlines[0].file.resolve())
    folder = out.resolve().parent if out else Path.cwd()
    names = ", ".join(outline.name.partition(".")[0] for outline in outlines)
    if root in (folder, Path.cwd()):
        return [f"from {module} import {names}"]
    above = Path(os.path.relpath(root, folder)).as_posix()
    return [
        "import sys", "from pathlib import Path", "",
        f'sys.path.insert(0, str(Path(__file__).parent / "{above}"))',
        f"from {module} import {names}  # noqa: E402 - found on the path set above",
    ]  # fmt: skip
