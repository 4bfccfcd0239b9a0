"""The Prometheus text format, read strictly enough to notice when it is wrong."""

import re

_SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    def __init__(self, text):
        self.samples = []
        self.types = {}
        self.helps = {}
        for line in text.split("\n"):
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ", 3)
                assert name not in self.types, "two TYPE lines for " + name
                self.types[name] = kind
            elif line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                self.helps[name] = words
            elif line and not line.startswith("#"):
                match = _SAMPLE.match(line)
                assert match, "not a sample: %r" % line
                labels = dict(_LABEL.findall(match.group(2) or ""))
                self.samples.append((match.group(1), labels, float(match.group(3))))

    def names(self):
        return {name for name, _, _ in self.samples}

    def values(self, name, **labels):
        return [value for n, l, value in self.samples
                if n == name and all(l.get(k) == v for k, v in labels.items())]

    def total(self, name, **labels):
        values = self.values(name, **labels)
        assert values, "no metric %s %r; there are %s" % (name, labels, sorted(self.names()))
        return sum(values)
