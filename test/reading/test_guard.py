"""One line with the file's name, whatever was thrown."""

from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.reading.guard import reading, refused, tell_once
from lg_tracker_ros.reading.plain import read_yaml_file
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.words.lines import LONGEST
import pytest


@pytest.mark.parametrize('thrown', [
    IndexError('x'), TypeError('x'), RecursionError('x'), RuntimeError('x'), MemoryError('x'),
    UnicodeDecodeError('utf-8', b'x', 0, 1, 'x'), OSError('x'), KeyError('x'), ValueError('x')])
def test_whatever_is_thrown_names_the_file(tmp_path, thrown):
    path = tmp_path / 'a.bin'
    path.write_bytes(b'')
    with pytest.raises(ValueError, match=rf'^{path} (is not a thing: |cannot be read: ).*x') as e:
        with reading(path, 'a thing'):
            raise thrown
    assert e.value.__cause__ is thrown


def test_what_can_not_be_had_keeps_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.bin does not exist'):
        with reading(tmp_path / 'a.bin', 'a thing'):
            raise AssertionError('nothing is read')
    with pytest.raises(ValueError, match=r'is no regular file, expected a thing'):
        with reading(tmp_path, 'a thing'):
            raise AssertionError('nothing is read')
    path = tmp_path / 'b'
    path.write_bytes(b'')
    with pytest.raises(PermissionError, match='b'):
        with reading(path, 'a thing'):
            raise PermissionError(13, 'Permission denied', str(path))


def test_what_a_user_should_know_is_told_once(caplog):
    tell_once.cache_clear()
    for words in ('a is\nso', 'a is\nso', 'b is so'):
        tell_once(words)
    assert caplog.messages == ['a is so', 'b is so']


def test_what_is_refused_is_told_in_one_short_line():
    text = str(refused('/a' * 1000 + '/weights.pt', 'is wrong: ' + 'y\n' * 10**6))
    assert len(text) == LONGEST and '/weights.pt is wrong: y y y' in text


@pytest.mark.parametrize('name, read', [
    ('a.pt', read_state_dict), ('a.safetensors', read_state_dict), ('a.yaml', read_yaml_file),
    ('a.png', lambda path: Decoder().file_to_image(path)), ('a.mp4', lambda p: Source(str(p)))])
def test_a_pointer_of_git_lfs_is_named_whatever_it_stands_for(name, read, tmp_path):
    if name == 'a.mp4':
        pytest.importorskip('av')
    path = tmp_path / name
    path.write_text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 715210\n')
    with pytest.raises(ValueError, match="run 'git lfs pull' there"):
        read(path)
