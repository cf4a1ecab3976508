"""What the documents print can be done: commands parse, links and paths lead somewhere."""

from pathlib import Path
import re
import shlex

from lg_tracker_ros.cli import joined, make_parser
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md')])
COMMAND = re.compile(r'(?:nice -n \d+ )?python -m lg_tracker_ros (.*)')


def commands(text):
    """
    Give the lines of code that run the package, as a shell would read what is printed.

    What stands in brackets is left out, and so are lines that ask the shell for words.
    """
    for line in text.replace('\\\n', '').splitlines():
        found = COMMAND.match(line.strip())
        if found and '$(' not in line:
            whole = re.sub(r'\[[^]]*\]', '', found[1].partition(';')[0])
            yield whole.replace('x,y,w,h', '1,2,3,4')


def anchor(heading):
    """Name a heading as GitHub does."""
    plain = re.sub(r'\[([^]]*)\]\([^)]*\)|[`*]', r'\1', heading).strip().lower()
    return re.sub(r'[^\w\- ]', '', plain).replace(' ', '-')


ANCHORS = {p: {anchor(h) for h in re.findall(r'^#+ (.*)$', p.read_text(), re.M)} for p in PAGES}
RUN = [(p, line) for p in PAGES for line in commands(p.read_text())]


def test_there_are_commands():
    assert len(RUN) > 30 and {p.name for p, _ in RUN} >= {'README.md', 'evaluation.md'}


@pytest.mark.parametrize('line', [pytest.param(line, id=f'{p.relative_to(ROOT)}-{i}')
                                  for i, (p, line) in enumerate(RUN)])
def test_commands_parse(line):
    make_parser().parse_args(joined(shlex.split(line, comments=True)))


@pytest.mark.parametrize('page', PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_list_of_a_command_is_broken(page):
    """Between backticks a line's end is a blank."""
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.S)
    assert not [code for code in re.findall(r'`([^`]+)`', text) if re.search(r',\s*\n', code)]


@pytest.mark.parametrize('page', PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r'\]\((?!https?:)([^)\s]+)\)', page.read_text()):
        name, _, place = target.partition('#')
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        assert not place or place in ANCHORS[there], target


@pytest.mark.parametrize('page', PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_are_named_exist(page):
    for name in re.findall(r'`((?:test|dev|docs|launch|config|lg_tracker_ros)/[\w./-]+)`',
                           page.read_text()):
        assert (ROOT / name).exists(), name
