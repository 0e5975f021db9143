"""The mistakes of slope_mistakes.py in rounded cases: which cases show each."""

from gradcheck.oracle import slope_mistakes as wrong
from gradcheck.oracle.loudness import EVERY_CASE, SmoothEntry

ROUNDED = (
    SmoothEntry(
        "error-taken-as-one",
        "sigmoid",
        wrong.error_taken_as_one,
        "far-left-tail far-right-tail left-tail moderate near-zero right-tail subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "log_sigmoid",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "tanh",
        wrong.error_taken_as_one,
        "far-left-tail far-right-tail left-tail moderate near-zero right-tail subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "tanh_shrink",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "softplus",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "softsign",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "elu",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "selu",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "celu",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "gelu",
        wrong.error_taken_as_one,
        "far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tanh-far-right-tail tanh-huge tanh-huge-double tanh-huge-single tanh-left-tail tanh-moderate "
        "tanh-near-zero tanh-right-tail tanh-subnormal-input tanh-tiny-double tanh-tiny-single tiny-double "
        "tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "silu",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "mish",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "hard_sigmoid",
        wrong.error_taken_as_one,
        "moderate near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "hard_swish",
        wrong.error_taken_as_one,
        "far-right-tail huge huge-double huge-single moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "softmax",
        wrong.error_taken_as_one,
        "confident equal first-axis huge image moderate shifted subnormal-weights two-classes",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "log_softmax",
        wrong.error_taken_as_one,
        "confident equal first-axis huge image moderate shifted subnormal-weights two-classes",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "lp_pool",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "global_lp_pool",
        wrong.error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "sigmoid",
        wrong.error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "log_sigmoid",
        wrong.error_passed_through,
        "far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "tanh",
        wrong.error_passed_through,
        "far-left-tail far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail "
        "subnormal-input",
    ),
    SmoothEntry(
        "error-passed-through",
        "tanh_shrink",
        wrong.error_passed_through,
        "left-tail moderate near-zero right-tail subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "softplus",
        wrong.error_passed_through,
        "beta-two-far-left-tail beta-two-huge beta-two-huge-double beta-two-huge-single beta-two-left-tail "
        "beta-two-moderate beta-two-near-zero beta-two-right-tail beta-two-subnormal-input "
        "beta-two-tiny-double beta-two-tiny-single far-left-tail huge huge-double huge-single left-tail "
        "moderate near-zero right-tail subnormal-input threshold-far-left-tail threshold-huge "
        "threshold-huge-double threshold-huge-single threshold-left-tail threshold-moderate "
        "threshold-near-zero threshold-right-tail threshold-subnormal-input threshold-tiny-double "
        "threshold-tiny-single tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "softsign",
        wrong.error_passed_through,
        "far-left-tail far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail "
        "subnormal-input tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "elu",
        wrong.error_passed_through,
        "alpha-two-far-left-tail alpha-two-huge alpha-two-huge-double alpha-two-huge-single "
        "alpha-two-left-tail alpha-two-moderate alpha-two-near-zero alpha-two-subnormal-input "
        "alpha-two-tiny-double alpha-two-tiny-single far-left-tail huge huge-double huge-single left-tail "
        "moderate near-zero subnormal-input tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "selu",
        wrong.error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "celu",
        wrong.error_passed_through,
        "alpha-two-far-left-tail alpha-two-huge alpha-two-huge-double alpha-two-huge-single "
        "alpha-two-left-tail alpha-two-moderate alpha-two-near-zero alpha-two-subnormal-input "
        "alpha-two-tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "gelu",
        wrong.error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tanh-far-left-tail tanh-huge tanh-huge-double tanh-huge-single tanh-left-tail tanh-moderate "
        "tanh-near-zero tanh-right-tail tanh-subnormal-input tanh-tiny-double tanh-tiny-single tiny-double "
        "tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "silu",
        wrong.error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "mish",
        wrong.error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "hard_sigmoid",
        wrong.error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "hard_swish",
        wrong.error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero subnormal-input tiny-double "
        "tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "softmax",
        wrong.error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "log_softmax",
        wrong.error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "constants-in-single",
        "gelu",
        wrong.gelu_of_single_constants,
        "huge-double left-tail moderate near-zero right-tail subnormal-input tanh-huge-double tanh-left-tail "
        "tanh-moderate tanh-near-zero tanh-right-tail",
    ),
    SmoothEntry(
        "constants-in-single",
        "hard_sigmoid",
        wrong.hard_slope_of_single_constants,
        "moderate near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "square-overflows",
        "gelu",
        wrong.gelu_of_squares,
        "tanh-huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "silu",
        wrong.error_times_input,
        "huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "mish",
        wrong.error_times_input,
        "huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "gelu",
        wrong.error_times_input,
        "huge-double tanh-huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "hard_swish",
        wrong.error_times_input,
        "huge-double",
    ),
    SmoothEntry(
        "divided-last",
        "gelu",
        wrong.halved_last,
        "huge-double",
    ),
    SmoothEntry(
        "divided-last",
        "hard_swish",
        wrong.divided_last,
        "huge-double",
    ),
    SmoothEntry(
        "both-at-kink",
        "celu",
        wrong.both_halves_at_zero,
        "alpha-two-moderate alpha-two-near-zero",
    ),
)
