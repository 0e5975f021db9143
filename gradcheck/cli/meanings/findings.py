"""What each finding says was seen; how it weighs, and why, stands in the table of severities."""

from collections.abc import Mapping
from types import MappingProxyType

FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "nondeterministic": "The same call with the same arrays gave two different gradients. Look for random draws or "
        "uninitialised memory (np.empty) in backward.",
        "accumulates": "Calling backward again adds to what it returned before. Start each call from zeros, or let the "
        "caller do the adding.",
        "changes-with-calls": "The gradient depends on how often the layer was called. Keep counters and running "
        "statistics out of what backward returns.",
        "stale-state": "Backward answers for another point than the last forward's: it uses something that an earlier "
        "forward has kept. Refresh everything that is kept in every forward.",
        "repeat-refused": "A second backward after one forward raises. Keep what forward stored until the next "
        "forward.",
        "output-overwritten": "What forward returned changes at its next call, since the layer reuses its buffer. "
        "Return a copy.",
        "result-overwritten": "An array that was returned changes at the next call, since the layer reuses its buffer. "
        "Return a copy.",
        "forward-remembers": "Forward answers otherwise after earlier calls, so that only its first state was judged.",
        "needs-forward": "Backward can be called only after forward, whose state it uses. Nothing is wrong with that.",
        "nonlinear": "Backward is not linear in grad_output: twice the one does not give twice the other. The gradient "
        "of a fixed point always is. Look for clipping, normalising or a mask made from grad_output.",
        "nonzero-for-zero": "A zero grad_output gives a gradient that is not zero. Add penalties outside the layer.",
        "zero-refused": "A zero grad_output raises. Don't divide by it or by its norm.",
        "wrong-in-place": "The gradient is right when every array is a copy and wrong in ordinary use, where "
        "arrays are "
        "shared: forward or backward overwrites what it still needs. Work on copies.",
        "mutates-input": "A pass writes into the input array that it was given. Write `x = x * mask`, not `x *= mask`.",
        "mutates-grad-output": "Backward writes into grad_output, which another branch of the caller's graph may need.",
        "mutates-output": "Backward writes into the array that forward returned.",
        "in-use-refused": "The layer raises in ordinary use, where arrays are handed over without copying.",
        "aliases-grad-output": "A returned gradient shares its memory with grad_output. Adding into the one "
        "changes the "
        "other; return a copy where somebody may.",
        "aliases-gradient": "Two returned gradients share memory. Return a copy of one.",
        "aliases-input": "A returned gradient shares its memory with an input. Return a copy.",
        "layout-wrong": "With an array that is strided, reversed, broadcast or in Fortran order the gradient is "
        "another "
        "one. Use reshape and einsum on what is given, or start with np.ascontiguousarray; never rely on strides.",
        "layout-forward": "With an array of another memory layout forward itself gives another answer.",
        "layout-refused": "With an array of another memory layout the layer raises. Start with np.ascontiguousarray.",
        "read-only-refused": "A read-only array makes the layer raise, so that it writes into what it is given.",
        "variant-wrong": "Called in another way that its framework uses (some gradients not asked for, None for an "
        "output without one), backward gives another gradient.",
        "variant-forward": "Called in another way that its framework uses, forward gives another answer.",
        "variant-refused": "Called in another way that its framework uses, the layer raises.",
        "empty-refused": "An empty batch makes the layer raise. Avoid dividing by the batch and reducing over nothing.",
        "empty-wrong": "For an empty batch a gradient has the wrong shape, or is not zero.",
        "size-one-refused": "An axis of size 1 makes the layer raise. Beware of np.squeeze.",
        "size-one-wrong": "With an axis of size 1 a gradient has the wrong shape. Beware of np.squeeze and "
        "broadcasting.",
        "scalar-refused": "A 0-d array makes the layer raise.",
        "scalar-wrong": "For a 0-d array a gradient has the wrong shape.",
        "batch-split": "The gradient of a batch is not that of its halves put together, though forward treats samples "
        "apart. Look for a mean over the batch, or one sample's values used for another.",
        "batch-order": "With the samples in another order the gradient is another one, though forward does not care.",
        "batch-refused": "A smaller batch makes the layer raise. Take sizes from the arrays, not from the constructor.",
        "state-not-isolated": "The layer can neither be copied nor made anew, so that calls may see each other's "
        "state. "
        "Give `factory=`, which returns a fresh one.",
        "random-forward": "Forward draws random numbers, and another answer comes every time. Fix its seed, or "
        "turn the "
        "randomness off, to have it judged.",
        "gradient-count": "Backward returns more or fewer gradients than there are inputs, and which is which can't be "
        "told. Return one for each input, None for a constant, or a dict by name.",
        "gradient-name": "Backward returns a gradient under a name that no input has. Use the names of forward.",
        "gradient-missing": "No gradient is returned for an argument that needs one, or for none at all.",
        "gradient-unclaimed": "Backward claims no gradient for this input, though forward responds to it. Meant: "
        "say so "
        "with --wrt, which names what is to be judged. Not meant: return it.",
        "one-triangle": "Forward reads half of a symmetric matrix, as for eigenvalues and Cholesky factors. The "
        "symmetric gradient was judged along symmetric changes.",
        "gradient-type": "What is returned for a gradient is no array of numbers.",
        "gradient-shape": "A gradient has another shape than the array that it belongs to. A sum over the axes that "
        "were broadcast is missing, as a rule, or keepdims.",
        "gradient-dtype": "A gradient has another dtype than the array that it belongs to. Use its dtype throughout.",
        "gradient-nonfinite": "A gradient holds NaN or infinity at a point where forward is finite. Look for 0/0, "
        "log(0) and overflowing exp.",
        "point-not-judged": "A further point that was asked for could not be judged: forward raises, "
        "or is not finite and smooth there.",
        "calls-spent": "The calls of the chosen effort were spent before everything in doubt had been looked at; the "
        "sentence says what was left out. Thorough effort takes four times as many.",
        "unstable-backward": "A change of the inputs by a few units in the last place changes the gradient far "
        "more than "
        "conditioning and dtype explain. Look for differences of nearly equal numbers.",
    }
)

# Findings whose code ends in the kind of layer that one is held to: not-like-conv2d, ...
LIKE = (
    "The layer computes something else than our own layer of this kind with the same settings. Its gradient is "
    "judged by "
    "itself: where that agrees, the layer differentiates rightly what it computes, but that is not what was named. The "
    "smallest case is shown; --no-like-error makes this a warning."
)
