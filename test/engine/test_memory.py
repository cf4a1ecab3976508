"""Memory goes back to the system."""

import ctypes

from lg_tracker_ros.engine import give_back
import pytest

C = ctypes.CDLL(None)
C.malloc.restype, C.malloc.argtypes, C.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [
    ctypes.c_void_p]


@pytest.mark.skipif(not hasattr(C, 'malloc_trim'), reason='the C library is not glibc')
def test_what_is_free_between_what_is_used_goes_back():
    blocks = [C.malloc(60_000) for _ in range(400)]  # as small as the heap has them
    for block in blocks[:-1]:
        C.free(block)
    assert give_back()
    C.free(blocks[-1])
