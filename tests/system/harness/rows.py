"""What tests measured, a row each, kept as they end and shown as one table."""

import json
import os


class Rows:
    """A test leaves its row in this file of its directory; one that has none is in no table."""

    def __init__(self, *file):
        self.file = os.path.join(*file)
        self.rows = {}

    def keep(self, test, good):
        path = os.path.join(test.directory, self.file)
        if os.path.exists(path):
            with open(path) as f:
                self.rows[test] = (json.load(f), good)

    def show(self, columns, cells, left=(0,)):
        """cells(row): its texts, but for the last column, which says what failed. left: aligned so."""
        if not self.rows:
            return
        lines = [columns]
        lines += [(*cells(row), "" if good else "FAILED") for row, good in self.rows.values()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        for line in lines:
            print("  ".join(text.ljust(width) if i in left else text.rjust(width)
                            for i, (text, width) in enumerate(zip(line, widths))).rstrip())
