"""Entry point of the node: ``ros2 run lg_tracker_ros lg_tracker``."""

from __future__ import annotations

import sys
from typing import Any, Callable

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor


def spin(make: Callable[[], Any], args: list[str] | None = None) -> int:
    """
    Run a node until SIGINT or SIGTERM; what stops it from starting is one line on stderr.

    The node's ``close`` is called at the end; ``finished``, where it has one, ends it too.
    """
    try:
        rclpy.init(args=args)
    except Exception as e:  # rcl refuses arguments with an exception that has no public name
        print(f'lg_tracker_ros: {" ".join(str(e).split())}', file=sys.stderr)
        return 1
    node: Any = None
    executor = SingleThreadedExecutor()
    try:
        node = make()
        executor.add_node(node)
        while rclpy.ok() and not getattr(node, 'finished', False):
            executor.spin_once(timeout_sec=0.5)
        return 0
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except (ValueError, RuntimeError) as e:
        if node is None:
            print(f'lg_tracker_ros: {" ".join(str(e).split())}', file=sys.stderr)
            return 1
        if isinstance(e, RuntimeError) and not rclpy.ok():
            return 0  # the signal came between asking ok() and waiting
        raise
    finally:
        if node is not None:
            node.close()  # first: a thread of its may still wake the executor
        executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def main(args: list[str] | None = None) -> int:
    """Run the tracker node."""
    from lg_tracker_ros.ros.node import TrackerNode
    return spin(TrackerNode, args)


if __name__ == '__main__':
    sys.exit(main())
