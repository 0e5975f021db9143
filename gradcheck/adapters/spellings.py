"""How published layers spell things: one literal table of names a kind, and the comparison of two names by it."""

import re
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

# The names below are compared without case and underscores: `forward_pass` stands for `forwardPass` too.

# The two passes of a class, the most specific spelling first.
FORWARDS = (
    "forward", "forwardpass", "forwardpropagate", "forwardpropagation", "forwardprop", "fprop", "feedforward",
    "propagateforward", "fwd", "propagate", "forwards", "forwardpropogate", "forwardpropogation", "forwardstep",
)  # fmt: skip
OTHER_FORWARDS = (  # less specific than the call operator
    "activate", "activation", "activationfunction", "computeloss", "calculateloss", "calcloss", "lossfunction",
    "loss", "cost", "calloss", "getloss", "computecost", "calculatecost", "calculate", "compute", "calc", "evaluate",
    "apply", "function", "func", "fn", "f", "call", "run", "predict",
)  # fmt: skip
BACKWARDS = (
    "backward", "backwards", "backwardpass", "backwardpropagate", "backwardpropagation", "backwardprop", "bprop",
    "backprop", "backpropagate", "backpropagation", "propagatebackward", "bwd", "backpass", "computegradient",
    "computegradients", "calculategradient", "calcgradient", "getgradient", "gradient", "gradients", "grad",
    "lossgradient", "lossgrad", "gradloss", "computederivative", "derivative", "derivate", "derivation", "deriv",
    "derive", "prime", "lossderivative", "lossprime", "activationderivative", "activationprime", "activateprime",
    "activatederivative", "dactivation", "functionderivative", "delta", "der", "df", "dloss", "backpropogate",
    "backpropogation", "backwardpropogate", "backwardpropogation", "feedbackward", "backwardstep", "computegrad",
    "computegrads", "calcgrad", "calcgradients", "calculategradients", "getgradients",
)  # fmt: skip

# Words in the name of a function or method that is the derivative itself, with no upstream gradient to multiply.
_DERIVATIVE_WORDS = {
    "prime", "deriv", "derivative", "derivate", "derivation", "derive", "derivatives", "grad", "gradient", "der", "d",
    "dx", "df",
}  # fmt: skip

# Of a class whose backward is spelled otherwise, words in a method's name that say that it is one, and words that say
# that it does something to gradients instead.
_GRADIENT_WORDS = {
    "grad", "grads", "gradient", "gradients", "backward", "backprop", "backpropagate", "bprop", "bwd", "derivative",
    "derivate", "deriv", "prime",
}  # fmt: skip
_HANDLING_WORDS = {
    "zero", "clear", "reset", "apply", "update", "no", "set", "clip", "check", "numeric", "numerical", "accumulate",
    "init", "initialize", "step", "print", "plot", "save", "load", "add", "clean", "flush", "descent", "with",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Flags that make one function return its derivative.
DERIVATIVE_FLAGS = {
    "deriv", "derivative", "derivate", "derive", "prime", "der", "diff", "grad", "gradient", "backward", "isderivative",
    "isderiv", "getderivative", "derivation", "returnderivative", "dx",
}  # fmt: skip

# What backward gets from above, and what it may get besides.
_UPSTREAM = {
    "dout", "gradoutput", "gradoutputs", "outputgrad", "outputgrads", "outputgradient", "outputgradients", "outgrad",
    "gradout", "gradientoutput", "gradientout", "outputerror", "outputdelta", "dvalues", "dvalue", "dz", "da", "dy",
    "dh", "ds", "do", "dl", "dcurr", "dprev", "dnext", "dlast", "dinput", "delta", "deltas", "deltanext", "nextdelta",
    "deltain", "deltaout", "error", "err", "errors", "backwarderror", "accumgrad", "topdiff", "dldout", "dldoutput",
    "dldz", "dlda", "dldy", "dldh", "upstream", "upstreamgrad", "upstreamgradient", "upstreamgradients", "g", "grad",
    "grads", "gradient", "gradients", "gradin", "gradz", "grady", "grada", "incominggrad", "incominggradient",
    "nextgrad", "nextgradient", "prevgrad", "previousgrad", "previousgradient", "lossgrad", "lossgradient", "gradloss",
    "gradnext", "residual", "sensitivity", "cotangent", "doutput", "doutputs", "douts", "dlossdout", "dedy", "djdz",
    "dconvprev", "dpool", "eta_l", "outgradient", "dhnext", "dcnext", "dnexth", "dnextc", "dhs", "backpropgrad",
    "signal", "nabla", "outputsidedeltas", "outputdeltas", "backwardsgradient",
    "backwardgradient", "backwardgrad", "backwardsgrad", "gradfromabove", "gradaccum", "ddout",
}  # fmt: skip
_CACHES = {
    "cache", "caches", "memory", "ctx", "context", "saved", "activationcache", "linearcache", "state", "memo",
    "savedtensors", "store", "stored",
}  # fmt: skip
_OUTPUTS = {
    "output", "outputs", "out", "y", "yhat", "activated", "activation", "activations", "a", "result", "sigmoidoutput",
}  # fmt: skip
_INPUT_SHAPES = {
    "inputshape", "xshape", "inshape", "shape", "origshape", "originalshape", "prevshape", "inputsize",
    "inputdim", "inputdims", "indim", "indims", "inputdimension", "inputdimensions",
}  # fmt: skip
_RATES = {
    "learningrate", "learnrate", "lrate", "lr", "rate", "alpha", "eta", "stepsize", "step", "learningstep", "lrnrate",
    "learningparameter",
}  # fmt: skip
_OPTIMIZERS = {"optimizer", "optimiser", "optim", "opt", "sgd", "updater", "solver", "optimizerfunction"}

# Flags of forward that a gradient wants on, and off.
_TRAINING = {
    "train", "training", "istrain", "istraining", "trainmode", "trainingmode", "trainflg", "trainflag", "savecache",
    "storecache", "keepcache", "retainderived", "isforwardpass", "cacheinput", "savegrad", "requiresgrad", "remember",
}  # fmt: skip
_TESTING = {"test", "testing", "istest", "istesting", "inference", "isinference", "eval", "evaluate", "deterministic"}
_TEST_MODES = {"test", "eval", "inference", "predict", "prediction", "val"}

# Labels beside predictions: nobody differentiates a loss by its labels.
_LABELS = {
    "ytrue", "truey", "y", "t", "target", "targets", "label", "labels", "truth", "groundtruth", "actual", "expected",
    "desired", "ytarget", "onehot", "onehotlabels", "gt", "ytrain", "yactual", "true", "trueval", "truevalues",
    "yreal", "teacher",
}  # fmt: skip

# Attributes in which forward leaves its output, where it returns none; and backward the gradient of its input.
OUTPUT_ATTRIBUTES = (
    "output", "outputs", "out", "forwardoutput", "result", "a", "activation", "activations", "y", "z", "h", "value",
)  # fmt: skip
INPUT_GRADIENTS = (
    "dinputs", "dinput", "gradinput", "inputgrad", "inputgradient", "dx", "da", "daprev", "inputdelta", "delta",
    "deltas", "grad", "gradient", "inputsidedeltas", "dl_dx",
)  # fmt: skip

# Methods that make a layer's parameters before it can be used, and what they may be asked for.
INITIALISERS = (
    "setinputshape", "initialize", "initialise", "init", "build", "setup", "initweights", "initializeweights",
    "initparams", "initializeparams", "initparameters", "initializeparameters", "resetparameters",
    "initialization", "initial", "compile",
)  # fmt: skip

Path = tuple[str, ...]


def plain(name: str) -> str:
    """Return a name without case and underscores, as the tables above have it."""
    return name.replace("_", "").casefold()


def is_upstream(name: str) -> bool:
    """Tell whether an argument of this name is the gradient that comes from above: `dout`, `grad_output`, `dL_dy`."""
    return plain(name) in _UPSTREAM


def is_cache(name: str) -> bool:
    """Tell whether an argument of this name is what forward kept for backward."""
    return plain(name) in _CACHES or plain(name).endswith("cache")


def is_output(name: str) -> bool:
    """Tell whether an argument of this name is forward's own output."""
    return plain(name) in _OUTPUTS


def is_input_shape(name: str) -> bool:
    """Tell whether an argument of this name is the shape of the first input."""
    return plain(name) in _INPUT_SHAPES or ("shape" in plain(name) and "out" not in plain(name))


def is_rate(name: str) -> bool:
    """Tell whether an argument or attribute of this name is a learning rate."""
    return plain(name) in _RATES


def is_optimizer(name: str) -> bool:
    """Tell whether an argument or attribute of this name is an optimizer: `optimizer`, `W_opt`."""
    return plain(name) in _OPTIMIZERS or name.casefold().rpartition("_")[2] in _OPTIMIZERS


def is_label(name: str) -> bool:
    """Tell whether an argument of this name holds labels: `y_true`, `targets`."""
    return plain(name) in _LABELS


def is_derivative(name: str) -> bool:
    """Tell whether a function or method of this name is the derivative itself: `sigmoid_prime`, `dRelu`, `d_tanh`."""
    words = {word.casefold() for word in name.split("_")}
    leading_d = len(name) > 2 and name[0] == "d" and (name[1].isupper() or plain(name[1:]) in _ACTIVATIONS)
    return bool(words & _DERIVATIVE_WORDS) or leading_d or plain(name) in _DERIVATIVE_WORDS


def _mended(word: str) -> str:
    """Return the long word for a gradient that this is a slip of the pen of (`dervivative`), or the word itself."""
    from difflib import get_close_matches  # loaded only for names that no table has

    long = [known for known in _GRADIENT_WORDS if len(known) > 6]
    return next(iter(get_close_matches(word, long, n=1, cutoff=0.85)), word)


def without_gradient_word(name: str) -> str | None:
    """Return what is left of a method's name without the word for a gradient in it; None where it holds none.

    Examples
    --------
    >>> without_gradient_word("cross_entropy_grad"), without_gradient_word("zero_grad")
    ('crossentropy', None)
    """
    words = [_mended(word.casefold()) for word in _WORD.findall(name)]
    if not set(words) & _GRADIENT_WORDS or set(words) & _HANDLING_WORDS:
        return None
    return "".join(word for word in words if word not in _GRADIENT_WORDS)


_ACTIVATIONS = {"sigmoid", "tanh", "relu", "leakyrelu", "softplus", "elu", "selu", "gelu", "linear", "softmax", "swish"}


def bound_flag(name: str, default: object, *, required: bool) -> object | None:
    """Return what a flag of forward must be for a gradient (training mode), or None where it is no flag or right."""
    if plain(name) in _TRAINING and (required or default is False or default is None):
        return True
    if plain(name) in _TESTING and (required or default is True):
        return False
    if plain(name) == "mode" and (required or str(default).casefold() in _TEST_MODES):
        return "train"
    return None


def bound_attribute(name: str, value: object) -> bool | None:
    """Return what a flag among a layer's attributes must be for a gradient, or None where it is no flag or right."""
    if plain(name) in _TRAINING and value is False:
        return True
    return False if plain(name) in _TESTING and value is True else None


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
