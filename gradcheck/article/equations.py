r"""The 22 numbered equations as the article prints them, in LaTeX, with what their symbols stand for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Equation:
    """One numbered equation: `statement` as printed (LaTeX), `about` in words, `symbols` explained."""

    number: int
    about: str
    statement: str
    symbols: str


_DE = r"\frac{\partial E}{\partial %s}"
_W = _DE % r"w_{m',n'}^l"
_X = _DE % r"x_{i',j'}^l"
_XIJ = _DE % r"x_{i,j}^l"
_MN = r"\sum_{m=0}^{k_1-1} \sum_{n=0}^{k_2-1} "
_IJ = r"\sum_{i=0}^{H-k_1} \sum_{j=0}^{W-k_2} "
_DXDW = r"\frac{\partial x_{i,j}^l}{\partial w_{m',n'}^l}"
_NEXT = r"\frac{\partial x_{i'-m,j'-n}^{l+1}}{\partial x_{i',j'}^l}"
_BY_W, _BY_X = r"\frac{\partial}{\partial w_{m',n'}^l}", r"\frac{\partial}{\partial x_{i',j'}^l}"
_SUM_11 = r"\left( \sum_m \sum_n w_{m,n}^l o_{i+m,j+n}^{l-1} + b^l \right)"
_SUM_18 = r"\left( \sum_{m'} \sum_{n'} w_{m',n'}^{l+1} %s + b^{l+1} \right)"
_O18 = r"o_{i'-m+m',j'-n+n'}^l"
_F18 = r"f \left( x_{i'-m+m',j'-n+n'}^l \right)"
_FX, _FPRIME = r"f \left( x_{i',j'}^l \right)", r"f' \left( x_{i',j'}^l \right)"
_DELTA_W = r"\delta_{i'-m,j'-n}^{l+1} w_{m,n}^{l+1} "

_IMAGE = "I: input image; K: filter (kernel) of k1 x k2"
_LAYER = "x^l: convolved input plus bias; o^{l-1}: output of the layer before; w^l: kernel of k1 x k2; b^l: bias"
_GRAD_W = "E: loss; δ^l = ∂E/∂x^l; o^{l-1}: input map of H x W; w^l: kernel of k1 x k2"
_GRAD_X = "Q: the outputs that the pixel (i', j') affects; δ^{l+1} = ∂E/∂x^{l+1}; w^{l+1}: kernel; f: activation"

EQUATIONS = (
    Equation(1, "cross-correlation", rf"(I \otimes K)_{{ij}} = {_MN}I(i+m, j+n) K(m, n)", _IMAGE),
    Equation(2, "convolution", rf"(I * K)_{{ij}} = {_MN}I(i-m, j-n) K(m, n)", _IMAGE),
    Equation(3, "convolution, once more", rf"(I * K)_{{ij}} = {_MN}I(i+m, j+n) K(-m, -n)", _IMAGE),
    Equation(
        4,
        "the output of a convolutional layer",
        rf"(I * K)_{{ij}} = {_MN}\sum_{{c=1}}^C K_{{m,n,c}} \cdot I_{{i+m,j+n,c}} + b",
        "I: H x W x C; K: k1 x k2 x C, one of D filters; b: its bias",
    ),
    Equation(
        5,
        "the same with one channel",
        rf"(I * K)_{{ij}} = {_MN}K_{{m,n}} \cdot I_{{i+m,j+n}} + b",
        "I: H x W; K: k1 x k2; b: bias",
    ),
    Equation(
        6,
        "the input at layer l, by *",
        r"x_{i,j}^l = \text{rot}_{180^\circ} \{w_{m,n}^l\} * o_{i,j}^{l-1} + b_{i,j}^l",
        _LAYER,
    ),
    Equation(
        7,
        "the input at layer l, as a sum",
        r"x_{i,j}^l = \sum_m \sum_n w_{m,n}^l o_{i+m,j+n}^{l-1} + b_{i,j}^l",
        _LAYER,
    ),
    Equation(8, "activation", r"o_{i,j}^l = f(x_{i,j}^l)", "f: activation, such as max(0, x)"),
    Equation(
        9, "mean squared error", r"E = \frac{1}{2} \sum_p (t_p - y_p)^2", "y_p: P predicted outputs; t_p: their targets"
    ),
    Equation(
        10,
        "chain rule for the kernel",
        rf"{_W} = {_IJ}{_XIJ} {_DXDW} = {_IJ}\delta_{{i,j}}^l {_DXDW}",
        _GRAD_W,
    ),
    Equation(11, "Eq. 7 put in", rf"{_DXDW} = {_BY_W} {_SUM_11}", _GRAD_W),
    Equation(
        12,
        "all other terms vanish",
        rf"{_DXDW} = {_BY_W} \left( w_{{0,0}}^l o_{{i+0,j+0}}^{{l-1}} + \dots + w_{{m',n'}}^l o_{{i+m',j+n'}}^{{l-1}} "
        rf"+ \dots + b^l \right) = {_BY_W} \left( w_{{m',n'}}^l o_{{i+m',j+n'}}^{{l-1}} \right) "
        r"= o_{i+m',j+n'}^{l-1}",
        _GRAD_W,
    ),
    Equation(13, "gradient of the kernel, as a sum", rf"{_W} = {_IJ}\delta_{{i,j}}^l o_{{i+m',j+n'}}^{{l-1}}", _GRAD_W),
    Equation(
        14,
        "gradient of the kernel, by *",
        rf"{_W} = \text{{rot}}_{{180^\circ}} \left\{{ \delta_{{i,j}}^l \right\}} * o_{{m',n'}}^{{l-1}}",
        _GRAD_W,
    ),
    Equation(15, "delta", rf"\delta_{{i,j}}^l = {_XIJ}", "δ^l: a name for the derivative of the loss"),
    Equation(
        16,
        "chain rule for a pixel",
        rf"{_X} = \sum_{{i,j \in Q}} \frac{{\partial E}}{{\partial x_Q^{{l+1}}}} "
        r"\frac{\partial x_Q^{l+1}}{\partial x_{i',j'}^l} "
        r"= \sum_{i,j \in Q} \delta_Q^{l+1} \frac{\partial x_Q^{l+1}}{\partial x_{i',j'}^l}",
        _GRAD_X,
    ),
    Equation(17, "the same over the kernel", rf"{_X} = {_MN}\delta_{{i'-m,j'-n}}^{{l+1}} {_NEXT}", _GRAD_X),
    Equation(
        18,
        "Eqs. 7 and 8 put in",
        rf"{_NEXT} = {_BY_X} {_SUM_18 % _O18} = {_BY_X} {_SUM_18 % _F18}",
        _GRAD_X,
    ),
    Equation(
        19,
        "all other terms vanish",
        rf"{_NEXT} = {_BY_X} \left( w_{{m',n'}}^{{l+1}} f \left( x_{{0-m+m',0-n+n'}}^l \right) + \dots "
        rf"+ w_{{m,n}}^{{l+1}} {_FX} + \dots + b^{{l+1}} \right) = {_BY_X} \left( w_{{m,n}}^{{l+1}} {_FX} \right) "
        rf"= w_{{m,n}}^{{l+1}} {_BY_X} \left( {_FX} \right) = w_{{m,n}}^{{l+1}} {_FPRIME}",
        _GRAD_X,
    ),
    Equation(20, "gradient of a pixel, as a sum", rf"{_X} = {_MN}{_DELTA_W}{_FPRIME}", _GRAD_X),
    Equation(
        21,
        "gradient of a pixel, rotated",
        rf"{_X} = {_MN}{_DELTA_W}{_FPRIME} = \text{{rot}}_{{180^\circ}} \left\{{ {_MN}"
        rf"\delta_{{i'+m,j'+n}}^{{l+1}} w_{{m,n}}^{{l+1}} \right\}} {_FPRIME}",
        _GRAD_X,
    ),
    Equation(
        22,
        "gradient of a pixel, by *",
        rf"{_X} = \delta_{{i',j'}}^{{l+1}} * \text{{rot}}_{{180^\circ}} \{{ w_{{m,n}}^{{l+1}} \}} {_FPRIME}",
        _GRAD_X,
    ),
)
