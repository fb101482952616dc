"""Music that is named on the command line, and what is said of it."""


def left_out(n, r):
    """ "3 notes outside 21 to 108 were left out", for a line of output."""
    return f"{n:,} note{'s' * (n != 1)} outside {r[0]} to {r[1] - 1} {'were' if n != 1 else 'was'} left out"
