"""The clock on the wall of one program, from Python: see wall.c."""

import struct


class Wall:
    """wrap: what to start the program with; it goes with it through a restart."""

    def __init__(self, library, path):
        self.ahead = 0.0  # seconds
        self._path = path
        with open(path, "wb") as f:
            f.write(bytes(8))
        self.wrap = ["env", "LD_PRELOAD=" + library, "LAB_WALL=" + path]

    def jumps_by(self, seconds):
        self.ahead += seconds
        with open(self._path, "r+b", buffering=0) as f:  # it is mapped: never any shorter
            f.write(struct.pack("=q", int(self.ahead * 1e6)))
        return self
