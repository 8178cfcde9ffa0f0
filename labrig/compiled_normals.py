"""Normal numbers of a Philox stream, compiled: the numbers that NumPy's generator draws, in a third of the time.

Philox4x64-10 is that of Salmon et al., SC 2011; the ziggurat that of NumPy's `random_standard_normal_f`, whose tables
numba brings along.
"""

# pyright: basic
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.random._constants import (
    fi_float,
    ki_float,
    wi_float,
    ziggurat_nor_inv_r_f,
    ziggurat_nor_r_f,
)

from labrig.compiled import compiled, helper

_WORDS = 1024
"""32-bit words that are drawn at a time; a multiple of 8."""

_KI, _WI, _FI = (np.asarray(table) for table in (ki_float, wi_float, fi_float))
_R, _INVERSE_R = np.float32(ziggurat_nor_r_f), np.float32(ziggurat_nor_inv_r_f)


def _high_code(typing, a, b):
    """Upper 64 bits of the product of two unsigned 64-bit integers."""

    def code(context, builder, signature, arguments):
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(each, wide) for each in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), code


_high: Any = intrinsic(_high_code)


@helper
def _refill(words, key0, key1, counter, counter1, counter2):
    """Draw 32-bit words from the counters after `counter`; the new counter."""
    for start in range(0, len(words), 8):
        counter += np.uint64(1)
        c0, c1, c2, c3 = counter, counter1, counter2, np.uint64(0)
        k0, k1 = key0, key1
        for _ in range(10):
            high0, low0 = _high(np.uint64(0xD2E7470EE14C6C93), c0), np.uint64(0xD2E7470EE14C6C93) * c0
            high2, low2 = _high(np.uint64(0xCA5A826395121157), c2), np.uint64(0xCA5A826395121157) * c2
            c0, c1, c2, c3 = high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0
            k0 += np.uint64(0x9E3779B97F4A7C15)
            k1 += np.uint64(0xBB67AE8584CAA73B)
        for offset, word in enumerate((c0, c1, c2, c3)):
            words[start + 2 * offset] = np.uint32(word & np.uint64(0xFFFFFFFF))
            words[start + 2 * offset + 1] = np.uint32(word >> np.uint64(32))
    return counter


@compiled
def fill(out, rms, key0, key1, counter1, counter2, KI, WI, FI):
    """Fill `out` (n,) with rms times the numbers of a Philox key at the position (counter1, counter2)."""
    words = np.empty(_WORDS, np.uint32)
    counter, next_word = np.uint64(0), _WORDS
    unit = np.float32(1.0 / 16777216.0)
    for k in range(len(out)):
        while True:
            if next_word > _WORDS - 1:
                counter = _refill(words, key0, key1, counter, counter1, counter2)
                next_word = 0
            r = words[next_word]
            next_word += 1
            layer = r & np.uint32(0xFF)
            magnitude = (r >> np.uint32(9)) & np.uint32(0x7FFFFF)
            x = np.float32(magnitude) * WI[layer]
            if (r >> np.uint32(8)) & np.uint32(1):
                x = -x
            if magnitude < KI[layer]:
                out[k] = rms * np.float64(x)
                break
            if layer == 0:
                while True:
                    if next_word > _WORDS - 1:
                        counter = _refill(words, key0, key1, counter, counter1, counter2)
                        next_word = 0
                    first = np.float32(words[next_word] >> np.uint32(8)) * unit
                    next_word += 1
                    if next_word > _WORDS - 1:
                        counter = _refill(words, key0, key1, counter, counter1, counter2)
                        next_word = 0
                    second = np.float32(words[next_word] >> np.uint32(8)) * unit
                    next_word += 1
                    xx = -_INVERSE_R * np.log1p(-first)
                    yy = -np.log1p(-second)
                    if yy + yy > xx * xx:
                        break
                x = -(_R + xx) if (magnitude >> np.uint32(8)) & np.uint32(1) else _R + xx
                out[k] = rms * np.float64(x)
                break
            if next_word > _WORDS - 1:
                counter = _refill(words, key0, key1, counter, counter1, counter2)
                next_word = 0
            uniform = np.float32(words[next_word] >> np.uint32(8)) * unit
            next_word += 1
            if (FI[layer - 1] - FI[layer]) * uniform + FI[layer] < np.exp(-0.5 * np.float64(x) * np.float64(x)):
                out[k] = rms * np.float64(x)
                break


def fill_normals(out, rms, key, position) -> None:
    """Fill `out`, contiguous, with rms times the numbers of a key (2,) at a position of one or two integers."""
    second = np.uint64(position[1]) if len(position) > 1 else np.uint64(0)
    fill(out.reshape(-1), rms, key[0], key[1], np.uint64(position[0]), second, _KI, _WI, _FI)
