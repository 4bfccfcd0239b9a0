"""Holding single threads of a process still, as a debugger does."""

import ctypes
import os

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _call(request, tid):
    if _libc.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Held:
    """with Held(tid): the thread stands still, the others of its process go on."""

    def __init__(self, tid):
        self._tid = tid

    def __enter__(self):
        _call(_SEIZE, self._tid)
        _call(_INTERRUPT, self._tid)
        os.waitpid(self._tid, _WALL)
        return self

    def __exit__(self, *_):
        _call(_DETACH, self._tid)


def may_attach_as(pid, uid):
    """Would the kernel let a process of this user look into pid?"""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            _call(_SEIZE, pid)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
