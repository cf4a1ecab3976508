from glob import glob
import os

from setuptools import find_packages, setup

NAME = 'lg_tracker_ros'
SHARE = f'share/{NAME}'


def files(pattern):
    """Return the files that match: a folder that is not there is no error."""
    return sorted(path for path in glob(pattern) if os.path.isfile(path))


setup(
    name=NAME,
    version='0.1.0',
    description='Visual tracking of one target in camera streams, with re-detection',
    license='Apache-2.0',
    maintainer='lg_tracker_ros maintainers',
    maintainer_email='noreply@example.com',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['weights/*', 'weights/onnx/*', 'ui/page.html', 'py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (SHARE, ['package.xml']),
        (f'{SHARE}/launch', files('launch/*.py')),
        (f'{SHARE}/config', files('config/*.yaml') + files('config/*.rviz')
         + files('config/*.xml') + files('config/*.json')),
        (f'{SHARE}/config/sros2/policies', files('config/sros2/policies/*.xml')),
        (f'{SHARE}/examples', files('examples/*.py')),
    ],
    install_requires=['setuptools'],
    # what the tracker runs with comes by rosdep on a robot (package.xml); the extra `run` is the
    # same for pip, where there is no ROS
    extras_require={
        'run': ['av', 'matplotlib', 'numpy', 'opencv-contrib-python-headless', 'psutil', 'PyYAML',
                'torch', 'tqdm'],
        'bags': ['rosbags'],
        'onnx': ['onnx', 'onnxruntime'],
        'mat': ['scipy'],
        'test': ['pytest', 'pytest-timeout'],
        # attributee 0.1.10, which vot-toolkit takes, can't be imported on Python 3.11 or newer
        'eval': ['got10k==0.1.3', 'vot-toolkit==0.9.0', 'vot-trax==4.0.2', 'attributee<0.1.10'],
        'ray': ['ray'],
        'train': ['rosbags', 'safetensors', 'tensorboard'],
        'ui': ['aiohttp'],
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            f'lg_tracker = {NAME}.ros.main:main',
            f'lg_tracker_camera = {NAME}.ros.main:camera',
        ],
    },
)
