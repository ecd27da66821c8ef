"""What the tests share: the fixture programs, built and ended, and the figures that they measured."""

import gc

import freed
import programs
import pytest


@pytest.fixture(autouse=True)
def no_leftovers():
    """Each test meets a collected heap, and may ask for the referents of every object."""
    gc.collect()
    in_use = freed.none_of_asyncio()
    yield
    in_use.clear()


@pytest.fixture(params=programs.NAMES)
def program(request):
    """Each fixture program in turn, built."""
    with programs.built(request.param) as module:
        yield module


@pytest.fixture
def build():
    """Builds a fixture program by its name; it is ended after the test."""
    with programs.Builder() as builder:
        yield builder


def pytest_terminal_summary(terminalreporter):
    """What tests measured (`record_property`), so that it can be read when all is well too."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            # Fixtures are set up and ended by reports of their own, with the same properties.
            if report.when == "call" and report.user_properties:
                figures = ", ".join("%s %s" % pair for pair in report.user_properties)
                terminalreporter.write_line("%s: %s" % (report.nodeid.partition("::")[2], figures))
