"""Units done, rates and times left of made-up runs."""

import pytest

from invariscope.pace import Left, Pace, Task, clock, left_in_words, rate_in_words


def block(name, layer="a", units=4, area=9, stage="phase"):
    return Task(stage, name, units, layer, area, f"logs/{stage}/{name}.log")


def figure(name):
    return Task("figures", name, None, None, 1, f"logs/figures/{name}.log")


def run(tasks, *events):
    """A pace after events (what, task, when); the run begins at 0."""
    pace = Pace(0)
    pace.plan(tasks)
    for what, task, when in events:
        getattr(pace, what)(task, when)
    return pace


def test_units_of_blocks_are_counted_and_jobs_where_there_are_none():
    blocks, figures = [block("a"), block("b", units=3)], [figure("x"), figure("y")]
    pace = run(blocks + figures, ("start", blocks[0], 0), ("end", blocks[0], 8))
    assert pace.stages() == ["phase", "figures"]
    assert pace.count("phase") == (4, 7, "units")
    assert pace.count("figures") == (0, 2, "jobs")
    assert pace.jobs() == (1, 4)


def test_nothing_is_foretold_before_anything_has_ended():
    one = block("a")
    pace = run([one], ("start", one, 0))
    assert pace.left(5) == Left(0, unknown=True, rough=False)
    assert pace.rate("phase", 5) is None


def test_a_unit_takes_what_the_units_of_its_layer_took():
    """8 and 16 s for 4 units each; and the running block has had 2 s."""
    a, b, c, d, e = (block(name, units=4 if name in "abc" else 2) for name in "abcde")
    events = [("start", a, 0), ("end", a, 8), ("start", b, 8), ("end", b, 24), ("start", c, 24)]
    pace = run([a, b, c, d, e], *events)
    assert pace.left(26, "phase") == Left(12 - 2 + 6 + 6, unknown=False, rough=False)
    assert pace.rate("phase", 26) == pytest.approx(8 / 24)
    assert pace.left(100, "phase").seconds == 12  # and no less than nothing for that block


def test_another_layer_is_roughly_as_much_more_as_its_fields_are_larger():
    small, other = block("a", units=4, area=9), block("b", layer="b", units=2, area=900)
    pace = run([small, other], ("start", small, 0), ("end", small, 4))
    assert pace.left(4) == Left(2 * 100, unknown=False, rough=True)
    third = block("c", layer="b", units=5, area=900)
    pace.plan([small, other, third])
    pace.start(other, 4)
    pace.end(other, 24)
    # Its own layer is known now.
    assert pace.left(24) == Left(50, unknown=False, rough=False)


def test_stages_are_apart_and_the_unmeasured_one_makes_a_run_longer():
    one, two, other = block("a"), block("b"), block("a", stage="warp")
    pace = run([one, two, other], ("start", one, 0), ("end", one, 10))
    assert pace.left(10, "phase") == Left(10, unknown=False, rough=False)
    assert pace.left(10, "warp") == Left(0, unknown=True, rough=False)
    assert pace.left(10) == Left(10, unknown=True, rough=False)


def test_jobs_side_by_side_take_half_the_time():
    tasks = [block(name) for name in "abcdef"]
    events = [
        (what, task, when) for what, when in (("start", 0), ("end", 10)) for task in tasks[:2]
    ]
    pace = run(tasks, *events)
    assert pace.left(10).seconds == 20
    assert pace.rate("phase", 10) == pytest.approx(8 / 10)


def test_the_last_job_does_not_share_its_work():
    tasks = [block(name) for name in "abc"]
    events = [
        (what, task, when) for what, when in (("start", 0), ("end", 10)) for task in tasks[:2]
    ]
    pace = run(tasks, *events)
    assert pace.left(10).seconds == 10


def test_the_plan_may_shrink():
    tasks = [block(name) for name in "abcd"]
    pace = run(tasks, ("start", tasks[0], 0), ("end", tasks[0], 10))
    pace.plan(tasks[:2])
    assert pace.count("phase") == (4, 8, "units")
    assert pace.jobs() == (1, 2)
    assert pace.left(10).seconds == 10


def test_what_failed_or_waits_for_that_is_not_waited_for():
    tasks = [block(name) for name in "abcd"]
    events = [("start", tasks[0], 0), ("end", tasks[0], 10), ("start", tasks[1], 10)]
    pace = run(tasks, *events)
    assert pace.fail(tasks[1], 14) == 4
    pace.lost = {tasks[2]}
    assert pace.left(14).seconds == 10
    assert pace.jobs() == (1, 4)
    pace.start(tasks[1], 14)  # it is tried again
    assert pace.failed == set()
    assert pace.left(14).seconds == 20


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (453600, "126:00:00")],
)
def test_clock(seconds, words):
    assert clock(seconds) == words


def test_words():
    assert rate_in_words(12.34, "units") == "12.3 units/s"
    assert rate_in_words(0.5, "units") == "2.0 s/unit"
    assert rate_in_words(0.25, "jobs") == "4.0 s/job"
    assert left_in_words(Left(90, unknown=False, rough=False)) == "1:30 left"
    assert left_in_words(Left(90, unknown=False, rough=True)) == "~1:30 left"
    assert left_in_words(Left(90, unknown=True, rough=True)) == ">1:30 left"
    assert left_in_words(Left(0, unknown=True, rough=False)) == ""
