"""What the axes of an argument are likely to mean: a heuristic from shapes alone, used only to name a mistake."""

from gradcheck.explain.scene import Scene


def channels_last(scene: Scene) -> bool:
    """Guess whether the output's last axis holds channels: a kernel's last axis is as long, and its first is not."""
    first, last = _channels_fit(scene)
    return last and not first


def _channels_fit(scene: Scene) -> tuple[bool, bool]:
    """Tell whether the kernels' lengths fit channels on the output's second axis, and on its last."""
    output = scene.output_shape
    if len(output) < 3:
        return True, False
    kernels = [
        value.shape for name, value in scene.inputs.items() if getattr(value, "ndim", 0) >= 3 and is_kernel(scene, name)
    ]
    kernels += [scene.inputs[name].shape for name in scene.inputs if _is_depthwise(scene, name)]
    return any(shape[0] == output[1] for shape in kernels), any(shape[-1] == output[-1] for shape in kernels)


def is_kernel(scene: Scene, name: str) -> bool:
    """Guess whether an argument is a kernel: it comes after one of as many axes that the output keeps pace with."""
    arrays = [
        (n, v) for n, v in scene.inputs.items() if getattr(v, "ndim", 0) == getattr(scene.inputs[name], "ndim", 0)
    ]
    return len(arrays) > 1 and arrays[0][0] != name and arrays[0][1].shape != scene.inputs[name].shape


def _is_depthwise(scene: Scene, name: str) -> bool:
    """Guess whether an argument is a kernel with one channel axis alone: an axis less than the image before it."""
    value = scene.inputs[name]
    image = next(iter(scene.inputs.values()))
    ndim = getattr(image, "ndim", 0)
    if ndim < 3 or getattr(value, "ndim", 0) != ndim - 1 or len(scene.output_shape) != ndim:
        return False
    return bool(value.ndim >= 2 and {value.shape[0], value.shape[-1]} & {image.shape[1], image.shape[-1]})


def spatial_axes(scene: Scene, name: str) -> tuple[int, ...]:
    """Return the axes of an argument that hold positions, in its own layout."""
    return _positions(scene, name, last=channels_last(scene))


def other_positions(scene: Scene, name: str) -> tuple[int, ...]:
    """Return the axes that would hold positions in the other layout, where the lengths fit both; else none."""
    own = spatial_axes(scene, name)
    other = _positions(scene, name, last=True)
    return other if all(_channels_fit(scene)) and other != own else ()


def _positions(scene: Scene, name: str, *, last: bool) -> tuple[int, ...]:
    ndim = int(scene.inputs[name].ndim)
    if _is_depthwise(scene, name):
        return tuple(range(ndim - 1)) if last else tuple(range(1, ndim))
    if ndim < 3:
        return tuple(range(ndim))
    if not last:
        return tuple(range(2, ndim))
    return tuple(range(ndim - 2)) if is_kernel(scene, name) else tuple(range(1, ndim - 1))


def output_positions(scene: Scene) -> tuple[int, ...]:
    """Return the axes of the output that hold positions."""
    ndim = len(scene.output_shape)
    if ndim < 3:
        return tuple(range(ndim))
    return tuple(range(1, ndim - 1)) if channels_last(scene) else tuple(range(2, ndim))


def channels(scene: Scene) -> tuple[int, ...]:
    """Return the axes of the argument that may hold samples or channels: all but those of positions, if it has any."""
    space = spatial_axes(scene, scene.name) if len(scene.shape) >= 3 else ()
    return tuple(a for a in range(len(scene.shape)) if a not in space)


def output_channels(scene: Scene) -> tuple[int, ...]:
    """Return the axes of the output that may hold samples or channels."""
    space = output_positions(scene) if len(scene.output_shape) >= 3 else ()
    return tuple(a for a in range(len(scene.output_shape)) if a not in space)


def batch_length(scene: Scene) -> int:
    """Return the number of samples: the length of the first axis that the output shares with some argument, or 1."""
    shapes = [getattr(value, "shape", ()) for value in scene.inputs.values()]
    output = scene.output_shape
    for shape in shapes:
        if shape and output and shape[0] == output[0]:
            return int(shape[0])
    first = shapes[0] if shapes else ()
    return int(first[0]) if first else 1


def kernel_areas(scene: Scene) -> tuple[int, ...]:
    """Return how many cells the kernels among the arguments may have, and how many entries an output is made of."""
    areas = []
    for name, value in scene.inputs.items():
        shape = getattr(value, "shape", ())
        if len(shape) >= 3 and is_kernel(scene, name):
            areas += [_product(shape[2:]), _product(shape[:-2])]
        elif _is_depthwise(scene, name):
            areas += [_product(shape[1:]), _product(shape[:-1])]
    entries, outputs = scene.value.size, scene.form.size
    if len(scene.shape) >= 3 and outputs and entries % outputs == 0:
        areas.append(entries // outputs)
    return tuple(dict.fromkeys(area for area in areas if area > 1))


def _product(lengths: tuple[int, ...]) -> int:
    total = 1
    for length in lengths:
        total *= int(length)
    return total
