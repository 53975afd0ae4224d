"""Property tests without a deadline, because no test may depend on the speed of a machine."""

from hypothesis import settings

settings.register_profile("untimed", max_examples=50, deadline=None)
settings.load_profile("untimed")
