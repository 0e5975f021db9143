"""Other ways of calling the same layer that a framework has: without a graph, or for some of the gradients only."""

from collections.abc import Iterator

from gradcheck.checks.bench import Bench
from gradcheck.checks.instrument import copied
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.subject import Variant
from gradcheck.verdict import Finding


def variants(bench: Bench) -> Iterator[Finding]:
    """Yield where the layer answers otherwise when it is called in another way that should make no difference."""
    for variant in bench.instrument.subject.variants:
        yield from _one(bench, variant)


def _one(bench: Bench, variant: Variant) -> Iterator[Finding]:
    passes, inputs = variant.fresh(), copied(bench.inputs)
    try:
        outputs = bench.forward(inputs, passes=passes)
        if not bench.same_outputs(outputs, bench.outputs):
            yield found("variant-forward", f"forward returns other outputs {variant.name}.", variant=variant.name)
            return
        if not variant.claims:
            return
        claims = bench.backward(bench.cut(), inputs, passes=passes)
    except GradcheckError as error:
        yield found("variant-refused", f"The layer raises {variant.name}: {error}", variant=variant.name)
        return
    expected = {name: gradient for name, gradient in bench.expected.items() if name in variant.claims}
    for difference in bench.differences(claims, expected):
        words = "is missing" if claims.get(difference.argument) is None else difference.words
        yield found(
            "variant-wrong",
            f"The gradient of `{difference.argument}` {words} {variant.name}.",
            argument=difference.argument,
            variant=variant.name,
            relative=difference.relative,
            bars=difference.bars,
        )
