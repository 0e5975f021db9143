"""How published layers spell hyperparameters and arrays: one table, compared without case and underscores."""

from collections.abc import Mapping

# Hyperparameters: our word, and what others write for it. "_height" and the like are of one axis alone.
HYPERPARAMETERS: Mapping[str, frozenset[str]] = {
    "kernel": frozenset({
        "kernelsize", "filterdimension", "filterdimensions", "filterwindow", "weightshape", "kernel", "ksize",
        "kernelshape", "kerneldim", "filtersize", "filtershape", "filterdim", "filter", "fsize", "f", "k", "ks",
        "size", "poolsize", "pool", "poolshape", "pooldim", "poolingsize", "window", "windowsize", "windowshape",
        "windowlength", "kernelwidth1d", "kernellength", "psize", "kersize", "convsize",
    }),
    "kernel_depth": frozenset({"kd", "kerneld", "kerneldepth", "filterd", "filterdepth", "poold", "pooldepth"}),
    "kernel_height": frozenset({
        "hh", "hfilter", "hkernel", "hpool", "filterrows", "kh", "kernelh", "kernelheight", "filterh", "filterheight",
        "fh", "poolh", "poolheight", "ph", "hf", "hk", "windowheight", "kheight", "krows", "poolrows",
    }),
    "kernel_width": frozenset({
        "ww", "wfilter", "wkernel", "wpool", "filtercols", "kw", "kernelw", "kernelwidth", "filterw", "filterwidth",
        "fw", "poolw", "poolwidth", "pw", "wf", "wk", "windowwidth", "kwidth", "kcols", "poolcols",
    }),
    "stride": frozenset({
        "stride", "strides", "s", "st", "stridesize", "stridelength", "step", "stepsize", "poolstride", "convstride",
        "strd", "subsample", "shift",
    }),
    "stride_height": frozenset({"sh", "strideh", "strideheight", "stridey", "dy"}),
    "stride_width": frozenset({"sw", "stridew", "stridewidth", "stridex"}),
    "padding": frozenset({
        "padding", "pad", "p", "pads", "padsize", "paddingsize", "zeropadding", "zeropad", "padwidth", "npad",
        "paddings", "padlen", "convpad", "padamount",
    }),
    "output_padding": frozenset({"outputpadding", "outputpad", "outpadding", "outpad", "opad", "adj"}),
    "padding_height": frozenset({"padh", "paddingh", "padheight", "pady"}),
    "padding_width": frozenset({"padw", "paddingw", "padwidthx", "padx"}),
    "dilation": frozenset({"dilation", "dilations", "dilate", "dilationrate", "d", "dil", "atrous", "rate"}),
    "groups": frozenset({"groups", "group", "numgroups", "ngroups", "ngroup", "g"}),
    "channels": frozenset({
        "inchannels", "inchannel", "inchan", "inchans", "ninchannels", "inch", "cin", "ic", "inputchannels",
        "inputchannel", "inputch", "channelsin", "channels", "channel", "numchannels", "nchannels", "nchannel",
        "numchannel", "ncprev", "nin", "indepth", "inputdepth", "depth", "c", "nc", "inplanes", "infeatures",
        "inmaps", "ninputs", "numinputs", "numinputchannels", "numfeatures", "filterdepth", "kerneldepth",
        "inputsize", "inputdim", "indim", "insize", "inputunits", "din", "inputs", "inunits", "numin",
        "inputfeatures", "nfeatures", "features", "dim", "fanin", "numclasses", "nx", "ninput", "sizein", "nprev",
        "innodes", "inputnodes", "inputdims", "prevunits", "n",
    }),
    "filters": frozenset({
        "outchannels", "outchannel", "outchan", "outchans", "noutchannels", "numberofoutputchannel", "numberoffilters",
        "outch", "cout", "oc", "outputchannels", "outputchannel", "outputch",
        "channelsout", "filters", "numfilters", "numfilter", "nfilters", "nfilter", "nf", "nbfilters", "numkernels",
        "nkernels", "nkernel", "kernels", "kernelnum", "kernelnumber", "filternum", "filternumber", "filtercount",
        "outdepth", "outputdepth", "outplanes", "outfeatures", "outmaps", "noutputs", "numoutputs", "nout", "fn",
        "outputsize", "outputdim", "outdim", "outsize", "outputunits", "dout", "outputs", "outunits", "numout",
        "outputfeatures", "units", "nunits", "numunits", "fanout", "noutput", "ny", "sizeout", "neurons", "nneurons",
        "numneurons", "hiddensize", "outnodes", "outputnodes", "outputdims", "nfilt", "m", "nodes", "numnodes",
    }),
    "shape": frozenset({
        "inputshape", "inshape", "shapein", "imgshape", "imageshape", "inputdims", "inputsize", "inputdim", "imagesize",
        "imgsize", "insize", "shape", "inputdimensions", "xdim", "xshape",
    }),
    "height": frozenset({"inputheight", "inh", "inheight", "h", "height", "hin", "imgheight", "imageheight", "ih"}),
    "width": frozenset({"inputwidth", "inw", "inwidth", "w", "width", "win", "imgwidth", "imagewidth", "iw"}),
    "epsilon": frozenset({"eps", "epsilon"}),
    "mode": frozenset({"mode", "pooltype", "pooling", "type", "method", "poolmode", "poolingtype", "kind"}),
    "training": frozenset({"train", "training", "istraining", "istrain", "trainmode", "trainingmode", "trainflg"}),
}  # fmt: skip

# Arrays that a pass or a constructor takes, or that a layer keeps.
ARRAYS: Mapping[str, frozenset[str]] = {
    "input": frozenset({
        "x", "input", "inputs", "aprev", "image", "images", "img", "data", "inputdata", "a", "z", "logits", "scores",
        "inp", "inputtensor", "xinput", "inputarray", "batch", "feature", "features", "h", "yhat", "ypred",
        "predictions", "inputimage", "inputvolume", "volume", "lastinput", "o", "yhats", "pred", "preds", "output",
        "outputs",
    }),
    "weight": frozenset({
        "w", "weight", "weights", "kernel", "kernels", "filter", "filters", "filt", "wt", "k", "f", "theta", "gamma",
        "filterweights", "convkernel", "wgt", "scale", "g", "kern", "wconv", "params",
    }),
    "bias": frozenset({"b", "bias", "biases", "beta", "offset", "shift", "bs"}),
    "target": frozenset({
        "y", "t", "target", "targets", "label", "labels", "ytrue", "truth", "groundtruth", "yt", "trueclass",
        "classes", "ytarget", "onehot", "actual", "expected", "real",
    }),
}  # fmt: skip

# Of a constructor, these alone are arrays: `filters` and `kernel` are numbers and sizes there.
ARRAYS_OF_CONSTRUCTOR: Mapping[str, frozenset[str]] = {
    "weight": frozenset({"w", "weight", "weights", "filterweights", "gamma"}),
    "bias": frozenset({"b", "bias", "biases", "beta"}),
}


# Parameters that want a text and nothing more, such as a label for printing.
LABELS = frozenset({"name", "label", "layername", "layerlabel", "title"})


def plain_name(name: str) -> str:
    """Return a name without case and underscores: `kernel_size`, `kernelSize` and `KERNEL_SIZE` are one."""
    return name.replace("_", "").casefold()


def hyperparameter(name: str, roles: tuple[str, ...]) -> str:
    """Return which of the roles a parameter of this name has; nothing where it has none."""
    plain = plain_name(name)
    return next((role for role in roles if plain in HYPERPARAMETERS[role]), "")


def array_role(name: str, roles: tuple[str, ...]) -> str:
    """Return which of the arrays a parameter or attribute of this name is; nothing where it is none."""
    plain = plain_name(name.rpartition(".")[2])
    return next((role for role in roles if plain in ARRAYS[role]), "")
