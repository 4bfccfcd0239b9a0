"""What a test says about itself to the runner."""

import os


def sanitize(test):
    """Runs with the ASan and TSan binaries too: says nothing about speed or memory."""
    test.sanitize = True
    return test


def alone(test):
    """Measures something (rates, memory, delays): no other test runs beside it. Who counts needs none."""
    test.alone = True
    return test


def deadline(seconds):
    """More time than the usual for the whole test."""

    def mark(test):
        test.deadline = seconds
        return test

    return mark


def sanitized():
    """Is the binary under test slowed down by a sanitizer?"""
    return os.environ.get("DETOUR_TEST_SANITIZED", "") != ""
