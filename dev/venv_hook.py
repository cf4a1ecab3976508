"""
Runs at every start of the environment's Python (a .pth file imports it).

The loader reads LD_LIBRARY_PATH only when a process starts, so Python is
executed once more where the path lacks this environment's libraries.
"""
import glob
import os
import sys


def _prepend(name, *paths):
    old = [p for p in os.environ.get(name, '').split(os.pathsep) if p]
    os.environ[name] = os.pathsep.join([p for p in paths if p not in old] + old)


def _main():
    prefix = sys.prefix
    _prepend('AMENT_PREFIX_PATH', prefix)
    _prepend('CMAKE_PREFIX_PATH', prefix)
    libs = [os.path.join(prefix, 'lib')]
    libs += sorted(glob.glob(os.path.join(prefix, 'lib', 'python3*', 'site-packages',
                                          'ros_*.libs')))
    # ros_wheels_bootstrapper would do the same once more
    os.environ['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] = '1'
    before = os.environ.get('LD_LIBRARY_PATH', '').split(os.pathsep)
    if not all(lib in before for lib in libs):
        _prepend('LD_LIBRARY_PATH', *libs)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ)


if sys.prefix != sys.base_prefix:
    _main()
