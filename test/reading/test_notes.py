"""What a header says; hostile files are in test_hostile.py."""

from lg_tracker_ros.reading.notes import trained_on
import pytest


@pytest.mark.parametrize('note', [b'5', b'[5]', b'"x"', b'{}'])
def test_what_it_was_trained_on_is_a_list_of_names(tmp_path, note):
    header = b'{"__metadata__": {"trained_on": "%s"}}' % note.replace(b'"', b'\\"')
    path = tmp_path / 'a.safetensors'
    path.write_bytes(len(header).to_bytes(8, 'little') + header)
    if note == b'{}':  # nothing, as no list is
        assert trained_on(path) == ()
        return
    with pytest.raises(ValueError, match="'trained_on' in its header should be a list of names"):
        trained_on(path)
