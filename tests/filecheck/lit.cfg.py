"""Every .mlir file here is a test whose RUN lines say what to run."""

import os
import sys
from pathlib import Path

from lit.formats import ShTest
from lit.TestingConfig import TestingConfig

config: TestingConfig = globals()["config"]  # which lit hands to this file

config.name = "brdialect"
config.test_format = ShTest()
config.suffixes = {".mlir"}
config.test_source_root = str(Path(__file__).parent)
# br-opt and filecheck are those installed beside the Python that runs lit.
tools = str(Path(sys.executable).parent)
config.environment["PATH"] = os.pathsep.join((tools, os.environ["PATH"]))
# Nor is anything taken from the cache folder of the user who runs them.
config.environment["BR_CACHE_DIR"] = ""
# Another checkout than the installed one is tested by naming it there.
if path := os.environ.get("PYTHONPATH"):
    config.environment["PYTHONPATH"] = path
