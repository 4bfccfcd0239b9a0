"""What happens when: drawn by a seed, one thing after another, some of them at the same time."""

import random
import time

import errands
from harness.wait import Timeout, until
from judge import Window
from troubles import TROUBLES

APART = 4.0  # s between the begins of troubles in two regions: by then the first has been found out
EVERY = 0.25


def _draw(rng, table):
    return rng.choices(table, [row[-1] for row in table])[0]


class Schedule:
    """
    One region is always well: at most two are in trouble, or evacuated, at a time. Errands are handed
    this object (town, watch, logs, random, leaving).
    """

    def __init__(self, town, watch, logs, seed, say):
        self.town = town
        self.watch = watch
        self.logs = logs
        self.random = random.Random(seed)
        self.windows = []
        self.leaving = []  # processes that were taken over
        self.count = 0
        self.bad = []
        self._say = say
        self._struck = {}  # place -> (its window, trouble, when it ends); trouble None: it recovers
        self._lasting = []  # (when it ends, its end, window)
        self._last_strike = 0.0

    def _now(self, text):
        self.count += 1
        self._say("%s" % text)

    # what happens

    def _strike(self, now, seconds):
        free = [p for p in self.town.places.values() if p not in self._struck]
        if len(free) < 2 or now < self._last_strike + APART:
            return
        place = self.random.choice(free)
        self._last_strike = now
        if self.random.random() < 0.12:
            self._evacuate(place, now, seconds)
            return
        trouble = self.random.choice(TROUBLES)
        self._now("%s: %s for %.1f s" % (place, trouble.name, seconds))
        window = Window(trouble.name, time.monotonic(), None, trouble.shows,
                        ("unsafe", "tunnel"), place)
        self.windows.append(window)
        trouble.begin(place)
        self._struck[place] = (window, trouble, now + seconds)

    def _evacuate(self, place, now, seconds):
        self._now("%s: evacuated for %.1f s" % (place, seconds))
        window = Window("evacuated", time.monotonic(), None, (), ("tunnel",), place)
        if not errands.evacuate(self, place):
            return
        self.windows.append(window)
        self._struck[place] = (window, "evacuation", now + seconds)

    def _mend(self, now, all_of_them=False):
        for place, (window, trouble, ends) in list(self._struck.items()):
            if trouble is None:
                if self.town.is_well(place.name):
                    window.end = time.monotonic()
                    del self._struck[place]
            elif now >= ends or all_of_them:
                if trouble == "evacuation":
                    errands.restore(self, place)
                else:
                    trouble.end(place)
                self._struck[place] = (window, None, now)
            elif trouble != "evacuation" and trouble.each is not None:
                trouble.each(place)
        for ends, end, window in list(self._lasting):
            if now >= ends or all_of_them:
                end(self)
                window.end = time.monotonic()
                self._lasting.remove((ends, end, window))

    def _errand(self, now, take_overs):
        if self.random.random() < 0.25:
            begin, end, _ = _draw(self.random, errands.LASTING)
            if any(e == end for _, e, _ in self._lasting):
                return
            seconds = 1 + self.random.random() * 6
            self._now("%s for %.1f s" % (begin.__name__, seconds))
            window = Window(begin.__name__, time.monotonic())
            begin(self)
            self.windows.append(window)
            self._lasting.append((now + seconds, end, window))
            return
        errand, _ = _draw(self.random, errands.ONCE)
        if errand is errands.take_over and not take_overs:
            return
        self._now(errand.__name__)
        window = Window(errand.__name__, time.monotonic(),
                        breaks=("tunnel", "keep-alive") if errand is errands.take_over else ())
        self.windows.append(window)
        errand(self)
        window.end = time.monotonic() + (6 if errand is errands.take_over else 0)

    def go_on(self, seconds, take_overs):
        """All of that for so long, then everything is mended."""
        end = time.monotonic() + seconds
        errand = time.monotonic() + 1
        strike = errand + 5  # the budget of retries is earned by requests: a load that begins has none
        while (now := time.monotonic()) < end:
            self._mend(now)
            if now >= strike:
                self._strike(now, 1.5 + self.random.random() * 7)
                strike = now + self.random.random() * 5
            if now >= errand:
                self._errand(now, take_overs)
                errand = now + 0.3 + self.random.random() * 4
            until(lambda: time.monotonic() >= now + EVERY, "a moment has passed", 5)
        self._mend(time.monotonic(), all_of_them=True)

    def calm(self):
        """Nobody is in trouble any more; returns when all of it has its share back."""
        try:
            until(self._is_calm, "all is up again, and the first has all of it", 150)
        except Timeout as e:
            raise AssertionError("%s; %s" % (e, self.town.unwell())) from None

    def _is_calm(self):
        self._mend(time.monotonic())
        return not self._struck and self.town.all_up()
