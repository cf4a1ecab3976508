"""A stream of packets: every image with its own tag, and what comes in no shape to be decoded."""

import builtins

from helpers.clip import frames
from helpers.packets import Encoder
from lg_tracker_ros.media.packets import codec, PacketDecoder
import numpy as np
import pytest

pytest.importorskip('av')
COUNT = 14


@pytest.fixture(scope='module')
def clip():
    return [f.image for f in frames(COUNT)]


def encoded(images, *args, **options):
    """Encode images, a key frame every five."""
    encoder = Encoder(*args, gop=5, **options)
    return [m for image in [*images, None] for m in encoder(image)]


def decoded(decoder, packets):
    """Return {number: image} of what comes out, and {number: reason} of what is refused."""
    images, refused = {}, {}
    for msg in packets:
        try:
            images.update({tag: image for image, tag in decoder.decode(msg, msg.pts)})
        except ValueError as e:
            refused[msg.pts] = str(e)
    return images, refused


def worst(images, originals):
    """Return the largest mean difference between an image and the one that it was made of."""
    return max(np.abs(image.astype(int) - originals[i]).mean() for i, image in images.items())


@pytest.mark.parametrize('name, options', [
    ('libx264', {}), ('libx265', {}),
    # with frames that are sent in another order than they are shown in
    ('libx264', {'bf': '2', 'tune': 'film', 'preset': 'medium'})])
def test_every_image_comes_back_under_its_own_number(clip, name, options):
    packets = encoded(clip, name, **options)
    images, refused = decoded(PacketDecoder(), packets)
    assert not refused
    held = 2 if options else 0
    assert list(images) == list(range(COUNT - held))
    # neighbours differ by more than this
    assert worst(images, clip) < 4 < worst({i + 1: im for i, im in images.items()
                                            if i + 1 < COUNT}, clip)


def test_a_stream_begins_at_a_key_frame_and_after_a_loss_at_the_next(clip):
    packets = encoded(clip)
    images, refused = decoded(PacketDecoder(), packets[2:])
    assert list(images) == list(range(5, COUNT)) and worst(images, clip) < 4
    assert list(refused) == [2, 3, 4] and 'waiting for a key frame' in refused[2]
    decoder = PacketDecoder()
    decoded(decoder, packets[:6])
    decoder.restart('3 packets were lost on the way')
    images, refused = decoded(decoder, packets[9:])
    assert list(images) == list(range(10, COUNT))
    assert refused[9].startswith('3 packets were lost on the way: waiting for a key frame')


def test_a_damaged_packet_is_refused_in_a_line_and_the_next_key_frame_counts(clip):
    packets, noise = encoded(clip), np.random.default_rng(0).integers(0, 256, 300, np.uint8)
    for bad in (b'', bytes(300), noise.tobytes(), bytes(packets[3].data)[:40] + bytes(60)):
        packets[3].data = bad
        images, refused = decoded(PacketDecoder(), packets)
        assert {0, 1, 2, *range(5, COUNT)} <= set(images)
        assert worst({i: im for i, im in images.items() if i != 4}, clip) < 8, bad
        assert all(len(text) <= 300 and '\n' not in text for text in refused.values())


def test_another_encoder_begins_anew(clip):
    small = [im[:120, :160] for im in clip]
    for other in (encoded(clip, 'libx265'), encoded(small)):
        decoder = PacketDecoder()
        decoded(decoder, encoded(clip)[:3])
        images, refused = decoded(decoder, other[1:])
        assert list(images) == list(range(5, COUNT))
        assert refused[1].startswith('the encoder has changed: waiting for a key frame')
        assert images[5].shape[:2] == (other[0].height, other[0].width)


def test_encodings_that_are_known_and_not():
    assert [codec(e) for e in ('h264', 'libx264', 'h264_nvenc', 'h264;yuv420p;bgr8;bgr8')
            ] == 4 * ['h264']
    assert [codec(e) for e in ('hevc_vaapi', 'libx265', 'H265')] == 3 * ['hevc']
    with pytest.raises(ValueError, match=r"'libsvtav1' are not decoded; expected H\.264"):
        codec('libsvtav1')


def test_more_pixels_than_allowed_are_refused_by_the_stream_too(clip):
    packets = encoded(clip[:1])
    with pytest.raises(ValueError, match='max_megapixels'):
        PacketDecoder(0.01).decode(packets[0], 0)
    packets[0].width = 1  # the message lies
    with pytest.raises(ValueError, match='damaged'):
        PacketDecoder(0.01).decode(packets[0], 0)


def test_without_pyav_one_line_says_what_to_install(clip, monkeypatch):
    packet, real = encoded(clip[:1])[0], builtins.__import__

    def without(name, *args, **kwargs):
        if name.split('.')[0] == 'av':
            raise ImportError(name)
        return real(name, *args, **kwargs)
    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ValueError, match=r'h264 packets: .* needs PyAV: pip install av'):
        PacketDecoder().decode(packet, 0)
