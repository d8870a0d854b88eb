"""Times of day as score files write them."""

from datetime import datetime, timedelta


def time_of_day(start: datetime, onset_s: float, form: str = "%H:%M:%S") -> str:
    """Return the time of day `onset_s` seconds after a start, in the form of `strftime`.

    `%-H` is the hour without a leading zero; not every system knows it.
    """
    moment = start + timedelta(seconds=onset_s)
    return moment.strftime(form.replace("%-H", str(moment.hour)))
