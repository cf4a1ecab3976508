"""Scripts, examples and launch files: what is in no package."""

import importlib.util
import sys


def imported(path):
    """Import a file as a module of its name up to the first dot."""
    name = path.name.partition('.')[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module
