"""The profile that lets a camera's process carry whole images."""

import os
import xml.etree.ElementTree as ElementTree

from lg_tracker_ros.ros.transports.profile import profile, use_profile
import pytest

NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


@pytest.mark.parametrize('chosen', NAMES)
def test_it_is_named_for_fast_dds_unless_the_user_chose_one(chosen, monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, '')
    use_profile()
    assert {os.environ[name] for name in NAMES} == {str(profile())}
    assert ElementTree.parse(profile()).getroot().tag.endswith('dds')
    monkeypatch.setenv(chosen, 'mine.xml')
    other, = set(NAMES) - {chosen}
    monkeypatch.setenv(other, '')
    use_profile()
    assert (os.environ[chosen], os.environ[other]) == ('mine.xml', '')
