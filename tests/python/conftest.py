"""What the tests share: the fixture programs, built and ended."""

import gc

import programs
import pytest


@pytest.fixture(autouse=True)
def no_leftovers():
    """Each test meets a collected heap, and leaves no garbage to the next."""
    gc.collect()
    yield
    gc.collect()


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
