"""Names of sequences that no page can show."""

import os

from helpers.data_sets import complaint, plain_set
import pytest


@pytest.mark.parametrize('name', [b'a\nb', b'a\xff'])
def test_a_name_that_no_page_can_show_is_refused_before_hours_of_runs(name, tmp_path):
    (plain_set(tmp_path) / 'cup').rename(tmp_path / os.fsdecode(name))
    said = complaint(tmp_path)
    assert ascii(os.fsdecode(name)) in said and said.endswith('that is no UTF-8); rename it')
