"""Labels of a video that was trimmed without being encoded anew."""

import av
from helpers.data_sets import complaint, write
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.media.container import frame_count
import numpy as np
import pytest


@pytest.mark.parametrize('suffix', ['.mp4', '.mov'])
def test_frames_that_a_trimmed_video_leaves_out_have_no_labels(suffix, tmp_path):
    """``ffmpeg -ss 1 -c copy`` begins at the key frame before and has an edit list."""
    folder = tmp_path / 'yard'
    folder.mkdir()
    with av.open(str(folder / f'video{suffix}'), 'w') as container:
        stream = container.add_stream('mpeg4', rate=10)
        stream.width, stream.height, stream.gop_size = 64, 48, 12
        for i in [*range(12), None]:
            frame = i if i is None else av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 20 * i, np.uint8), format='bgr24')
            for packet in stream.encode(frame):
                packet.pts, packet.dts = packet.pts - 5, packet.dts - 5
                container.mux(packet)
    write(folder / 'groundtruth.txt', '10,10,20,20\n' * 7)
    sequence, = read_dataset(folder)
    assert frame_count(sequence.video) == 12 and len(list(sequence.frames())) == 7
    write(folder / 'groundtruth.txt', '10,10,20,20\n' * 9)
    assert complaint(folder).endswith(f'has 9 lines but {sequence.video} has 7 frames')
