"""What nbval does not compare: figures. Their numbers are printed, and those it does compare."""

from nbval.plugin import IPyNbFile


def pytest_collectstart(collector):
    """Leave drawings out, as nbval does photographs."""
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += ("image/svg+xml",)
