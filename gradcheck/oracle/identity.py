"""The identity of a suite: one checksum of its content, whatever wrote the files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from gradcheck.oracle.case import Array

NOT_COUNTED = ("provenance", "sha256")


def checksum(tensors: Iterable[tuple[str, Array]], manifest: Mapping[str, Any]) -> str:
    r"""Return the SHA-256 of the canonical content, in hexadecimal digits.

    For each tensor, in the order of their names: name, dtype ("int8", "float64"), shape ("2,3"), each in UTF-8 and
    followed by a byte 0, then its bytes, little-endian and in C order. Then the manifest without `provenance` and
    `sha256`, as JSON with sorted keys, ASCII only and without spaces.

    >>> import numpy as np
    >>> content = b"x\0int8\x002\0" + bytes([1, 2]) + b'{"b":1}'
    >>> checksum([("x", np.array([1, 2], np.int8))], {"b": 1, "provenance": 3}) == hashlib.sha256(content).hexdigest()
    True
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        shape = ",".join(map(str, tensor.shape))
        digest.update(f"{name}\0{tensor.dtype.name}\0{shape}\0".encode())
        digest.update(tensor.astype(tensor.dtype.newbyteorder("<"), order="C", copy=False).tobytes())
    digest.update(canonical({key: value for key, value in manifest.items() if key not in NOT_COUNTED}))
    return digest.hexdigest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys and without spaces, as ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
