"""Settings that all tests share."""

import os

from hypothesis import settings

# Tests neither see nor fill the cache folder of the user who runs them.
os.environ["BR_CACHE_DIR"] = ""

# No deadline: an example compiles a program. In CI the same examples every time, so
# that a red run is the change's own.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
