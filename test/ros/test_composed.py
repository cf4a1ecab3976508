"""The node in a process of somebody else's: its executor, its order of taking things down."""

import threading

from helpers.ros import Build, path, Rig, SIZE
from lg_tracker_ros.ros.node import TrackerNode
from rclpy.executors import MultiThreadedExecutor
from rclpy.parameter import Parameter


class Threads(Rig):
    """A rig whose node shares an executor that has several threads."""

    def _spin(self, node):
        if node is not self.node:
            super()._spin(node)
            return
        executor = MultiThreadedExecutor(4, context=self.context)
        executor.add_node(node)
        self.ended = []

        def run():
            try:
                executor.spin()
            except Exception as e:
                self.ended.append(e)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.end.callback(thread.join, 5)
        self.end.callback(executor.shutdown, timeout_sec=5)


def test_in_an_executor_of_several_threads_no_tick_meets_another():
    with Threads(init_timeout=30) as rig:
        waiting, inside = rig.node.targets._waiting, threading.Lock()
        met, done, expire = threading.Event(), threading.Event(), waiting.expire

        def slow(now):
            if not inside.acquire(blocking=False):
                met.set()
            else:
                met.wait(0.3)
                expire(now)
                inside.release()
                done.set()
        waiting.expire = slow
        rig.start(0)
        asked = rig.init_async(None, (*path(1), *SIZE))
        rig.until(done.is_set, 'ticked')
        rig.send(1)
        assert rig.result(asked).success
        # before: the first cancelled the timer that the other was about to call; spin ended
        assert not met.is_set() and not rig.ended


def test_who_destroys_the_node_leaves_no_thread_behind():
    with Rig(node=False) as rig:
        before = threading.active_count()
        node = TrackerNode(Build(), context=rig.context, parameter_overrides=[
            Parameter(k, value=v) for k, v in {
                'tracker': 'ncc', 'redetector': 'none', 'device': 'cpu', 'autostart': False,
                'image_topics': ['image']}.items()])
        node.trigger_configure()
        node.trigger_activate()
        worker = node.stream.worker
        assert threading.active_count() == before + 1
        node.destroy_node()  # before: without close() the worker's thread went on
        assert worker._thread is None and threading.active_count() == before
