"""Bags, also what a recorder leaves that was killed: what is whole is read, the rest is told."""

import sqlite3

from helpers.bags import write_bag
from lg_tracker_ros.media.video import Source
import numpy as np
import pytest

SIGN = np.full((48, 80, 3), 90, np.uint8)


def test_a_bag_with_fewer_images_than_it_says_ends_with_a_word(tmp_path):
    bag = write_bag(tmp_path / 'bag', 'SQLITE3', False, [SIGN] * 3)
    said = bag / 'metadata.yaml'
    said.write_text(said.read_text().replace('message_count: 3', 'message_count: 9'))
    source = iter(Source(str(bag)))
    assert [next(source).image.shape for _ in range(3)] == [SIGN.shape] * 3
    with pytest.raises(ValueError, match='it ends early, after 3 of 9 images'):
        next(source)


def records(data):
    """Give the kinds of an MCAP's records, and where each ends."""
    at = 8
    while at < len(data) - 8:
        kind, at = data[at], at + 9 + int.from_bytes(data[at + 1:at + 9], 'little')
        yield kind, at


@pytest.mark.parametrize('chunk, tail', [(1, b''), (1, bytes(4096)), (2, b'\x06 and no more')])
def test_an_mcap_whose_recorder_was_killed_is_read_as_far_as_it_is_whole(chunk, tail, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (6, 400, 500, 3), np.uint8)
    bag = write_bag(tmp_path / 'bag', 'MCAP', False, noise)  # two images are a chunk
    file = next(bag.glob('*.mcap'))
    ends = [end for kind, end in records(file.read_bytes()) if kind == 6]
    file.write_bytes(file.read_bytes()[:ends[chunk - 1]] + tail)
    for path in (bag, file):
        source = iter(Source(str(path)))
        for i in range(2 * chunk):
            frame = next(source)
            assert (frame.image == noise[i]).all() and frame.stamp == 10**9 + i * 40_000_000
        with pytest.raises(ValueError, match=f'ends early, after {2 * chunk} images: its recorder '
                                             'was killed, bag.mcap has no end; what is whole'):
            next(source)


@pytest.mark.parametrize('name', ['run #2', 'a?b', 'a%20b', "it's"])
def test_a_bag_in_a_folder_with_letters_that_mean_something_in_a_uri(name, tmp_path):
    bag = write_bag(tmp_path / 'bag', 'SQLITE3', False, [SIGN] * 3).rename(tmp_path / name)
    assert len(list(Source(str(bag)))) == 3
    (bag / 'metadata.yaml').unlink()
    assert len(list(Source(str(bag)))) == len(list(Source(str(bag / 'bag.db3')))) == 3
    assert {p.name for p in tmp_path.iterdir()} == {name}


def test_what_a_killed_recorder_left_in_sqlites_log_is_told(tmp_path):
    bag = write_bag(tmp_path / 'bag', 'SQLITE3', False, [SIGN] * 3)
    (bag / 'metadata.yaml').unlink()
    with sqlite3.connect(bag / 'bag.db3') as recorder:
        recorder.execute('PRAGMA journal_mode=WAL')
        recorder.execute('INSERT INTO messages SELECT id + 9, topic_id, timestamp + 9, data FROM '
                         'messages')
        recorder.commit()
        source = iter(Source(str(bag)))
        assert [next(source).image.shape for _ in range(3)] == [SIGN.shape] * 3
        with pytest.raises(ValueError, match=r'was killed, bag\.db3-wal holds more: `'):
            next(source)
        recorder.execute('PRAGMA wal_checkpoint')  # as it is told
    recorder.close()
    assert len(list(Source(str(bag)))) == 6


def test_a_damaged_bag_is_told_with_what_may_help(tmp_path):
    bag = write_bag(tmp_path / 'bag', 'MCAP', False, [SIGN] * 3)
    file = next(bag.glob('*.mcap'))
    file.write_bytes(b'no MCAP' + file.read_bytes()[7:])
    with pytest.raises(ValueError, match='`mcap recover`') as e:
        Source(str(bag))
    assert len(str(e.value)) <= 300 + len(str(bag))
