"""The cases: those that move the clock or inject faults say that they run alone."""

from types import SimpleNamespace

CASES = []


def case(behaviour, alone=False):
    """Adds a case, and says what it shows."""

    def add(function):
        CASES.append(SimpleNamespace(behaviour=behaviour, function=function, alone=alone))
        return function

    return add
