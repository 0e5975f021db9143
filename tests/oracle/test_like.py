"""`--like`: strangers' layers in their own styles, right and wrong, held to our layers."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.oracle.like.kinds import KINDS
from gradcheck.oracle.like.names import KIND_NAMES
from gradcheck.oracle.like.performing import hold, perform_like
from gradcheck.report import plain
from gradcheck.report.as_json import read_entry
from gradcheck.runner.checking import task_of
from gradcheck.runner.job import Job
from gradcheck.verdict import Severity, Verdict

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives
LAYERS = (Path(__file__).parent / "strangers.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Hold a target to a kind, once for the whole module."""
    path = tmp_path_factory.mktemp("like") / "strangers.py"
    path.write_text(LAYERS)
    known = {}

    def hold_once(name, kind="conv2d", **options):
        key = (name, kind, *sorted(map(str, options.items())))
        if key not in known:
            job = Job(f"{path}:{name}", **{"effort": "quick", "timeout": 600.0, "like": kind, **options})
            kept = list(sys.path)
            try:
                stages = []
                result = hold(job, lambda stage, *_: stages.append(stage))
            finally:
                sys.path[:] = kept
                sys.modules.pop("strangers", None)
            known[key] = SimpleNamespace(result=result, stages=stages)
        return known[key].result

    return hold_once


def test_the_names_of_the_kinds_are_those_of_the_table():
    assert tuple(KINDS) == KIND_NAMES


RIGHT = [
    ("Conv", "conv2d", "x is the input NCHW, W is the weight OIHW, b is the bias O, the output NOHW"),
    ("Same", "conv2d", "x is the input NHWC, W is the weight HWIO, the output NHWO"),
    ("Single", "conv2d", "image is the input HW, filters is the weight OHW, the output HWO"),
    ("Labelled", "conv2d", "arguments by name: input_shape as shape, kernel_size as kernel, depth as filters"),
    ("conv,conv_back", "conv2d", "conv_param['stride'], conv_param['pad'] as padding"),
    ("conv,conv_back", "conv2d", "read as: kernel rotated by 180 degrees (true convolution)"),
    ("pool,pool_back", "max_pool2d", "A_prev is the input NHWC, the output NHWC"),
    ("pool,pool_back", "avg_pool2d", "hparameters['f'] as kernel, hparameters['stride'], mode"),
    ("Crop", "max_pool2d", "built in: kernel 2x2, stride kernel"),
    ("Dense", "linear", "x is the input NC, W is the weight IO, b is the bias 1O, the output NO"),
    ("columns,columns_back", "linear", "A is the input CN, W is the weight OI, b is the bias O1, the output ON"),
    ("Tanh", "activation", "read as: tanh"),
    ("Norm", "batch_norm", "read as: epsilon 1e-08"),
    ("loss,loss_back", "softmax_cross_entropy", "y_pred is the input NC, y_true is the target NC"),
    ("loss,loss_back", "softmax_cross_entropy", "read as: summed over the batch, not averaged"),
    ("Spread", "conv_transpose2d", "x is the input NCHW, weight is the weight IOHW, the output NOHW"),
    ("Line", "conv1d", "x is the input NCW, w is the weight OIW, the output NOW"),
    ("Line", "conv3d", "x is the input NCDHW, w is the weight OIDHW, the output NODHW"),
]


@pytest.mark.parametrize(("name", "kind", "mapping"), RIGHT, ids=[f"{n}-{k}-{m[:18]}" for n, k, m in RIGHT])
def test_a_right_layer_agrees_in_its_own_layout_and_the_mapping_is_told(held, name, kind, mapping):
    report = held(name, kind)
    assert report.verdict is Verdict.AGREES, str(report)
    assert not [finding for finding in report.findings if finding.code.startswith("not-like")]
    assert mapping in " ".join(report.notes)
    tally = next(note for note in report.notes if " configurations: " in note)
    assert "disagrees" not in tally
    assert "raised" not in tally


WRONG = [
    ("WrongWithPadding", "(1x1x1x1 input, 1x1 kernel, padding (0, 1))", "x"),
    ("WrongForRectangles", "(1x1x2x1 input, 2x1 kernel)", "W"),
]


@pytest.mark.parametrize(("name", "smallest", "argument"), WRONG)
def test_a_wrong_gradient_is_shrunk_to_the_smallest_setting_that_shows_it(held, name, smallest, argument):
    report = held(name)
    assert report.verdict is Verdict.DISAGREES
    assert report.target.endswith(f"{name} like conv2d {smallest}")
    assert [n for n, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == [argument]


UNLIKE = [
    (
        "PadsTwice",
        "(1x1x1x1 input, 1x1 kernel, padding 1)",
        "its output has the shape (1, 1, 5, 5), that of conv2d",
    ),
    ("DropsFirstRows", "(1x1x2x1 input, 1x1 kernel, stride", "output[0, 0, 0, 0] is"),
    ("IgnoresDilation", "(1x1x1x3 input, 1x2 kernel, dilation (1, 2))", "its output has the shape (1, 1, 1, 2)"),
]


@pytest.mark.parametrize(("name", "smallest", "words"), UNLIKE)
def test_a_layer_that_computes_something_else_agrees_with_the_finding(held, name, smallest, words):
    report = held(name)
    assert report.verdict is Verdict.AGREES
    assert smallest in report.target
    finding = report.findings[0]
    assert (finding.code, finding.severity) == ("not-like-conv2d", Severity.ERROR)
    assert finding.sentence.startswith(words)
    assert f"its gradient is right, but it computes something else than conv2d: {words}" in str(report).replace(
        "\n  ", " "
    )


def test_a_difference_may_be_allowed(held):
    report = held("PadsTwice", no_like_error=True)
    assert [(f.code, f.severity) for f in report.findings][:1] == [("not-like-conv2d", Severity.WARNING)]


def test_a_function_of_a_known_name_is_held_to_that(held):
    finding = held("ScaledTanh", "activation").findings[0]
    assert finding.code == "not-like-activation"
    assert "that of tanh" in finding.sentence


def test_a_gradient_averaged_over_the_batch_disagrees_though_the_output_is_right(held):
    report = held("Averages", "linear")
    assert report.verdict is Verdict.DISAGREES
    assert "2x1 input" in report.target
    assert not [note for note in report.notes if "in no layout" in note]


def test_a_gradient_that_cannot_be_compared_is_judged(held):
    assert held("NoBiasGradient").verdict is Verdict.DISAGREES


def test_what_a_layer_refuses_is_counted_and_no_failure(held):
    report = held("Refuses")
    assert report.verdict is Verdict.AGREES
    assert "29 configurations: 22 agrees, 7 rejected" in report.notes
    assert any(note.startswith("rejected: stride 2 that does not fit (2x3x6x8 input") for note in report.notes)


def test_a_layer_that_raises_in_some_settings_has_raised_at_the_smallest(held):
    failure = held("SwapsSides")
    assert failure.kind == "raised"
    assert failure.target.endswith("like conv2d (1x1x1x2 input, 1x1 kernel)")
    assert "forward raised ValueError" in failure.sentence
    assert "25 raised" in failure.sentence


HANDLED = [
    ("KeepsTheFirstBatch", "the second batch through one object)"),
    ("ReadsRawMemory", "input, 1x1 kernel, arrays that are not contiguous)"),
]


@pytest.mark.parametrize(("name", "smallest"), HANDLED)
def test_a_layer_is_tried_with_two_batches_and_with_arrays_that_are_not_contiguous(held, name, smallest):
    report = held(name)
    assert smallest in report.target
    assert report.findings[0].code == "not-like-conv2d"


def test_a_setting_that_the_caller_has_settled_is_not_swept(held):
    report = held("Conv", args={"stride": "2", "pad": "1"})
    assert "stride 2, padding 1" in report.target
    assert "arguments by name: in_channels as channels, num_filters as filters, filter_size as kernel" in report.notes


def test_axes_that_the_caller_names_are_the_only_ones_tried(held):
    with pytest.raises(InvalidInput, match="could not be run like a conv2d"):
        held("Single", inputs={"image": "NCHW"})
    with pytest.raises(InvalidInput, match="an input must be given by its axes, NCHW in any order"):
        held("Conv", inputs={"x": "2,3,4,5"})


def test_an_argument_without_a_counterpart_is_asked_for(held):
    with pytest.raises(
        InvalidInput, match=r"`riddle` has none by its name. Give its value, for instance --arg riddle=3"
    ):
        held("Puzzling")


def test_arrays_that_no_layout_explains_are_told(held):
    with pytest.raises(InvalidInput, match="it ran, but its arrays have shapes that no layout of conv2d has"):
        held("BiasForEachPlace")


def test_a_sweep_that_lacks_time_says_so(held):
    report = held("Conv", timeout=0.001)
    assert "of 29, for lack of time (--timeout)" in " ".join(report.notes)


def test_a_job_in_plain_data_is_answered_by_a_result_in_plain_data(tmp_path):
    target = tmp_path / "nothing.py"
    target.write_text("class Conv: pass")
    kept = list(sys.path)
    job = Job(f"{target}:Conv", like="conv2d")
    failure = read_entry(perform_like(plain.dump(job), lambda *_: None))
    sys.path[:] = kept
    assert task_of(job).kind == "like"
    assert failure.kind == "usage"
    assert "could not be run like a conv2d" in failure.sentence
    assert "Conv has no forward" in failure.sentence


def test_a_kind_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match=r"`like` must be one of conv2d, .*; it is 'conv2'; did you mean"):
        hold(Job("a:b", like="conv2"), lambda *_: None)


READ = [("WholeShape", "conv2d"), ("KernelOfTwo", "conv2d"), ("Starred", "conv2d"), ("Upwards", "conv_transpose2d")]


@pytest.mark.parametrize(("name", "kind"), READ)
def test_a_right_layer_is_made_as_its_constructor_wants_it(held, name, kind):
    report = held(name, kind)
    assert report.verdict is Verdict.AGREES, str(report)
    assert not any("raised" in note or "compute something else" in note for note in report.notes), report.notes


def test_an_output_padding_is_swept(held):
    report = held("ForgetsWhatIsBeyond", "conv_transpose2d")
    assert report.verdict is Verdict.DISAGREES
    assert "output padding" in report.target


def test_weights_without_a_gradient_cannot_be_held_to_ours(held):
    with pytest.raises(InvalidInput, match=r"the weight of NoGradientOfWeights must be .* `x` alone could be found"):
        held("NoGradientOfWeights")
