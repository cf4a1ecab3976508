"""A camera with depth, for tests of the node: drawn images, depth images and calibrations."""

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, Vector3Stamped
from lg_tracker_interfaces.msg import Prediction
from lg_tracker_ros.ros.convert import image_to_msg, time_from_msg, time_to_msg
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3D

from .ros import H, path, Rig, scene, SIZE, stamp, W

K = np.array([[250.0, 0, 158.0], [0, 252.0, 121.0], [0, 0, 1]])
NEAR, FAR = 1.5, 4.0
TYPES = {'bearing': Vector3Stamped, 'image_error': Vector3Stamped, 'target_pose': PoseStamped,
         'target_pose_with_covariance': PoseWithCovarianceStamped, 'target_3d': Detection3D,
         'prediction': Prediction, '/tf': TFMessage}


def calibration(model='plumb_bob', d=(), size=(W, H), **fields):
    """Return the CameraInfo of the drawn images."""
    values = {'width': size[0], 'height': size[1], 'distortion_model': model,
              'd': list(map(float, d)), 'k': K.ravel(),
              'p': np.column_stack([K, np.zeros(3)]).ravel()}
    return CameraInfo(**{**values, **fields})


def depth_map(i):
    """Return the depths (m) of frame i: the target before a wall."""
    depth = np.full((H, W), FAR, np.float32)
    x, y = path(i)
    depth[y:y + SIZE[1], x:x + SIZE[0]] = NEAR
    return depth


def depth_to_msg(depth, encoding='16UC1'):
    """Make a depth image without a header; what isn't finite is 0 in 16 bits."""
    if encoding == '16UC1':
        pixels = np.round(1000 * np.nan_to_num(depth)).astype(np.uint16)
    else:
        pixels = depth.astype(np.float32)
    msg = image_to_msg(pixels.view(np.uint8).reshape(*depth.shape, -1), Header())
    msg.encoding, msg.step = encoding, depth.shape[1] * pixels.itemsize
    return msg


class WorldRig(Rig):
    """A rig whose client publishes CameraInfo and depth, and listens to ``topics``."""

    def __init__(self, topics=(), depth=True, **parameters):
        """``topics`` are names in TYPES; without ``depth`` the node is told of none."""
        self.heard = {topic: [] for topic in topics}
        self._depth = depth
        if depth:
            parameters = {'depth_topics': ['depth'], **parameters}
        # thresholds that the drawn background is far below, and the target far above
        super().__init__(**{'world': True, 'beta2': 1000, 'beta1': 0.95,
                            'visible_threshold': 0.9, **parameters})

    def _open(self, *args):
        super()._open(*args)
        make = self.client.create_publisher
        self.info, self.depth = make(CameraInfo, 'camera_info', 10), make(Image, 'depth', 10)
        self.depth_info = make(CameraInfo, 'depth_camera_info', 10)
        self.static = make(TFMessage, '/tf_static', QoSProfile(
            depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        for topic in self.heard:
            self.listen(topic)

    def listen(self, topic):
        """Subscribe to a topic of the world."""
        heard = self.heard.setdefault(topic, [])
        name = topic if topic.startswith('/') else f'lg_tracker/{topic}'
        self.client.create_subscription(TYPES[topic], name, lambda m: self._add(heard, m), 1000)
        self.until(lambda: self.client.count_publishers(name), f'{name} published')
        world = self.node.stream.world
        if topic != '/tf':
            fields = {'target_pose': 'pose', 'target_pose_with_covariance': 'uncertain',
                      'target_3d': 'detection'}
            publisher = getattr(world._outputs, fields.get(topic, topic))
            self.until(publisher.get_subscription_count, f'{name} heard')

    def calibrate(self, info=None, depth_info=None):
        """Publish a CameraInfo and wait until the node has it."""
        self.until(self.info.get_subscription_count, 'CameraInfo subscribed')
        info = info or calibration()
        self.info.publish(info)
        view, = self.node.stream.world._views.values()
        self.until(lambda: view.calibration._message == info, 'calibrated')
        if self._depth:
            self.until(self.depth.get_subscription_count, 'depth subscribed')

    def look(self, i, image=None, depth=None, frame='image_optical', lag=0.0, first=False):
        """Publish frame i and its depth, ``lag`` ms later; return the header of the image."""
        msg = depth if isinstance(depth, Image) else depth_to_msg(
            depth_map(i) if depth is None else depth)
        msg.header = Header(stamp=time_to_msg(stamp(i) + round(lag * 1e6)), frame_id=frame)
        if first:
            self.depth.publish(msg)
        self.process(i, scene() if image is False else image)
        if self._depth and not first:
            self.depth.publish(msg)
        return Header(stamp=time_to_msg(stamp(i)), frame_id='image_optical')

    def at(self, topic, i):
        """Wait for the message of frame i on a topic and return it."""
        def found():
            return [m for m in self.heard[topic] if time_from_msg(
                (m.transforms[0] if topic == '/tf' else m).header.stamp) == stamp(i)]
        self.until(found, lambda: f'{topic} of frame {i}: {self.diagnostics}')
        message, = found()
        return message
