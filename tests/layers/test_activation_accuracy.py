"""Activations against mpmath (3000 bits): value and slope at points on both sides and in both tails, in ulps."""

from fractions import Fraction

import numpy as np
import pytest

from gradcheck import layers

# Each formula is at most two exponentials (one ulp each in float64, 2.5 in NumPy's float32) and six roundings.
ULPS = 8

# layer, x, f(x), f'(x): 20 digits computed by mpmath 1.3 from the textbook definitions
ROWS = [
    (layers.Sigmoid(), -80.5, "1.0946977029531416782e-35", "1.0946977029531416782e-35"),
    (layers.Sigmoid(), -3.5, "0.029312230751356318865", "0.02845302387973555984"),
    (layers.Sigmoid(), -(2.0**-12), "0.4999389648440531649", "0.24999999627470973855"),
    (layers.Sigmoid(), 0.5, "0.62245933120185456464", "0.23500371220159448907"),
    (layers.Sigmoid(), 20.25, "0.99999999839477194739", "1.6052280500320974028e-9"),
    (layers.LogSigmoid(), -80.5, "-80.5", "1.0"),
    (layers.LogSigmoid(), -3.5, "-3.5297504182726205652", "0.97068776924864368113"),
    (layers.LogSigmoid(), -(2.0**-12), "-0.69326925832302588784", "0.5000610351559468351"),
    (layers.LogSigmoid(), 0.5, "-0.47407698418010668087", "0.37754066879814543536"),
    (layers.LogSigmoid(), 20.25, "-1.6052280538972330555e-9", "1.6052280526088545036e-9"),
    (layers.Tanh(), -80.5, "-1.0", "4.7934522434035392581e-70"),
    (layers.Tanh(), -3.5, "-0.99817789761119870928", "3.6408847204873060615e-3"),
    (layers.Tanh(), -(2.0**-12), "-2.4414062014936170619e-4", "0.99999994039535759309"),
    (layers.Tanh(), 0.5, "0.4621171572600097585", "0.78644773296592741015"),
    (layers.Tanh(), 20.25, "0.99999999999999999485", "1.0307028436619923739e-17"),
    (layers.TanhShrink(), -80.5, "-79.5", "1.0"),
    (layers.TanhShrink(), -3.5, "-2.5018221023888012907", "0.99635911527951269394"),
    (layers.TanhShrink(), -(2.0**-12), "-4.8506382938073883272e-12", "5.9604642406914919131e-8"),
    (layers.TanhShrink(), 0.5, "0.037882842739990241498", "0.21355226703407258985"),
    (layers.TanhShrink(), 20.25, "19.250000000000000005", "0.99999999999999998969"),
    (layers.Softplus(), -80.5, "1.0946977029531416782e-35", "1.0946977029531416782e-35"),
    (layers.Softplus(), -3.5, "0.029750418272620565195", "0.029312230751356318865"),
    (layers.Softplus(), -(2.0**-12), "0.69302511769802588784", "0.4999389648440531649"),
    (layers.Softplus(), 0.5, "0.97407698418010668087", "0.62245933120185456464"),
    (layers.Softplus(), 20.25, "20.250000001605228054", "0.99999999839477194739"),
    (layers.Softplus(2.0), -80.5, "5.9918153042544240727e-71", "1.1983630608508848145e-70"),
    (layers.Softplus(2.0), -3.5, "4.5573322688712234585e-4", "9.1105119440064535786e-4"),
    (layers.Softplus(2.0), -(2.0**-12), "0.34645153486863370053", "0.49987792968992531915"),
    (layers.Softplus(2.0), 0.5, "0.65663084375911141702", "0.73105857863000487925"),
    (layers.Softplus(2.0), 20.25, "20.250000000000000001", "0.99999999999999999742"),
    (layers.SiLU(), -80.5, "-8.8123165087727905096e-34", "-8.7028467384774763417e-34"),
    (layers.SiLU(), -3.5, "-0.10259280762974711603", "-0.070273352827718140574"),
    (layers.SiLU(), -(2.0**-12), "-1.2205541133888016721e-4", "0.49987792968871265959"),
    (layers.SiLU(), 0.5, "0.31122966560092728232", "0.73996118730265180917"),
    (layers.SiLU(), 20.25, "20.249999967494131935", "1.0000000309006399605"),
    (layers.Mish(), -80.5, "-8.8123165087727905096e-34", "-8.7028467384774763417e-34"),
    (layers.Mish(), -3.5, "-0.1040957544863712168", "-0.072760413443267049668"),
    (layers.Mish(), -(2.0**-12), "-1.4646530128100418215e-4", "0.59984374714164683549"),
    (layers.Mish(), 0.5, "0.37524521130489510482", "0.88642437535772725845"),
    (layers.Mish(), 20.25, "20.249999999999999896", "1.0000000000000002036"),
    (layers.GELU(), -12.25, "-1.0289750177950936632e-33", "-1.260386003221889473e-32"),
    (layers.GELU(), -3.5, "-8.1420177662433762722e-4", "-2.8217603536246351933e-3"),
    (layers.GELU(), -(2.0**-12), "-1.220465336873270096e-4", "0.4998052039685179874"),
    (layers.GELU(), 0.5, "0.34573123063700655182", "0.86749512465616284253"),
    (layers.GELU(), 20.25, "20.25", "1.0"),
    (layers.GELU("tanh"), -12.25, "-4.2899681549415971749e-65", "-1.4430244311659859876e-63"),
    (layers.GELU("tanh"), -3.5, "-6.1619765537366330893e-4", "-2.4226437601164310328e-3"),
    (layers.GELU("tanh"), -(2.0**-12), "-1.2204653368732817879e-4", "0.49980520396853714337"),
    (layers.GELU("tanh"), 0.5, "0.34571400982514392204", "0.86736990353464231156"),
    (layers.GELU("tanh"), 20.25, "20.25", "1.0"),
    (layers.ELU(), -80.5, "-1.0", "1.0946977029531416782e-35"),
    (layers.ELU(), -3.5, "-0.96980261657768149926", "0.03019738342231850074"),
    (layers.ELU(), -(2.0**-12), "-2.4411082510278348691e-4", "0.99975588917489721651"),
    (layers.ELU(), 0.5, "0.5", "1.0"),
    (layers.ELU(), 20.25, "20.25", "1.0"),
    (layers.SELU(), -80.5, "-1.7580993408473768599", "1.9245873099890559375e-35"),
    (layers.SELU(), -3.5, "-1.7050093409572831986", "0.053089999890093661363"),
    (layers.SELU(), -(2.0**-12), "-4.2917108070691294495e-4", "1.757670169766669947"),
    (layers.SELU(), 0.5, "0.52535049367774024671", "1.0507009873554804934"),
    (layers.SELU(), 20.25, "21.276694993948479992", "1.0507009873554804934"),
    (layers.CELU(2.0), -80.5, "-1.9999999999999999934", "3.3086216207858245787e-18"),
    (layers.CELU(2.0), -3.5, "-1.6524521130991097466", "0.17377394345044512668"),
    (layers.CELU(2.0), -(2.0**-12), "-2.4412572444511745026e-4", "0.99987793713777744127"),
    (layers.CELU(2.0), 0.5, "0.5", "1.0"),
    (layers.CELU(2.0), 20.25, "20.25", "1.0"),
]
IDS = [f"{layer} at {x:.4g}" for layer, x, _, _ in ROWS]


def assert_within_ulps(found, expected, ulps=ULPS):
    """Hold a floating scalar to an exact decimal, in units in the last place of its dtype (never below subnormal)."""
    exact = Fraction(expected)
    unit = np.spacing(np.abs(found.dtype.type(float(exact))))
    assert abs(Fraction(float(found)) - exact) <= ulps * Fraction(float(unit)), f"{found!r} is not {expected}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("layer", "x", "value", "slope"), ROWS, ids=IDS)
def test_value_and_slope_are_within_ulps(layer, x, value, slope, dtype):
    point = np.array([x], dtype)
    assert_within_ulps(layer.forward(point)[0], value)
    assert_within_ulps(layer.backward(np.ones(1, dtype), point)[0], slope)


@pytest.mark.parametrize(("layer", "x", "value", "slope"), ROWS, ids=IDS)
def test_float16_is_computed_wider_and_rounded_once(layer, x, value, slope):
    point = np.array([x], np.float16)
    assert_within_ulps(layer.forward(point)[0], value, ulps=0.51)
    assert_within_ulps(layer.backward(np.ones(1, np.float16), point)[0], slope, ulps=0.51)


# layer, x, the 20 digits of f'(x): where the textbook form has lost everything
TAILS = [
    (layers.Sigmoid(), -700.5, "5.9801961186397912064e-305"),
    (layers.Sigmoid(), 700.5, "5.9801961186397912064e-305"),
    (layers.Tanh(), 300.25, "6.430187079175176955e-261"),
    (layers.LogSigmoid(), 700.5, "5.9801961186397912064e-305"),
    (layers.SiLU(), -700.5, "-4.1831471849885339489e-302"),
    (layers.Mish(), -700.5, "-4.1831471849885339489e-302"),
    (layers.GELU(), -37.25, "-7.3511441913164052741e-301"),
    (layers.GELU("tanh"), -20.75, "-1.1150695780111519148e-288"),
]


@pytest.mark.parametrize(("layer", "x", "slope"), TAILS, ids=[f"{layer} at {x}" for layer, x, _ in TAILS])
def test_slope_keeps_its_digits_at_the_end_of_the_range(layer, x, slope):
    assert_within_ulps(layer.backward(np.ones(1), np.array([x]))[0], slope)


def test_log_softmax_of_a_confident_choice_keeps_its_digits():
    x = np.array([50.0, 0.0, -1.0])
    assert_within_ulps(layers.LogSoftmax().forward(x)[0], "-2.6382972641923881969e-22")
    assert_within_ulps(layers.LogSoftmax().backward(np.array([1.0, 0.0, 0.0]), x)[0], "2.6382972641923881969e-22")


def test_softmax_of_a_confident_choice_keeps_its_digits():
    x = np.array([50.0, 0.0])
    assert_within_ulps(layers.Softmax().forward(x)[1], "1.928749847963917783e-22")
    assert_within_ulps(layers.Softmax().backward(np.array([1.0, 0.0]), x)[0], "1.928749847963917783e-22")
