"""An audit as text: a tree of stages, from a result to the weights."""

from collections import Counter

from .staleness import Reason


def tree(steps):
    """Steps as lines of text, rule by rule, each above those that it was made from."""
    rules = {}
    for step in reversed(steps):
        rules.setdefault(step.rule or step.record, []).append(step)
    rule_of = {step.record: rule for rule, those in rules.items() for step in those}
    below = {
        rule: {rule_of[name] for step in those for name in step.inputs}
        for rule, those in rules.items()
    }
    beneath = {}  # all that lies below a rule, at any depth
    for rule in reversed(rules):
        beneath[rule] = below[rule].union(*(beneath[each] for each in below[rule]))
    tops = [rule for rule in rules if not any(rule in under for under in below.values())]
    lines, shown = [], set()

    def draw(rule, first, rest):
        again = rule in shown
        shown.add(rule)
        # What another one leads to is shown there.
        direct = below[rule].difference(*(beneath[each] for each in below[rule]))
        direct = [] if again else [each for each in rules if each in direct]
        head, *more = [f"{rule}: see above"] if again else _lines(rule, rules[rule], rule in tops)
        margin = rest + ("│    " if direct else "     ")
        lines.extend([first + head, *(margin + line for line in more)])
        for index, each in enumerate(direct):
            last = index == len(direct) - 1
            draw(each, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))

    for rule in tops:
        draw(rule, "", "")
    return lines


def _lines(rule, steps, is_top):
    """What a tree says of the steps of one rule."""
    files = sorted(name for step in steps for name in step.files)
    counts = Counter(step.status for step in steps)
    states = ", ".join(
        status if len(counts) == 1 else f"{count} {status}" for status, count in counts.items()
    )
    reasons = {}
    for step in steps:
        for what, those in step.reasons:
            reasons.setdefault(what, []).extend(those)
    name = files[0] if len(files) == 1 else f"{len(files)} files"
    return [
        f"{name}: {states}" if name == rule else f"{rule}: {name}: {states}",
        *(str(Reason(what, those)) for what, those in reasons.items()),
        *(f"{', '.join(step.files)}: {step.source}" for step in steps if step.source),
        *(f"made {step.made}" for step in steps if is_top and step.made),
    ]
