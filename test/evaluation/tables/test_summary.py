"""``eval summary``: layers of networks as papers print them; nothing is computed."""

from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.tables.summary import layers, networks, summary
import pytest
import torch


def test_the_appearance_discriminator_is_that_of_table_i(capsys):
    assert main(['eval', 'summary', 'appearance_discriminator']) == 0
    rows = [[c.strip() for c in line.strip('|').split('|')]
            for line in capsys.readouterr().out.splitlines() if line.startswith('| ')]
    assert [r[:6] for r in rows[1:]] == [
        ['conv1', 'Conv2d', '7 x 7', '2 x 2', '4', '96'],
        ['conv2', 'Conv2d', '3 x 3', '2 x 2', '96', '256'],
        ['conv3', 'Conv2d', '3 x 3', '1 x 1', '256', '256'],
        ['fc4', 'Linear', '-', '-', '57600', '256'], ['fc5', 'Linear', '-', '-', '256', '1']]
    assert [r[7] for r in rows[1:]] == ['96 x 147 x 147', '256 x 36 x 36', '256 x 15 x 15', '256',
                                        '1']
    assert rows[1][6] == f'{4 * 96 * 49 + 96:,}'


@pytest.mark.parametrize('name', networks())
def test_every_network_can_be_printed(name):
    """Its layers' parameters, and those of its normalisations, are all there are."""
    lines = summary(name)
    with torch.device('meta'):
        net = networks()[name].make()
    total = sum(p.numel() for p in net.parameters())
    assert lines[-1].startswith(f'{total:,} parameters')
    own = sum(int(row[6].replace(',', '')) for row in layers(net))
    norms = sum(p.numel() for m in net.modules() for p in m.parameters(recurse=False)
                if 'Norm' in type(m).__name__)
    loose = sum(p.numel() for m in net.modules() if list(m.children())
                for p in m.parameters(recurse=False))
    assert own + norms + loose == total and own > 0.5 * total


def test_names_are_listed_and_a_wrong_one_is_one_line(capsys):
    assert main(['eval', 'summary']) == 0
    assert capsys.readouterr().out.split() == list(networks())
    assert main(['eval', 'summary', 'nothing']) == 1
    line, = capsys.readouterr().err.splitlines()
    assert "unknown network 'nothing'" in line
