"""Times of day as scoring programs write them."""

import pytest

from psgvlm.scores.clock import clock_onsets, read_clock


@pytest.mark.parametrize(
    ("text", "date", "second"),
    [
        ("22.18.17", "", 80297),
        ("22:18:17", "", 80297),
        ("6.53.17", "", 24797),
        ("22:00:00,500", "", 79200.5),
        ("9:18:51 PM", "", 76731),
        ("12:00:00 AM", "", 0),
        ("24:00:00", "", 86400),
        ("2020-01-31T22:00:00.25+01:00", "2020-01-31", 79200.25),
        ("31/01/2020 22:00:00", "31/01/2020", 79200),
        ("1/31/2020 10:00:00 p.m.", "1/31/2020", 79200),
    ],
)
def test_a_time_of_day_is_read(text, date, second):
    assert read_clock(text) == (date, second)


@pytest.mark.parametrize(
    "text", ["", "24:00:01", "22:60:00", "22:00", "1.5", "13:00:00 PM", "22:00.00", "W", "30"]
)
def test_what_is_no_time_of_day_is_not_read(text):
    assert read_clock(text) is None


@pytest.mark.parametrize(
    ("evening", "morning"),
    [
        ("31.12.89", "01.01.90"),
        ("1/31/2020", "2/1/2020"),
        ("31/01/2020", "01/02/2020"),
        ("2020-02-29", "2020-03-01"),
        ("01/02/2020", "02/02/2020"),
    ],
)
def test_the_day_after_is_found_in_any_order_of_day_and_month(evening, morning):
    clocks = [(evening, 86370.0), (evening, 86399.0), (morning, 30.0)]
    assert clock_onsets(clocks) == [86370.0, 86399.0, 86430.0]


def test_times_without_a_date_or_with_an_impossible_one_stay_times_of_day():
    assert clock_onsets([]) == []
    assert clock_onsets([("", 86370.0), ("", 0.0)]) == [86370.0, 0.0]
    assert clock_onsets([("00.00.00", 86370.0), ("00.00.00", 0.0)]) == [86370.0, 0.0]
