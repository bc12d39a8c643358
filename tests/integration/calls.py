"""The calls that INFO counts, as numbers."""

from server import info

RESET = ("CONFIG", "RESETSTAT")


def values(line):
    return {name: float(value) for name, value in (pair.split("=") for pair in line.split(","))}


def calls(connection):
    """{command: its values} of commandstats."""
    fields = info(connection, "commandstats")
    return {name.removeprefix("cmdstat_"): values(line) for name, line in fields.items()}
