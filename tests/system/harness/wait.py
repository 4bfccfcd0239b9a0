"""Waiting for facts. Nothing here sleeps for luck: each wait has a condition and a deadline."""

import os
import time

# Sanitizers slow the proxy down, a busy machine slows everything down.
SLACK = float(os.environ.get("DETOUR_TEST_SLACK", "1"))
STEP = 0.01


class Timeout(AssertionError):
    """A condition did not come true within its deadline."""


def until(condition, what, seconds=5.0):
    """Polls condition() until it is true; returns its value."""
    end = time.monotonic() + seconds * SLACK
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout("not within %.1f s: %s" % (seconds * SLACK, what))
        time.sleep(STEP)


def stays(condition, what, seconds):
    """Holds condition() true for the whole time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            raise AssertionError("did not stay so for %.1f s: %s" % (seconds, what))
        time.sleep(STEP)
