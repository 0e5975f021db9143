"""Sizes and hyperparameters of one configuration, in the words of our own layers, and the smaller ones beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

Sizes = tuple[int, ...]

SECOND = "the second batch through one object"
STRIDED = "arrays that are not contiguous"


@dataclass(frozen=True)
class Setting:
    """One configuration. A kind uses the fields that it has: a pool has no filters, a linear layer no kernel.

    `why` says what it is tried for, `manner` how the target is handled: SECOND or STRIDED, or as usual.
    """

    batch: int = 2
    channels: int = 3
    filters: int = 4
    size: Sizes = ()
    kernel: Sizes = ()
    stride: Sizes = ()
    padding: Sizes = ()
    dilation: Sizes = ()
    groups: int = 1
    output_padding: Sizes = ()
    why: str = ""
    manner: str = ""

    @property
    def spans(self) -> Sizes:
        """How many entries of the input the dilated kernel reaches across, per axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def fits(self) -> bool:
        """Whether the kernel fits into the padded input, and groups divide the channels."""
        axes = zip(self.size, self.padding, self.spans, strict=True)
        divided = self.channels % self.groups == 0 and self.filters % self.groups == 0
        return divided and all(n + 2 * p >= span for n, p, span in axes)

    @property
    def weight(self) -> tuple[int, ...]:
        """What makes a configuration larger than another, the most telling first."""
        extent = self.batch * self.channels * prod(self.size) + self.channels * self.filters * prod(self.kernel)
        steps = (self.padding, self.stride, self.dilation, self.output_padding)
        return (extent, sum(map(sum, steps)) + self.groups)


def smaller(setting: Setting) -> Iterator[Setting]:
    """Yield settings that are smaller in one thing, the boldest first."""
    for name in ("batch", "channels", "filters", "groups"):
        if getattr(setting, name) > 1:
            yield changed(setting, {name: 1})
    axes = (("output_padding", 0), ("stride", 1), ("dilation", 1), ("padding", 0), ("kernel", 1), ("size", 1))
    for name, least in axes:
        for axis, value in enumerate(getattr(setting, name)):
            for lower in dict.fromkeys((least, (value + least) // 2, value - 1)):
                if least <= lower < value:
                    yield changed(setting, {name: _at(getattr(setting, name), axis, lower)})
    yield from _smaller_together(setting)
    for name in ("batch", "channels", "filters"):
        if getattr(setting, name) > 2:
            yield changed(setting, {name: getattr(setting, name) - 1})


def _smaller_together(setting: Setting) -> Iterator[Setting]:
    """Yield what a layer can follow that takes one number for all axes, and kernels that shrink with their image."""
    for name, least in (("output_padding", 0), ("stride", 1), ("dilation", 1), ("padding", 0), ("kernel", 1)):
        values = getattr(setting, name)
        if len(set(values)) == 1 and len(values) > 1:
            for lower in dict.fromkeys((least, values[0] - 1)):
                if least <= lower < values[0]:
                    yield changed(setting, {name: (lower,) * len(values)})
    if setting.kernel and min(setting.kernel) > 1:
        less = tuple(k - 1 for k in setting.kernel)
        yield changed(setting, {"kernel": less, "size": tuple(max(1, n - 1) for n in setting.size)})
    if any(setting.padding):
        wider = tuple(n + p for n, p in zip(setting.size, setting.padding, strict=True))
        bare = changed(setting, {"padding": (0,) * len(wider), "size": wider})
        if bare.weight < setting.weight:
            yield bare


def changed(setting: Setting, fields: Mapping[str, Any]) -> Setting:
    """Return the setting with these fields changed."""
    return replace(setting, **fields)


def told(setting: Setting, letters: str) -> str:
    """Describe a setting as a person would: "1x1x2x3 input, 1x2 kernel, padding 1"."""
    sizes = [setting.batch, setting.channels, *setting.size]
    parts = [f"{times(sizes)} input"]
    if setting.kernel:
        parts.append(f"{times(setting.kernel)} kernel" if len(setting.kernel) > 1 else f"kernel {setting.kernel[0]}")
    if "O" in letters and setting.filters != 1:
        parts.append(f"{setting.filters} filters" if setting.kernel else f"{setting.filters} outputs")
    for name, plain in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)):
        values = getattr(setting, name)
        if any(value != plain for value in values):
            parts.append(f"{name.replace('_', ' ')} {values[0] if len(set(values)) == 1 else values}")
    parts += [f"{setting.groups} groups"] if setting.groups > 1 else []
    parts += [setting.manner] if setting.manner else []
    return ", ".join(parts)


def times(sizes: Sizes | list[int]) -> str:
    """Write sizes with crosses: 2x3x4."""
    return "x".join(map(str, sizes))


def _at(sizes: Sizes, axis: int, value: int) -> Sizes:
    return (*sizes[:axis], value, *sizes[axis + 1 :])
