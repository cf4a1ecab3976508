"""The page beside the node: what is asked for there is seen on the topics, over DDS."""

from helpers.ros import path, Rig, scene, SIZE, stamp
from helpers.viewer import Viewer
from lg_tracker_ros.ros.convert import time_from_msg
from rclpy.parameter import Parameter

PART = 'lg_tracker: page'


def opened(rig):
    """Return the address of the rig's page."""
    rig.until(lambda: rig.node.state == 'active', 'active')
    return rig.node.parts.page._address


def begun(rig, i):
    """Wait for the detection of frame ``i``."""
    rig.until(lambda: any(time_from_msg(d.header.stamp) == stamp(i) for d in rig.detections),
              f'frame {i}')


def test_a_drawn_box_is_followed_from_its_own_frame_which_the_history_has_dropped():
    with Rig(ui=True, ui_port=0, history_seconds=0.1) as rig, Viewer(opened(rig)) as viewer:
        rig.send(0)
        shown = viewer.picture()
        assert viewer.state['target'] == '' and viewer.state['cameras'] == ['/image']
        rig.feed(range(1, 8))
        assert rig.node.stream.worker.find(stamp(0), ['/image']) is None
        good, text = viewer.draw(shown, (*path(0), *SIZE))
        assert good and text.endswith('in /image, catching up 3 frames'), text
        begun(rig, 0)
        begun(rig, 7)
        box = rig.boxes()[stamp(7)]
        assert (round(box.x), round(box.y)) == path(7)
        viewer.send(seen=shown.number + 1)
        _, status = rig.process(8)
        picture = viewer.picture(lambda p: p.track is not None)
        assert picture.track['sight'] == 'SEEN' and picture.track['box'][2:] == [*SIZE]
        assert status.target_id
        viewer.when(lambda state: state['target'] == status.target_id)
        assert viewer.draw(picture, (0, 0, 2, 2)) == (
            False, 'box of 2 x 2 px is too small; each side must be at least 4 px')


def test_the_word_of_who_looks_on_counts_and_sliders_are_the_parameters():
    with Rig(ui=True, ui_port=0) as rig, Viewer(opened(rig)) as viewer:
        assert viewer.ask(do='reject') == (False, 'there is no target')
        rig.start()
        viewer.when(lambda state: state['target'])
        good, text = viewer.ask(do='reject')
        assert good and text.endswith('searching on')
        assert viewer.ask(do='confirm')[0]
        assert viewer.ask(do='set', name='beta1', value=1) == (True, 'beta1 is 1')
        assert viewer.ask(do='set', name='beta2', value=3) == (True, 'beta2 is 3')
        assert rig.node.get_parameter('beta1').value == 1.0
        rig.until(lambda: rig.node.stream.worker.tracker.config.beta2 == 3, 'taken by the worker')
        viewer.when(lambda state: state['sliders'][1]['value'] == 3)
        good, text = viewer.ask(do='set', name='beta1', value=0.1)
        assert not good and 'visible_threshold' in text
        good, text = viewer.ask(do='set', name='device', value=1)
        assert not good and 'sets beta1 and beta2' in text
        # set elsewhere, it is seen here
        rig.node.set_parameters([Parameter('beta2', value=7)])
        viewer.when(lambda state: state['sliders'][1]['value'] == 7)
        assert viewer.ask(do='reset')[1].startswith('forgot target-')
        rig.until(lambda: not rig.node.stream.worker.taken, 'forgotten')
        rig.send(9, scene())
        viewer.when(lambda state: not state['target'])


def test_it_goes_with_the_node_and_what_keeps_it_from_coming_stops_nothing():
    with Rig(ui=True, ui_host='0.0.0.0', ui_port=0, ui_token='a-token-of-mine') as rig:
        address = opened(rig)
        assert address.endswith('/#a-token-of-mine')
        part = rig.part(PART, lambda s: s.message == '0 viewer(s)')
        assert 'a-token' not in str(part.values)
        port = int(address.split(':')[2].split('/')[0])
        with Viewer(f'http://127.0.0.1:{port}/#a-token-of-mine') as viewer:
            rig.send(0)
            viewer.picture()
            with Rig(namespace='/two', ui=True, ui_port=port) as other:
                name, level, text, _ = other.node.parts.page.part()
                assert (name, level) == ('page', b'\x02') and 'already in use' in text
                assert other.start().success
            rig.part(PART, lambda s: s.message == '1 viewer(s)')
            refused, = rig.node.set_parameters([Parameter('ui_port', value=1)])
            assert refused.reason == 'ui_port: deactivate the node first'
            rig.node.trigger_deactivate()
            while viewer.hear() is not None:
                pass
            assert viewer.code == 1001 and rig.node.parts.page is None


def test_a_node_without_it_has_none_of_it():
    with Rig() as rig:
        assert rig.node.parts.page is None and rig.node.stream.page is None
        rig.start()
    with Rig(started=False, ui=True, ui_host='') as rig:
        rig.until(lambda: 'ui_host must be an address' in rig.node._health.trouble, 'the reason')
